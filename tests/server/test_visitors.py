"""Strangers at the login page: while Keycloak hangs, and in a flood, they take little of what others need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from mlflow_prokube_auth.identity.visitors import BEGINS
from mlflow_prokube_auth.store.database import Database
from mlflow_prokube_auth.store.local_admins import LocalAdmins

from ..support.peer import Peer
from ..support.people import acting
from ..support.processes import free_port
from ..support.world import World, running_world

CURRENT, START = "/ajax-api/2.0/mlflow/users/current", "/prokube-auth/login/start"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def discovery() -> Iterator[Peer]:
    """Where the server finds the discovery document."""
    peer = Peer()
    thread = Thread(target=peer.serve_forever)
    thread.start()
    yield peer
    if peer.hung is not None:
        peer.hung.set()
    peer.shutdown()
    thread.join()
    peer.server_close()


@pytest.fixture(scope="module")
def world(discovery: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("visitors")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_world(directory, url, port, OIDC_DISCOVERY_URL=f"{discovery.url}/discovery") as running:
        document = httpx.get(f"{running.provider.issuer}/.well-known/openid-configuration").json()
        discovery.answers["/discovery"] = (200, json.dumps(document))
        yield running


@pytest.fixture(scope="module")
def key(world: World) -> str:
    browser, _ = world.log_in("alice@example.com")
    return str(world.make_key(browser).json()["access_key"])


def visit(world: World, address: str) -> int:
    """A login that a visitor begins; uvicorn takes the address from a proxy on this machine."""
    headers = {"X-Forwarded-For": address, "Accept": "text/html"}
    return httpx.get(world.url + START, headers=headers, timeout=60).status_code


def test_visitors_of_a_keycloak_that_hangs_hold_no_thread_that_others_need(
    world: World, key: str, discovery: Peer
) -> None:
    number, asked = 60, len(discovery.asked)
    discovery.hung = Event()
    try:
        with ThreadPoolExecutor(number) as pool:
            visits: list[Future[int]] = [pool.submit(visit, world, f"192.0.2.{each}") for each in range(number)]
            answered = as_completed(visits)
            others = [next(answered).result() for _ in range(number - 1)]
            # All others were sent away, or to Keycloak, while one asks; after seconds of nothing another one may.
            assert not discovery.hung.is_set()
            assert 1 <= len(discovery.asked) - asked <= number // 10
            assert set(others) <= {302, 503}
            answer = httpx.get(world.url + CURRENT, auth=("alice@example.com", key), timeout=60)
            assert answer.status_code == 200
            discovery.hung.set()
            assert next(answered).result() in (302, 503)
    finally:
        discovery.hung = None


def test_one_address_begins_so_many_logins_and_keeps_so_many_rows(world: World) -> None:
    before = world.rows("SELECT count(*) FROM prokube_sessions")[0][0]
    statuses = [visit(world, "198.51.100.7") for _ in range(BEGINS + 5)]
    assert statuses == [302] * BEGINS + [429] * 5
    assert world.rows("SELECT count(*) FROM prokube_sessions")[0][0] - before == BEGINS
    assert visit(world, "198.51.100.8") == 302
    headers = {"X-Forwarded-For": "198.51.100.7", "Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    page = httpx.get(world.url + START, headers=headers)
    assert (page.status_code, int(page.headers["retry-after"])) == (429, 10)
    assert "Too many logins from your address" in page.text


def test_a_flood_of_unknown_names_keeps_no_local_administrator_out_and_looks_like_wrong_passwords(
    world: World,
) -> None:
    database = Database(f"sqlite:///{world.directory}/mlflow.db")
    admins = LocalAdmins(database)
    admins.set("root", PASSWORD, acting(1, "test"))

    def attempt(name: str, password: str) -> httpx.Response:
        form = {"username": name, "password": password, "next": ""}
        headers = {"Origin": world.origin, "Accept": "text/html"}
        return httpx.post(f"{world.url}/prokube-auth/login/local", data=form, headers=headers, timeout=60)

    try:
        with ThreadPoolExecutor(40) as pool:
            flood = [pool.submit(attempt, f"nobody-{each}", PASSWORD) for each in range(120)]
            wrong = pool.submit(attempt, "root", "wrong password")
            flood += [pool.submit(attempt, f"nobody-{each}", PASSWORD) for each in range(120, 160)]
            assert wrong.result().status_code == 401
            right = pool.submit(attempt, "root", PASSWORD)
            flood += [pool.submit(attempt, f"nobody-{each}", PASSWORD) for each in range(160, 240)]
            assert right.result().status_code == 303
            assert {(each.result().status_code, each.result().text) for each in flood} == {(401, wrong.result().text)}
    finally:
        admins.remove("root", acting(2, "test"))
        database.engine.dispose()
