"""What it costs that somebody is asked who they are: ``experiments/get``, the cheapest request of MLflow's."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from .load import Load, has_wrk, put_load
from .processes import cpu_seconds
from .report import Section, at_least, at_most
from .servers import POSTGRESQL, Running, Stage
from .statements import Counted, count_statements

CONNECTIONS = 4
# Cheaper than the same request on plain MLflow, in per cent of whose CPU time it is.
SHARE = 110
TEXT = (
    "`experiments/get` of one experiment by its owner: 1 worker, {connections} connections, medians of {rounds} "
    "rounds of {seconds} s each, put on the servers in turn with {client}. Machines are noisy; the CPU time that the "
    "server's processes use for a request is the steadier measure, and the share is of that: plain MLflow's divided "
    "by the one of the line."
)


@dataclass
class Contender:
    """One way to send the request, and what each round found."""

    name: str
    server: Running
    headers: dict[str, str]
    target: str
    # wrk drops what is under way when its time is over, which is much of what a slow server does.
    slow: bool = False
    loads: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def load(self, seconds: float) -> Load:
        """Put load on it, measuring nothing of the server."""
        url = f"{self.server.url}{self.target}"
        return put_load(url, self.headers, seconds, CONNECTIONS, wrk=False if self.slow else None)

    def round(self, seconds: float) -> None:
        """Put load on it once."""
        before = cpu_seconds(self.server.pid)
        load = self.load(seconds)
        if load.errors or not load.requests:
            raise RuntimeError(f"{self.name}: {load.errors} of {load.requests} requests failed")
        self.loads.append(load)
        self.cpu.append((cpu_seconds(self.server.pid) - before) / load.requests * 1e3)

    @property
    def milliseconds(self) -> float:
        """CPU time of a request."""
        return statistics.median(self.cpu)

    @property
    def per_second(self) -> float:
        """Throughput."""
        return statistics.median(load.per_second for load in self.loads)


def run(stage: Stage) -> Section:
    """All servers beside each other, on each kind of database."""
    rounds, seconds = stage.choose((7, 3), (5, 1), (1, 1))
    section = Section(
        "overhead",
        "Overhead of a request",
        TEXT.format(
            connections=CONNECTIONS, rounds=rounds, seconds=seconds, client="`wrk`" if has_wrk() else "our own client"
        ),
        ["database", "server", "requests/s", "CPU ms/request", "share of plain", "p50 ms", "p99 ms"],
    )
    for kind in stage.databases():
        _compare(stage, kind, section, rounds, seconds)
    return section


def _compare(stage: Stage, kind: str, section: Section, rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        contenders = list(_contenders(stage, kind, stack))
        for each in contenders:
            each.load(1)  # warm
        for turn in range(rounds):
            at = turn % len(contenders)
            for each in contenders[at:] + contenders[:at]:
                each.round(seconds)
        plain = contenders[0]
        for each in contenders:
            share = 100 * plain.milliseconds / each.milliseconds
            section.add(
                kind, each.name, each.per_second, each.milliseconds, f"{share:.0f} %",
                statistics.median(load.p50 for load in each.loads), statistics.median(load.p99 for load in each.loads),
            )  # fmt: skip
            if each.server.name == "ours":
                section.targets.append(
                    at_least(f"CPU share of plain MLflow, {each.name.lower()}, {kind}", SHARE, share, " %")
                )
        if kind == POSTGRESQL:
            _queries(stage, section, contenders)


def _contenders(stage: Stage, kind: str, stack: ExitStack) -> Iterator[Contender]:
    plain = stack.enter_context(stage.plain(kind))
    yield Contender("plain MLflow", plain, {}, _experiment(plain, {}))
    basic_auth, headers = stack.enter_context(stage.basic_auth(kind))
    yield Contender("basic-auth", basic_auth, headers, _experiment(basic_auth, headers), slow=True)
    ours = stack.enter_context(stage.ours(kind))
    target = _experiment(ours, ours.basic("owner"))
    yield Contender("Ours, access key as Basic", ours, ours.basic("owner"), target)
    yield Contender("Ours, access key as Bearer", ours, ours.bearer("owner"), target)
    yield Contender("Ours, session cookie", ours, ours.session("owner"), target)


def _experiment(server: Running, headers: dict[str, str]) -> str:
    """The request for an experiment that these headers' owner made."""
    client = server.client(headers)
    made = client.must("POST", "/api/2.0/mlflow/experiments/create", {"name": "overhead"})
    client.close()
    return f"/api/2.0/mlflow/experiments/get?experiment_id={made['experiment_id']}"


def _queries(stage: Stage, section: Section, contenders: list[Contender]) -> None:
    """What PostgreSQL itself was asked for one request, by its log."""
    counts: dict[str, Counted] = {}
    for each in contenders:
        client = each.server.client(each.headers)
        client.must("GET", each.target)  # its connection, and what is written once a minute
        with count_statements(stage.postgres()) as counted:
            for _ in range(50):
                client.must("GET", each.target)
        client.close()
        counts[each.name] = counted.per(50)
    plain = counts["plain MLflow"]
    lines = []
    for name, found in counts.items():
        lines.append(
            f"- {name}: {found.queries:.1f} queries and {found.others:.1f} other statements "
            "(BEGIN, COMMIT, ROLLBACK, pings)"
        )
        if name.startswith("Ours"):
            added = found.queries - plain.queries
            section.targets.append(at_most(f"queries added to a request, {name.lower()}", 1, added, ""))
    section.notes.append("What PostgreSQL was asked per request, counted in its log:\n\n" + "\n".join(lines))
