"""PostgreSQL goes away under a running server and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from mlflow_prokube_auth.demo.headless import login_headless
from mlflow_prokube_auth.demo.provider import DemoProvider

from ..support.postgres import Postgres, running_postgres
from ..support.processes import SECRET_KEY, free_port, plugin_settings, running_server

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
CURRENT = "/ajax-api/2.0/mlflow/users/current"
READS = [
    "/api/2.0/mlflow/experiments/get?experiment_id=0",
    "/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/file.txt",
    "/prokube-auth/api/permissions",
    CURRENT,
]


@dataclass
class Outage:
    url: str
    postgres: Postgres
    cookie: str
    key: str
    log: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """A server on a PostgreSQL of its own, with alice logged in and her key."""
    directory, port = tmp_path_factory.mktemp("down"), free_port()
    url = f"http://127.0.0.1:{port}"
    provider = DemoProvider(client_id="mlflow", client_secret="s", redirect_uris=[f"{url}/prokube-auth/callback"])
    with provider, running_postgres(free_port()) as postgres:
        settings = plugin_settings(provider.issuer, "s", url)
        with running_server(directory, settings, port, database=postgres.new_database()) as log:
            with httpx.Client(base_url=url, timeout=30) as browser:
                start = browser.get("/prokube-auth/login/start", headers=PAGE)
                browser.get(login_headless(start.headers["location"], "alice@example.com"), headers=PAGE)
                made = browser.post("/prokube-auth/api/access-key", json={"days": 7}, headers={"Origin": url})
                cookie = browser.cookies["prokube_auth_session"]
            yield Outage(url, postgres, cookie, made.json()["access_key"], log)


def test_a_search_that_the_database_gives_up_on_is_no_outage_that_clients_ask_through(world: Outage) -> None:
    searched = {"experiment_ids": ["0"], "filter": "metrics.x > 1"}
    engine = create_engine(world.postgres.newest)
    with engine.begin() as connection:
        connection.execute(text("ALTER ROLE mlflow SET statement_timeout = '1s'"))
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
        connection.execute(text(others + "current_database()"))
    try:
        with engine.begin() as connection, httpx.Client(base_url=world.url, timeout=30) as alice:
            alice.auth = httpx.BasicAuth("alice@example.com", world.key)
            made = alice.post("/api/2.0/mlflow/experiments/create", json={"name": "searched"})
            assert made.status_code == 200, made.text
            searched["experiment_ids"] = [made.json()["experiment_id"]]
            connection.execute(text("LOCK TABLE latest_metrics IN ACCESS EXCLUSIVE MODE"))
            answer = alice.post("/api/2.0/mlflow/runs/search", json=searched)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text
        assert "stopped this request at its time limit. Ask for less" in answer.json()["message"]
        assert "SELECT" not in answer.text
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER ROLE mlflow RESET statement_timeout"))
            connection.execute(text(others + "current_database()"))
        engine.dispose()


def test_while_the_database_is_away_each_answer_is_a_503_and_then_all_is_well(world: Outage) -> None:
    def answers(path: str) -> list[httpx.Response]:
        return [
            httpx.get(world.url + path, auth=("alice@example.com", world.key), timeout=30),
            httpx.get(world.url + path, headers={"Authorization": f"Bearer {world.key}"}, timeout=30),
            httpx.get(world.url + path, cookies={"prokube_auth_session": world.cookie}, timeout=30),
        ]

    before = {path: [answer.status_code for answer in answers(path)] for path in READS}
    assert 503 not in {status for statuses in before.values() for status in statuses}
    world.postgres.stop()
    try:
        for path in READS:
            for answer in answers(path):
                assert (path, answer.status_code) == (path, 503), answer.text
                assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
                assert int(answer.headers["retry-after"]) > 0
        for path in ("/", "/prokube-auth/permissions", "/prokube-auth/login/start"):
            page = httpx.get(world.url + path, headers=PAGE, cookies={"prokube_auth_session": world.cookie}, timeout=30)
            assert (path, page.status_code) == (path, 503)
            assert "text/html" in page.headers["content-type"]
            assert "database does not answer" in page.text
        assert httpx.get(world.url + CURRENT, timeout=30).status_code == 401
        for path in ("/health", "/prokube-auth/health"):
            assert httpx.get(world.url + path, timeout=30).status_code == 200
        ready = httpx.get(world.url + "/prokube-auth/ready", timeout=30)
        assert (ready.status_code, ready.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert "database does not answer" in ready.json()["message"]
        assert "postgresql" not in ready.text
    finally:
        world.postgres.start()
    assert {path: [answer.status_code for answer in answers(path)] for path in READS} == before


def test_a_connection_that_is_lost_inside_mlflows_store_is_an_outage_that_clients_ask_through(world: Outage) -> None:
    engine = create_engine(world.postgres.newest)
    with (
        engine.connect() as admin,
        httpx.Client(base_url=world.url, timeout=60) as alice,
        ThreadPoolExecutor(1) as pool,
    ):
        alice.auth = httpx.BasicAuth("alice@example.com", world.key)
        made = alice.post("/api/2.0/mlflow/experiments/create", json={"name": "lost"}).json()
        searched = {"experiment_ids": [made["experiment_id"]], "filter": "metrics.x > 1"}
        with admin.begin():
            admin.execute(text("LOCK TABLE latest_metrics IN ACCESS EXCLUSIVE MODE"))
            waiting = pool.submit(alice.post, "/api/2.0/mlflow/runs/search", json=searched)
            ended: list[bool] = []
            while not ended and not waiting.done():
                lock = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                ended = list(admin.scalars(text(lock)))
        answer = waiting.result()
    engine.dispose()
    assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["message"] == "The server's database does not answer. Try again in a few seconds."


def test_the_log_tells_of_the_outage_without_secrets(world: Outage) -> None:
    world.postgres.stop()
    try:
        httpx.get(world.url + CURRENT, auth=("alice@example.com", world.key), timeout=30)
    finally:
        world.postgres.start()
    log = world.log.read_text()
    assert "the auth database does not answer" in log
    for secret in (world.key, world.cookie.split(".")[1], SECRET_KEY, world.postgres.uri("")):
        assert secret not in log
