"""Which resources of a type somebody may read, as one value. Pure: grants go in, a set comes out.

The same folds as MLflow's (``requirements.fold_grants_for_key``): DENY wins over anything on the same resource, a grant
on all of a type counts for each. Searches are narrowed by it before MLflow's engine filters them; it never widens one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

WILDCARD, DENY = "*", "DENY"
# Experiments are numbered by a 32-bit column.
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class RoleReadScope:
    """What one role grants of a type: reading on single resources or on all, and denials of both kinds."""

    readable: frozenset[str]
    denied: frozenset[str]
    reads_all: bool
    denies_all: bool

    @cached_property
    def readable_numbers(self) -> str:
        """What of ``readable`` is the id of an experiment, joined by commas; made once, as it may be very many."""
        return ",".join(map(str, numbers_of(self.readable)))


def numbers_of(patterns: Collection[str]) -> list[int]:
    """Patterns as the ids of experiments; a pattern that is no id of MLflow's is on nothing."""
    numbers = (int(each) for each in patterns if each.isascii() and each.isdecimal() and len(each) <= 10)
    return [number for number in numbers if number <= LARGEST_ID and str(number) in patterns]


def read_scope_of(levels: Mapping[str, str], reading: Collection[str]) -> RoleReadScope:
    """What a role's grants of one type, pattern -> level, let its members read.

    Args:
        levels: pattern -> the level that the role grants on it.
        reading: the levels that include reading.
    """
    return RoleReadScope(
        readable=frozenset(pattern for pattern, level in levels.items() if level in reading and pattern != WILDCARD),
        denied=frozenset(pattern for pattern, level in levels.items() if level == DENY and pattern != WILDCARD),
        reads_all=levels.get(WILDCARD) in reading,
        denies_all=levels.get(WILDCARD) == DENY,
    )


@dataclass(frozen=True)
class Visible:
    """What may be read: all of a type or what ``only`` has, in either case without ``but``.

    ``only`` stays in parts, one for each role that has any: together they may be very many.
    """

    everything: bool
    only: tuple[frozenset[str], ...] = ()
    but: frozenset[str] = frozenset()


def visible(shares: Sequence[RoleReadScope]) -> Visible:
    """What several roles let somebody read together."""
    if any(each.denies_all for each in shares):
        return Visible(False)
    denied = frozenset().union(*(each.denied for each in shares)) if shares else frozenset()
    if any(each.reads_all for each in shares):
        return Visible(True, but=denied)
    return Visible(False, only=tuple(each.readable for each in shares if each.readable), but=denied)
