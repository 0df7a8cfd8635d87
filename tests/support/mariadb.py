"""A real MariaDB for the tests: started on a free port, in a folder of its own, ended with its test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from .postgres import await_database

OPTIONS = ("--no-defaults", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve")


@dataclass
class MariaDB:
    """A running server, whose root needs no password on loopback."""

    port: int
    made: int = 0

    def uri(self, database: str) -> str:
        """SQLAlchemy URI of a database, as MLflow takes them."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """URI of a fresh, empty database."""
        self.made += 1
        name = f"test_{self.made}"
        engine = create_engine(self.uri(""))
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.uri(name)


@contextmanager
def running_mariadb(port: int) -> Iterator[MariaDB]:
    """A server on loopback; skips visibly where MariaDB is missing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    install, program = shutil.which("mariadb-install-db", path=path), shutil.which("mariadbd", path=path)
    if install is None or program is None:
        reason = "no MariaDB server was found: install your system's `mariadb-server` package to run these tests"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="prokube-mariadb-"))
    user = []
    if os.geteuid() == 0:
        user = ["--user=mysql"]
        shutil.chown(folder, "mysql", "mysql")
    log = folder / "mariadb.log"
    try:
        subprocess.run(
            [install, "--no-defaults", *user, f"--datadir={folder}/data", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip
        command = [program, *OPTIONS, *user, f"--datadir={folder}/data", f"--port={port}", "--bind-address=127.0.0.1",
                   f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--log-error={log}"]  # fmt: skip
        process = subprocess.Popen(command)
        try:
            server = MariaDB(port)
            _wait(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: MariaDB, process: subprocess.Popen[bytes], log: Path) -> None:
    engine = create_engine(server.uri(""))
    await_database(engine, process, log, "MariaDB")
