"""A person in hundreds of groups, while others work; and a group whose name cannot be a team's."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.demo.provider import DEMO_USERS, DemoUser

from ..support.processes import free_port
from ..support.world import World, running_world

API = "/api/2.0/mlflow"
ALICE, MANY, LONG = "alice@example.com", "many@example.com", "long@example.com"
GROUPS = tuple(f"/department-{n // 20}/group-{n}" for n in range(800))
LONGEST = "/" + "x" * 151
PEOPLE = (
    *DEMO_USERS,
    DemoUser("many", MANY, "In Many Groups", ("/prokube-users", *GROUPS)),
    DemoUser("long", LONG, "In A Long Group", ("/prokube-users", "/team-a", LONGEST)),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    directory = tmp_path_factory.mktemp("many-groups")
    with running_world(directory, f"http://127.0.0.1:{port}", port, users=PEOPLE) as running:
        yield running


def test_a_first_login_with_hundreds_of_groups_stops_nobody_who_logs_metrics(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    alice = httpx.Client(base_url=world.url, auth=(ALICE, world.make_key(browser).json()["access_key"]), timeout=60)
    made = alice.post(f"{API}/experiments/create", json={"name": "metrics"}).json()["experiment_id"]
    run = alice.post(f"{API}/runs/create", json={"experiment_id": made}).json()["run"]["info"]["run_id"]
    over = threading.Event()
    answers: list[int] = []

    def log_metrics() -> None:
        while not over.is_set():
            body = {"run_id": run, "key": "m", "value": len(answers), "timestamp": 1, "step": len(answers)}
            answers.append(alice.post(f"{API}/runs/log-metric", json=body).status_code)

    logger = threading.Thread(target=log_metrics)
    logger.start()
    try:
        many, answer = world.log_in(MANY)
        again, second = world.log_in(MANY)
    finally:
        over.set()
        logger.join()
    assert (answer.status_code, second.status_code) == (302, 302)
    assert set(answers) == {200}
    teams = world.rows(
        "SELECT count(*) FROM user_role_assignments JOIN users ON users.id = user_id "
        "JOIN prokube_team_roles USING (role_id) WHERE username = ?",
        MANY,
    )
    assert teams == [(800,)]
    # A URL with that ID token in it would be longer than Keycloak takes.
    ended = again.post("/prokube-auth/logout", headers={"Origin": world.origin, "Accept": "application/json"})
    assert len(ended.json()["redirect"]) < 4096
    assert many.get("/prokube-auth/permissions").status_code == 200


def test_an_access_token_with_hundreds_of_groups_is_taken(world: World) -> None:
    now = int(time.time())
    claims = {
        "iss": world.provider.issuer, "sub": "many", "aud": "mlflow", "typ": "Bearer", "iat": now, "exp": now + 300,
        "email": MANY, "email_verified": True, "groups": ["/prokube-users", *GROUPS],
    }  # fmt: skip
    token = world.provider.keys.sign(claims)
    assert len(token) > 16_384
    answer = httpx.get(f"{world.url}/ajax-api/2.0/mlflow/users/current", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["user"]["username"] == MANY


def test_groups_that_are_told_elsewhere_are_named_as_the_reason(world: World) -> None:
    def tamper(claims: dict[str, Any]) -> dict[str, Any]:
        told = {name: value for name, value in claims.items() if name != "groups"}
        return {**told, "_claim_names": {"groups": "src1"}}

    world.provider.tamper, world.provider.withheld = tamper, frozenset({"groups"})
    try:
        assert world.log_in(ALICE)[1].status_code == 403
    finally:
        world.provider.tamper, world.provider.withheld = None, frozenset()
    assert "the token refers to another place for the groups (_claim_names)" in world.log.read_text()


def test_a_group_whose_name_is_too_long_for_a_team_is_told(world: World) -> None:
    browser, _ = world.log_in(LONG)
    why = "it has 151 characters, expected at most 150"
    page = html.unescape(browser.get("/prokube-auth/permissions").text)
    assert f"{'x' * 60}...: {why}" in page
    assert f"does not become a team: {why}" in world.log.read_text()
    admin, _ = world.log_in("admin@example.com")
    events = admin.get("/prokube-auth/api/admin/audit", params={"action": "login", "actor": LONG}).json()["items"]
    assert events[0]["detail"]["no_teams"] == f"{'x' * 60}...: {why}"
    assert "no-teams" not in admin.get("/prokube-auth/permissions").text
