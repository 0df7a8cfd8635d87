"""Servers as processes of their own, for tests and benchmarks: on free ports, ended with all that they started."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .forked import Forked, fork_server

SECRET_KEY = "secret-key-of-the-tests-0123456789"
# Options and variables with which a first start writes something else than the template holds.
MAKES_OTHER_TABLES = {
    "--default-artifact-root", "--no-serve-artifacts", "--enable-workspaces", "MLFLOW_ENABLE_WORKSPACES",
    "PROKUBE_AUTH_DATABASE_URI",
}  # fmt: skip
# What uvicorn and gunicorn write when they answer.
UP = ("Application startup complete", "Booting worker with pid")


class NotStarted(AssertionError):
    """A server did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class ServerProcess:
    """A running ``mlflow server``: the process that started the workers, and its log."""

    pid: int
    log: Path


# Half of a server's start are the processes that run its jobs; tests that need them ask for them.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


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


def await_start(
    process: subprocess.Popen[bytes] | Forked, log: Path, seconds: float, is_up: Callable[[], bool]
) -> None:
    """Wait until a server is up.

    Raises:
        NotStarted: it ended, or takes longer.
    """
    deadline = time.monotonic() + seconds
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(f"the server did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


@contextmanager
def running_program(
    command: Sequence[str],
    log: Path,
    is_up: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[None]:
    """A server that is no MLflow, once it is up; it ends with the block.

    Raises:
        NotStarted: it ended, or was not up within a minute.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd)
    try:
        await_start(process, log, 60, is_up)
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


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


def copy_template(target: Path) -> None:
    """Write an SQLite file with the tables that a first start of ``mlflow server`` makes.

    Raises:
        FileExistsError: there is one.
    """
    with target.open("xb") as copy, _template().open("rb") as original:
        shutil.copyfileobj(original, copy)


@lru_cache(maxsize=1)
def _template() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="prokube-template-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file, log = directory / "mlflow.db", directory / "server.log"
    settings = plugin_settings("http://127.0.0.1:1", "secret", "http://127.0.0.1:1")
    arguments = ["--backend-store-uri", f"sqlite:///{file}", "--app-name", "prokube-auth"]
    arguments += ["--artifacts-destination", str(directory / "artifacts")]
    environment = {**os.environ, **QUIET, **settings}
    if fork_server().serve(arguments, environment, directory, log, only_parent=True).wait(120):
        raise RuntimeError(f"no template was made:\n{log.read_text()[-4000:]}")
    return file


@contextmanager
def running_mlflow(
    directory: Path,
    port: int,
    *options: str,
    app: str | None = "prokube-auth",
    database: str | None = None,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
    module: str = "mlflow",
    command: bool = False,
) -> Iterator[ServerProcess]:
    """``mlflow server`` with that app, or with none; its files are in ``directory``.

    It is forked, on a database that is migrated already, unless ``command`` asks for the real command; variables that a
    fork cannot have (``LD_PRELOAD``) always have it. ``within`` is a command that runs the server, such as one that
    shuts it in; ``module`` takes the place of MLflow's own command.
    """
    log = directory / "server.log"
    arguments = [
        "--port", str(port), "--workers", str(workers),
        "--backend-store-uri", database or f"sqlite:///{directory}/mlflow.db",
        "--artifacts-destination", str(directory / "artifacts"),
        *(["--app-name", app] if app is not None else []), *options,
    ]  # fmt: skip
    variables = {**os.environ, **QUIET, **(environment or {})}
    process: subprocess.Popen[bytes] | Forked
    if command or within or not fork_server().fits(variables):
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*within, sys.executable, "-m", module, "server", *arguments],
                stdout=output, stderr=subprocess.STDOUT, env=variables, start_new_session=True,
            )  # fmt: skip
    else:
        if database is None and app == "prokube-auth" and not MAKES_OTHER_TABLES.intersection((*options, *variables)):
            with suppress(FileExistsError):
                copy_template(directory / "mlflow.db")
        process = fork_server().serve(arguments, variables, Path.cwd(), log, module=module)
    try:
        await_start(process, log, 180, lambda: _workers_up(log) >= workers)
        yield ServerProcess(process.pid, log)
    finally:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)


def _workers_up(log: Path) -> int:
    text = log.read_text()
    return max(text.count(word) for word in UP)


@contextmanager
def running_server(
    directory: Path, settings: dict[str, str], port: int, *options: str, database: str | None = None
) -> Iterator[Path]:
    """``mlflow server --app-name prokube-auth`` with these settings; yields its log file."""
    with running_mlflow(directory, port, *options, database=database, environment=settings) as server:
        yield server.log
