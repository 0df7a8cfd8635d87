"""Real servers for the tests: one demo per session, ended with everything that it started."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from .postgres import Postgres, running_postgres

# No example is too slow for a machine that does other things, too, and none is kept on disk.
hypothesis.settings.register_profile(
    "here", deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("here")
SECRET_KEY = "secret-key-of-the-tests-0123456789"
# What uvicorn and gunicorn write when they answer.
UP = ("Application startup complete", "Booting worker with pid")


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


def free_port() -> int:
    """A port that nothing listens on, and that no outgoing connection or other test process is given meanwhile.

    Ports that the system hands out by itself (32768 and up) may be gone again before a server binds them.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 15000 + worker % 8 * 2000
    for port in random.sample(range(first, first + 2000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no free port between {first} and {first + 1999}")


def await_start(process: subprocess.Popen[bytes], log: Path, seconds: float, is_up: Callable[[], bool]) -> None:
    """Wait until a server is up; fail with the end of its log where it ends or takes longer."""
    deadline = time.monotonic() + seconds
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)


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
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=directory
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


def plugin_settings(issuer: str, client_secret: str, url: str, **changes: str) -> dict[str, str]:
    """The environment of a server at ``url`` for the client `mlflow` of this issuer; ``changes`` are settings."""
    settings = {
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": "mlflow",
        "OIDC_CLIENT_SECRET": client_secret,
        "EXTERNAL_URL": url,
        "SECRET_KEY": SECRET_KEY,
        **changes,
    }
    return {f"PROKUBE_AUTH_{name}": value for name, value in settings.items()}


@contextmanager
def running_server(
    directory: Path, settings: dict[str, str], port: int, *options: str, database: str | None = None
) -> Iterator[Path]:
    """``mlflow server --app-name prokube-auth`` with these settings; yields its log file."""
    log = directory / "server.log"
    command = [
        sys.executable, "-m", "mlflow", "server", "--app-name", "prokube-auth", "--port", str(port), "--workers", "1",
        "--backend-store-uri", database or f"sqlite:///{directory}/mlflow.db",
        "--artifacts-destination", str(directory / "artifacts"), *options,
    ]  # fmt: skip
    environment = {**os.environ, **settings, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        await_start(process, log, 180, lambda: any(word in log.read_text() for word in UP))
        yield log
    finally:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
