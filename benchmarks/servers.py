"""The servers that are compared: plain MLflow, MLflow's basic-auth and ours, each with its own database."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mlflow_prokube_auth.demo.provider import DemoUser
from tests.support.postgres import Postgres, running_postgres
from tests.support.processes import free_port, running_mlflow
from tests.support.world import World, running_world

from .seed import Size, seed
from .wire import Client

Chosen = TypeVar("Chosen")
Made = TypeVar("Made")
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
# One of each kind that a benchmark asks as: all in the group that may log in.
PEOPLE = tuple(
    DemoUser(f"bench-{name}", f"{name}@example.com", f"{name} of the benchmarks", groups)
    for name, groups in (
        ("admin", ("/prokube-users", "/prokube-admins")),
        ("one", ("/prokube-users",)),
        ("member", ("/prokube-users",)),
        ("owner", ("/prokube-users",)),
    )
)
# Nothing but the request itself: no worker for jobs.
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass
class Running:
    """A server under test; ``database`` is its SQLAlchemy URI."""

    name: str
    url: str
    pid: int
    database: str
    log: Path

    def client(self, headers: Mapping[str, str] | None = None, timeout: float = 60) -> Client:
        """A kept connection to it."""
        return Client(self.url, headers, timeout)


@dataclass
class Ours(Running):
    """Ours, with one access key and one session for each of the :data:`PEOPLE`."""

    keys: dict[str, str] = field(default_factory=dict, repr=False)
    cookies: dict[str, str] = field(default_factory=dict, repr=False)

    def basic(self, who: str) -> dict[str, str]:
        """User name and access key, as MLflow's client sends them."""
        return basic(f"{who}@example.com", self.keys[who])

    def bearer(self, who: str) -> dict[str, str]:
        """The access key as ``MLFLOW_TRACKING_TOKEN``."""
        return {"Authorization": f"Bearer {self.keys[who]}"}

    def session(self, who: str) -> dict[str, str]:
        """The cookie of a browser that logged in, and what a browser says on its own site's requests."""
        return {"Cookie": self.cookies[who], "Origin": self.url, "Sec-Fetch-Site": "same-origin"}


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Effort(Enum):
    """How much is measured; the last is for tests, which see that everything runs and look at no figure."""

    FULL = "full"
    QUICK = "quick"
    SMOKE = "smoke"


class Stage:
    """Where benchmarks run: a folder, and one PostgreSQL for all of them, started when first needed."""

    def __init__(
        self, directory: Path, effort: Effort, kinds: tuple[str, ...] = (SQLITE, POSTGRESQL), *, command: bool = True
    ) -> None:
        self.directory = directory
        # Whether ours is started by the real command; a fork of the tests starts faster.
        self._command = command
        self.effort = effort
        self._kinds = kinds
        self._stack = ExitStack()
        self._postgres: Postgres | None = None
        self._made = 0
        # In tests, servers are started once for all benchmarks, and filled once.
        self._shared: dict[tuple[str, str], Any] = {}
        self._seeded: set[str] = set()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def choose(self, full: Chosen, quick: Chosen, smoke: Chosen) -> Chosen:
        """What this effort asks for."""
        return {Effort.FULL: full, Effort.QUICK: quick, Effort.SMOKE: smoke}[self.effort]

    def size(self, full: int, quick: int) -> Size:
        """The size to fill a database to; in tests just more than a page."""
        return Size(self.choose(full, quick, 120))

    def fill(self, server: Running, size: Size) -> None:
        """Seed a server's database."""
        if server.database not in self._seeded:
            seed(server.database, size, plain=not isinstance(server, Ours))
            self._seeded.add(server.database)

    @contextmanager
    def _once(self, name: str, kind: str, make: Callable[[], AbstractContextManager[Made]]) -> Iterator[Made]:
        """A server for the block; in tests the same one for all blocks."""
        if self.effort is not Effort.SMOKE:
            with make() as made:
                yield made
            return
        if (name, kind) not in self._shared:
            self._shared[name, kind] = self._stack.enter_context(make())
        yield self._shared[name, kind]

    def postgres(self) -> Postgres:
        """The PostgreSQL.

        Raises:
            pytest.skip.Exception: none is installed.
        """
        if self._postgres is None:
            self._postgres = self._stack.enter_context(running_postgres(free_port()))
        return self._postgres

    def databases(self) -> tuple[str, ...]:
        """The kinds that are asked for and that this machine has."""
        if POSTGRESQL not in self._kinds:
            return self._kinds
        try:
            self.postgres()
        except pytest.skip.Exception:
            return tuple(kind for kind in self._kinds if kind != POSTGRESQL)
        return self._kinds

    def new_directory(self, name: str) -> Path:
        """An empty folder."""
        self._made += 1
        directory = self.directory / f"{self._made}-{name}"
        directory.mkdir(parents=True)
        return directory

    def new_database(self, kind: str, directory: Path) -> str:
        """URI of an empty database."""
        return self.postgres().new_database() if kind == POSTGRESQL else f"sqlite:///{directory}/mlflow.db"

    def plain(self, kind: str, workers: int = 1) -> AbstractContextManager[Running]:
        """MLflow without any authentication."""
        return self._once("plain", kind, lambda: self._plain(kind, workers))

    def basic_auth(self, kind: str) -> AbstractContextManager[tuple[Running, dict[str, str]]]:
        """MLflow's own basic-auth; with the headers of its administrator."""
        return self._once("basic-auth", kind, lambda: self._basic_auth(kind))

    def ours(self, kind: str, workers: int = 1) -> AbstractContextManager[Ours]:
        """Ours, with everybody logged in."""
        return self._once("ours", kind, lambda: self._ours(kind, workers))

    @contextmanager
    def _plain(self, kind: str, workers: int) -> Iterator[Running]:
        directory = self.new_directory("plain")
        database, port = self.new_database(kind, directory), free_port()
        with running_mlflow(
            directory, port, app=None, database=database, workers=workers, environment=QUIET, command=True
        ) as server:
            yield Running("plain MLflow", f"http://127.0.0.1:{port}", server.pid, database, server.log)

    @contextmanager
    def _basic_auth(self, kind: str) -> Iterator[tuple[Running, dict[str, str]]]:
        directory = self.new_directory("basic-auth")
        database, port, password = self.new_database(kind, directory), free_port(), secrets.token_urlsafe(16)
        configuration = directory / "basic_auth.ini"
        configuration.write_text(
            "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
            f"database_uri = {database}\nadmin_username = admin\nadmin_password = {password}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        environment = {
            **QUIET,
            "MLFLOW_AUTH_CONFIG_PATH": str(configuration),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(32),
        }
        with running_mlflow(
            directory, port, app="basic-auth", database=database, environment=environment, command=True
        ) as server:
            running = Running("basic-auth", f"http://127.0.0.1:{port}", server.pid, database, server.log)
            yield running, basic("admin", password)

    @contextmanager
    def _ours(self, kind: str, workers: int) -> Iterator[Ours]:
        directory = self.new_directory("ours")
        database, port = self.new_database(kind, directory), free_port()
        url = f"http://127.0.0.1:{port}"
        with running_world(
            directory, url, port, users=PEOPLE, database=database, workers=workers, environment=QUIET,
            # Nor does any re-check fall due in the middle of a run.
            DIRECTORY_CHECK="off", SESSION_RECHECK_SECONDS="86400", DIRECTORY_RECHECK_SECONDS="86400",
            command=self._command,
        ) as world:  # fmt: skip
            ours = Ours("ours", url, world.pid, database, world.log)
            for person in PEOPLE:
                _let_in(world, ours, person)
            yield ours


def _let_in(world: World, ours: Ours, person: DemoUser) -> None:
    who = person.email.partition("@")[0]
    browser, _ = world.log_in(person.email)
    answer = world.make_key(browser)
    answer.raise_for_status()
    ours.keys[who] = answer.json()["access_key"]
    ours.cookies[who] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
    browser.close()
