"""Which resources of a type somebody may read, as one value. Pure: grants go in, a set comes out.

The same folds as MLflow's (``requirements.fold_grants_for_key``): DENY wins over anything on the same resource, a grant
on all of a type counts for each. Searches are narrowed by it before MLflow's engine filters them; it never widens one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

WILDCARD, DENY = "*", "DENY"


@dataclass(frozen=True)
class Visible:
    """What may be read: all of a type or only ``only``, in either case without ``but``."""

    everything: bool
    only: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()


NOTHING, EVERYTHING = Visible(False), Visible(True)


def visible(levels: Mapping[str, Collection[str]], reading: Collection[str]) -> Visible:
    """What grants of one type let somebody read.

    Args:
        levels: pattern -> the levels that the user's roles grant on it.
        reading: the levels that include reading.
    """
    everywhere = levels.get(WILDCARD, ())
    if DENY in everywhere:
        return NOTHING
    denied = frozenset(pattern for pattern, held in levels.items() if DENY in held)
    if any(level in reading for level in everywhere):
        return Visible(True, but=denied)
    only = {pattern for pattern, held in levels.items() if any(level in reading for level in held)}
    return Visible(False, only=frozenset(only - denied - {WILDCARD}))
