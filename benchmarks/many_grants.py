"""A member of a team with very many grants, against a user with one."""

from __future__ import annotations

from .asking import Question, ask_in_turn, ratio
from .report import Section, at_most
from .searches import API, ONE, PAGE, SEARCHES, by_name, database_pids, give_one, join_team, search
from .seed import Size, experiment_id
from .servers import Ours, Stage

LIMIT = 2.0
# Of a full page, as a multiple of the administrator's.
PAGE_LIMIT = 1.15
TEXT = (
    "A member of a team that holds {grants:,} grants on single experiments and as many on single models, of {size:,} "
    "each, against a user who holds one of each kind. The member's searches find a full page of {page}, as the "
    "administrator's do, the user's one; by name, each finds one; of runs, all find a full page, in an experiment that "
    "they may read. 1 worker, one request at a time, medians of {rounds} rounds in turn. CPU is that of the server and "
    "of PostgreSQL together; targets are judged by it. A full page is compared with the administrator's."
)
RUNS = "runs/search"
WHO = ("one", "member", "admin")
ASKED = (
    "experiments/search",
    "experiments/search, by name",
    "registered-models/search",
    "registered-models/search, by name",
    "model-versions/search",
    RUNS,
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
            for number in {ONE, size.held}:
                _log_runs(ours, number)
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
    if path == RUNS:
        return {
            who: Question(
                who, ours, ours.basic(who), "POST", f"{API}/{path}",
                {"experiment_ids": [experiment_id(number)], "max_results": PAGE}, "runs", PAGE, PAGE,
                database_pids(stage, kind),
            )
            for who, number in {**readable, "admin": size.held}.items()
        }  # fmt: skip
    return {
        who: Question(
            who, ours, ours.basic(who), "GET", f"{API}/{path}?experiment_id={experiment_id(number)}",
            besides=database_pids(stage, kind),
        )
        for who, number in readable.items()
    }  # fmt: skip


def _log_runs(ours: Ours, number: int) -> None:
    """More than a page of runs into an experiment, each with some metrics and parameters."""
    client = ours.client(ours.basic("admin"))
    for start in range(PAGE + 1):
        begun = {"experiment_id": experiment_id(number), "start_time": start}
        run_id = client.must("POST", f"{API}/runs/create", begun)["run"]["info"]["run_id"]
        metrics = [{"key": f"metric-{each}", "value": 0.5, "timestamp": start, "step": 0} for each in range(5)]
        params = [{"key": f"param-{each}", "value": "0.5"} for each in range(5)]
        client.must("POST", f"{API}/runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
    client.close()


def _measure(section: Section, kind: str, what: str, asked: dict[str, Question], rounds: int, seconds: float) -> None:
    ask_in_turn(list(asked.values()), rounds, seconds)
    times, beside_admin = ratio(asked["member"], asked["one"]), ratio(asked["member"], asked["admin"])
    section.add(
        kind, what, *(asked[who].shown(asked[who].latency) for who in WHO), *(asked[who].cost for who in WHO),
        times.shown(times.judged), beside_admin.shown(beside_admin.judged),
    )  # fmt: skip
    if asked["member"].expected == PAGE:
        words, limit, judged = "a full page, times the administrator's", PAGE_LIMIT, beside_admin
    else:
        words, limit, judged = "times a user's with one grant", LIMIT, times
    section.targets.append(at_most(f"{what}, {kind}: {words}", limit, judged.judged, bound=judged.bound))
