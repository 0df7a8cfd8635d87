"""A member of a team with very many grants, against a user with one."""

from __future__ import annotations

from .asking import Question, ask_in_turn, ratio
from .report import Section, at_most
from .searches import API, ONE, PAGE, SEARCHES, by_name, database_pids, give_one, join_team, search
from .seed import Size, experiment_id
from .servers import Ours, Stage

LIMIT = 2.0
TEXT = (
    "A member of a team that holds {grants:,} grants on single experiments and as many on single models, of {size:,} "
    "each, against a user who holds one of each kind. The member's searches find a full page of {page}, as the "
    "administrator's do, the user's one; by name, each finds one. 1 worker, one request at a time, medians of {rounds} "
    "rounds in turn. CPU is that of the server and of PostgreSQL together; targets are judged by it."
)
WHO = ("one", "member", "admin")
ASKED = (
    "experiments/search",
    "experiments/search, by name",
    "registered-models/search",
    "registered-models/search, by name",
    "experiments/get",
)


def run(stage: Stage) -> Section:
    """On each kind of database."""
    size = stage.size(20_000, 20_000)
    rounds, seconds = stage.choose((5, 0.7), (3, 0.2), (1, 0.0))
    section = Section(
        "many-grants",
        "Many grants",
        TEXT.format(grants=size.team_grants, size=size.items, page=PAGE, rounds=rounds),
        ["database", "request", "one ms", "member ms", "admin ms", "one CPU ms", "member CPU ms", "admin CPU ms",
         "member/one", "member/admin"],
    )  # fmt: skip
    for kind in stage.databases():
        with stage.ours(kind) as ours:
            stage.fill(ours, size)
            give_one(ours)
            join_team(ours)
            for what in ASKED:
                _measure(section, kind, what, _questions(stage, ours, kind, what, size), rounds, seconds)
    return section


def _questions(stage: Stage, ours: Ours, kind: str, what: str, size: Size) -> dict[str, Question]:
    path, _, by = what.partition(", ")
    readable = {"one": ONE, "member": size.held, "admin": ONE}
    if by:
        return {who: by_name(stage, ours, kind, path, who, number) for who, number in readable.items()}
    if path in SEARCHES:
        return {who: search(stage, ours, kind, path, who, 1 if who == "one" else PAGE) for who in WHO}
    return {
        who: Question(
            who, ours, ours.basic(who), "GET", f"{API}/{path}?experiment_id={experiment_id(number)}",
            besides=database_pids(stage, kind),
        )
        for who, number in readable.items()
    }  # fmt: skip


def _measure(section: Section, kind: str, what: str, asked: dict[str, Question], rounds: int, seconds: float) -> None:
    ask_in_turn(list(asked.values()), rounds, seconds)
    times, beside_admin = ratio(asked["member"], asked["one"]), ratio(asked["member"], asked["admin"])
    section.add(
        kind, what, *(asked[who].shown(asked[who].latency) for who in WHO), *(asked[who].cost for who in WHO),
        times.shown(times.judged), beside_admin.shown(beside_admin.judged),
    )  # fmt: skip
    section.targets.append(
        at_most(f"{what}, {kind}: times a user's with one grant", LIMIT, times.judged, bound=times.bound)
    )
