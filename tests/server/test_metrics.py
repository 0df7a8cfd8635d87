"""Prometheus metrics of a server with two workers: behind their own token, added up, without names."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from ..support.processes import free_port
from ..support.world import World, running_world

TOKEN = "scrape-me-0123456789"
ALICE = "alice@example.com"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(
        tmp_path_factory.mktemp("metrics"), f"http://127.0.0.1:{port}", port, "--workers", "2", METRICS_TOKEN=TOKEN
    ) as running:
        yield running


def scrape(world: World, token: str = TOKEN) -> httpx.Response:
    return httpx.get(f"{world.url}/prokube-auth/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def test_what_came_in_and_what_was_refused_is_counted_over_all_workers(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    key = world.make_key(browser).json()["access_key"]
    _, refused = world.log_in("mallory@example.com")
    assert refused.status_code == 403
    current = f"{world.url}/api/2.0/mlflow/users/current"
    for _ in range(20):  # a connection each, so that both workers get some
        assert httpx.get(current, auth=(ALICE, key)).status_code == 200
        assert httpx.get(current, auth=(ALICE, "wrong")).status_code == 401
    experiment = f"{world.url}/api/2.0/mlflow/experiments/get"
    assert httpx.get(experiment, params={"experiment_id": "0"}, auth=(ALICE, key)).status_code == 403
    answer = scrape(world)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    assert value(text, 'prokube_auth_authentications_total{outcome="access_key"}') == 21
    assert value(text, 'prokube_auth_authentications_total{outcome="bad_credentials"}') == 20
    assert value(text, 'prokube_auth_refusals_total{error_code="UNAUTHENTICATED",status="401"}') == 20
    assert value(text, 'prokube_auth_refusals_total{error_code="PERMISSION_DENIED",status="403"}') == 1
    assert value(text, 'prokube_auth_audit_events_total{action="login"}') == 1
    assert value(text, 'prokube_auth_audit_events_total{action="login.denied"}') == 1
    assert value(text, "prokube_auth_access_keys") == 1
    assert value(text, "prokube_auth_access_keys_expiring") == 1
    assert value(text, "prokube_auth_sessions") == 1
    assert "example.com" not in text


def test_an_expired_key_counts_as_such(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    key = world.make_key(browser).json()["access_key"]
    world.sql("UPDATE prokube_access_keys SET expires_at = ? WHERE active_user_id IS NOT NULL", int(time.time()) - 1)
    assert httpx.get(f"{world.url}/api/2.0/mlflow/users/current", auth=(ALICE, key)).status_code == 401
    assert value(scrape(world).text, 'prokube_auth_authentications_total{outcome="key_expired"}') == 1


@pytest.mark.parametrize("token", ["", "scrape-me", TOKEN + "x"])
def test_nobody_scrapes_without_the_token(world: World, token: str) -> None:
    answer = httpx.get(
        f"{world.url}/prokube-auth/metrics",
        headers={"Authorization": f"Bearer {token}".strip(), "Accept": "application/json"},
    )
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    basic = base64.b64encode(f"x:{TOKEN}".encode()).decode()
    answer = httpx.get(f"{world.url}/prokube-auth/metrics", headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 401


def test_a_scraper_may_name_the_pod_by_its_address(world: World) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "203.0.113.9:5000"}
    assert httpx.get(f"{world.url}/prokube-auth/metrics", headers=headers).status_code == 200
