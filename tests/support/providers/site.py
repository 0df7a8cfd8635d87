"""A server of ours behind a provider that is no Keycloak, and people who are scripts."""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ..processes import plugin_settings, running_mlflow
from .form_login import walk

CURRENT = "/ajax-api/2.0/mlflow/users/current"
SECRET = "secret-of-the-client"
USERS, ADMINS = "prokube-users", "prokube-admins"
# Past the session's interval.
DUE = 3600


class RunningProvider(ABC):
    """A provider with people whom a test may change."""

    issuer: str

    @abstractmethod
    def put(self, email: str, groups: Sequence[str]) -> None:
        """Make a person of this address, or change their groups."""

    @abstractmethod
    def remove(self, email: str) -> None:
        """Delete the account."""

    @abstractmethod
    def typed(self, email: str) -> dict[str, str]:
        """What the person types into the provider's forms."""


@dataclass
class Site:
    """The server."""

    url: str
    directory: Path
    log: Path
    provider: RunningProvider

    def browser(self) -> httpx.Client:
        """One that knows no cookies; it talks to the provider as well."""
        return httpx.Client(timeout=30, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.directory / "mlflow.db", timeout=20)) as connection, connection:
            return connection.execute(query, values).fetchall()

    def log_in(self, email: str, browser: httpx.Client | None = None) -> tuple[httpx.Client, httpx.Response]:
        """From our login through the provider's forms, up to our answer."""
        browser = browser or self.browser()
        start = browser.get(f"{self.url}/prokube-auth/login/start")
        assert start.status_code == 302, start.text
        back = walk(browser, start.headers["location"], f"{self.url}/", self.provider.typed(email))
        return browser, browser.get(back)

    def write(self, browser: httpx.Client, path: str, **body: object) -> httpx.Response:
        """What a page's script sends."""
        return browser.post(
            f"{self.url}/prokube-auth/{path}", json=body, headers={"Origin": self.url, "Accept": "application/json"}
        )


@dataclass
class Person:
    """Somebody who is logged in and has made an access key."""

    site: Site
    email: str
    browser: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.browser, answer = self.site.log_in(self.email)
        assert answer.status_code == 302, answer.text
        # Cookies know no ports: the name tells ours from the provider's.
        self.row = self.browser.cookies["prokube_auth_session"].split(".")[0]
        made = self.site.write(self.browser, "api/access-key", days=7)
        self.auth = (self.email, made.json()["access_key"])

    def current(self) -> dict[str, object] | None:
        """Whom MLflow's UI would show; None where nobody is logged in."""
        answer = self.browser.get(self.site.url + CURRENT)
        return dict(answer.json()["user"]) if answer.is_success else None

    def key(self) -> int:
        """What the key gets."""
        return httpx.get(self.site.url + CURRENT, auth=self.auth, timeout=30).status_code

    def recheck(self, seconds_ago: int = DUE) -> int:
        """The answer to a request of the session, whose last check was so long ago."""
        self.site.rows(
            "UPDATE prokube_sessions SET checked_at = ?, claimed_until = NULL WHERE id = ?",
            int(time.time()) - seconds_ago,
            self.row,
        )
        return self.browser.get(self.site.url + CURRENT).status_code

    def checked_at(self) -> int:
        """When the provider last answered in full, in UTC seconds."""
        return int(str(self.site.rows("SELECT checked_at FROM prokube_sessions WHERE id = ?", self.row)[0][0]))

    def teams(self) -> set[str]:
        """The names of the person's teams."""
        query = (
            "SELECT prokube_teams.name FROM prokube_teams JOIN prokube_team_roles ON team_id = prokube_teams.id "
            "JOIN user_role_assignments USING (role_id) JOIN users ON users.id = user_id WHERE username = ?"
        )
        return {str(name) for (name,) in self.site.rows(query, self.email)}


@contextmanager
def running_site(provider: RunningProvider, directory: Path, url: str, **changes: str) -> Iterator[Site]:
    """``mlflow server`` at ``url`` in front of this provider; ``changes`` are settings."""
    port = urlsplit(url).port
    assert port is not None
    settings = plugin_settings(provider.issuer, SECRET, url, **changes)
    with running_mlflow(directory, port, environment=settings) as server:
        yield Site(url, directory, server.log, provider)
