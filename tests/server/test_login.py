"""Login, sessions, keys and their refusals, with the provider in the test's own hands."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless

from ..support.processes import free_port
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("login"), f"http://127.0.0.1:{port}", port) as running:
        yield running


def test_a_login_leads_back_to_the_hash_that_was_asked_for(world: World) -> None:
    browser, answer = world.log_in("alice@example.com", "#/experiments/1?x=1")
    assert (answer.status_code, answer.headers["location"]) == (302, "/#/experiments/1?x=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert browser.get(CURRENT).json()["user"]["username"] == "alice@example.com"


def test_a_login_under_another_host_name_begins_at_the_external_url(world: World) -> None:
    other = world.url.replace("127.0.0.1", "localhost")
    with httpx.Client(timeout=60) as visitor:
        page = visitor.get(f"{other}/prokube-auth/login", params={"next": "#/models?a=1&b=2"})
        start = re.search(r'href="([^"]*login/start[^"]*)"', page.text)
        assert start is not None
        moved = visitor.get(other + html.unescape(start.group(1)))
    assert moved.status_code == 302
    assert dict(moved.cookies) == {}
    assert moved.headers["location"].startswith(f"{world.url}/prokube-auth/login/start?")
    with world.browser() as browser:
        begun = browser.get(moved.headers["location"])
        assert begun.headers["location"].startswith(world.provider.issuer)
        callback = login_headless(begun.headers["location"], "alice@example.com")
        assert browser.get(callback).headers["location"] == "/#/models?a=1&b=2"
    # A proxy may tell the server another name than the browser has: once is enough.
    hidden = httpx.get(f"{world.url}/prokube-auth/login/start?moved=1", headers={"Host": other.partition("//")[2]})
    assert hidden.headers["location"].startswith(world.provider.issuer)


def test_anonymous_visits_of_the_login_page_keep_nothing(world: World) -> None:
    before = world.rows("SELECT count(*) FROM prokube_sessions")
    browser = world.browser()
    for _ in range(3):
        assert browser.get("/prokube-auth/login").status_code == 200
    assert dict(browser.cookies) == {}
    assert world.rows("SELECT count(*) FROM prokube_sessions") == before


def test_the_session_is_a_new_one_after_login(world: World) -> None:
    browser = world.browser()
    callback = world.callback_url(browser, "alice@example.com")
    before = browser.cookies["prokube_auth_session"]
    browser.get(callback)
    assert browser.cookies["prokube_auth_session"].split(".")[0] != before.split(".")[0]
    old = httpx.get(world.url + CURRENT, cookies={"prokube_auth_session": before})
    assert old.status_code == 401


@pytest.mark.parametrize(
    "target",
    ["//evil.test", "/\\evil.test", "https://evil.test", "javascript:alert(1)", "#evil", "/\t/evil.test", "\n//evil"],
)
def test_next_leads_nowhere_else(world: World, target: str) -> None:
    _, answer = world.log_in("alice@example.com", target)
    assert answer.headers["location"] == "/"


def test_who_is_in_no_group_is_told_so_by_name_and_offered_another_account(world: World) -> None:
    browser, answer = world.log_in("mallory@example.com")
    assert answer.status_code == 403
    for words in ("mallory@example.com", "prokube-users", "Log in as someone else"):
        assert words in answer.text
    assert browser.get(CURRENT).status_code == 401


def test_a_browser_is_sent_to_login_and_an_api_client_is_not(world: World) -> None:
    page = world.browser().get("/")
    assert (page.status_code, "boot.js" in page.text) == (200, True)
    answer = world.browser().get("/api/2.0/mlflow/experiments/get?experiment_id=0")
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("path", ["/nonsense", "/prokube-auth/nonsense", "/prokube-auth/backchannel-logout"])
def test_a_browser_at_an_address_without_a_page_is_sent_to_login_and_anybody_else_is_not(
    world: World, path: str
) -> None:
    sent = world.browser().get(path)
    assert (sent.status_code, sent.headers["location"]) == (302, "/prokube-auth/login?next=%2F")
    for headers in ({}, {"Accept": "application/json"}, {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}):
        answer = httpx.get(world.url + path, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "path",
    ["/api/nonsense", "/ajax-api/2.0/mlflow/nonsense", "/api/2.0/mlflow/experiments/create", "/graphql", "/v1/nonsense",
     "/gateway/nonsense", "/mlflow-artifacts/nonsense", "/prokube-auth/api/nonsense", "/prokube-auth/api/access-key"],
)  # fmt: skip
def test_no_path_of_an_api_is_ever_sent_to_login(world: World, path: str) -> None:
    answer = world.browser().get(path)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_the_address_of_logout_asks_and_ends_nothing_by_itself(world: World) -> None:
    anonymous = world.browser().get("/prokube-auth/logout")
    assert (anonymous.status_code, anonymous.headers["location"]) == (302, "/prokube-auth/login")
    browser, _ = world.log_in("alice@example.com")
    answer = browser.get("/prokube-auth/logout")
    assert (answer.status_code, "Log out?" in answer.text) == (200, True)
    assert browser.get(CURRENT).status_code == 200


def bad_nonce(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "nonce": "another"}


def no_nonce(claims: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != "nonce"}


def wrong_issuer(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "iss": "http://evil.test"}


def wrong_audience(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "aud": "another-client"}


def expired(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "exp": claims["iat"] - 600, "iat": claims["iat"] - 900}


@pytest.mark.parametrize("tamper", [bad_nonce, no_nonce, wrong_issuer, wrong_audience, expired])
def test_an_id_token_that_does_not_hold_logs_nobody_in(
    world: World, tamper: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    world.provider.tamper = tamper
    try:
        browser, answer = world.log_in("alice@example.com")
    finally:
        world.provider.tamper = None
    title = "The clocks of this server and Keycloak differ" if tamper is expired else "The answer of Keycloak was not"
    assert (answer.status_code, title in answer.text) == (400, True)
    assert browser.get(CURRENT).status_code == 401


def test_an_unsigned_id_token_logs_nobody_in(world: World) -> None:
    world.provider.unsigned_id_token = True
    try:
        browser, answer = world.log_in("alice@example.com")
    finally:
        world.provider.unsigned_id_token = False
    assert answer.status_code == 400
    assert browser.get(CURRENT).status_code == 401


def test_a_wrong_state_or_issuer_in_the_callback_logs_nobody_in(world: World) -> None:
    for old, new in (("state=", "state=x"), ("iss=http", "iss=https")):
        browser = world.browser()
        answer = browser.get(world.callback_url(browser, "alice@example.com").replace(old, new))
        assert answer.status_code == 400
        assert browser.get(CURRENT).status_code == 401


def test_a_callback_in_another_browser_logs_nobody_in(world: World) -> None:
    callback = world.callback_url(world.browser(), "alice@example.com")
    assert world.browser().get(callback).status_code == 400


def test_an_outage_of_the_provider_is_a_clear_page_and_running_sessions_go_on(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    late = world.browser()
    callback = world.callback_url(late, "bob@example.com")
    world.provider.set_outage(True)
    try:
        assert late.get(callback).status_code in (400, 503)
        assert browser.get(CURRENT).status_code == 200
        assert late.get("/prokube-auth/login/start").status_code == 503
    finally:
        world.provider.set_outage(False)
    discovery = f"{world.provider.issuer}/.well-known/openid-configuration"
    assert f"login: the identity provider ({discovery}) does not answer (" in world.log.read_text()


def test_keys_rotated_at_the_provider_do_not_stop_logins(world: World) -> None:
    world.provider.rotate_keys()
    browser, _ = world.log_in("alice@example.com")
    assert browser.get(CURRENT).status_code == 200


@pytest.mark.parametrize("change", ["id", "secret", "all"])
def test_a_tampered_cookie_is_nobody(world: World, change: str) -> None:
    browser, _ = world.log_in("alice@example.com")
    session_id, secret = browser.cookies["prokube_auth_session"].split(".")
    values = {"id": f"{other(session_id)}.{secret}", "secret": f"{session_id}.{other(secret)}", "all": "nonsense"}
    assert httpx.get(world.url + CURRENT, cookies={"prokube_auth_session": values[change]}).status_code == 401


def other(text: str) -> str:
    """The same text with another first character."""
    return ("y" if text[0] == "x" else "x") + text[1:]


def test_an_expired_session_is_nobody(world: World) -> None:
    browser, _ = world.log_in("bob@example.com")
    session_id = browser.cookies["prokube_auth_session"].split(".")[0]
    world.sql("UPDATE prokube_sessions SET expires_at = 1 WHERE id = ?", session_id)
    assert browser.get(CURRENT).status_code == 401


def test_logout_ends_our_session_and_the_providers(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    cookie = browser.cookies["prokube_auth_session"]
    answer = browser.post("/prokube-auth/logout", headers={"Origin": world.url})
    assert answer.json()["redirect"].startswith(f"{world.provider.issuer}/")
    assert "id_token_hint=" in answer.json()["redirect"]
    assert httpx.get(world.url + CURRENT, cookies={"prokube_auth_session": cookie}).status_code == 401


@pytest.mark.parametrize("path", ["/prokube-auth/api/access-key", "/api/2.0/mlflow/experiments/create", "/graphql"])
@pytest.mark.parametrize(
    "origin", [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}]
)
def test_a_write_by_cookie_from_elsewhere_is_refused(world: World, path: str, origin: dict[str, str]) -> None:
    browser, _ = world.log_in("alice@example.com")
    answer = browser.post(
        path, json={"days": 7, "name": "csrf"}, headers={**origin, "Accept": "*/*", "Sec-Fetch-Mode": "cors"}
    )
    assert answer.status_code == 403


def test_keys_work_are_replaced_revoked_and_expire_with_words(world: World) -> None:
    browser, _ = world.log_in("bob@example.com")
    first = world.make_key(browser).json()["access_key"]
    second = world.make_key(browser, days=30).json()["access_key"]

    def use(key: str, user: str = "bob@example.com") -> httpx.Response:
        return httpx.get(world.url + CURRENT, auth=(user, key))

    assert use(second).status_code == 200
    assert httpx.get(world.url + CURRENT, headers={"Authorization": f"Bearer {second}"}).status_code == 200
    assert "was replaced on 20" in use(first).json()["message"]
    wrong = second[:-1] + ("a" if second[-1] != "a" else "b")
    generic = {
        use(wrong).text,
        use("pkt_nonsense").text,
        use(second, "alice@example.com").text,
        use("x", "no@one").text,
    }
    assert len(generic) == 1
    world.sql(
        "UPDATE prokube_access_keys SET expires_at = 100 WHERE ended_at IS NULL AND key_id = ?", second.split("_")[1]
    )
    assert "expired on 1970-01-01" in use(second).json()["message"]
    third = world.make_key(browser).json()["access_key"]
    assert browser.request("DELETE", "/prokube-auth/api/access-key", headers={"Origin": world.url}).status_code == 204
    assert "was revoked on 20" in use(third).json()["message"]


def test_a_key_never_makes_a_key(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    key = world.make_key(browser).json()["access_key"]
    answer = httpx.post(f"{world.url}/prokube-auth/api/access-key", json={"days": 7}, auth=("alice@example.com", key))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [{"days": 366}, {"days": 0}, {"days": True}, {"days": "7"}, {"expires_on": "2020-01-01"},
     {"expires_on": "9999-12-31"}, {"expires_on": "soon"}, {"x": 1}],
)  # fmt: skip
def test_a_key_without_a_usable_expiry_is_refused_with_what_is_expected(world: World, body: dict[str, Any]) -> None:
    browser, _ = world.log_in("alice@example.com")
    answer = world.make_key(browser, **body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert '"days": 1 to 365' in answer.json()["message"]


def audit_lines(world: World) -> list[dict[str, Any]]:
    return [json.loads(line) for line in re.findall(r"INFO mlflow_prokube_auth\.audit: (.*)", world.log.read_text())]


def test_a_login_is_one_json_line_in_the_log(world: World) -> None:
    before = len(audit_lines(world))
    world.log_in("alice@example.com")
    (line,) = audit_lines(world)[before:]
    assert (line["action"], line["actor"], line["client"]) == ("login", "alice@example.com", "127.0.0.1")
    assert line["at"] > 1_700_000_000


def test_the_log_begins_with_the_accepted_hosts_and_without_warnings_of_others(world: World) -> None:
    log = world.log.read_text()
    assert f"[prokube-auth] Accepted hosts: {world.url.removeprefix('http://')}, and MLflow's own list" in log
    assert "StarletteDeprecationWarning" not in log
    assert "travel unencrypted" not in log


def test_no_secret_is_in_the_log(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    key = world.make_key(browser).json()["access_key"]
    httpx.get(world.url + CURRENT, auth=("alice@example.com", key + "x"))
    log = world.log.read_text()
    assert not re.search(r"pkt_[0-9A-Za-z]{12}_", log)
    for secret in (
        "secret-of-the-client",
        "secret-key-of-the-tests",
        browser.cookies["prokube_auth_session"].split(".")[1],
    ):
        assert secret not in log


def test_bad_settings_end_the_server_at_once_with_the_whole_list(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "server", "--app-name", "prokube-auth", "--port", str(free_port()),
         "--backend-store-uri", f"sqlite:///{tmp_path}/m.db"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PROKUBE_AUTH_TOKEN_MAX_DAYS": "400",
             "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "false"},
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    for words in ("OIDC_ISSUER: is not set", "TOKEN_MAX_DAYS: found '400'", "MLFLOW_BASIC_AUTH_FAIL_CLOSED"):
        assert words in done.stderr
