"""A real PgBouncer for the tests, which gives each transaction whatever connection is free; ended with its test."""

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
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from .postgres import USER, Postgres, as_postgres, await_database

CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={postgres}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
logfile = {folder}/pgbouncer.log
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 1000
query_wait_timeout = 60
"""


@dataclass(frozen=True)
class PgBouncer:
    """A running pooler in transaction mode."""

    port: int
    process: subprocess.Popen[bytes]

    def uri(self, direct: str, driver: str) -> str:
        """The database at ``direct``, through the pooler."""
        url = make_url(direct).set(drivername=f"postgresql+{driver}", host="127.0.0.1", port=self.port)
        return url.render_as_string(hide_password=False)


@contextmanager
def running_pgbouncer(postgres: Postgres, port: int, connections: int) -> Iterator[PgBouncer]:
    """In front of ``postgres``, with so many connections for each database; skips visibly where it is missing."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        reason = "no PgBouncer was found: install your system's `pgbouncer` package to run these tests"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="prokube-pgbouncer-"))
    (folder / "users.txt").write_text(f'"{USER}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        CONFIGURATION.format(postgres=postgres.port, port=port, folder=folder, connections=connections)
    )
    if os.geteuid() == 0:  # as which it does not run
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")
    pooler = PgBouncer(
        port, subprocess.Popen(as_postgres([program, "--quiet", str(folder / "pgbouncer.ini")]), cwd="/")
    )
    try:
        _wait(pooler, postgres.uri("postgres"), folder / "pgbouncer.log")
        yield pooler
    finally:
        pooler.process.send_signal(signal.SIGTERM)  # to runuser, too, which hands it on
        pooler.process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(pooler: PgBouncer, direct: str, log: Path) -> None:
    engine = create_engine(pooler.uri(direct, "psycopg"), connect_args={"prepare_threshold": None})
    await_database(engine, pooler.process, log, "PgBouncer", seconds=30)
