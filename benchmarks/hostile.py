"""``python -m benchmarks.hostile``: hostile input by one stranger and one user, beside ten people who log metrics.

Half of the time the ten are alone, half of it they are not: what does it cost them, the server and the database? On
loopback alone, on PostgreSQL, for a bounded time; each hostile shape has at most one request under way.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import itertools
import json
import multiprocessing
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import click
from sqlalchemy import create_engine, text

from mlflow_prokube_auth.model import Actor
from mlflow_prokube_auth.store.database import Database
from mlflow_prokube_auth.store.local_admins import LocalAdmins

from .artifacts import ARTIFACTS
from .concurrency import DEFAULT_CONNECTIONS, experiment_of, service_account
from .load import percentile
from .processes import PeakMemory
from .report import Section, at_most, render
from .searches import API
from .servers import POSTGRESQL, Effort, Ours, Stage, basic
from .wire import AsyncConnection, WireError

PEOPLE, WORKERS = 10, 2
MIB = 2**20
# Pauses between requests, in seconds: of a person who trains, and of a hostile shape.
PAUSE, HOSTILE_PAUSE = 0.05, 0.02
GIVE_UP_SECONDS = 60.0
MOST_REQUESTS = 100_000
SEARCHES = (
    "runs/search", "experiments/search", "logged-models/search", "registered-models/search", "model-versions/search",
)  # fmt: skip
TEXT = (
    "{people} people log metrics for {seconds:.0f} s alone, and for as long beside one stranger and one user who send "
    "whatever costs most, one request of each shape at a time. PostgreSQL, {workers} workers; load and servers share "
    "the machine."
)


def of(number: int) -> str:
    """A filter of so many comparisons."""
    return " and ".join(f"tags.x{each} = '1'" for each in range(number))


@dataclass
class Record:
    """What a phase was like for the ten."""

    took: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    connections: int = 0


@dataclass
class Target:
    """The server, and those who use it."""

    stage: Stage
    server: Ours
    # Headers and a run of each of the ten.
    people: list[tuple[dict[str, str], str]]
    # The hostile user's own experiment and run.
    experiment: str
    run: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.server.url)
        return parts.hostname or "", parts.port or 80


Shape = Callable[[Target], Awaitable[int]]


async def raw(target: Target, head: str, pieces: Iterator[bytes] | None = None) -> int:
    """Send a request as it is, until the server has enough of it; the status of the answer."""
    host, port = target.address
    reader, writer = await asyncio.open_connection(host, port)
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    try:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n")
        for piece in pieces or ():
            if answer.done():
                break
            writer.write(piece)
            await writer.drain()
        return int((await answer).split()[1])
    except (ConnectionError, asyncio.IncompleteReadError):
        return 0  # it hung up
    finally:
        answer.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def asked(
    target: Target,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    user: bool = True,
    headers: Mapping[str, str] | None = None,
) -> int:
    """A whole request by the hostile user, or by nobody."""
    named = dict(headers or {})
    content_type = named.pop("Content-Type", "application/json")
    async with AsyncConnection(*target.address, {**(target.server.basic("one") if user else {}), **named}) as one:
        return (await one.request(method, path, body, content_type))[0]


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def _blanks() -> Iterator[bytes]:
    return itertools.repeat(b" " * 65536, 4800)


def _chunks() -> Iterator[bytes]:
    return itertools.repeat(b"10000\r\n" + b" " * 65536 + b"\r\n", 4800)


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b"\0" * 300 * MIB)


_FORM = "Content-Type: application/x-www-form-urlencoded\n"


def _search(route: str) -> Shape:
    async def search(target: Target) -> int:
        if route.startswith(("registered", "model-v")):
            return await asked(target, "GET", f"{API}/{route}?{urlencode({'filter': of(400)})}")
        ids = {} if route.startswith("experiments") else {"experiment_ids": [target.experiment]}
        return await asked(target, "POST", f"{API}/{route}", _json({"filter": of(400), **ids}))

    return search


async def _allowed(target: Target) -> int:
    """The most that a search may ask for."""
    terms = [f"metrics.m{each} DESC" for each in range(10)]
    body = {"experiment_ids": [target.experiment], "filter": of(30), "order_by": terms}
    return await asked(target, "POST", f"{API}/runs/search", _json(body))


async def _graphql(target: Target) -> int:
    one = f'mlflowSearchRuns(input: {{experimentIds: ["{target.experiment}"], filter: "{of(30)}"}}) {{ nextPageToken }}'
    fields = " ".join(f"a{each}: {one}" for each in range(10))
    return await asked(target, "POST", "/graphql", _json({"query": f"{{ {fields} }}"}))


async def _export(target: Target) -> int:
    headers = {
        "X-Mlflow-Experiment-Id": target.experiment,
        "Content-Encoding": "gzip",
        "Content-Type": "application/x-protobuf",
    }
    return await asked(target, "POST", "/v1/traces", _bomb(), headers=headers)


async def _references(target: Target) -> int:
    tags = [{"key": "mlflow.parentRunId", "value": secrets.token_hex(16)} for _ in range(1_000)]
    return await asked(target, "POST", f"{API}/runs/create", _json({"experiment_id": target.experiment, "tags": tags}))


async def _large(target: Target) -> int:
    """As large as anybody's JSON may be, now and then."""
    await asyncio.sleep(10)
    body = _json({"name": "large", "tags": [{"key": "k", "value": "v" * 30 * MIB}]})
    return await asked(target, "POST", f"{API}/registered-models/create", body)


async def _local_login(target: Target) -> int:
    form = urlencode({"username": secrets.token_hex(8), "password": "x" * 14})
    head = f"POST /prokube-auth/login/local HTTP/1.1\nHost: {urlsplit(target.server.url).netloc}\n{_FORM}"
    return await raw(target, f"{head}Origin: {target.server.url}\nContent-Length: {len(form)}\n", iter([form.encode()]))


def _head(line: str, *more: str) -> Callable[[Target], str]:
    return lambda target: "\n".join([f"{line} HTTP/1.1", f"Host: {urlsplit(target.server.url).netloc}", *more, ""])


def _raw(head: Callable[[Target], str], pieces: Callable[[], Iterator[bytes]] = lambda: iter(())) -> Shape:
    return lambda target: raw(target, head(target), pieces())


_HUGE = ("Content-Type: application/json", "Content-Length: 300000000")
_CHUNKED = ("Content-Type: application/json", "Transfer-Encoding: chunked")
STRANGER: dict[str, Shape] = {
    "300 MB to experiments/create": _raw(_head(f"POST {API}/experiments/create", *_HUGE), _blanks),
    "300 MB to our own route": _raw(_head("POST /prokube-auth/api/cli/token", *_HUGE), _blanks),
    "300 MB in chunks": _raw(_head(f"POST {API}/experiments/create", *_CHUNKED), _chunks),
    "300 MB with a wrong key": _raw(
        _head(f"POST {API}/experiments/create", "Authorization: Basic eDp5", *_HUGE), _blanks
    ),
    "a method of 50 kB": lambda target: raw(target, _head(f"{secrets.token_hex(25_000)} /")(target)),
    "a path of 60 kB": _raw(_head("GET /api/3.0/mlflow/mcp-servers" + "/versions" * 6_500)),
    "a path of 1 kB": _raw(_head("GET /api/3.0/mlflow/mcp-servers" + "/versions" * 110)),
    "a wrong key": lambda target: asked(
        target, "GET", f"{API}/experiments/get?experiment_id=0", user=False, headers=basic("x", secrets.token_hex(9))
    ),
    "logins that begin": lambda target: asked(target, "GET", "/prokube-auth/login/start", user=False),
    "logins of nobody": _local_login,
}
USER: dict[str, Shape] = {
    **{f"400 comparisons, {route}": _search(route) for route in SEARCHES},
    "30 comparisons and 10 terms": _allowed,
    "10 searches in GraphQL": _graphql,
    "a path of 60 kB to a file": lambda target: asked(
        target, "GET", f"{ARTIFACTS}/1/{'a' * 32}/artifacts" + "/a" * 30_000
    ),
    "a path of 4 kB to a file": lambda target: asked(
        target, "GET", f"{ARTIFACTS}/1/{'a' * 32}/artifacts" + "/a" * 1_900
    ),
    "10,000 experiments": lambda target: asked(
        target, "POST", f"{API}/runs/search", _json({"experiment_ids": [str(each) for each in range(10_000)]})
    ),
    "1,000 parents of a run": _references,
    "JSON of 1,000 levels": lambda target: asked(
        target, "POST", f"{API}/experiments/create", b'{"name": ' + b"[" * 1_000 + b"]" * 1_000 + b"}"
    ),
    "300 kB of gzip that are 300 MB": _export,
    "30 MiB of JSON": _large,
}


async def _log_metrics(target: Target, number: int, record: Record, until: float) -> None:
    headers, run = target.people[number]
    async with AsyncConnection(*target.address, headers) as connection:
        for step in itertools.count(int(time.time() * 1e6)):
            if time.monotonic() > until:
                return
            body = _json({"run_id": run, "key": "loss", "value": 0.5, "timestamp": step, "step": step})
            begun = time.perf_counter()
            try:
                answer = connection.request("POST", f"{API}/runs/log-metric", body)
                status, said = await asyncio.wait_for(answer, GIVE_UP_SECONDS)
                if status == 200:
                    record.acknowledged[run] += 1
                else:
                    record.errors[f"{status} {said[:80]!r}"] += 1
            except (OSError, WireError, asyncio.TimeoutError) as error:
                record.errors[type(error).__name__] += 1
            record.took.append((time.perf_counter() - begun) * 1e3)
            await asyncio.sleep(PAUSE)


async def _attack(target: Target, name: str, shape: Shape, answers: Counter[tuple[str, int]], until: float) -> None:
    for _ in range(MOST_REQUESTS):
        if time.monotonic() > until:
            return
        try:
            status = await asyncio.wait_for(shape(target), GIVE_UP_SECONDS)
        except (OSError, WireError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            status = 0
        answers[name, status] += 1
        await asyncio.sleep(HOSTILE_PAUSE)


async def _log_all(target: Target, record: Record, until: float) -> None:
    await asyncio.gather(*(_log_metrics(target, number, record, until) for number in range(PEOPLE)))


async def _attack_all(target: Target, answers: Counter[tuple[str, int]], until: float) -> None:
    await asyncio.gather(
        *(_attack(target, name, shape, answers, until) for name, shape in {**STRANGER, **USER}.items())
    )


def _attackers(target: Target, until: float, told: Queue[Counter[tuple[str, int]]]) -> None:
    answers: Counter[tuple[str, int]] = Counter()
    asyncio.run(_attack_all(target, answers, until))
    told.put(answers)


def _phase(target: Target, record: Record, seconds: float, answers: Counter[tuple[str, int]] | None) -> None:
    """People in this process, attackers in another one: what they do is not to delay those who measure."""
    until = time.monotonic() + seconds
    if answers is None:
        asyncio.run(_log_all(target, record, until))
        return
    forks = multiprocessing.get_context("fork")
    told: Queue[Counter[tuple[str, int]]] = forks.Queue()
    attackers = forks.Process(target=_attackers, args=(target, until, told))
    attackers.start()
    try:
        asyncio.run(_log_all(target, record, until))
        answers.update(told.get(timeout=2 * GIVE_UP_SECONDS))
    finally:
        attackers.kill()
        attackers.join()


@contextmanager
def _watched(target: Target, record: Record) -> Iterator[None]:
    """Counts the database's connections meanwhile."""
    over = threading.Event()
    engine = create_engine(target.stage.postgres().uri("postgres"), isolation_level="AUTOCOMMIT")
    query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")

    def watch() -> None:
        with engine.connect() as connection:
            while not over.wait(0.5):
                found = connection.execute(query, {"name": target.server.database.rsplit("/", 1)[1]}).scalar_one()
                record.connections = max(record.connections, int(found))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        engine.dispose()


def _lost(target: Target, *records: Record) -> int:
    """Metrics that were acknowledged and are not there."""
    acknowledged = sum((record.acknowledged for record in records), Counter[str]())
    engine = create_engine(target.server.database)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT run_uuid, count(*) FROM metrics GROUP BY run_uuid")).all()
    engine.dispose()
    stored = {str(row[0]): int(row[1]) for row in rows}
    return sum(max(0, number - stored.get(run, 0)) for run, number in acknowledged.items())


def _target(stage: Stage, stack: ExitStack) -> Target:
    ours = stack.enter_context(stage.ours(POSTGRESQL, WORKERS))
    database = Database(ours.database)
    LocalAdmins(database).set("break-glass", secrets.token_urlsafe(16), Actor("benchmark", int(time.time())))
    database.engine.dispose()
    people = []
    for number in range(PEOPLE):
        headers = service_account(ours, f"person-{number}")
        people.append((headers, _run(ours, headers, experiment_of(ours, headers, number))))
    mine = experiment_of(ours, ours.basic("one"), PEOPLE)
    return Target(stage, ours, people, mine, _run(ours, ours.basic("one"), mine))


def _run(server: Ours, headers: dict[str, str], experiment: str) -> str:
    client = server.client(headers)
    made = client.must("POST", f"{API}/runs/create", {"experiment_id": experiment, "start_time": 0})
    client.close()
    return str(made["run"]["info"]["run_id"])


def soak(stage: Stage, seconds: float) -> Section:
    """Both phases, and what is left afterwards."""
    section = Section(
        "hostile", "Hostile input", TEXT.format(people=PEOPLE, workers=WORKERS, seconds=seconds / 2),
        ["what", "alone", "beside hostile input"],
    )  # fmt: skip
    answers: Counter[tuple[str, int]] = Counter()
    with ExitStack() as stack:
        target = _target(stage, stack)
        memories: list[PeakMemory] = []
        databases: list[PeakMemory] = []
        records = Record(), Record()
        for record, hostile in zip(records, (None, answers), strict=True):
            memories.append(PeakMemory(target.server.pid))
            databases.append(PeakMemory(stage.postgres().process.pid))
            with memories[-1], databases[-1], _watched(target, record):
                _phase(target, record, seconds / 2, hostile)
        lost = _lost(target, *records)
    section.add("metrics acknowledged", *(sum(record.acknowledged.values()) for record in records))
    section.add("p50 ms", *(percentile(record.took, 50) for record in records))
    section.add("p99 ms", *(percentile(record.took, 99) for record in records))
    section.add("failed", *(sum(record.errors.values()) for record in records))
    section.add("server's memory at most, MB", *(memory.peak for memory in memories))
    section.add("database's memory at most, MB", *(memory.peak for memory in databases))
    section.add("database connections at most", *(record.connections for record in records))
    for record in records:
        section.notes += [f"{count} x {what}" for what, count in record.errors.most_common(5)]
    for name in {**STRANGER, **USER}:
        told = {status: count for (shape, status), count in sorted(answers.items()) if shape == name}
        section.notes.append(f"{name}: " + ", ".join(f"{count} x {status or 'none'}" for status, count in told.items()))
    section.targets += [
        at_most("failed metrics", 0, float(sum(sum(record.errors.values()) for record in records)), ""),
        at_most("acknowledged metrics that are missing", 0, float(lost), ""),
        at_most("database connections, of PostgreSQL's default 100", DEFAULT_CONNECTIONS, records[1].connections, ""),
    ]
    return section


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long, both phases together.")
@click.option("--quick", is_flag=True, help="30 seconds.")
def main(seconds: float, quick: bool) -> None:
    """Hostile input beside ten people who log metrics."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # with all servers, as Ctrl-C does
    with (
        tempfile.TemporaryDirectory(prefix="prokube-hostile-") as directory,
        Stage(Path(directory), Effort.FULL, (POSTGRESQL,)) as stage,
    ):
        if not stage.databases():
            raise click.ClickException("no PostgreSQL server was found; install your system's `postgresql` package")
        click.echo(render(soak(stage, 30.0 if quick else seconds)))


if __name__ == "__main__":
    main()
