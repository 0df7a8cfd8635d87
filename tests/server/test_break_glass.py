"""The local administrator: a login that works while the identity provider is away, and only for them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape

import httpx
import pytest
from sqlalchemy import select

from mlflow_prokube_auth.store.database import Database
from mlflow_prokube_auth.store.local_admins import LocalAdmins
from mlflow_prokube_auth.store.schema import audit_events, sessions

from ..support.people import acting
from ..support.processes import free_port
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
LOCAL = "/prokube-auth/login/local"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("break-glass"), f"http://127.0.0.1:{port}", port) as running:
        yield running


@pytest.fixture
def database(world: World) -> Iterator[Database]:
    opened = Database(f"sqlite:///{world.directory}/mlflow.db")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def admins(world: World, database: Database) -> Iterator[LocalAdmins]:
    """None at first, and none is left behind; the provider is away."""
    found = LocalAdmins(database)
    world.provider.set_outage(True)
    yield found
    world.provider.set_outage(False)
    for admin in found.everyone():
        found.remove(admin.name, acting(1, "test"))


@pytest.fixture
def root(admins: LocalAdmins) -> str:
    """One local administrator, new for each test."""
    admins.set("root", PASSWORD, acting(1, "test"))
    return "root"


def post(world: World, browser: httpx.Client, name: str, password: str, target: str = "") -> httpx.Response:
    form = {"username": name, "password": password, "next": target}
    return browser.post(LOCAL, data=form, headers={"Origin": world.origin})


def logged_in(world: World) -> httpx.Client:
    browser = world.browser()
    assert post(world, browser, "root", PASSWORD).status_code == 303
    return browser


def events(database: Database, action: str) -> list[tuple[str, str]]:
    with database.read() as connection:
        rows = connection.execute(select(audit_events).where(audit_events.c.action == action))
        return [(row.actor, row.client) for row in rows]


def test_without_a_local_administrator_there_is_no_such_page(world: World, admins: LocalAdmins) -> None:
    browser = world.browser()
    page = browser.get(LOCAL)
    assert (page.status_code, "This page does not exist." in page.text) == (404, True)
    answer = post(world, browser, "root", PASSWORD)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    start = browser.get("/prokube-auth/login/start")
    assert (start.status_code, "local-login" in start.text) == (503, False)


def test_the_link_is_shown_only_while_keycloak_does_not_answer(world: World, root: str) -> None:
    away = world.browser().get("/prokube-auth/login/start", params={"next": "#/models"})
    assert away.status_code == 503
    assert "Keycloak does not answer" in away.text
    link = re.search(r'id="local-login" href="([^"]+)"', away.text)
    assert link is not None
    assert unescape(link.group(1)) == "/prokube-auth/login/local?next=%23%2Fmodels"
    world.provider.set_outage(False)
    assert "local-login" not in world.browser().get("/prokube-auth/login").text


def test_from_the_link_to_an_administrator_while_the_provider_is_down(world: World, root: str) -> None:
    browser = world.browser()
    page = browser.get(LOCAL, params={"next": "#/experiments/1?x=1"})
    assert page.status_code == 200
    assert 'name="next" value="#/experiments/1?x=1"' in page.text
    answer = post(world, browser, "Root", PASSWORD, "#/experiments/1?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#/experiments/1?x=1")
    user = browser.get(CURRENT).json()["user"]
    assert (user["username"], user["is_admin"]) == ("root", True)
    assert browser.get("/ajax-api/2.0/mlflow/users/list").status_code == 200
    assert browser.get("/prokube-auth/permissions").status_code == 200


def test_who_is_local_sees_what_others_made_and_may_have_a_key(world: World, admins: LocalAdmins) -> None:
    world.provider.set_outage(False)
    alice, _ = world.log_in("alice@example.com")
    made = alice.post(
        "/ajax-api/2.0/mlflow/experiments/create", json={"name": "alices"}, headers={"Origin": world.origin}
    )
    world.provider.set_outage(True)
    admins.set("root", PASSWORD, acting(1, "test"))
    browser = logged_in(world)
    key = world.make_key(browser).json()["access_key"]
    found = httpx.get(
        f"{world.url}/api/2.0/mlflow/experiments/get",
        params={"experiment_id": made.json()["experiment_id"]},
        auth=("root", key),
    )
    assert (found.status_code, found.json()["experiment"]["name"]) == (200, "alices")


def test_the_page_is_under_the_strict_policy_without_an_inline_script(world: World, root: str) -> None:
    page = world.browser().get(LOCAL)
    policy = page.headers["content-security-policy"]
    assets = f"{world.url}/prokube-auth/assets/"
    assert policy.startswith(f"default-src 'none'; script-src {assets}; style-src {assets};")
    assert "form-action 'self'" in policy
    assert "no-store" in page.headers["cache-control"]
    assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
    assert " on" not in " ".join(re.findall(r"<(?:form|input|button)[^>]*>", page.text))


def test_unknown_wrong_and_locked_get_the_same_answer_and_the_lock_holds_for_the_right_password(
    world: World, root: str, database: Database
) -> None:
    denied, locks = len(events(database, "login.local.denied")), len(events(database, "login.local.lock"))
    browser = world.browser()
    answers = [post(world, browser, "nobody", PASSWORD)]
    answers += [post(world, browser, "root", f"wrong password {number}") for number in range(5)]
    answers.append(post(world, browser, "root", PASSWORD))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert "www-authenticate" not in answers[0].headers
    assert browser.get(CURRENT).status_code == 401
    assert events(database, "login.local.denied")[denied:] == [("root", "127.0.0.1")] * 5
    assert events(database, "login.local.lock")[locks:] == [("root", "127.0.0.1")]


def test_a_lock_that_is_over_lets_the_right_password_in(world: World, root: str, database: Database) -> None:
    before = len(events(database, "login.local"))
    for _ in range(5):
        post(world, world.browser(), "root", "wrong password")
    world.sql("UPDATE prokube_local_admins SET locked_until = 100")
    assert logged_in(world).get(CURRENT).status_code == 200
    assert events(database, "login.local")[before:] == [("root", "127.0.0.1")]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}]
)
def test_a_form_of_another_site_is_refused(world: World, root: str, headers: dict[str, str]) -> None:
    browser = world.browser()
    answer = browser.post(LOCAL, data={"username": "root", "password": PASSWORD}, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert browser.get(CURRENT).status_code == 401


def test_the_session_is_a_new_one_and_lives_an_hour(world: World, root: str, database: Database) -> None:
    browser = world.browser()
    world.provider.set_outage(False)
    browser.get("/prokube-auth/login/start")
    before = browser.cookies["prokube_auth_session"].split(".")[0]
    answer = post(world, browser, "root", PASSWORD)
    after = browser.cookies["prokube_auth_session"].split(".")[0]
    assert before != after
    for words in ("Max-Age=3600", "HttpOnly", "SameSite=Lax"):
        assert words in answer.headers["set-cookie"]
    with database.read() as connection:
        row = connection.execute(select(sessions).where(sessions.c.id == after)).one()
        assert connection.execute(select(sessions.c.id).where(sessions.c.id == before)).first() is None
    assert row.expires_at - row.created_at == 3600


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_next_leads_nowhere_else(world: World, root: str, target: str) -> None:
    assert post(world, world.browser(), "root", PASSWORD, target).headers["location"] == "/"


def test_logging_out_ends_here_and_not_in_keycloak(world: World, root: str) -> None:
    world.provider.set_outage(False)
    browser = logged_in(world)
    answer = browser.post("/prokube-auth/logout", headers={"Origin": world.origin})
    assert answer.json()["redirect"] == "/prokube-auth/logged-out?local"
    assert "Your session here is over. Access keys" in browser.get("/prokube-auth/logged-out?local").text
    assert browser.get(CURRENT).status_code == 401


def test_removing_ends_the_session_and_the_key_at_once(world: World, root: str, admins: LocalAdmins) -> None:
    browser = logged_in(world)
    key = world.make_key(browser).json()["access_key"]
    assert httpx.get(world.url + CURRENT, auth=("root", key)).status_code == 200
    admins.remove("root", acting(1_800_000_000, "test"))
    assert browser.get(CURRENT).status_code == 401
    assert "was revoked on" in httpx.get(world.url + CURRENT, auth=("root", key)).json()["message"]
    assert browser.get(LOCAL).status_code == 404


def test_a_session_that_keycloak_has_not_confirmed_for_too_long_does_not_stand_in_the_way(
    world: World, root: str
) -> None:
    world.provider.set_outage(False)
    browser, _ = world.log_in("alice@example.com")
    world.provider.set_outage(True)
    world.sql("UPDATE prokube_sessions SET checked_at = ? WHERE user_id IS NOT NULL", int(time.time()) - 10 * 3600)
    assert browser.get(CURRENT).status_code == 503
    page = browser.get("/prokube-auth/login")
    assert (page.status_code, 'id="local-login"' in page.text) == (503, True)
    assert browser.get(LOCAL).status_code == 200
    assert post(world, browser, "root", PASSWORD).status_code == 303
    assert browser.get(CURRENT).json()["user"]["username"] == "root"


def test_no_password_and_no_unknown_name_is_in_the_log_or_the_audit_trail(
    world: World, root: str, database: Database
) -> None:
    post(world, world.browser(), "typed-into-the-wrong-field", "quite wrong indeed")
    post(world, world.browser(), "root", "quite wrong indeed")
    logged_in(world)
    with database.read() as connection:
        told = world.log.read_text() + "".join(str(row) for row in connection.execute(select(audit_events)))
    for secret in (PASSWORD, "quite wrong", "typed-into-the-wrong-field", "$argon2"):
        assert secret not in told
