"""The demo as a process of its own."""

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

from .processes import QUIET, await_start, free_port


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
