"""Search by somebody who sees one of very many, against an administrator who sees all."""

from __future__ import annotations

from .asking import ask_in_turn, ratio
from .report import Section, at_most
from .searches import PAGE, SEARCHES, give_one, search
from .seed import Size
from .servers import Stage

LIMIT = 2.0
TEXT = (
    "The first {page} results of a search by a person who may read one of N, against the administrator's, who gets "
    "{page} at once; pages are turned until the one is found and no more follow. Other people and teams hold grants on "
    "all of them. 1 worker, one request at a time, medians of {rounds} rounds in turn. CPU is that of the server and "
    "of PostgreSQL together; targets are judged by it, for times are noisy."
)


def run(stage: Stage) -> Section:
    """At each size, on each kind of database."""
    sizes = stage.choose((1_000, 20_000, 100_000), (1_000, 20_000), (120,))
    rounds, seconds = stage.choose((5, 0.7), (3, 0.2), (1, 0.0))
    section = Section(
        "search",
        "Search among what others have",
        TEXT.format(page=PAGE, rounds=rounds),
        ["database", "search", "N", "admin ms", "user ms", "times", "admin CPU ms", "user CPU ms", "times CPU"],
    )
    for kind in stage.databases():
        for size in sizes:
            _measure(stage, kind, size, section, rounds, seconds)
    return section


def _measure(stage: Stage, kind: str, size: int, section: Section, rounds: int, seconds: float) -> None:
    with stage.ours(kind) as ours:
        stage.fill(ours, Size(size))
        give_one(ours)
        for what in SEARCHES:
            admin = search(stage, ours, kind, what, "admin", PAGE)
            user = search(stage, ours, kind, what, "one", 1)
            ask_in_turn([admin, user], rounds, seconds)
            times = ratio(user, admin)
            section.add(
                kind, what, size, admin.shown(admin.latency), user.shown(user.latency), times.shown(times.latency),
                admin.cost, user.cost, times.cost,
            )  # fmt: skip
            section.targets.append(
                at_most(f"{what} among {size:,}, {kind}: times the admin's", LIMIT, times.judged, bound=times.bound)
            )
