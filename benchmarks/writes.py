"""What a training run sends all day: metrics one by one and in batches, and the search for runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from .asking import Question, ask_in_turn, ratio
from .report import Section, at_least
from .searches import API
from .servers import Running, Stage

BATCH = 20
# The run holds so many metrics of different names, as one with some evaluation does.
HELD = 100
# Of plain MLflow's CPU time, in per cent.
SHARE = 105
TEXT = (
    "Into a run of their own that holds {held} metrics, by its owner with an access key as Basic: a metric, a batch of "
    "{batch}, and a page of 20 runs. 1 worker, one request at a time, {rounds} rounds of {seconds} s each in turn. CPU "
    "is that of the server's processes; the share is plain MLflow's divided by the one of the line."
)


def run(stage: Stage) -> Section:
    """All of them on plain MLflow and ours, on each kind of database."""
    rounds, seconds = stage.choose((5, 2.0), (3, 0.7), (1, 0.0))
    section = Section(
        "writes",
        "Logging to a run",
        TEXT.format(held=HELD, batch=BATCH, rounds=rounds, seconds=seconds),
        ["database", "request", "server", "ms", "CPU ms", "share of plain"],
    )
    for kind in stage.databases():
        with ExitStack() as stack:
            plain, ours = stack.enter_context(stage.plain(kind)), stack.enter_context(stage.ours(kind))
            for first, second in zip(_questions(plain, {}), _questions(ours, ours.basic("owner")), strict=True):
                ask_in_turn([first, second], rounds, seconds)
                _compare(section, kind, first, second)
    return section


def _compare(section: Section, kind: str, plain: Question, ours: Question) -> None:
    path = plain.target.removeprefix(f"{API}/")
    times = ratio(ours, plain).judged
    share = 100 / times if times else None
    for each, shown in ((plain, 100.0), (ours, share)):
        section.add(kind, path, each.server.name, each.latency, each.cost, None if shown is None else f"{shown:.0f} %")
    section.targets.append(at_least(f"CPU share of plain MLflow, {path}, {kind}", SHARE, share, " %"))


def _questions(server: Running, headers: dict[str, str]) -> Iterator[Question]:
    client = server.client(headers)
    experiment = client.must("POST", f"{API}/experiments/create", {"name": "writes"})["experiment_id"]
    made = client.must("POST", f"{API}/runs/create", {"experiment_id": experiment, "start_time": 1})
    run_id, steps = made["run"]["info"]["run_id"], itertools.count()
    client.must("POST", f"{API}/runs/log-batch", {"run_id": run_id, "metrics": _metrics(HELD, 0)})
    client.close()

    def metric() -> Any:
        return {"run_id": run_id, **_metrics(1, next(steps))[0]}

    def batch() -> Any:
        return {"run_id": run_id, "metrics": _metrics(BATCH, next(steps))}

    bodies: dict[str, Callable[[], Any]] = {
        "runs/log-metric": metric,
        "runs/log-batch": batch,
        "runs/search": lambda: {"experiment_ids": [experiment], "max_results": 20},
    }
    for path, body in bodies.items():
        yield Question(server.name, server, headers, "POST", f"{API}/{path}", body)


def _metrics(number: int, step: int) -> list[dict[str, Any]]:
    return [{"key": f"metric-{each}", "value": 0.5, "timestamp": step, "step": step} for each in range(number)]
