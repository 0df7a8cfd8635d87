"""What of an old server's permissions becomes a team, a rule or a grant here, so that nobody may do more. Pure.

A team gets what its group had, and a rule where a pattern of the group says "what begins with this", if each member
could do that much in the end; for the old server took the first source that said anything, and here all that somebody
holds adds up, but DENY. What members could do else is granted to each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..model import Resource
from ..policy import kinds
from .old_rules import ADMIN, DEFAULT, Decision, OldRules, Options, is_ambiguous, matches
from .old_world import NOTHING, STRENGTH, OldGrant, OldPattern, OldUser, OldWorld, Thing
from .patterns import prefix_of, problem_of

TAKEN, TURNED, DECISION, DROPPED = "taken over", "turned into grants", "needs a decision", "dropped"
OUTCOMES = (TAKEN, TURNED, DECISION, DROPPED)
DENY, WILDCARD = "DENY", "*"
# Whose members are all that are taken over; made by hand.
EVERYBODY = "everybody of mlflow-oidc-auth"
LONGEST_PREFIX = 200


@dataclass(frozen=True)
class Line:
    """What becomes of one thing of the old server; ``what`` is its sort."""

    outcome: str
    what: str
    detail: str
    why: str = ""


@dataclass(frozen=True)
class PlannedRule:
    """A rule of a team on names."""

    team: str
    kind: str
    prefix: str
    level: str


@dataclass(frozen=True)
class Account:
    """An old user under the name that they get here."""

    old: OldUser
    name: str


@dataclass
class Plan:
    """What is to be written. Members and holders are old users' ids; grants are resource -> level."""

    accounts: Sequence[Account]
    lines: list[Line]
    teams: Mapping[str, frozenset[int]]
    rules: dict[tuple[str, str, str], PlannedRule] = field(default_factory=dict)
    team_grants: dict[str, dict[Resource, str]] = field(default_factory=dict)
    user_grants: dict[int, dict[Resource, str]] = field(default_factory=dict)


def resource_of(thing: Thing) -> Resource:
    """What a grant on it is on."""
    return Resource(thing.type, thing.pattern, thing.workspace)


def as_here(resource_type: str, level: str) -> str:
    """A level of the old server as one of a type's here: USE is for what is called, elsewhere it reads."""
    if level == NOTHING:
        return DENY
    return level if level in kinds.of(resource_type).levels else "READ"


def strength_here(resource_type: str, level: str) -> int:
    """How much it allows: 0 for nothing."""
    here = as_here(resource_type, level)
    return 0 if here == DENY else STRENGTH[here]


def plan(
    world: OldWorld,
    rules: OldRules,
    options: Options,
    things: Sequence[Thing],
    accounts: tuple[Sequence[Account], Sequence[Line]],
    team_of: Callable[[str], tuple[str | None, str]],
    *,
    keep_access: bool = False,
) -> Plan:
    """Plan it.

    Args:
        world: the old database.
        rules: what it lets each user do.
        options: what the old server ran with.
        things: what exists in MLflow.
        accounts: who is taken over, and what the report says of all users.
        team_of: the team that a group is here; None and the reason where it is none.
        keep_access: whether what the default permission let people do is granted to them.
    """
    return _Planner(world, rules, options, things, accounts, team_of, keep_access).made()


class _Planner:
    def __init__(
        self,
        world: OldWorld,
        rules: OldRules,
        options: Options,
        things: Sequence[Thing],
        accounts: tuple[Sequence[Account], Sequence[Line]],
        team_of: Callable[[str], tuple[str | None, str]],
        keep_access: bool,
    ) -> None:
        self._world, self._rules, self._options, self._things = world, rules, options, things
        self._keep_access = keep_access and STRENGTH[options.default] > 0
        found, lines = accounts
        self._here = {each.old.id for each in found}
        self._people = [each.old.id for each in found if not each.old.is_admin]
        self._teams: dict[int, str] = {}
        self._no_team: dict[int, str] = {}
        for group, name in world.groups.items():
            team, why = team_of(name)
            if team is None:
                self._no_team[group] = why
            else:
                self._teams[group] = team
        members = {
            self._teams[group]: world.members.get(group, frozenset()) & self._here for group in sorted(self._teams)
        }
        if self._keep_access:
            members[EVERYBODY] = frozenset(self._here)
        self._plan = Plan(found, list(lines), members)
        self._decided = {thing: {user: rules.decide(user, thing) for user in self._people} for thing in things}
        self._at: dict[tuple[str, str], list[Thing]] = {}
        for thing in things:
            for key in thing.keys:
                self._at.setdefault(("registered_model" if thing.type == "prompt" else thing.type, key), []).append(
                    thing
                )

    def made(self) -> Plan:
        self._tell_groups()
        for grant in self._world.grants:
            self._take(grant)
        for pattern in self._world.patterns:
            self._turn(pattern)
        if self._keep_access:
            self._grant_default()
        self._complete()
        self._tell_ties()
        for each in self._world.workspace_grants:
            what = "that match" if each.is_pattern else "called"
            self._tell(
                DECISION,
                "permission on a workspace",
                f"{each.level} of {self._world.name_of(each.holder)} on workspaces {what} '{each.workspace}'",
                "give a role of that workspace what its members need; here, a permission on a workspace gives no "
                "access to what is in it",
            )
        return self._plan

    def _tell(self, outcome: str, what: str, detail: str, why: str = "") -> None:
        self._plan.lines.append(Line(outcome, what, detail, why))

    def _tell_groups(self) -> None:
        for group, name in self._world.groups.items():
            if group in self._teams:
                self._tell(TAKEN, "group", f"'{name}' as team '{self._teams[group]}'")
            else:
                self._tell(DECISION, "group", f"'{name}'", f"{self._no_team[group]}; each member gets what it had")

    # Permissions on one resource

    def _take(self, grant: OldGrant) -> None:
        of = self._world.name_of(grant.holder)
        what = f"permission of a {'group' if grant.holder.is_group else 'user'}"
        on = f"{grant.level} of {of} on {kinds.word_of(grant.kind)} '{grant.key}'"
        there = [
            each for each in self._at.get((grant.kind, grant.key), ()) if grant.workspace in (None, each.workspace)
        ]
        if not there:
            self._tell(DROPPED, what, on, "there is no such thing in MLflow")
        for thing in there:
            if grant.holder.is_group:
                self._take_of_group(grant, thing, what, on)
            else:
                self._take_of_user(grant, thing, what, on)

    def _take_of_user(self, grant: OldGrant, thing: Thing, what: str, on: str) -> None:
        user = grant.holder.id
        if user not in self._here:
            self._tell(DROPPED, what, on, "the account is not taken over")
        elif user in self._decided[thing] and not self._fits([user], grant.level, [thing]):
            source = self._decided[thing][user].source
            self._tell(DROPPED, what, on, f"a permission of '{source}' took precedence")
        else:
            self._give(user, thing, grant.level)
            self._tell(TAKEN, what, on)

    def _take_of_group(self, grant: OldGrant, thing: Thing, what: str, on: str) -> None:
        team = self._teams.get(grant.holder.id)
        if team is None:
            self._tell(TURNED, what, on, "the group is no team here")
        elif self._fits(self._members(grant.holder.id), grant.level, [thing]):
            self._give_team(team, resource_of(thing), as_here(thing.type, grant.level))
            self._tell(TAKEN, what, on)
        else:
            self._tell(TURNED, what, on, "for some of its members another permission counted")

    # Patterns

    def _turn(self, pattern: OldPattern) -> None:
        of = self._world.name_of(pattern.holder)
        what = f"pattern of a {'group' if pattern.holder.is_group else 'user'}"
        on = f"{pattern.level} of {of} on {kinds.word_of(pattern.kind)}s '{pattern.regex}'"
        problem = problem_of(pattern.regex)
        if problem is not None:
            self._tell(DROPPED, what, on, problem)
            return
        if pattern.level == NOTHING:
            self._tell(
                TAKEN, what, on, "here, users see only what is granted to them, so it needs no permission that denies"
            )
            return
        regex = re.compile(pattern.regex)
        there = [thing for thing in self._things if matches(pattern, regex, thing)]
        prefix, team = prefix_of(pattern.regex), self._teams.get(pattern.holder.id) if pattern.holder.is_group else None
        why = self._why_no_rule(pattern, prefix, team, there)
        if why is None and team is not None and prefix is not None:
            self._make_rule(team, pattern, prefix, there)
            self._tell(TAKEN, what, on, f"a rule of the team '{team}'" if prefix else f"of the team '{team}'")
            return
        if team is not None:
            for thing in there:
                if self._fits(self._members(pattern.holder.id), pattern.level, [thing]):
                    self._give_team(team, resource_of(thing), as_here(thing.type, pattern.level))
        self._tell(TURNED, what, on, f"{why}; it matches {len(there)} now, new names need to be shared")

    def _why_no_rule(
        self, pattern: OldPattern, prefix: str | None, team: str | None, there: Sequence[Thing]
    ) -> str | None:
        """Why it becomes no rule on names; None where it becomes one, or a grant on all of its kind."""
        if prefix is None:
            return "a rule matches only the beginning of names"
        if not pattern.holder.is_group:
            return "only teams have rules"
        if team is None:
            return "the group is no team here"
        if not kinds.of(pattern.kind).is_named and prefix:
            return f"rules are on what has names of its own, and {kinds.word_of(pattern.kind)}s have none"
        if len(prefix) > LONGEST_PREFIX or "*" in prefix or not prefix.isprintable() or prefix != prefix.strip():
            return "a rule cannot have that prefix"
        if not self._fits(self._members(pattern.holder.id), pattern.level, there):
            return "for some of its members another permission counted"
        return None

    def _make_rule(self, team: str, pattern: OldPattern, prefix: str, there: Sequence[Thing]) -> None:
        level = as_here(pattern.kind, pattern.level)
        if not prefix:
            for workspace in sorted({thing.workspace for thing in there}):
                self._give_team(team, Resource(pattern.kind, WILDCARD, workspace), level)
            return
        key = (team, pattern.kind, prefix)
        known = self._plan.rules.get(key)
        if known is None or STRENGTH[known.level] < STRENGTH[level]:
            self._plan.rules[key] = PlannedRule(team, pattern.kind, prefix, level)

    # What everybody could do

    def _grant_default(self) -> None:
        for thing in self._things:
            if self._fits(self._people, self._options.default, [thing]):
                level = as_here(thing.type, self._options.default)
                self._give_team(EVERYBODY, resource_of(thing), level)

    # The rest

    def _members(self, group: int) -> list[int]:
        return [user for user in self._world.members.get(group, ()) if user in self._here]

    def _fits(self, users: Iterable[int], level: str, things: Sequence[Thing]) -> bool:
        """Whether each of them could do that much on each of these, or nothing where it denies."""
        for thing in things:
            wanted, decided = strength_here(thing.type, level), self._decided[thing]
            for user in users:
                decision = decided.get(user)
                if decision is None:  # an administrator
                    continue
                allowed = strength_here(thing.type, decision.level)
                if allowed < wanted or (not wanted and allowed):
                    return False
        return True

    def _give(self, user: int, thing: Thing, level: str) -> None:
        self._plan.user_grants.setdefault(user, {})[resource_of(thing)] = as_here(thing.type, level)

    def _give_team(self, team: str, resource: Resource, level: str) -> None:
        held = self._plan.team_grants.setdefault(team, {})
        if DENY in (level, held.get(resource)):
            held[resource] = DENY
        elif STRENGTH[held.get(resource, NOTHING)] < STRENGTH[level]:
            held[resource] = level

    def _complete(self) -> None:
        """Grant to each what they could do and what is in no grant yet."""
        teams_of: dict[int, list[str]] = {}
        for team, members in self._plan.teams.items():
            for user in members:
                teams_of.setdefault(user, []).append(team)
        for thing in self._things:
            by_team = {team: self._of_team(team, thing) for team in self._plan.teams}
            for user, decision in self._decided[thing].items():
                if not self._is_kept(decision):
                    continue
                held = self._plan.user_grants.get(user, {}).get(resource_of(thing), NOTHING)
                best = max([STRENGTH.get(held, 0), *(by_team[team] for team in teams_of.get(user, ()))])
                if best < strength_here(thing.type, decision.level):
                    self._give(user, thing, decision.level)

    def _is_kept(self, decision: Decision) -> bool:
        if decision.source == ADMIN or not decision.strength:
            return False
        return decision.source != DEFAULT or self._keep_access

    def _of_team(self, team: str, thing: Thing) -> int:
        """How much a team may do there by what is planned; no team that is denied something has anything there."""
        grants = self._plan.team_grants.get(team, {})
        levels = [
            grants.get(resource_of(thing), NOTHING),
            grants.get(Resource(thing.type, WILDCARD, thing.workspace), NOTHING),
            *(
                rule.level
                for rule in self._plan.rules.values()
                if rule.team == team and rule.kind == thing.type and thing.name.startswith(rule.prefix)
            ),
        ]
        return max(STRENGTH.get(level, 0) for level in levels)

    def _tell_ties(self) -> None:
        told = set()
        for thing in self._things:
            by_holder: dict[object, list[OldPattern]] = {}
            for each in self._rules.patterns_on(thing):
                by_holder.setdefault("groups" if each.holder.is_group else each.holder, []).append(each)
            for some in by_holder.values():
                key = (thing.type, tuple(sorted((each.holder.is_group, each.id) for each in some)))
                if is_ambiguous(some) and key not in told:
                    told.add(key)
                    first = min(each.priority for each in some)
                    tied = " and ".join(f"'{each.regex}' ({each.level})" for each in some if each.priority == first)
                    self._tell(
                        DECISION,
                        "patterns of one priority",
                        f"{tied} on {kinds.word_of(thing.type)} '{thing.name}'",
                        "releases differ on which one counts; for one user's patterns, the lower level is used",
                    )
