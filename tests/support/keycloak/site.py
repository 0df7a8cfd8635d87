"""A server and the Keycloak in front of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from ..chromium import new_context
from ..processes import free_port, plugin_settings, running_server
from .server import Keycloak

# All sites of a process share its Keycloak.
_NUMBERS = itertools.count(1)
CURRENT = "/ajax-api/2.0/mlflow/users/current"


@dataclass(frozen=True)
class User:
    """Someone with an account in Keycloak; ``name`` is the user name there, ``id`` the ``sub``."""

    id: str
    name: str
    email: str
    password: str


@dataclass
class Site:
    """A server of ours and the Keycloak behind it."""

    url: str
    keycloak: Keycloak
    directory: Path
    log: Path
    chromium: Browser

    def new_user(self, *groups: str) -> User:
        """A fresh user, member of the groups with these full paths."""
        name = f"user{next(_NUMBERS)}"
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


@contextmanager
def running_site(
    keycloak: Keycloak,
    chromium: Browser,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    **changes: str,
) -> Iterator[Site]:
    """``mlflow server`` with this Keycloak; ``changes`` are settings, ``environment`` is other variables."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keycloak.admin.move_client(keycloak.client_id, url)
    settings = plugin_settings(keycloak.issuer, keycloak.client_secret, url, **changes)
    with running_server(directory, {**settings, **(environment or {})}, port) as log:
        yield Site(url, keycloak, directory, log, chromium)


USERS, ADMINS = "/prokube-users", "/prokube-admins"
API = "/api/2.0/mlflow"
# How long a test waits for what must come; the intervals below are a second each.
PATIENCE_SECONDS = 30


def eventually(question: Callable[[], Any], expected: Any) -> None:
    """Wait until the answer is the expected one; fail with the last other one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := question()) != expected:
        assert time.monotonic() < deadline, f"still {found!r}, expected {expected!r}"
        time.sleep(0.3)


def logged_in(world: Site, user: User) -> tuple[Page, tuple[str, str]]:
    """A page after login, and user name with access key."""
    page = world.new_page()
    world.log_in(page, user)
    page.wait_for_url(f"{world.url}/")
    made = page.evaluate(
        "fetch('/prokube-auth/api/access-key', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
        "body: JSON.stringify({days: 7})}).then(r => r.json())"
    )
    return page, (user.email, made["access_key"])


def who(world: Site, key: tuple[str, str]) -> tuple[int, bool | None]:
    """Status, and whether the key's owner is an administrator."""
    answer = httpx.get(world.url + CURRENT, auth=key, timeout=30)
    return answer.status_code, answer.json()["user"]["is_admin"] if answer.is_success else None


PATIENCE_MS = 60_000
