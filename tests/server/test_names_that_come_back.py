"""Names of accounts against a real server: kept, released, of any characters, and never a line of the log."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.demo.accounts import DemoUser

from ..support.administration import Admin, key_of
from ..support.processes import free_port
from ..support.sharing import ADMIN, OWN, USERS
from ..support.world import World, running_world

JOBS = "/ajax-api/3.0/jobs"
SLASH, KATE, EVE = "a/b@example.com", "kate@example.com", "eve@example.com"
# What paths, queries and proxies read in their own ways.
ODD = (
    SLASH,
    "a/key",
    "..",
    "/",
    "a%2fb@example.com",
    "a?user=bob@example.com",
    "a#b",
    "a;b",
    "a+b",
    "a b",
    "ä&successor=x",
)
FORGED = "2026/01/01 00:00:00 INFO mlflow_prokube_auth.audit: forged"
USER = "/prokube-users"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    users = (
        *USERS,
        *(DemoUser(f"s-odd-{number}", name, "Odd", (USER,)) for number, name in enumerate(ODD)),
        DemoUser("s-kate", KATE, "Kate", (USER,)),
        DemoUser("s-kelvin", "\u212aate@example.com", "Kate", (USER,)),
        DemoUser("s-eve", EVE, f"Eve\n{FORGED}", (USER, f"/team\n{FORGED}")),
        DemoUser("s-mallory", f"mallory@example.com\r\n{FORGED}", "Mallory", (USER,)),
        DemoUser("s-rtl", "\u202eeve@example.com", "Eve", (USER,)),
        DemoUser("s-one", "one@example.com", "One", (USER,)),
        DemoUser("s-two", "two@example.com", "Two", (USER,)),
    )
    port = free_port()
    with running_world(tmp_path_factory.mktemp("names"), f"http://127.0.0.1:{port}", port, users=users) as running:
        yield running


@pytest.fixture(scope="module")
def admin(world: World) -> Admin:
    return Admin(world)


def job_of(world: World, name: str) -> str:
    job = f"job of {name}".encode().hex()[:36]
    world.sql(
        "INSERT INTO jobs (id, creation_time, job_name, params, status, retry_count, last_update_time, creator) "
        "VALUES (?, 1, 'j', '{}', 2, 0, 1, ?)",
        job,
        name,
    )
    return job


def test_the_next_bearer_of_a_name_waits_for_its_release_and_sees_nothing_of_the_one_before(
    world: World, admin: Admin
) -> None:
    one, two = "one@example.com", "two@example.com"
    before = key_of(world, one)
    job = job_of(world, one)
    assert before.get(f"{JOBS}/{job}").status_code == 200
    answer = admin.browser.delete(f"{OWN}/admin/accounts", params={"user": one})
    assert answer.json() == {"deleted": one, "successor": None, "inherited": 0}
    assert admin.call("GET", "kept-names", search=one)["items"] == [{"name": one, "account": None}]
    world.provider.delete_user(one)
    world.provider.set_email(two, one)
    _, refused = world.log_in(one)
    assert refused.status_code == 403
    assert f"users release-name {one}" in refused.text
    admin.call("DELETE", f"kept-names?name={two}", 404)
    admin.call("DELETE", "kept-names", 400)
    admin.call("DELETE", f"kept-names?name={one}&anyway=perhaps", 400)
    admin.call("DELETE", f"kept-names?name={one}", 204)
    after = key_of(world, one)
    assert after.get("/ajax-api/2.0/mlflow/users/current").json()["user"]["username"] == one
    assert after.get(f"{JOBS}/{job}").status_code == 403
    assert admin.call("DELETE", f"kept-names?name={one}", 409)["message"].startswith(f"'{one}' is the name of an acc")


def test_a_name_is_not_released_while_a_job_runs_under_it(world: World, admin: Admin) -> None:
    admin.call("POST", "service-accounts", 201, name="svc-runs")
    job = job_of(world, "svc-runs")
    world.sql("UPDATE jobs SET status = 1 WHERE id = ?", job)
    admin.call("DELETE", "accounts?user=svc-runs")
    taken = admin.call("POST", "service-accounts", 409, name="svc-runs")
    assert "users release-name svc-runs" in taken["message"]
    uses = admin.call("GET", "kept-names/uses", name="svc-runs")
    assert uses == {"items": [{"table": "jobs", "rows": 1}], "total": 1}
    assert "1 jobs" in admin.call("DELETE", "kept-names?name=svc-runs", 409)["message"]
    admin.call("DELETE", "kept-names?name=svc-runs&anyway=true", 204)
    admin.call("POST", "service-accounts", 201, name="svc-runs")


def account(admin: Admin, name: str) -> dict[str, Any]:
    return next(each for each in admin.call("GET", "users", size=200)["items"] if each["username"] == name)


@pytest.mark.parametrize("name", ODD)
def test_an_account_of_any_name_is_blocked_ended_and_deleted(world: World, admin: Admin, name: str) -> None:
    browser, answer = world.log_in(name)
    assert answer.status_code == 302, answer.text
    assert world.make_key(browser).status_code == 201

    def do(method: str, what: str, expected: int = 200) -> None:
        done = admin.browser.request(method, f"{OWN}/admin/accounts{what}", params={"user": name})
        assert done.status_code == expected, done.text

    do("POST", "/block")
    assert account(admin, name)["status"] == "blocked"
    do("POST", "/unblock")
    assert account(admin, name)["status"] == "active"
    assert account(admin, name)["key_expires_at"] is not None
    do("DELETE", "/key", 204)
    assert account(admin, name)["key_expires_at"] is None
    do("DELETE", "/sessions", 204)
    do("POST", "/key", 400)  # people make their own
    do("DELETE", "")
    assert name not in {each["username"] for each in admin.call("GET", "users", size=200)["items"]}
    released = admin.browser.delete(f"{OWN}/admin/kept-names", params={"name": name})
    assert released.status_code == 204, released.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/block"), ("POST", "/unblock"), ("DELETE", "/key"), ("DELETE", "/sessions"), ("DELETE", "")],
)
def test_a_request_that_names_no_account_changes_none(admin: Admin, method: str, path: str) -> None:
    for given in ("", "?user=", "?user=%20", "?name=bob@example.com"):
        assert admin.call(method, f"accounts{path}{given}", 400)["message"].startswith("'user' is missing")
    told = admin.call(method, f"accounts{path}?user=nobody%0A", 404)["message"]
    assert told == "There is no account 'nobody\\n'."


def test_an_address_that_folds_to_anothers_is_not_theirs(world: World) -> None:
    world.log_in(KATE)
    _, refused = world.log_in("\u212aate@example.com")  # KELVIN SIGN
    assert refused.status_code == 403
    assert "not usable as a user name" in refused.text
    assert world.rows("SELECT COUNT(*) FROM users WHERE username LIKE '%ate@example.com'") == [(1,)]


@pytest.mark.parametrize("email", [f"mallory@example.com\r\n{FORGED}", "\u202eeve@example.com"])
def test_an_address_with_what_nobody_sees_lets_nobody_in(world: World, email: str) -> None:
    _, refused = world.log_in(email)
    assert refused.status_code == 403
    assert "it holds the invisible character U+" in refused.text
    assert email not in refused.text
    with sqlite3.connect(world.directory / "mlflow.db", timeout=20) as connection:
        assert connection.execute("SELECT COUNT(*) FROM users WHERE username = ?", (email,)).fetchall() == [(0,)]


def test_no_claim_begins_a_line_of_the_log(world: World) -> None:
    browser, answer = world.log_in(EVE)
    assert answer.status_code == 302
    world.log_in(f"mallory@example.com\r\n{FORGED}")
    key = world.make_key(browser).json()["access_key"]
    for name in (f"eve\n{FORGED}", f"{EVE}\n{FORGED}"):
        httpx.get(f"{world.url}/ajax-api/2.0/mlflow/users/current", auth=(name, key))
    world.browser().get("/prokube-auth/callback", params={"state": "x", "error": f"x\n{FORGED}"})
    world.browser().get("/prokube-auth/callback", params={"state": "x", "iss": f"x\n{FORGED}"})
    lines = world.log.read_text().split("\n")
    assert any("does not become a team" in line and FORGED in line for line in lines)  # it is told, within a line
    assert not [line for line in lines if re.match(r"\s*2026/01/01 00:00:00", line)]


def test_a_display_name_and_teams_are_plain(world: World, admin: Admin) -> None:
    world.log_in(EVE)
    shown = account(admin, EVE)
    assert (shown["display_name"], shown["teams"]) == (f"Eve {FORGED}", [])
    assert not [each for each in admin.call("GET", "teams", size=200)["items"] if not each["team"].isprintable()]


def test_the_audit_trail_names_the_account_of_a_key_after_its_deletion(world: World, admin: Admin) -> None:
    admin.call("POST", "service-accounts", 201, name="svc-told")
    admin.call("POST", "accounts/key?user=svc-told", 201, days=7)
    admin.call("DELETE", "accounts/key?user=svc-told", 204)
    admin.call("DELETE", "accounts?user=svc-told")
    told = admin.call("GET", "audit", action="access_key.", actor=ADMIN)["items"][:2]
    assert [(each["action"], each["detail"]["user"]) for each in told] == [
        ("access_key.revoke", "svc-told"), ("access_key.create", "svc-told"),
    ]  # fmt: skip
