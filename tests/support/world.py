"""A server with the provider behind it in the test's own hands, at any URL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from mlflow_prokube_auth.demo.headless import login_headless
from mlflow_prokube_auth.demo.provider import DEMO_USERS, DemoProvider, DemoUser
from mlflow_prokube_auth.identity.kept_document import RETRY_SECONDS

from .processes import plugin_settings, running_mlflow


@dataclass
class World:
    """A server and the provider behind it."""

    url: str
    provider: DemoProvider
    directory: Path
    log: Path
    pid: int = 0

    @property
    def origin(self) -> str:
        """What a browser sends as ``Origin``."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def browser(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, timeout=30, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
        )

    def callback_url(self, browser: httpx.Client, email: str, target: str = "") -> str:
        start = browser.get("/prokube-auth/login/start", params={"next": target})
        assert start.status_code == 302, start.text
        return login_headless(start.headers["location"], email)

    def log_in(self, email: str, target: str = "") -> tuple[httpx.Client, httpx.Response]:
        browser = self.browser()
        return browser, browser.get(self.callback_url(browser, email, target))

    def make_key(self, browser: httpx.Client, **body: Any) -> httpx.Response:
        return browser.post(
            "/prokube-auth/api/access-key", json=body or {"days": 7}, headers={"Origin": self.origin, "Accept": "*/*"}
        )

    def sql(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.directory / "mlflow.db", timeout=20) as connection:
            connection.execute(statement, values)

    def rows(self, query: str, *values: Any) -> list[Any]:
        with sqlite3.connect(self.directory / "mlflow.db", timeout=20) as connection:
            return connection.execute(query, values).fetchall()


@contextmanager
def running_world(
    directory: Path,
    url: str,
    port: int,
    *options: str,
    users: Iterable[DemoUser] = DEMO_USERS,
    database: str | None = None,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
    provider_options: Mapping[str, Any] | None = None,
    away_at_start: bool = True,
    module: str = "mlflow",
    command: bool = False,
    **changes: str,
) -> Iterator[World]:
    """A server that listens on ``port`` and is known to browsers and clients as ``url``; ``changes`` are settings."""
    provider = DemoProvider.for_server(url, "secret-of-the-client", users=users, **(provider_options or {}))
    with provider:
        settings = plugin_settings(provider.issuer, "secret-of-the-client", url, **changes) | dict(environment or {})
        provider.set_outage(away_at_start)  # the server starts without its identity provider
        with running_mlflow(
            directory, port, *options, database=database, workers=workers, environment=settings, within=within,
            module=module, command=command,
        ) as server:  # fmt: skip
            provider.set_outage(False)
            time.sleep(RETRY_SECONDS)  # for so long the server believes what it saw at its start
            yield World(url, provider, directory, server.log, server.pid)


ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
ALICE, BOB, ADMIN = "alice@example.com", "bob@example.com", "admin@example.com"


@dataclass
class Place:
    """A server at a prefix, with a key for each of three people."""

    world: World
    keys: dict[str, str]
    bare: str | None = None
    # The server's own port, where a proxy stands before it.
    backend: int | None = None

    @property
    def artifact_roots(self) -> list[str]:
        """Every address of the artifacts."""
        return [root for root in (self.world.url + ARTIFACTS, self.bare) if root]

    def client(self, email: str | None, base: str | None = None) -> httpx.Client:
        """What a script is: a key, no cookie."""
        auth = (email, self.keys[email]) if email else None
        return httpx.Client(base_url=base or self.world.url, auth=auth, timeout=30)


def with_keys(world: World, bare: str | None = None) -> Place:
    keys = {}
    for email in (ALICE, BOB, ADMIN):
        browser, _ = world.log_in(email)
        keys[email] = world.make_key(browser).json()["access_key"]
    return Place(world, keys, bare)


PREFIX = "/mlflow"
