"""Programs that a :mod:`tests.support.forkserver` forks: the same code as ``mlflow server``, without its imports.

A real start costs 12 s of CPU time, a fork about one. What is about the command itself uses the command: see
``command`` of :func:`tests.support.processes.running_mlflow`.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
# Libraries for linear algebra and pyarrow's allocator start threads of their own, which a fork would not have.
NO_THREADS = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}  # fmt: skip
# Read by libraries when they are imported, and without effect on a server: where the home is, who runs the tests.
WITHOUT_EFFECT = {"HOME", "MLFLOW_DISABLE_TELEMETRY", "MLFLOW_TRACKING_URI", "PATH", "PYTEST_CURRENT_TEST"}
# Read by the program loader and the interpreter.
OF_THE_PROCESS = ("LD_", "PYTHON")
READY_SECONDS, STARTED_SECONDS = 180, 60


class ForkServer:
    """One process for each process of tests; ends with it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ended: dict[int, int] = {}
        self._environment = {**os.environ, **NO_THREADS, "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forkserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=self._environment,
        )
        self._events = selectors.DefaultSelector()
        self._events.register(_given(self._process.stdout), selectors.EVENT_READ)
        self._buffer = b""
        ready = self._await(lambda event: "ready" in event, READY_SECONDS)
        self._read_at_import = frozenset(ready["read"]) - WITHOUT_EFFECT

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a fork can have this environment: what was read before has the same value there."""
        names = self._read_at_import | {
            name for name in (*environment, *self._environment) if name.startswith(OF_THE_PROCESS)
        }
        return all(environment.get(name) == self._environment.get(name) for name in names)

    def serve(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        log: Path,
        *,
        only_parent: bool = False,
        module: str = "mlflow",
    ) -> Forked:
        """``mlflow server`` with these arguments, in that directory; ``only_parent`` ends before a worker starts, and
        ``module`` takes the place of MLflow's own command."""
        log.write_bytes(b"")
        return self._start(module, arguments, environment, directory, log, log, server=True, only_parent=only_parent)

    def run(
        self,
        program: str | Path,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        seconds: float,
    ) -> subprocess.CompletedProcess[str]:
        """As :func:`subprocess.run` runs ``python -m program``, or an absolute path; without standard input.

        Raises:
            subprocess.TimeoutExpired: it runs longer.
        """
        if not self.fits(environment):
            command = [sys.executable, *([] if Path(program).is_absolute() else ["-m"]), str(program), *arguments]
            return subprocess.run(
                command, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=seconds, check=False,
            )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="prokube-command-") as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            for file in (output, errors):
                file.touch()
            started = self._start(str(program), arguments, environment, directory, output, errors)
            try:
                code = started.wait(seconds)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(started.pid, signal.SIGKILL)
            return subprocess.CompletedProcess([str(program), *arguments], code, output.read_text(), errors.read_text())

    def _start(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        output: Path,
        errors: Path,
        *,
        server: bool = False,
        only_parent: bool = False,
    ) -> Forked:
        request = {
            "program": program,
            "arguments": list(arguments),
            "environment": dict(environment),
            "directory": str(directory),
            "output": str(output),
            "errors": str(errors),
            "server": server,
            "only_parent": only_parent,
        }
        with self._lock:
            stream = _given(self._process.stdin)
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            return Forked(self, self._await(lambda event: "started" in event, STARTED_SECONDS)["started"])

    def code_of(self, pid: int) -> int | None:
        """The exit code of what was started; None while it runs."""
        with self._lock:
            self._read(0)
            return self._ended.get(pid)

    def close(self) -> None:
        """End it and all that runs."""
        _given(self._process.stdin).close()
        self._process.wait(30)

    def _await(self, wanted: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in self._read(1):
                if wanted(event):
                    return event
        raise RuntimeError("the fork server does not answer")

    def _read(self, seconds: float) -> list[dict[str, Any]]:
        if not self._events.select(seconds):
            return []
        chunk = os.read(_given(self._process.stdout).fileno(), 65536)
        if not chunk:
            raise RuntimeError(f"the fork server has ended with {self._process.wait(10)}")
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        events = [json.loads(line) for line in lines]
        self._ended |= {event["ended"]: event["code"] for event in events if "ended" in event}
        return events


class Forked:
    """A forked server, as :class:`subprocess.Popen` would be one."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server, self.pid = server, pid

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._server.code_of(self.pid)

    def wait(self, seconds: float) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        deadline = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("mlflow server", seconds)
            time.sleep(0.02)
        return code


@lru_cache(maxsize=1)
def fork_server() -> ForkServer:
    """That of this process, started when it is first needed."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def _given(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
