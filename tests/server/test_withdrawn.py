"""An access that the provider withdraws ends here; what it does not withdraw goes on."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless

from ..support.processes import free_port
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
USERS, ADMINS = "/prokube-users", "/prokube-admins"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("withdrawn"), f"http://127.0.0.1:{port}", port) as running:
        yield running


@pytest.fixture(autouse=True)
def all_is_well(world: World) -> Iterator[None]:
    """Each test leaves the provider as it was."""
    yield
    world.provider.set_outage(False)
    for name, groups in (("alice", [USERS]), ("bob", [USERS]), ("admin", [ADMINS])):
        world.provider.enable_user(f"{name}@example.com")
        world.provider.set_groups(f"{name}@example.com", groups)


def row_of(browser: httpx.Client) -> str:
    return browser.cookies["prokube_auth_session"].split(".")[0]


def make_due(world: World, browser: httpx.Client, seconds_ago: int = 3600) -> None:
    """As if the session had been checked so long ago."""
    world.sql(
        "UPDATE prokube_sessions SET checked_at = ?, claimed_until = NULL WHERE id = ?",
        int(time.time()) - seconds_ago,
        row_of(browser),
    )


def admin_flag(browser: httpx.Client) -> bool:
    return bool(browser.get(CURRENT).json()["user"]["is_admin"])


def test_a_disabled_user_is_out_at_the_next_check(world: World) -> None:
    browser, _ = world.log_in("bob@example.com")
    world.provider.disable_user("bob@example.com")
    assert browser.get(CURRENT).status_code == 200  # not due yet
    make_due(world, browser)
    assert browser.get(CURRENT).status_code == 401


def test_an_administrator_who_is_none_any_more_loses_the_rights_without_a_new_login(world: World) -> None:
    browser, _ = world.log_in("admin@example.com")
    assert admin_flag(browser)
    world.provider.set_groups("admin@example.com", [USERS])
    make_due(world, browser)
    assert not admin_flag(browser)
    world.provider.set_groups("admin@example.com", [USERS, ADMINS])
    make_due(world, browser)
    assert admin_flag(browser)


def test_who_left_the_user_group_is_out_with_all_sessions_and_the_access_key(world: World) -> None:
    browser, _ = world.log_in("bob@example.com")
    other, _ = world.log_in("bob@example.com")
    key = world.make_key(browser).json()["access_key"]
    world.provider.set_groups("bob@example.com", ["/another"])
    make_due(world, browser)
    assert browser.get(CURRENT).status_code == 401
    assert other.get(CURRENT).status_code == 401
    refused = httpx.get(world.url + CURRENT, auth=("bob@example.com", key))
    assert (refused.status_code, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert "no longer lets 'bob@example.com' use this server" in refused.json()["message"]
    world.provider.set_groups("bob@example.com", [USERS])
    world.log_in("bob@example.com")
    assert httpx.get(world.url + CURRENT, auth=("bob@example.com", key)).status_code == 200


def test_an_address_that_changed_renames_at_the_next_check(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    before = browser.get(CURRENT).json()["user"]
    world.provider.set_email("alice@example.com", "alicia@example.com")
    try:
        make_due(world, browser)
        after = browser.get(CURRENT).json()["user"]
    finally:
        world.provider.set_email("alicia@example.com", "alice@example.com")
        world.log_in("alice@example.com")
    assert (after["id"], after["username"]) == (before["id"], "alicia@example.com")


def test_an_idled_out_refresh_token_leads_back_without_a_click(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    world.provider.expire_refresh_tokens("alice@example.com")
    make_due(world, browser)
    assert browser.get(CURRENT, headers={"Accept": "*/*", "Sec-Fetch-Mode": "cors"}).status_code == 401
    page = browser.get("/prokube-auth/login", params={"next": "#/models/x"})
    assert page.status_code == 302, "the login page with its button was shown"
    start = browser.get(page.headers["location"])
    back = browser.get(login_headless(start.headers["location"], "alice@example.com"))
    assert back.headers["location"] == "/#/models/x"
    assert browser.get(CURRENT).status_code == 200


def test_a_session_is_refreshed_once_however_many_ask(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    cookies = {"prokube_auth_session": browser.cookies["prokube_auth_session"]}

    def ask(_: int) -> int:
        return httpx.get(world.url + CURRENT, cookies=cookies, timeout=60).status_code

    for _ in range(2):  # the second round needs the token that the first one brought
        make_due(world, browser)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(16))) == [200] * 16


def test_in_an_outage_who_was_in_order_goes_on_for_the_grace_and_not_longer(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    world.provider.set_outage(True)
    make_due(world, browser)
    assert browser.get(CURRENT).status_code == 200
    make_due(world, browser, 8 * 3600 + 400)
    refused = browser.get(CURRENT, headers={"Accept": "*/*", "Sec-Fetch-Mode": "cors"})
    assert (refused.status_code, refused.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "Keycloak does not answer" in refused.json()["message"]
    world.provider.set_outage(False)
    make_due(world, browser, 8 * 3600 + 400)
    assert browser.get(CURRENT).status_code == 200


def test_tokens_are_kept_sealed(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    kept = world.rows("SELECT tokens FROM prokube_sessions WHERE id = ?", row_of(browser))[0][0]
    assert "refresh_token" not in kept
    assert base64.urlsafe_b64decode(kept)[0] == 0x80  # Fernet's version


class TestBackChannelLogout:
    def token(self, world: World, sid: str | None, **changes: Any) -> str:
        subject = world.provider.accounts.by_email("alice@example.com").subject
        return world.provider.logout_token(subject, sid, **changes)

    def send(self, world: World, token: str) -> httpx.Response:
        return httpx.post(f"{world.url}/prokube-auth/backchannel-logout", data={"logout_token": token}, timeout=30)

    def sid(self, world: World, browser: httpx.Client) -> str:
        return str(world.rows("SELECT sid FROM prokube_sessions WHERE id = ?", row_of(browser))[0][0])

    def test_the_provider_ends_all_sessions_of_a_person(self, world: World) -> None:
        first, _ = world.log_in("alice@example.com")
        second, _ = world.log_in("alice@example.com")
        bob, _ = world.log_in("bob@example.com")
        assert set(world.provider.backchannel_logout("alice@example.com")) == {200}
        assert [browser.get(CURRENT).status_code for browser in (first, second, bob)] == [401, 401, 200]

    def test_a_token_for_one_session_leaves_the_others(self, world: World) -> None:
        first, _ = world.log_in("alice@example.com")
        second, _ = world.log_in("alice@example.com")
        assert self.send(world, self.token(world, self.sid(world, first))).status_code == 200
        assert [first.get(CURRENT).status_code, second.get(CURRENT).status_code] == [401, 200]

    def test_a_token_is_obeyed_once(self, world: World) -> None:
        token = self.token(world, None)
        assert self.send(world, token).status_code == 200
        browser, _ = world.log_in("alice@example.com")
        assert self.send(world, token).status_code == 400
        assert browser.get(CURRENT).status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "another-client"},
            {"iss": "http://evil.test"},
            {"nonce": "n"},
            {"events": {}},
            {"events": None},
            {"jti": ""},
            {"sub": 7},
            {"exp": 1000},
            {"exp": float("nan")},
            {"iat": 1000},
            {"iat": 4102444800},
        ],
        ids=str,
    )
    def test_a_token_that_does_not_hold_ends_nothing(self, world: World, changes: dict[str, Any]) -> None:
        browser, _ = world.log_in("alice@example.com")
        assert self.send(world, self.token(world, None, **changes)).status_code == 400
        assert browser.get(CURRENT).status_code == 200

    def test_an_unsigned_or_absent_token_ends_nothing(self, world: World) -> None:
        browser, _ = world.log_in("alice@example.com")
        header, payload, _ = self.token(world, None).split(".")
        none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').decode().rstrip("=")
        for token in (f"{none}.{payload}.", f"{header}.{payload}.", f"{header}.{payload}.AAAA", "", "x"):
            assert self.send(world, token).status_code == 400
        assert browser.get(CURRENT).status_code == 200


class TestBearerTokens:
    def claims(self, world: World, email: str = "alice@example.com", **changes: Any) -> dict[str, Any]:
        user = world.provider.accounts.by_email(email)
        now = int(time.time())
        return {
            "iss": world.provider.issuer, "sub": user.subject, "aud": ["account", "mlflow"], "typ": "Bearer",
            "azp": "pipelines", "iat": now, "exp": now + 300, "email": email, "email_verified": True,
            "groups": [USERS], **changes,
        }  # fmt: skip

    def ask(self, world: World, token: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(world.url + CURRENT, headers=headers, timeout=30, **more)

    def test_an_access_token_of_our_issuer_for_us_is_its_user(self, world: World) -> None:
        browser, _ = world.log_in("alice@example.com")
        answer = self.ask(world, world.provider.keys.sign(self.claims(world)))
        assert answer.json()["user"] == browser.get(CURRENT).json()["user"]

    def test_the_service_account_of_a_client_is_a_user_of_its_own(self, world: World) -> None:
        claims = {
            **self.claims(world), "sub": "sub-of-nightly", "client_id": "nightly",
            "preferred_username": "service-account-nightly",
        }  # fmt: skip
        del claims["email"], claims["email_verified"]
        answer = self.ask(world, world.provider.keys.sign(claims))
        assert answer.json()["user"]["username"] == "service-account-nightly"

    def test_of_the_first_requests_of_a_person_all_are_theirs(self, world: World) -> None:
        threads, rounds = 12, 8
        start = threading.Barrier(threads)

        def ask(token: str) -> tuple[int, Any]:
            with httpx.Client(timeout=60) as client:
                start.wait()
                answer = client.get(world.url + CURRENT, headers={"Authorization": f"Bearer {token}"})
                return answer.status_code, answer.json().get("user", {}).get("username")

        with ThreadPoolExecutor(threads) as pool:
            for number in range(rounds):
                email = f"new-{number}@example.com"
                claims = {**self.claims(world), "sub": f"sub-of-{email}", "email": email}
                answers = list(pool.map(ask, [world.provider.keys.sign(claims)] * threads))
                assert answers == [(200, email)] * threads

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"aud": "account"}, "audience"),
            ({"aud": None}, "audience"),
            ({"exp": 1000}, "expired"),
            ({"exp": float("nan")}, "exp"),
            ({"iat": 4102444800}, "clocks"),
            ({"nbf": 4102444800}, "clocks"),
            ({"typ": "ID"}, "not an access token"),
            ({"typ": None}, "not an access token"),
            ({"groups": ["/team-x/prokube-users"]}, "not a member"),
            ({"email_verified": False}, "not verified"),
            ({"iss": "http://evil.test"}, "not logged in"),
        ],
        ids=str,
    )
    def test_a_token_that_does_not_hold_is_nobody(self, world: World, changes: dict[str, Any], words: str) -> None:
        answer = self.ask(world, world.provider.keys.sign(self.claims(world, **changes)))
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
        assert words in answer.json()["message"]

    @pytest.mark.parametrize(
        "header", [{"alg": "none"}, {"alg": "HS256", "kid": "x"}, {"alg": "RS256", "kid": "made-up"}]
    )
    def test_another_signature_is_nobody(self, world: World, header: dict[str, str]) -> None:
        _, payload, signature = world.provider.keys.sign(self.claims(world)).split(".")
        forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        assert self.ask(world, f"{forged}.{payload}.{signature}").status_code == 401

    def test_an_id_token_of_a_login_is_no_access_token(self, world: World) -> None:
        answer = self.ask(world, world.provider.keys.sign({**self.claims(world), "aud": "mlflow", "typ": "ID"}))
        assert answer.status_code == 401

    def test_what_a_gateway_adds_beside_a_session_is_ignored(self, world: World) -> None:
        browser, _ = world.log_in("bob@example.com")
        cookies = {"prokube_auth_session": browser.cookies["prokube_auth_session"]}
        foreign = self.claims(world, iss="http://evil.test")
        for claims in (foreign, self.claims(world, aud="oauth2-proxy")):
            answer = self.ask(world, world.provider.keys.sign(claims), cookies=cookies)
            assert answer.json()["user"]["username"] == "bob@example.com"

    def test_an_access_token_never_makes_a_key(self, world: World) -> None:
        token = world.provider.keys.sign(self.claims(world))
        answer = httpx.post(
            f"{world.url}/prokube-auth/api/access-key", json={"days": 7}, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 401
