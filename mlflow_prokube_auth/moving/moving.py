"""Moves in from mlflow-oidc-auth: reads, plans, writes or only rehearses it, and compares what all may do with before.

A rehearsal does all of it in a transaction of which nothing stays, so that it shows what will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ..model import Actor
from ..policy import kinds
from ..policy.named import NamedResource
from ..services import Services
from .accounts import choose
from .new_rules import Difference, by_reason, compare
from .old_database import REVISIONS
from .old_rules import OldRules, Options
from .old_world import OldWorld, Thing
from .plan import DROPPED, OUTCOMES, TAKEN, Line, plan
from .write import standings, write


@dataclass(frozen=True)
class Report:
    """What was, or would be, done."""

    revision: str
    applied: bool
    lines: tuple[Line, ...]
    decisions: int
    differences: tuple[Difference, ...]

    @property
    def release(self) -> str:
        """The releases that have this revision."""
        return REVISIONS[self.revision]

    def counts(self) -> list[dict[str, Any]]:
        """How many of each sort are taken over, turned into grants, need a decision or are dropped."""
        sorts = dict.fromkeys(line.what for line in self.lines)
        return [
            {
                "what": sort,
                **{
                    outcome: sum(1 for line in self.lines if (line.what, line.outcome) == (sort, outcome))
                    for outcome in OUTCOMES
                },
            }
            for sort in sorts
        ]

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "revision": self.revision,
            "release": self.release,
            "applied": self.applied,
            "counts": self.counts(),
            "lines": [vars(line) for line in self.lines],
            "decisions": self.decisions,
            "differences": [{**vars(each), "more": each.is_more} for each in self.differences],
            "reasons": [
                {"who": who, "why": why, "count": count} for (who, why), count in by_reason(self.differences).items()
            ],
        }


def things_of(found: Iterable[NamedResource]) -> list[Thing]:
    """What exists, with what the old server granted each by: ids of experiments, names of all else."""
    things: dict[tuple[str, str, str], Thing] = {}
    scorers: list[NamedResource] = []
    for each in found:
        if each.resource_type == "scorer":
            scorers.append(each)
            continue
        keys = (
            (each.pattern,) if each.resource_type == "experiment" else tuple(dict.fromkeys((each.name, each.pattern)))
        )
        thing = Thing(each.resource_type, each.pattern, each.workspace, each.name, keys)
        things[thing.type, thing.pattern, thing.workspace] = thing
    made = list(things.values())
    for each in scorers:
        experiment_id = each.pattern.partition("/")[0]
        parent = things.get(("experiment", experiment_id, each.workspace))
        keys = (f"{experiment_id}/{each.name}",)
        made.append(Thing(each.resource_type, each.pattern, each.workspace, each.name, keys, parent))
    return made


def move_in(
    services: Services,
    world: OldWorld,
    options: Options,
    found: Sequence[NamedResource],
    team_of: Callable[[str], tuple[str | None, str]],
    actor: Actor,
    *,
    keep_access: bool = False,
    keys_until: int | None = None,
    apply: bool = False,
) -> Report:
    """Take an old server's users, groups and permissions over, or rehearse it.

    Args:
        services: our stores.
        world: the old database.
        options: what the old server ran with.
        found: what exists in MLflow.
        team_of: the team that a group is here; None and the reason where it is none.
        actor: who acts.
        keep_access: whether what the default permission let people do is granted to them.
        keys_until: when the old keys end at the latest (UTC seconds); None for at once.
        apply: whether it stays.

    Raises:
        NameTaken: an account was deleted or renamed meanwhile.
    """
    known = [each for each in found if kinds.of(each.resource_type).shared]
    things = things_of(known)
    rules = OldRules(world, options, things)
    with services.database.read() as connection:
        accounts = choose(connection, world.users)
    by_hand = {team.name for team in services.teams.everyone() if not team.from_keycloak}

    def team_here(group: str) -> tuple[str | None, str]:
        name, why = team_of(group)
        return (None, "a team made by hand has its name here") if name in by_hand else (name, why)

    lines = accounts[1]
    for user in world.users:
        if keys_until is not None and user.keys:
            shown = f"{len(user.keys)} of '{user.name}'"
            there = any(each.old.id == user.id for each in accounts[0])
            lines.append(Line(TAKEN, "key", shown) if there else Line(DROPPED, "key", shown, "the account is not"))
    planned = plan(world, rules, options, things, accounts, team_here, keep_access=keep_access)

    def work(connection: Connection) -> tuple[Difference, ...]:
        ids = write(connection, planned, things, services.teams, actor, keys_until)
        return tuple(compare(world.users, rules, standings(connection, ids), things))

    database = services.database
    differences = database.settle(work) if apply else database.rehearse(work)
    return Report(world.revision, apply, tuple(planned.lines), len(world.users) * len(things), differences)
