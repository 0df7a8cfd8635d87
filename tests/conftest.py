"""Real servers for the tests: one demo per session, ended with everything that it started."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from .postgres import Postgres, running_postgres
from .processes import QUIET, SECRET_KEY, await_start, free_port, plugin_settings, running_mlflow

# What tests of servers take from here, wherever it lives.
__all__ = ["SECRET_KEY", "Demo", "await_start", "free_port", "plugin_settings", "running_demo", "running_server"]

# No example is too slow for a machine that does other things, too, and none is kept on disk.
hypothesis.settings.register_profile(
    "here", deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("here")


@dataclass(frozen=True)
class Demo:
    """A running demo: where it is, and the users' keys by short name."""

    url: str
    issuer: str
    directory: Path
    keys: dict[str, str | None]
    log: Path
    pid: int

    def auth(self, who: str) -> tuple[str, str]:
        """User name and access key."""
        return f"{who}@example.com", str(self.keys[who])


@contextmanager
def running_demo(directory: Path, *options: str, env: dict[str, str] | None = None) -> Iterator[Demo]:
    """The demo as a process of its own."""
    info, log = directory / "info.json", directory / "demo.log"
    command = [
        sys.executable,
        "-m",
        "mlflow_prokube_auth.cli.main",
        "demo",
        "--port",
        str(free_port()),
        "--dir",
        str(directory / "data"),
        "--info-file",
        str(info),
        *options,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **QUIET, **(env or {})}, cwd=directory
        )
    try:
        await_start(process, log, 240, info.exists)
        facts = json.loads(info.read_text())
        keys = {user["username"].split("@")[0]: user["access_key"] for user in facts["users"]}
        yield Demo(facts["tracking_uri"], facts["issuer"], directory, keys, log, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests of a worker."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests of a worker; each test makes itself a database."""
    with running_postgres(free_port()) as server:
        yield server


@contextmanager
def running_server(
    directory: Path, settings: dict[str, str], port: int, *options: str, database: str | None = None
) -> Iterator[Path]:
    """``mlflow server --app-name prokube-auth`` with these settings; yields its log file."""
    with running_mlflow(directory, port, *options, database=database, environment=settings) as server:
        yield server.log


@pytest.fixture(autouse=True)
def package_logger() -> Iterator[None]:
    """The package's loggers are as at the start for each test: commands and MLflow's migrations change them."""
    yield
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] == "mlflow_prokube_auth":
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)
