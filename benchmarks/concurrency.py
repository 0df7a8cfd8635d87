"""Very many at once: what is acknowledged is there, nothing is refused, and the database is not run over."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import create_engine, text

from .artifacts import ARTIFACTS
from .load import percentile
from .processes import cpu_seconds
from .report import Section, at_most
from .searches import API
from .seed import Size
from .servers import POSTGRESQL, Ours, Running, Stage, basic
from .wire import AsyncConnection, WireError

WORKERS = 4
ACCOUNTS = 20
BATCH = 20
FILE_BYTES = 64 * 1024
# Longer than a thread of MLflow waits for a connection of its pool, so that the server gets to say so itself.
REQUEST_SECONDS = 60.0
# What PostgreSQL allows in its default configuration.
DEFAULT_CONNECTIONS = 100
TEXT = (
    "{connections} connections for {seconds:.0f} s in {turns} turns, each with a run of its own, on PostgreSQL and "
    "{workers} workers: metrics one by one and in batches of {batch}, searches of runs and experiments, artifacts of "
    "{kilobytes} KB up and down again, in a random mix; with {accounts} service accounts and their keys here, without "
    "anything on plain MLflow. Afterwards everything that was acknowledged is counted in the database and fetched from "
    "the server."
)
# A pool ran dry, a worker was given up by its parent, the database refused.
TROUBLE = ("QueuePool limit", "died", "too many clients", "remaining connection slots", "deadlock")
# What is done, and how often of a hundred times.
MIX = {"log-metric": 35, "log-batch": 25, "runs/search": 15, "experiments/search": 10, "artifact": 15}


@dataclass
class Record:
    """What the clients know of one server."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    # Acknowledged metrics of each run; and digests of acknowledged files, by path.
    metrics: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def everything(self) -> list[float]:
        """Latencies of all kinds."""
        return [value for values in self.took.values() for value in values]


class Worker:
    """One connection with a run, which does one thing after the other until the time is over."""

    def __init__(self, connection: AsyncConnection, experiment: str, run_id: str, record: Record, number: int) -> None:
        self._connection, self._experiment, self._run = connection, experiment, run_id
        self._record, self._random, self._step = record, random.Random(number), 0

    async def work(self, until: float) -> None:
        """Go on until then; a request under way is waited for."""
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "log-metric": self._metric,
            "log-batch": self._batch,
            "runs/search": self._runs,
            "experiments/search": self._experiments,
            "artifact": self._artifact,
        }
        names, weights = list(MIX), list(MIX.values())
        while time.monotonic() < until:
            self._step += 1
            (name,) = self._random.choices(names, weights)
            begun = time.perf_counter()
            try:
                await acts[name]()
            except (OSError, WireError, asyncio.TimeoutError) as error:
                self._record.errors[f"{name}: {type(error).__name__} {error}".strip()] += 1
            self._record.took[name].append((time.perf_counter() - begun) * 1e3)

    async def _ask(self, method: str, target: str, body: bytes | None, kind: str = "application/json") -> bytes:
        asked = self._connection.request(method, target, body, kind)
        status, answer = await asyncio.wait_for(asked, REQUEST_SECONDS)
        if status != 200:
            raise WireError(f"{status} {answer[:80].decode('utf-8', 'replace')}")
        return answer

    async def _post(self, path: str, content: dict[str, object]) -> bytes:
        return await self._ask("POST", f"{API}/{path}", json.dumps(content).encode())

    async def _metric(self) -> None:
        content = {"run_id": self._run, "key": "loss", "value": 0.5, "timestamp": self._step, "step": self._step}
        await self._post("runs/log-metric", content)
        self._record.metrics[self._run] += 1

    async def _batch(self) -> None:
        metrics = [
            {"key": f"batch-{number}", "value": 0.5, "timestamp": self._step, "step": self._step}
            for number in range(BATCH)
        ]
        await self._post("runs/log-batch", {"run_id": self._run, "metrics": metrics})
        self._record.metrics[self._run] += BATCH

    async def _runs(self) -> None:
        await self._post("runs/search", {"experiment_ids": [self._experiment], "max_results": 20})

    async def _experiments(self) -> None:
        await self._post("experiments/search", {"max_results": 20})

    async def _artifact(self) -> None:
        content = self._random.randbytes(FILE_BYTES)
        target = f"{ARTIFACTS}/{self._experiment}/{self._run}/artifacts/{self._step}.bin"
        await self._ask("PUT", target, content, "application/octet-stream")
        self._record.files[target] = hashlib.sha256(content).hexdigest()
        if await self._ask("GET", target, None) != content:
            raise WireError("another file came back")


@dataclass
class Party:
    """One server with those who use it: their headers and experiments."""

    server: Running
    guests: list[tuple[dict[str, str], str]]
    record: Record = field(default_factory=Record)
    connections: int = 0
    cpu: float = 0

    def run(self, stage: Stage, connections: int, seconds: float) -> None:
        """All at once, while the database's connections are counted."""
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(stage, over), daemon=True)
        watch.start()
        before = cpu_seconds(self.server.pid)
        try:
            asyncio.run(self._all(connections, seconds))
        finally:
            over.set()
            watch.join()
        self.cpu += cpu_seconds(self.server.pid) - before

    async def _all(self, connections: int, seconds: float) -> None:
        parts = urlsplit(self.server.url)
        async with AsyncExitStack() as stack:

            async def arrive(number: int) -> Worker:
                headers, experiment = self.guests[number % len(self.guests)]
                connection = AsyncConnection(parts.hostname or "", parts.port or 80, headers)
                await stack.enter_async_context(connection)
                begun = json.dumps({"experiment_id": experiment, "start_time": 0}).encode()
                status, answer = await connection.request("POST", f"{API}/runs/create", begun)
                if status != 200:
                    raise RuntimeError(f"{self.server.name}: runs/create: {status} {answer[:200]!r}")
                await connection.close()  # it may be silent until all others have their run, too
                run_id = json.loads(answer)["run"]["info"]["run_id"]
                return Worker(connection, experiment, run_id, self.record, number)

            workers = await asyncio.gather(*(arrive(number) for number in range(connections)))
            until = time.monotonic() + seconds
            await asyncio.gather(*(worker.work(until) for worker in workers))

    def _watch(self, stage: Stage, over: threading.Event) -> None:
        engine = create_engine(stage.postgres().uri("postgres"))
        query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
        with engine.connect() as connection:
            while not over.wait(0.5):
                found = connection.execute(query, {"name": self.server.database.rsplit("/", 1)[1]}).scalar_one()
                self.connections = max(self.connections, int(found))
                connection.rollback()
        engine.dispose()

    def lost(self) -> tuple[int, int]:
        """Metrics and files that were acknowledged and are not there."""
        engine = create_engine(self.server.database)
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT run_uuid, count(*) FROM metrics GROUP BY run_uuid")).all()
        engine.dispose()
        stored = {row[0]: int(row[1]) for row in rows}
        metrics = sum(max(0, count - stored.get(run_id, 0)) for run_id, count in self.record.metrics.items())
        by_experiment = {experiment: headers for headers, experiment in self.guests}
        files, clients = 0, {key: self.server.client(headers) for key, headers in by_experiment.items()}
        for target, digest in self.record.files.items():
            answer = clients[target.removeprefix(f"{ARTIFACTS}/").partition("/")[0]]("GET", target)
            files += answer.status != 200 or hashlib.sha256(answer.body).hexdigest() != digest
        for client in clients.values():
            client.close()
        return metrics, files


def run(stage: Stage) -> Section:
    """Ours and plain MLflow in turn."""
    connections, seconds, turns = stage.choose((200, 60.0, 3), (50, 8.0, 2), (10, 1.0, 1))
    section = Section(
        "concurrency",
        "Concurrency",
        TEXT.format(
            connections=connections, seconds=seconds, turns=turns, workers=WORKERS, batch=BATCH,
            kilobytes=FILE_BYTES // 1024, accounts=ACCOUNTS,
        ),
        ["what", "plain MLflow", "ours"],
    )  # fmt: skip
    if POSTGRESQL not in stage.databases():
        section.notes.append("Not measured: no PostgreSQL server was found.")
        return section
    with ExitStack() as stack:
        size = stage.size(20_000, 1_000)
        parties = [_plain(stage, stack, size), _ours(stage, stack, size)]
        for turn in range(turns):
            for party in parties if turn % 2 else parties[::-1]:
                party.run(stage, connections, seconds / turns)
        for party in parties:
            _judge(section, party, *party.lost())
    for what in ("everything", *MIX):
        found = [party.record.everything if what == "everything" else party.record.took[what] for party in parties]
        section.add(f"{what}: done", *(len(took) for took in found))
        section.add(f"{what}: p50 ms", *(percentile(took, 50) if took else None for took in found))
        section.add(f"{what}: p99 ms", *(percentile(took, 99) if took else None for took in found))
    everything = [party.record.everything for party in parties]
    for percent in (50, 99):
        plain, ours = (percentile(took, percent) for took in everything)
        section.targets.append(at_most(f"everything, p{percent}: times plain MLflow's", 1, ours / plain))
    costs = [party.cpu * 1e3 / max(1, len(party.record.everything)) for party in parties]
    section.add("server's CPU ms each", *costs)
    section.add("database connections at most", *(party.connections for party in parties))
    return section


def _plain(stage: Stage, stack: ExitStack, size: Size) -> Party:
    plain = stack.enter_context(stage.plain(POSTGRESQL, WORKERS))
    stage.fill(plain, size)
    return Party(plain, [({}, experiment_of(plain, {}, number)) for number in range(ACCOUNTS)])


def _ours(stage: Stage, stack: ExitStack, size: Size) -> Party:
    ours = stack.enter_context(stage.ours(POSTGRESQL, WORKERS))
    stage.fill(ours, size)
    guests = []
    for number in range(ACCOUNTS):
        headers = service_account(ours, f"pipeline-{number}")
        guests.append((headers, experiment_of(ours, headers, number)))
    return Party(ours, guests)


def service_account(ours: Ours, name: str) -> dict[str, str]:
    """A new one's headers; keys are made in a session alone."""
    client = ours.client(ours.session("admin"))
    client.must("POST", "/prokube-auth/api/admin/service-accounts", {"name": name, "description": "a benchmark"})
    key = client.must("POST", f"/prokube-auth/api/admin/accounts/key?user={name}", {"days": 7})["access_key"]
    client.close()
    return basic(name, key)


def experiment_of(server: Running, headers: dict[str, str], number: int) -> str:
    client = server.client(headers)
    made = client.must("POST", f"{API}/experiments/create", {"name": f"pipeline-{number}"})
    client.close()
    return str(made["experiment_id"])


def _judge(section: Section, party: Party, metrics: int, files: int) -> None:
    name, record = party.server.name, party.record
    acknowledged = sum(record.metrics.values())
    section.notes.append(
        f"{name}: {acknowledged:,} metrics and {len(record.files):,} files were acknowledged; "
        f"{metrics} and {files} of them are missing; {sum(record.errors.values())} requests failed"
        + "".join(f"\n- {count} x {what}" for what, count in record.errors.most_common(5))
        + "".join(f"\n- {count} x in its log: {what}" for what, count in _complaints(party.server.log).most_common(3))
    )
    if party.server.name != "ours":
        return
    section.targets += [
        at_most("failed requests", 0, float(sum(record.errors.values())), ""),
        at_most("acknowledged metrics and files that are missing", 0, float(metrics + files), ""),
        at_most("database connections, of PostgreSQL's default 100", DEFAULT_CONNECTIONS, float(party.connections), ""),
    ]


def _complaints(log: Path) -> Counter[str]:
    """What a server's own log says of trouble."""
    lines = log.read_text(errors="replace").splitlines()
    return Counter(line[:120] for line in lines if any(word in line for word in TROUBLE))
