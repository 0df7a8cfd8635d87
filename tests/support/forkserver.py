"""A process that has imported what MLflow's server needs, and forks ``mlflow server`` and other programs on request.

Its standard input takes one request a line, its standard output tells what was started and what has ended, as JSON.
It holds no thread, connection or event loop, and nothing of ``mlflow.server``, ``mlflow.cli`` or this project: what
reads the environment when it is imported, each fork imports for itself. Which variables the rest has read, it tells
:mod:`tests.support.forked`, which asks it: no fork can have another value for these.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

# What a fork imports for itself.
OWN = ("mlflow.server", "mlflow_prokube_auth", "prometheus_client")
# What the processes of ``mlflow server`` import; :func:`_listed` finds all that comes with it.
NEEDED = (
    "mlflow.cli", "mlflow.server.auth", "mlflow.server.fastapi_app", "mlflow_prokube_auth.app",
    "mlflow_prokube_auth.startup", "mlflow_prokube_auth.web", "uvicorn.main", "uvicorn.protocols.http.auto",
    "uvicorn.loops.auto", "uvicorn.lifespan.on", "uvicorn.supervisors", "gunicorn.app.wsgiapp",
    "gunicorn.workers.sync", "gunicorn.workers.gthread", "psycopg", "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql", "alembic.command", "mlflow.store.db.utils",
    "mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store",
)  # fmt: skip


class _NotHere(BaseException):
    """A module of :data:`OWN` was asked for; no ``except ImportError`` may go on without it."""


def _is_own(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in OWN)


class _Finder:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if _is_own(name):
            raise _NotHere(name)


def _listed() -> list[str]:
    """All modules that are there once :data:`NEEDED` is imported, in their order; found by another process."""
    program = (
        "import importlib, json, sys, warnings; warnings.simplefilter('ignore'); "
        f"[importlib.import_module(each) for each in {NEEDED!r}]; print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def _noting_reads() -> Iterator[set[str]]:
    """The names of the variables that are asked for meanwhile, but for those of who looks at all of them."""
    environ: Any = type(os.environ)
    found: set[str] = set()
    get, contains = environ.get, environ.__contains__

    def noted_get(self: Any, name: str, default: Any = None) -> Any:
        found.add(str(name))
        return get(self, name, default)

    def noted_contains(self: Any, name: str) -> bool:
        found.add(str(name))
        return bool(contains(self, name))

    environ.get, environ.__contains__ = noted_get, noted_contains
    try:
        yield found
    finally:
        environ.get, environ.__contains__ = get, contains


def _preload() -> set[str]:
    """Import what every fork needs; the names of the variables that were read."""
    listed, finder = _listed(), _Finder()
    sys.meta_path.insert(0, finder)
    with warnings.catch_warnings(), _noting_reads() as read:
        warnings.simplefilter("ignore")
        for name in listed:
            if name != "__main__":
                with suppress(_NotHere, ImportError):
                    importlib.import_module(name)
    sys.meta_path.remove(finder)
    inherited = [name for name in sys.modules if _is_own(name)]
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if inherited or threads or len(os.listdir("/proc/self/task")) > 1:
        raise SystemExit(f"not fit to be forked: modules {inherited}, threads {threads or 'of a library'}")
    return read


class _Worker:
    """The process that takes the place of MLflow's ``python -m uvicorn``, or gunicorn: forked before its parent did
    anything. It forks its own workers, where it has several."""

    def __init__(self) -> None:
        reads, self._writes = os.pipe()
        self.pid = os.fork()
        self.returncode: int | None = None
        if self.pid == 0:
            os.close(self._writes)
            self._await(reads)
        os.close(reads)

    @staticmethod
    def _await(reads: int) -> NoReturn:
        with os.fdopen(reads) as order:
            text = order.read()
        if not text:
            os._exit(0)
        told = json.loads(text)
        os.environ.clear()
        os.environ.update(told["environment"])
        if told["program"] == "uvicorn":
            # uvicorn starts workers anew, each with all its imports; forked, they do the same from here on.
            subprocesses: Any = importlib.import_module("uvicorn._subprocess")
            subprocesses.spawn = multiprocessing.get_context("fork")
        _run(told["program"], told["arguments"])

    def start(self, program: str, arguments: list[str], environment: dict[str, str]) -> None:
        with os.fdopen(self._writes, "w") as order:
            json.dump({"program": program, "arguments": arguments, "environment": environment}, order)

    # As subprocess.Popen, of which MLflow uses this.
    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self) -> int:
        while self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _run(program: str, arguments: list[str]) -> NoReturn:
    """As ``python -m`` runs a module, or ``python`` a file; ends this process."""
    code: Any = 0
    sys.argv = [program, *arguments]
    try:
        if os.path.isabs(program):
            sys.path.insert(0, os.path.dirname(program))
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter does at its end
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def _begin(request: dict[str, Any], inherited: list[int]) -> NoReturn:
    """What was asked for, in a fork."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    opened = [os.open(os.devnull, os.O_RDONLY)]
    opened += [os.open(request[name], os.O_WRONLY | os.O_APPEND) for name in ("output", "errors")]
    for target, source in enumerate(opened):
        os.dup2(source, target)
    for each in (*opened, *inherited):
        os.close(each)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if request["server"]:
        _serve(request["program"], request["arguments"], None if request["only_parent"] else _Worker())
    _run(request["program"], request["arguments"])


def _serve(program: str, arguments: list[str], worker: _Worker | None) -> NoReturn:
    """What ``mlflow server`` does: first its parent process, here, then its server in a fork of that."""

    def instead(command: list[str], *, extra_env: dict[str, str], **options: Any) -> Any:
        known = command[1] == "-m" and command[2] in ("uvicorn", "gunicorn")
        if options != {"capture_output": False, "synchronous": False} or not known:
            raise SystemExit(f"the fork server runs no such command: {command}")
        if worker is None:
            raise SystemExit(0)
        worker.start(command[2], [str(each) for each in command[3:]], {**os.environ, **extra_env})
        return worker

    # mlflow.server takes it from there when it is imported, in this fork.
    process: Any = importlib.import_module("mlflow.utils.process")
    process._exec_cmd = instead
    _run(program, ["server", *arguments])


def main() -> None:
    """Serve requests until standard input ends; then end what was started."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    read = _preload()
    gc.collect()
    gc.freeze()
    woken, wakes = os.pipe()
    for each in (woken, wakes):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: set[int] = set()
    asked, buffer = True, b""

    def tell(**event: Any) -> None:
        os.write(answers, json.dumps(event).encode() + b"\n")

    tell(ready=os.getpid(), read=sorted(read))
    while asked:
        ready, _, _ = select.select([requests, woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            while running:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                running.discard(pid)
                tell(ended=pid, code=os.waitstatus_to_exitcode(status))
        if requests in ready:
            chunk = os.read(requests, 65536)
            asked, buffer = bool(chunk), buffer + chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    _begin(json.loads(line), [requests, answers, woken, wakes])
                running.add(pid)
                tell(started=pid)
    for pid in running:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
