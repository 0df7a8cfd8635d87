"""A login that is not completed: each cause has words of its own, on the page and in the log."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from ..support.processes import free_port
from ..support.world import ALICE, World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
CALLBACK = "/prokube-auth/callback"
COOKIE = "prokube_auth_session"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("causes"), f"http://127.0.0.1:{port}", port) as running:
        yield running


def told(answer: httpx.Response) -> str:
    """The title of the page on which a login ended."""
    assert answer.status_code == 400, answer.text
    found = re.search(r'id="message-title">([^<]+)<', answer.text)
    assert found is not None
    return html.unescape(found.group(1))


def test_a_login_that_took_too_long_has_expired(world: World) -> None:
    # As the browser has it then: it has dropped the cookie itself.
    answer = world.browser().get(CALLBACK, params={"code": "x", "state": f"{int(time.time()) - 601}.x"})
    assert told(answer) == "The login took too long"
    assert "You have 10 minutes to finish a login." in answer.text
    assert "login refused: it began 60" in world.log.read_text()


def test_a_callback_without_the_cookie_names_the_right_address(world: World) -> None:
    answer = world.browser().get(world.callback_url(world.browser(), ALICE))
    assert told(answer) == "Your browser did not send this login's cookie"
    assert f"Open {world.url} and log in there" in answer.text
    assert "the browser sent no cookie" in world.log.read_text()


def test_a_cookie_of_another_login_is_named(world: World) -> None:
    browser, other = world.browser(), world.browser()
    callback = world.callback_url(browser, ALICE)
    world.callback_url(other, ALICE)
    browser.cookies.set(COOKIE, other.cookies[COOKIE], domain="127.0.0.1", path="/")
    browser = httpx.Client(base_url=world.url, cookies={COOKIE: other.cookies[COOKIE]}, headers=browser.headers)
    assert told(browser.get(callback)) == "Another login replaced this one"
    assert browser.get(CURRENT).status_code == 401


def test_of_two_tabs_each_goes_on_to_its_own_page(world: World) -> None:
    browser = world.browser()
    first = world.callback_url(browser, ALICE, "#/experiments/1")
    second = world.callback_url(browser, ALICE, "#/models/2")
    third = world.callback_url(browser, ALICE, "#/prompts/3")
    # Not in the order in which they began.
    for callback, page in ((second, "/#/models/2"), (first, "/#/experiments/1"), (third, "/#/prompts/3")):
        answer = browser.get(callback)
        assert (answer.status_code, answer.headers["location"]) == (302, page)
    assert browser.get(CURRENT).json()["user"]["username"] == ALICE


def test_the_session_of_a_completed_login_keeps_no_state_of_the_others(world: World) -> None:
    browser = world.browser()
    first, second = (world.callback_url(browser, ALICE, target) for target in ("#/models", "#/prompts"))
    browser.get(first)
    row = browser.cookies[COOKIE].split(".")[0]
    assert "_state_" not in world.rows("SELECT data FROM prokube_sessions WHERE id = ?", row)[0][0]
    browser.get(second)
    assert browser.cookies[COOKIE].split(".")[0] == row


@pytest.mark.parametrize("query", ["", "?code=x&state=1700000000.x", "?code=x", "?error=access_denied&state=x"])
def test_a_bookmarked_callback_leads_who_is_logged_in_to_mlflow(world: World, query: str) -> None:
    browser, _ = world.log_in(ALICE)
    answer = browser.get(CALLBACK + query)
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    assert browser.get(CURRENT).json()["user"]["username"] == ALICE


def test_a_bookmarked_callback_leads_nobody_else_anywhere(world: World) -> None:
    answer = world.browser().get(CALLBACK)
    assert told(answer) == "No login is in progress"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("error", "title", "words"),
    [
        ("access_denied", "The login was cancelled", "returned the browser with 'access_denied'"),
        ("invalid_scope", "Keycloak refuses this server's logins", "Check PROKUBE_AUTH_OIDC_SCOPES"),
        ("temporarily_unavailable", "Keycloak could not log you in", "with 'temporarily_unavailable'"),
    ],
)
def test_what_the_provider_says_on_the_way_back_is_told(world: World, error: str, title: str, words: str) -> None:
    browser = world.browser()
    callback = httpx.URL(world.callback_url(browser, ALICE, "#/models"))
    params = {"state": callback.params["state"], "error": error}
    answer = browser.get(CALLBACK, params=params)
    assert told(answer) == title
    assert "login?next=%2F%23%2Fmodels" in answer.text
    assert words in world.log.read_text()
    # Its state is spent.
    assert told(browser.get(callback)) == "Another login replaced this one"


def test_another_issuer_in_the_callback_is_told_with_both(world: World) -> None:
    browser = world.browser()
    callback = world.callback_url(browser, ALICE).replace("iss=http", "iss=https")
    assert told(browser.get(callback)) == "The answer came from an unexpected identity provider"
    assert f"expected '{world.provider.issuer}'" in world.log.read_text()


def test_a_wrong_client_secret_is_told_as_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_world(tmp_path_factory.mktemp("secret"), url, port, OIDC_CLIENT_SECRET="another") as world:
        _, answer = world.log_in(ALICE)
        assert told(answer) == "Keycloak refuses this server"
        log = world.log.read_text()
    assert "to the exchange of the code. Check PROKUBE_AUTH_OIDC_CLIENT_ID and PROKUBE_AUTH_OIDC_CLIENT_SECRET" in log
    assert "another" not in log
