"""Issuers are compared as they are written, the slash at the end of some (Auth0, Authentik) included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from mlflow_prokube_auth.cli.main import main

from ..support.processes import free_port, plugin_settings
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
ALICE = "alice@example.com"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server whose provider's issuer ends in a slash."""
    port = free_port()
    directory = tmp_path_factory.mktemp("issuers")
    options = {"issuer_slash": True}
    with running_world(directory, f"http://127.0.0.1:{port}", port, provider_options=options) as running:
        yield running


def make_due(world: World, browser: httpx.Client) -> None:
    row = browser.cookies["prokube_auth_session"].split(".")[0]
    world.sql(
        "UPDATE prokube_sessions SET checked_at = ?, claimed_until = NULL WHERE id = ?", int(time.time()) - 3600, row
    )


def test_login_recheck_and_key_work_and_the_identity_has_the_issuer_as_it_is(world: World) -> None:
    assert world.provider.issuer.endswith("/")
    browser, answer = world.log_in(ALICE)
    assert answer.status_code == 302
    make_due(world, browser)
    assert browser.get(CURRENT).json()["user"]["username"] == ALICE
    key = world.make_key(browser).json()["access_key"]
    assert httpx.get(world.url + CURRENT, auth=(ALICE, key)).status_code == 200
    assert world.rows("SELECT issuer, subject FROM prokube_identities") == [(world.provider.issuer, "demo-alice")]


def test_the_callback_of_the_issuer_without_its_slash_logs_nobody_in(world: World) -> None:
    browser = world.browser()
    callback = world.callback_url(browser, ALICE)
    assert callback.count("%2F&") + callback.endswith("%2F") == 1, callback
    shorter = callback.replace("%2F&", "&") if "%2F&" in callback else callback.removesuffix("%2F")
    assert browser.get(shorter).status_code == 400


def access_token(world: World, **changes: Any) -> dict[str, str]:
    now = int(time.time())
    claims = {
        "iss": world.provider.issuer, "sub": "demo-bob", "aud": "mlflow", "typ": "Bearer", "iat": now, "exp": now + 300,
        "email": "bob@example.com", "email_verified": True, "groups": ["/prokube-users"], **changes,
    }  # fmt: skip
    return {"Authorization": f"Bearer {world.provider.keys.sign(claims)}"}


def test_access_tokens_are_of_the_issuer_as_it_is(world: World) -> None:
    answer = httpx.get(world.url + CURRENT, headers=access_token(world))
    assert answer.json()["user"]["username"] == "bob@example.com"
    other = httpx.get(world.url + CURRENT, headers=access_token(world, iss=world.provider.url))
    assert other.status_code == 401
    browser, _ = world.log_in("bob@example.com")
    assert browser.get(CURRENT).json()["user"]["id"] == answer.json()["user"]["id"]


def test_logout_tokens_are_of_the_issuer_as_it_is(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    other = world.provider.logout_token("demo-alice", None, iss=world.provider.url)
    sent = httpx.post(f"{world.url}/prokube-auth/backchannel-logout", data={"logout_token": other})
    assert (sent.status_code, browser.get(CURRENT).status_code) == (400, 200)
    assert set(world.provider.backchannel_logout(ALICE)) == {200}
    assert browser.get(CURRENT).status_code == 401


def test_logging_out_leads_to_the_provider(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    answer = browser.post("/prokube-auth/logout", headers={"Origin": world.url})
    assert answer.json()["redirect"].startswith(f"{world.provider.url}/logout?")


@pytest.mark.parametrize("slash", [True, False], ids=["the issuer has a slash", "the setting has a slash"])
def test_a_setting_that_differs_in_the_slash_is_told_with_both_and_withdraws_nobody(
    tmp_path_factory: pytest.TempPathFactory, slash: bool
) -> None:
    port, provider_port = free_port(), free_port()
    url, base = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{provider_port}"
    issuer, setting = (f"{base}/", base) if slash else (base, f"{base}/")
    directory = tmp_path_factory.mktemp("differs")
    options = {"port": provider_port, "issuer_slash": slash}
    with running_world(directory, url, port, provider_options=options) as right:
        browser, _ = right.log_in(ALICE)
        key = right.make_key(browser).json()["access_key"]
    with running_world(
        directory, url, port, provider_options=options, away_at_start=False, OIDC_ISSUER=setting, DIRECTORY_CHECK="off"
    ) as wrong:
        page = wrong.browser().get("/prokube-auth/login/start")
        found = f"names the issuer '{issuer}', expected '{setting}'"
        log = wrong.log.read_text().split("login: ")[0]  # at start
        assert httpx.get(url + CURRENT, auth=(ALICE, key)).status_code == 200
        make_due(wrong, browser)
        assert browser.get(CURRENT).status_code == 200
    assert page.status_code == 503
    for text in (page.text.replace("&#39;", "'"), log):
        for words in (found, f"Set PROKUBE_AUTH_OIDC_ISSUER to '{issuer}'", "the slash at the end"):
            assert words in text


def test_the_doctor_tells_a_setting_that_differs_in_the_slash(world: World) -> None:
    environ = plugin_settings(world.provider.url, "secret-of-the-client", world.url)
    done = CliRunner().invoke(
        main, ["doctor"], env={**environ, "PROKUBE_AUTH_DATABASE_URI": f"sqlite:///{world.directory}/mlflow.db"}
    )
    line = next(line for line in done.stdout.splitlines() if "discovery document" in line)
    for words in (repr(world.provider.issuer), repr(world.provider.url), "the slash at the end"):
        assert words in line
