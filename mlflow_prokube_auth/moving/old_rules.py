"""What mlflow-oidc-auth lets each user do on each resource. Pure.

The rules are those of ``mlflow_oidc_auth/utils/permissions.py`` and ``repository/_base.py``: of the sources the first
one that says anything counts; of several groups' permissions on one resource NO_PERMISSIONS counts, else the one that
allows most; of patterns the one with the lowest priority.

Of matching patterns with the same priority, releases before 11.0 take the one that their database finds first, later
ones take as with groups. Whichever of both allows less counts here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .old_world import EVERY_WORKSPACE, NOTHING, STRENGTH, Holder, OldPattern, OldWorld, Thing
from .patterns import problem_of

DEFAULT, ADMIN = "default", "administrator"


@dataclass(frozen=True)
class Decision:
    """A level and where it comes from: one of the sources, :data:`DEFAULT` or :data:`ADMIN`."""

    level: str
    source: str

    @property
    def strength(self) -> int:
        """0 where nothing is allowed."""
        return STRENGTH[self.level]


@dataclass(frozen=True)
class Options:
    """What the old server ran with: the order of the sources, and what counts where none says anything."""

    source_order: tuple[str, ...]
    default: str


class OldRules:
    """Decides as the old server did."""

    def __init__(self, world: OldWorld, options: Options, things: Sequence[Thing]) -> None:
        self._options = options
        self._groups: dict[int, list[int]] = {user.id: [] for user in world.users}
        for group, members in sorted(world.members.items()):
            for user in members:
                self._groups.setdefault(user, []).append(group)
        self._admins = {user.id for user in world.users if user.is_admin}
        self._grants: dict[tuple[str, str], list[tuple[Holder, str, str | None]]] = {}
        for grant in world.grants:
            self._grants.setdefault((grant.kind, grant.key), []).append((grant.holder, grant.level, grant.workspace))
        usable = [(each, re.compile(each.regex)) for each in world.patterns if problem_of(each.regex) is None]
        self._on: dict[Thing, _OnThing] = {}
        for thing in (*things, *(thing.parent for thing in things if thing.parent is not None)):
            if thing not in self._on:
                matching = [each for each, regex in usable if matches(each, regex, thing)]
                self._on[thing] = _OnThing(self._direct(thing), _by_holder(matching))

    def _direct(self, thing: Thing) -> dict[Holder, str]:
        kind = "registered_model" if thing.type == "prompt" else thing.type
        return {
            holder: level
            for key in reversed(thing.keys)
            for holder, level, workspace in self._grants.get((kind, key), ())
            if workspace in (None, thing.workspace)
        }

    def decide(self, user_id: int, thing: Thing) -> Decision:
        """What that user may do on it."""
        if user_id in self._admins:
            return Decision("MANAGE", ADMIN)
        own = self._explicit(user_id, thing)
        if own is None and thing.parent is not None:
            own = self._explicit(user_id, thing.parent)
        return own or Decision(self._options.default, DEFAULT)

    def _explicit(self, user_id: int, thing: Thing) -> Decision | None:
        on = self._on[thing]
        if not on.direct and not on.patterns:
            return None
        user, groups = Holder(False, user_id), [Holder(True, group) for group in self._groups.get(user_id, ())]
        for source in self._options.source_order:
            level: str | None = None
            if source == "user":
                level = on.direct.get(user)
            elif source == "group":
                level = strongest(on.direct[group] for group in groups if group in on.direct)
            elif source == "regex":
                level = _of_patterns(on.patterns.get(user, ()))
            elif source == "group-regex":
                level = _of_patterns([each for group in groups for each in on.patterns.get(group, ())])
            if level is not None:
                return Decision(level, source)
        return None

    def holders_on(self, thing: Thing) -> Mapping[Holder, str]:
        """The permissions on exactly this."""
        return self._on[thing].direct

    def patterns_on(self, thing: Thing) -> Iterable[OldPattern]:
        """The patterns that its name matches."""
        return (each for some in self._on[thing].patterns.values() for each in some)


@dataclass(frozen=True)
class _OnThing:
    direct: Mapping[Holder, str]
    patterns: Mapping[Holder, Sequence[OldPattern]]


def matches(pattern: OldPattern, regex: re.Pattern[str], thing: Thing) -> bool:
    """Whether a pattern is on that resource."""
    here = pattern.workspace in (EVERY_WORKSPACE, thing.workspace)
    return pattern.kind == thing.type and here and regex.match(thing.name) is not None


def _by_holder(patterns: Iterable[OldPattern]) -> dict[Holder, list[OldPattern]]:
    found: dict[Holder, list[OldPattern]] = {}
    for each in patterns:
        found.setdefault(each.holder, []).append(each)
    return found


def strongest(levels: Iterable[str]) -> str | None:
    """NO_PERMISSIONS where it is among them, else the one that allows most; None for none."""
    found = list(levels)
    if NOTHING in found:
        return NOTHING
    return max(found, key=STRENGTH.__getitem__, default=None)


def _of_patterns(matching: Sequence[OldPattern]) -> str | None:
    if not matching:
        return None
    first = min(each.priority for each in matching)
    tied = sorted((each for each in matching if each.priority == first), key=lambda each: each.id)
    by_rank = strongest(each.level for each in tied) or NOTHING
    return min((tied[0].level, by_rank), key=STRENGTH.__getitem__)


def is_ambiguous(matching: Sequence[OldPattern]) -> bool:
    """Whether releases differ on these patterns of one holder or more, which all match one name."""
    first = min((each.priority for each in matching), default=0)
    return len({each.level for each in matching if each.priority == first}) > 1
