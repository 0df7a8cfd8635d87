"""Behind PgBouncer in transaction mode, where each transaction may be on another connection than the one before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from ..support.pgbouncer import PgBouncer, running_pgbouncer
from ..support.postgres import Postgres
from ..support.processes import free_port
from ..support.world import World, running_world

STARTS = 10
UPGRADE = f"""
from mlflow_prokube_auth.cli.main import main
for _ in range({STARTS}):
    main(["db", "upgrade"], standalone_mode=False)
"""
API = "/api/2.0/mlflow"
ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[PgBouncer]:
    with running_pgbouncer(postgres, free_port(), connections=4) as running:
        yield running


@contextmanager
def traffic(uri: str) -> Iterator[None]:
    """Others' short transactions, so that the pooler's connections change hands all the time."""
    over, failed = threading.Event(), []
    engine = create_engine(uri, poolclass=NullPool)

    def ask(seed: int) -> None:
        chance = random.Random(seed)
        try:
            while not over.wait(chance.random() / 50):
                with engine.connect() as connection:
                    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": chance.random() / 50})
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []


def advisory_locks(postgres: Postgres, direct: str) -> int:
    engine = create_engine(direct, poolclass=NullPool)
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_ten_starts_in_a_row_migrate_and_leave_no_lock(postgres: Postgres, pooler: PgBouncer, driver: str) -> None:
    direct = postgres.new_database()
    environment = {**os.environ, "PROKUBE_AUTH_DATABASE_URI": pooler.uri(direct, driver)}
    with traffic(pooler.uri(direct, "psycopg2")):
        done = subprocess.run(
            [sys.executable, "-c", UPGRADE], env=environment, capture_output=True, text=True, check=False, timeout=150
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The auth tables are at revision") == STARTS
    assert advisory_locks(postgres, direct) == 0


@dataclass
class Served:
    """A server whose own statements go through the pooler by psycopg 3, and MLflow's by psycopg2."""

    world: World
    keys: dict[str, str]

    def ask(self, who: str, method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, f"{self.world.url}{path}", auth=(who, self.keys[who]), timeout=60, **options)


@pytest.fixture(scope="module")
def served(postgres: Postgres, pooler: PgBouncer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    direct, port = postgres.new_database(), free_port()
    with running_world(
        tmp_path_factory.mktemp("pooled"), f"http://127.0.0.1:{port}", port, workers=2,
        database=pooler.uri(direct, "psycopg2"), DATABASE_URI=pooler.uri(direct, "psycopg"),
    ) as world:  # fmt: skip
        keys = {}
        for who in (ALICE, BOB):
            browser, _ = world.log_in(who)
            keys[who] = world.make_key(browser).json()["access_key"]
        yield Served(world, keys)


def test_reads_and_revocations_of_many_at_once_are_answered_as_without_it(served: Served) -> None:
    made = served.ask(ALICE, "POST", f"{API}/experiments/create", json={"name": "pooled"})
    experiment = made.json()["experiment_id"]
    grant = {"username": BOB, "resource_type": "experiment", "resource_id": experiment, "permission": "READ"}
    over = threading.Event()

    def read_until_over(_number: int) -> set[int]:
        seen = set()
        while not over.is_set():
            seen.add(served.ask(ALICE, "GET", f"{API}/experiments/get?experiment_id={experiment}").status_code)
            seen.add(served.ask(ALICE, "GET", f"{API}/experiments/search?max_results=5").status_code)
        return seen

    turns = []
    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read_until_over, number) for number in range(6)]
        try:
            for _ in range(25):
                given = served.ask(ALICE, "POST", "/api/3.0/mlflow/users/permissions/grant", json=grant)
                before = served.ask(BOB, "GET", f"{API}/experiments/get?experiment_id={experiment}")
                taken = served.ask(ALICE, "POST", "/api/3.0/mlflow/users/permissions/revoke", json=grant)
                after = served.ask(BOB, "GET", f"{API}/experiments/get?experiment_id={experiment}")
                turns.append([each.status_code for each in (given, before, taken, after)])
        finally:
            over.set()
        seen = set().union(*(reader.result() for reader in readers))
    assert (turns, seen) == ([[200, 200, 200, 403]] * 25, {200})
    assert "Traceback" not in Path(served.world.log).read_text()
