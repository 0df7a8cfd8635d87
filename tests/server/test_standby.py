"""A server on a standby of PostgreSQL's, which takes no writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.doctor.examine import examine
from mlflow_prokube_auth.store.database import head_revision

from ..support.postgres import Postgres, running_standby
from ..support.processes import free_port
from ..support.settings import GOOD
from ..support.world import World, running_world

API = "/api/2.0/mlflow"
ALICE = "alice@example.com"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
NO_CHANGES = {
    "error_code": "TEMPORARILY_UNAVAILABLE",
    "message": "The server's database is read-only at the moment. You can read, but not change anything. "
    "Try again later.",
}


@dataclass
class Standby:
    world: World
    credentials: list[dict[str, Any]]
    experiment: str
    database: str


@pytest.fixture(scope="module")
def standby(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """Started on the standby of a database on which alice got a session, a key and an experiment."""
    direct, port = postgres.new_database(), free_port()
    url = f"http://127.0.0.1:{port}"
    with running_world(tmp_path_factory.mktemp("primary"), url, port, database=direct) as world:
        browser, _ = world.log_in(ALICE)
        key: dict[str, Any] = {"auth": (ALICE, world.make_key(browser).json()["access_key"])}
        session: dict[str, Any] = {"cookies": dict(browser.cookies), "headers": {"Origin": url}}
        made = httpx.post(f"{url}{API}/experiments/create", json={"name": "first"}, timeout=30, **key).json()
    with running_standby(postgres, free_port()) as copy:
        database = direct.replace(f":{postgres.port}/", f":{copy.port}/")
        with running_world(tmp_path_factory.mktemp("standby"), url, port, database=database) as world:
            yield Standby(world, [key, session], made["experiment_id"], database)


def test_people_with_a_key_or_a_session_read(standby: Standby) -> None:
    for credential in standby.credentials:
        for path in (f"{API}/experiments/get?experiment_id={standby.experiment}", "/prokube-auth/api/permissions"):
            assert httpx.get(standby.world.url + path, timeout=30, **credential).status_code == 200
    searched = httpx.post(
        f"{standby.world.url}{API}/experiments/search", json={"max_results": 9}, timeout=30, **standby.credentials[0]
    )
    assert [each["name"] for each in searched.json()["experiments"]] == ["first"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{API}/experiments/create", {"name": "second"}),
        ("POST", f"{API}/runs/create", {"experiment_id": "its own"}),
        ("POST", f"{API}/experiments/set-experiment-tag", {"experiment_id": "its own", "key": "k", "value": "v"}),
        ("DELETE", "/prokube-auth/api/access-key", None),
        ("POST", "/prokube-auth/api/access-key", {"days": 7}),
    ],
)
def test_who_changes_something_is_told_why_not(
    standby: Standby, method: str, path: str, body: dict[str, Any] | None
) -> None:
    given = {**body, "experiment_id": standby.experiment} if body and "experiment_id" in body else body
    # Keys are made in a browser alone.
    credential = standby.credentials[1 if path.startswith("/prokube-auth/") else 0]
    answer = httpx.request(method, standby.world.url + path, json=given, timeout=30, **credential)
    assert (answer.status_code, answer.json()) == (503, NO_CHANGES)
    assert int(answer.headers["retry-after"]) > 0


def test_a_browser_that_would_log_in_gets_a_page_that_says_so(standby: Standby) -> None:
    answer = httpx.get(f"{standby.world.url}/prokube-auth/login/start", headers=PAGE, timeout=30)
    assert answer.status_code == 503
    assert "text/html" in answer.headers["content-type"]
    assert "is read-only at the moment" in answer.text


def test_probes_find_it_ready_to_read(standby: Standby) -> None:
    answer = httpx.get(f"{standby.world.url}/prokube-auth/ready", timeout=30)
    expected = {"status": "ready", "schema": head_revision(), "writable": False}
    assert (answer.status_code, answer.json()) == (200, expected)


def test_doctor_warns_of_it(standby: Standby) -> None:
    environment = {**GOOD, "PROKUBE_AUTH_DATABASE_URI": standby.database}
    found = next(each for each in examine(environment, None) if each.what == "database")
    assert found.level == "warn"
    assert found.text == "it is read-only (a standby?): people can read, but nobody can log in"
