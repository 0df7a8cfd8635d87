"""What a new rule on names would do, before it is made: what it opens to whom, and which names it closes to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..model import Rule, Team
from ..store.grants import Holder
from . import kinds
from .named import NamedResource

# Characters below which a prefix is taken for a slip: names of many people begin with so few.
SHORT_PREFIX = 4
# Resources that are told one by one.
SHOWN = 20


@dataclass(frozen=True)
class Opened:
    """A resource that the members would get, and who manages it now: user names, ``team x``, ``role x``."""

    kind: str
    id: str
    name: str
    managers: tuple[str, ...]


@dataclass(frozen=True)
class Effects:
    """What a rule would do."""

    # Whom it opens something to.
    members: tuple[str, ...]
    matched: int
    # The first of those that match.
    opens: tuple[Opened, ...]
    # What people call that whose new names it closes to everybody but members and administrators.
    closes: str
    # Who manages something of such a name and is not in the team: they keep it, and make no more of that name.
    outsiders: tuple[str, ...]
    # Teams with a rule that has some of these names too: their members may use those.
    other_teams: tuple[str, ...]
    # What is unusual about it; empty where nothing is.
    warning: str


def of_rule(
    team: Team,
    members: Sequence[str],
    kind: str,
    prefix: str,
    there: Callable[[str, str], Sequence[NamedResource]],
    managers: Callable[[str, Sequence[str]], Mapping[str, Sequence[Holder]]],
    rules: Sequence[tuple[Rule, Team]],
) -> Effects:
    """What a rule of a team on a kind and a prefix would do.

    Args:
        team: whose rule it would be.
        members: user names of the team's members.
        kind: which kind.
        prefix: the beginning of the names.
        there: the existing resources of a kind whose name begins with a prefix.
        managers: who manages what, by a type and patterns of it.
        rules: all rules that there are.
    """
    matched = sorted(there(kind, prefix), key=lambda each: each.name)
    opened = [
        Opened(kind, each.pattern, each.name, tuple(_called(holder) for holder in held))
        for each, held in _managed(kind, matched[:SHOWN], managers)
    ]
    outsiders = set[str]()
    # Of models and prompts one alone has a name, so a rule on either closes it to both.
    for sibling in kinds.sharing_names(kind):
        bearers = matched if sibling == kind else there(sibling, prefix)
        for _, held in _managed(sibling, bearers, managers):
            outsiders.update(holder.name for holder in held if holder.kind == "user" and holder.name not in members)
    return Effects(
        members=tuple(members),
        matched=len(matched),
        opens=tuple(opened),
        closes=kinds.word_of_named(kind),
        outsiders=tuple(sorted(outsiders)),
        other_teams=tuple(sorted({other.name for rule, other in rules if other != team and _meet(rule, kind, prefix)})),
        warning=_warning(prefix),
    )


def _managed(
    kind: str,
    found: Sequence[NamedResource],
    managers: Callable[[str, Sequence[str]], Mapping[str, Sequence[Holder]]],
) -> list[tuple[NamedResource, Sequence[Holder]]]:
    held = managers(kind, [each.pattern for each in found]) if found else {}
    return [(each, held.get(each.pattern, ())) for each in found]


def _called(holder: Holder) -> str:
    return holder.name if holder.kind == "user" else f"{holder.kind} {holder.name}"


def _meet(rule: Rule, kind: str, prefix: str) -> bool:
    """Whether a name may have both prefixes."""
    same = kinds.name_space(rule.kind) == kinds.name_space(kind)
    return same and (rule.prefix.startswith(prefix) or prefix.startswith(rule.prefix))


def _warning(prefix: str) -> str:
    number = len(prefix)
    if number >= SHORT_PREFIX:
        return ""
    return (
        f"'{prefix}' has {number} character{'' if number == 1 else 's'}: many names begin with it, and nobody "
        "outside the team could use them. Expected the team's name and a separator, for example 'weather-'."
    )
