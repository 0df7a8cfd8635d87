"""What each account may do here once all is written, and where that differs from the old server. Pure.

The fold is that of MLflow's engine (``mlflow/server/auth/requirements.py``): DENY counts, else what allows most; a
scorer without a grant of its own has its experiment's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .old_rules import ADMIN, DEFAULT, OldRules
from .old_world import NOTHING, STRENGTH, OldUser, Thing
from .plan import DENY, WILDCARD, as_here, strength_here

# (resource type, workspace) -> pattern -> level.
Granted = Mapping[tuple[str, str], Mapping[str, str]]


@dataclass(frozen=True)
class Standing:
    """An account as it stands in our tables: an administrator's may do everything."""

    name: str
    is_admin: bool
    roles: tuple[Granted, ...]

    def level(self, thing: Thing) -> str:
        """What it may do on that."""
        if self.is_admin:
            return "MANAGE"
        level = self._on(thing)
        if level is None and thing.parent is not None:
            level = self._on(thing.parent)
        return NOTHING if level in (None, DENY) else level or NOTHING

    def _on(self, thing: Thing) -> str | None:
        found = {
            patterns[pattern]
            for role in self.roles
            if (patterns := role.get((thing.type, thing.workspace))) is not None
            for pattern in (thing.pattern, WILDCARD)
            if pattern in patterns
        }
        if DENY in found:
            return DENY
        return max(found, key=lambda level: STRENGTH.get(level, 0), default=None)


@dataclass(frozen=True)
class Difference:
    """Somebody may do more or less on something than on the old server."""

    user: str
    type: str
    name: str
    before: str
    now: str
    why: str

    @property
    def is_more(self) -> bool:
        """Whether it is more."""
        return STRENGTH[self.now] > STRENGTH[self.before]


def compare(
    users: Sequence[OldUser], rules: OldRules, standings: Mapping[int, Standing], things: Sequence[Thing]
) -> Iterator[Difference]:
    """Each user of the old server with each resource; ``standings`` are those of the accounts here, by old id."""
    for user in users:
        standing = standings.get(user.id)
        for thing in things:
            decision = rules.decide(user.id, thing)
            now = standing.level(thing) if standing is not None else NOTHING
            before = as_here(thing.type, decision.level)
            if strength_here(thing.type, decision.level) == strength_here(thing.type, now):
                continue
            before = NOTHING if before == DENY else before
            more = STRENGTH[now] > STRENGTH[before]
            yield Difference(user.name, thing.type, thing.name, before, now, _why(standing, decision.source, more))


def _why(standing: Standing | None, source: str, more: bool) -> str:
    if standing is None:
        return "the account is not taken over"
    if standing.is_admin:
        return "an administrator here"
    if more:
        return "granted here before"
    if source == ADMIN:
        return "an administrator there, by Keycloak's groups no administrator here"
    if source == DEFAULT:
        return "the default permission of the old server"
    return "another grant stands here, and stays"


def by_reason(differences: Iterable[Difference]) -> dict[tuple[str, str], int]:
    """How many there are of each reason, of more and of less."""
    found: dict[tuple[str, str], int] = {}
    for each in differences:
        key = ("more" if each.is_more else "less", each.why)
        found[key] = found.get(key, 0) + 1
    return found
