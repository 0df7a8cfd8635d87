"""Two server processes on one PostgreSQL: what one is told, the other obeys on its very next request."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless
from mlflow_prokube_auth.demo.provider import DemoProvider, DemoUser

from ..support.journeys import journey
from ..support.postgres import Postgres
from ..support.processes import free_port, plugin_settings, running_server

API = "/api/2.0/mlflow"
CURRENT = "/ajax-api/2.0/mlflow/users/current"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
RACERS = [f"racer{number}@example.com" for number in range(8)]


@dataclass
class Twins:
    """Both servers' URLs. Cookies ignore ports, so a session of one is a session of the other."""

    first: str
    second: str
    provider: DemoProvider

    def log_in(self, email: str) -> dict[str, str]:
        with httpx.Client(base_url=self.first, timeout=30, headers=PAGE) as browser:
            start = browser.get("/prokube-auth/login/start")
            browser.get(login_headless(start.headers["location"], email))
            return {"prokube_auth_session": browser.cookies["prokube_auth_session"]}

    def make_key(self, cookies: dict[str, str]) -> str:
        answer = httpx.post(
            f"{self.first}/prokube-auth/api/access-key",
            json={"days": 7},
            cookies=cookies,
            headers={"Origin": self.first},
            timeout=30,
        )
        return str(answer.json()["access_key"])


@pytest.fixture(scope="module")
def twins(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Started one after the other: on an empty database MLflow's own tracking tables allow no other way."""
    ports = [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    people = [
        DemoUser(subject=f"s-{email}", email=email, name=email, groups=(group,))
        for email, group in [
            ("alice@example.com", "/prokube-users"),
            ("bob@example.com", "/prokube-users"),
            ("admin@example.com", "/prokube-admins"),
            *((email, "/prokube-users") for email in RACERS),
        ]
    ]
    provider = DemoProvider(
        client_id="mlflow",
        client_secret="s",
        redirect_uris=[f"{url}/prokube-auth/callback" for url in urls],
        users=people,
    )
    database, artifacts = postgres.new_database(), tmp_path_factory.mktemp("artifacts")
    with provider, ExitStack() as stack:

        def start(index: int) -> None:
            settings = plugin_settings(provider.issuer, "s", urls[index])
            directory = tmp_path_factory.mktemp(f"server{index}")
            options = ("--artifacts-destination", str(artifacts))
            stack.enter_context(running_server(directory, settings, ports[index], *options, database=database))

        start(0)
        start(1)
        yield Twins(urls[0], urls[1], provider)


def status(url: str, **credential: Any) -> int:
    return httpx.get(url + CURRENT, timeout=30, **credential).status_code


def test_a_replaced_and_a_revoked_key_are_refused_by_the_other_server_at_once(twins: Twins) -> None:
    cookies = twins.log_in("alice@example.com")
    key = twins.make_key(cookies)
    assert status(twins.second, auth=("alice@example.com", key)) == 200
    new = twins.make_key(cookies)
    assert status(twins.second, auth=("alice@example.com", key)) == 401
    assert status(twins.second, auth=("alice@example.com", new)) == 200
    httpx.delete(f"{twins.first}/prokube-auth/api/access-key", cookies=cookies, headers={"Origin": twins.first})
    assert status(twins.second, auth=("alice@example.com", new)) == 401


def test_an_ended_session_is_refused_by_the_other_server_at_once(twins: Twins) -> None:
    cookies = twins.log_in("alice@example.com")
    assert status(twins.second, cookies=cookies) == 200
    httpx.post(f"{twins.first}/prokube-auth/logout", cookies=cookies, headers={"Origin": twins.first})
    assert status(twins.second, cookies=cookies) == 401


def test_a_revoked_grant_is_refused_by_the_other_server_at_once(twins: Twins) -> None:
    alice = ("alice@example.com", twins.make_key(twins.log_in("alice@example.com")))
    bob = ("bob@example.com", twins.make_key(twins.log_in("bob@example.com")))
    made = httpx.post(f"{twins.first}{API}/experiments/create", json={"name": "shared"}, auth=alice, timeout=30)
    grant = {
        "username": bob[0],
        "resource_type": "experiment",
        "resource_id": made.json()["experiment_id"],
        "permission": "READ",
    }

    def bob_reads() -> int:
        found = httpx.get(
            f"{twins.second}{API}/experiments/get",
            params={"experiment_id": grant["resource_id"]},
            auth=bob,
            timeout=30,
        )
        return found.status_code

    assert bob_reads() == 403
    for _ in range(3):
        given = httpx.post(f"{twins.first}/api/3.0/mlflow/users/permissions/grant", json=grant, auth=alice, timeout=30)
        assert given.status_code == 200, given.text
        assert bob_reads() == 200
        taken = httpx.post(f"{twins.first}/api/3.0/mlflow/users/permissions/revoke", json=grant, auth=alice, timeout=30)
        assert taken.status_code == 200, taken.text
        assert bob_reads() == 403


@pytest.mark.parametrize("kind", ["experiments", "registered-models"])
def test_of_eight_users_on_both_servers_one_gets_the_name(twins: Twins, kind: str) -> None:
    keys = [(email, twins.make_key(twins.log_in(email))) for email in RACERS]
    name = f"race-{uuid.uuid4().hex[:8]}"

    def create(number: int) -> httpx.Response:
        url = (twins.first, twins.second)[number % 2]
        return httpx.post(f"{url}{API}/{kind}/create", json={"name": name}, auth=keys[number], timeout=60)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
    for answer in answers:
        if answer.status_code == 403:
            assert f"'{name}' is already taken" in answer.json()["message"]


def test_a_session_is_refreshed_once_however_many_ask_on_both_servers(twins: Twins, postgres: Postgres) -> None:
    cookies = twins.log_in("alice@example.com")
    twins.provider.set_groups("alice@example.com", ["/prokube-users", "/prokube-admins"])

    def ask(number: int) -> int:
        return status((twins.first, twins.second)[number % 2], cookies=cookies)

    for _ in range(2):  # the second round needs the token that the first one brought
        postgres.execute("UPDATE prokube_sessions SET checked_at = checked_at - 1000, claimed_until = NULL")
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(16))) == [200] * 16
    user = httpx.get(twins.second + CURRENT, cookies=cookies).json()["user"]
    assert user["is_admin"] is True
    twins.provider.set_groups("alice@example.com", ["/prokube-users"])


def test_the_stock_clients_day_on_postgresql(twins: Twins) -> None:
    key = twins.make_key(twins.log_in("bob@example.com"))
    _, found = journey(twins.second, {"MLFLOW_TRACKING_TOKEN": key})
    assert found["prediction"] == 8.0
