"""A real Keycloak, our server in front of it, and people with real browsers."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ..chromium import chromium, new_context
from ..conftest import free_port, plugin_settings, running_server
from .server import Keycloak, missing, running_keycloak

__all__ = ["chromium"]

CURRENT = "/ajax-api/2.0/mlflow/users/current"
PATIENCE_MS = 60_000


@dataclass(frozen=True)
class User:
    """Someone with an account in Keycloak; ``name`` is the user name there, ``id`` the ``sub``."""

    id: str
    name: str
    email: str
    password: str


@dataclass
class World:
    """A server of ours and the Keycloak behind it."""

    url: str
    keycloak: Keycloak
    directory: Path
    log: Path
    chromium: Browser
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_user(self, *groups: str) -> User:
        """A fresh user, member of the groups with these full paths."""
        # The port tells apart the worlds that share a Keycloak.
        name = f"user{next(self._numbers)}-{self.url.rsplit(':', 1)[1]}"
        password = f"password-of-{name}"
        user_id = self.keycloak.admin.create_user(name, password=password, groups=groups)
        return User(user_id, name, f"{name}@example.com", password)

    def new_page(self) -> Page:
        """A page in a browser that knows no cookies."""
        page = new_context(self.chromium).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.set_default_navigation_timeout(PATIENCE_MS)
        return page

    def log_in(self, page: Page, user: User) -> None:
        """From our login page through Keycloak's form, up to our answer."""
        page.goto(f"{self.url}/prokube-auth/login")
        page.click("#login-button")
        fill_in(page, user)

    def current(self, page: Page) -> dict[str, Any] | None:
        """Whom MLflow's UI would show in this page's browser; None where nobody is logged in."""
        answer = page.request.get(self.url + CURRENT)
        return dict(answer.json()["user"]) if answer.ok else None


def fill_in(page: Page, user: User) -> None:
    """Keycloak's login form."""
    page.fill("#username", user.name)
    page.fill("#password", user.password)
    page.click("#kc-login")


@pytest.fixture(scope="session")
def keycloak() -> Iterator[Keycloak]:
    """One Keycloak for all tests of a worker; each module points its client at a server of its own."""
    if reason := missing():
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    with running_keycloak(f"http://127.0.0.1:{free_port()}") as running:
        yield running


@contextmanager
def running_world(
    keycloak: Keycloak,
    chromium: Browser,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    **changes: str,
) -> Iterator[World]:
    """``mlflow server`` with this Keycloak; ``changes`` are settings, ``environment`` is other variables."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keycloak.admin.move_client(keycloak.client_id, url)
    settings = plugin_settings(keycloak.issuer, keycloak.client_secret, url, **changes)
    with running_server(directory, {**settings, **(environment or {})}, port) as log:
        yield World(url, keycloak, directory, log, chromium)


@pytest.fixture(scope="module")
def world(keycloak: Keycloak, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server with the settings that operators start with."""
    with running_world(keycloak, chromium, tmp_path_factory.mktemp("keycloak")) as running:
        yield running
