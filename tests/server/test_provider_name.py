"""A provider that is no Keycloak is called by its own name, and nothing is promised in its name."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import mlflow_prokube_auth

from ..support.processes import free_port
from ..support.world import World, running_world

NAME = "Acme <Login>"
CURRENT = "/ajax-api/2.0/mlflow/users/current"
API = "/api/2.0/mlflow"
ASSETS = Path(mlflow_prokube_auth.__file__).parent / "web" / "assets"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    directory = tmp_path_factory.mktemp("provider-name")
    with running_world(
        directory, f"http://127.0.0.1:{port}", port, provider_options={"ends_sessions": False}, PROVIDER_NAME=NAME
    ) as running:
        yield running


def says(answer: httpx.Response, *words: str) -> None:
    """The provider's name and these words are in a page or a refusal, and Keycloak's is not."""
    text = html.unescape(answer.text) if "html" in answer.headers["content-type"] else answer.json()["message"]
    assert NAME in text
    assert "Keycloak" not in text.replace("from_keycloak", "")
    for each in words:
        assert each in text, text


def test_pages_name_it(world: World) -> None:
    says(world.browser().get("/prokube-auth/login"), f"Log in with {NAME}")
    admin, _ = world.log_in("admin@example.com")
    for section in ("users", "teams", "service-accounts", "audit"):
        says(admin.get(f"/prokube-auth/admin/{section}"))


def test_scripts_name_no_provider() -> None:
    for path in ASSETS.glob("*.js"):
        assert "Keycloak" not in path.read_text(), path


def client(world: World, email: str) -> httpx.Client:
    """A script with an access key."""
    browser, _ = world.log_in(email)
    return httpx.Client(base_url=world.url, auth=(email, world.make_key(browser).json()["access_key"]))


def test_refusals_name_it(world: World) -> None:
    alice, admin = client(world, "alice@example.com"), client(world, "admin@example.com")
    says(alice.get("/prokube-auth/api/admin/users"), f"Administrators come from {NAME}")
    says(admin.post(f"{API}/users/create", json={"username": "u", "password": "p"}), f"Users come from {NAME}")
    says(admin.get("/signup"), f"logging in with {NAME}")


def test_a_denied_login_names_it_and_offers_another_account(world: World) -> None:
    browser, answer = world.log_in("mallory@example.com")
    assert answer.status_code == 403
    says(answer, f"logged in at {NAME} as mallory@example.com")
    again = re.findall(r'href="([^"]*)"[^>]*>Log in as someone else', answer.text)
    assert again == ["/prokube-auth/login/start?anew=1"]
    # Its own session goes on, so it is asked to forget whom it knows.
    assert "prompt=login" in browser.get(again[0]).headers["location"]


def test_where_the_provider_has_no_logout_none_is_promised(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    assert NAME not in browser.get("/prokube-auth/logout").text.split("data-provider", 1)[1].split(">", 1)[1]
    ended = browser.post("/prokube-auth/logout", headers={"Origin": world.origin, "Accept": "application/json"})
    assert ended.json() == {"redirect": "/prokube-auth/logged-out?here"}
    says(browser.get(ended.json()["redirect"]), f"Your session in {NAME} may continue")
    says(browser.get("/prokube-auth/logged-out"), f"Your session in {NAME} may continue")
    assert browser.get(CURRENT).status_code == 401


def test_during_an_outage_it_is_named(world: World) -> None:
    world.provider.set_outage(True)
    try:
        says(world.browser().get("/prokube-auth/login/start"), f"{NAME} does not answer")
    finally:
        world.provider.set_outage(False)
    assert f"the identity provider ({world.provider.issuer}" in world.log.read_text()
