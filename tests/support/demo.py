"""What the demo starts, for tests: its identity provider, its users with a key each, and a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow_prokube_auth.demo.provider import DemoProvider
from mlflow_prokube_auth.demo.run import make_keys, settings_of

from .processes import QUIET, await_start, free_port, running_mlflow


@dataclass(frozen=True)
class Demo:
    """A running demo: where it is, and the users' keys by short name. Its data is in ``directory / "data"``."""

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
def running_demo(directory: Path, env: dict[str, str] | None = None) -> Iterator[Demo]:
    """The parts of the demo, with a forked server; see :func:`running_demo_command` for the command."""
    data, port = directory / "data", free_port()
    data.mkdir()
    url, client_secret = f"http://127.0.0.1:{port}", "secret-of-the-client"
    with DemoProvider.for_server(url, client_secret) as provider:
        settings = settings_of(data, url, provider.issuer, client_secret)
        with running_mlflow(data, port, environment={**settings, **(env or {})}) as server:
            keys = _by_short_name(make_keys(settings, data, everybodys=True))
            yield Demo(url, provider.issuer, directory, keys, server.log, server.pid)


@contextmanager
def running_demo_command(directory: Path, *options: str) -> Iterator[Demo]:
    """``mlflow-prokube-auth demo`` as a process of its own."""
    info, log = directory / "info.json", directory / "demo.log"
    command = [sys.executable, "-m", "mlflow_prokube_auth.cli.main", "demo", "--port", str(free_port())]
    command += ["--dir", str(directory / "data"), "--info-file", str(info), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **QUIET}, cwd=directory
        )
    try:
        await_start(process, log, 240, info.exists)
        facts = json.loads(info.read_text())
        keys = _by_short_name({user["username"]: user["access_key"] for user in facts["users"]})
        yield Demo(facts["tracking_uri"], facts["issuer"], directory, keys, log, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _by_short_name(keys: dict[str, str | None]) -> dict[str, str | None]:
    return {name.split("@")[0]: key for name, key in keys.items()}
