"""A real PostgreSQL for the tests: started on a free port, in a folder of its own, ended with the session."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

USER = "mlflow"


def _program(name: str) -> Path | None:
    """Debian keeps the server's programs off the PATH, one folder for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which(name)
    return found[-1] if found else Path(on_path) if on_path else None


def as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@dataclass(eq=False)
class Postgres:
    """A running server."""

    port: int
    data: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    made: int = 0
    newest: str = ""

    def uri(self, database: str) -> str:
        """SQLAlchemy URI of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """URI of a fresh, empty database."""
        self.made += 1
        name = f"test_{os.getpid()}_{self.made}"
        engine = create_engine(self.uri("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        self.newest = self.uri(name)
        return self.newest

    def copy(self, template: str, database: str) -> None:
        """Put a copy of a database, to which nobody is connected, in the place of another one."""
        engine = create_engine(self.uri("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {database}"))
            connection.execute(text(f"CREATE DATABASE {database} TEMPLATE {template}"))
        engine.dispose()
        self.newest = self.uri(database)

    def execute(self, statement: str) -> None:
        """Change something in the newest database behind everybody's back."""
        engine = create_engine(self.newest)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def start(self) -> None:
        """Serve again after :meth:`stop`, on the same port with the same data."""
        self.process = _serve(self.data, self.port)
        _wait(self)

    def stop(self) -> None:
        """End at once, as a crash would."""
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists():
            pid = int(pid_file.read_text().split()[0])
            with suppress(ProcessLookupError):
                os.kill(pid, 3)  # SIGQUIT: "immediate shutdown"
        self.process.wait(30)


def _serve(data: Path, port: int) -> subprocess.Popen[bytes]:
    options = [
        f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}", "fsync=off",
        "max_connections=200", "shared_buffers=64MB",
    ]  # fmt: skip
    command = [str(_program("postgres")), "-D", str(data)]
    for option in options:
        command += ["-c", option]
    with (data.parent / "postgres.log").open("ab") as log:
        return subprocess.Popen(as_postgres(command), stdout=log, stderr=subprocess.STDOUT, cwd="/")


def _wait(server: Postgres) -> None:
    engine = create_engine(server.uri("postgres"), connect_args={"connect_timeout": 2})
    await_database(engine, server.process, server.data.parent / "postgres.log", "PostgreSQL")


def await_database(engine: Engine, process: subprocess.Popen[bytes], log: Path, name: str, seconds: float = 60) -> None:
    """Wait until a database, or a pooler, takes connections; fail with the end of its log where it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with engine.connect():
                engine.dispose()
                return
        except OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{name} did not start:\n{log.read_text()[-2000:] if log.exists() else ''}")
            time.sleep(0.1)


@contextmanager
def running_postgres(port: int) -> Iterator[Postgres]:
    """A server with trust authentication on loopback; skips visibly where PostgreSQL is missing."""
    initdb = _program("initdb")
    if initdb is None:
        reason = "no PostgreSQL server was found: install your system's `postgresql` package to run these tests"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    create = [str(initdb), "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "-D"]
    with _running(create, port) as server:
        yield server


@contextmanager
def running_standby(primary: Postgres, port: int) -> Iterator[Postgres]:
    """A hot standby of ``primary``, as it is now: everything can be read, nothing written."""
    address = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", USER]
    copy = [str(_program("pg_basebackup")), *address, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"]
    with _running(copy, port) as server:
        yield server


@contextmanager
def _running(create: list[str], port: int) -> Iterator[Postgres]:
    """A server on the data that ``create`` puts into the folder which is its last argument."""
    folder = Path(tempfile.mkdtemp(prefix="prokube-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    try:
        subprocess.run(as_postgres([*create, str(data)]), check=True, capture_output=True, cwd="/")
        server = Postgres(port, data, _serve(data, port))
        try:
            _wait(server)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
