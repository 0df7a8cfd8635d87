"""The command: pairs of an address and a folder, as KServe calls it. The last line of the log is the reason."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from .. import __version__
from . import options, uris
from .confine import keep_memory_private
from .failures import Exit, Failure, OneLine, count_of, in_units, outcome, stopped
from .handover import Fetched, Handover, Say, become, command
from .place import Destination, Staging

if TYPE_CHECKING:
    from .server import Server

Wanted = tuple[str, "uris.ModelUri | uris.RunUri", Path]
PROGRAM = "mlflow-storage-initializer"
USAGE = f"""Usage: {PROGRAM} URI FOLDER [URI FOLDER ...]

Puts models of an MLflow server's into folders. Each URI is one of
  {(chr(10) + "  ").join(uris.FORMS)}

Server and credentials: MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (an access key),
or MLFLOW_TRACKING_TOKEN alone, or MLFLOW_TRACKING_TOKEN_FILE alone, which is read anew for each request. Beside them,
with what holds where nothing is set:
  STORAGE_INITIALIZER_PARALLEL=4           files at once
  STORAGE_INITIALIZER_RETRY_SECONDS=120    how long nothing may arrive before it gives up
  STORAGE_INITIALIZER_TIMEOUT_SECONDS=60   how long a connection may be silent
  STORAGE_INITIALIZER_JOBLIB=auto          model.joblib beside model.skops: auto, require or off
  STORAGE_INITIALIZER_SKOPS_TRUSTED=       classes that such a model may be made of, beside those that skops trusts

Exit codes: 0 done, 1 unexpected, 2 wrong arguments or settings, 3 refused, 4 not found, 5 transfer, 6 folder."""


def run(
    arguments: Sequence[str], environ: Mapping[str, str], log: TextIO, then: Callable[[Handover, Say], None]
) -> int:
    """Download what the arguments ask for, and ``then`` finish it; the exit code.

    ``then`` takes the staging folders over: they are gone when it returns or fails.
    """
    one_line = OneLine(environ.get(name) for name in (options.PASSWORD, options.TOKEN))

    def say(text: str) -> None:
        print(one_line(text), file=log, flush=True)

    def bring() -> None:
        nonlocal one_line
        pairs = _pairs(arguments)
        settings = options.read(environ)
        options.tidy(os.environ)  # MLflow's client reads it there
        one_line = OneLine(settings.secrets)
        token_file = settings.token.path if settings.token is not None else None
        then(Handover(_fetch_all(pairs, settings, say), settings.joblib, settings.trusted, token_file), say)

    return outcome(bring, say)


def _pairs(arguments: Sequence[str]) -> list[Wanted]:
    if not arguments or len(arguments) % 2:
        raise Failure(Exit.USAGE, f"found {len(arguments)} arguments, expected pairs: URI FOLDER [URI FOLDER ...]")
    pairs = []
    for uri, folder in zip(arguments[::2], arguments[1::2], strict=True):
        try:
            pairs.append((uri, uris.parse(uri), Path(folder)))
        except uris.BadUri as error:
            raise Failure(Exit.USAGE, str(error)) from None
        if not folder.strip():
            raise Failure(Exit.USAGE, f"found no folder for '{uri}', expected one such as /mnt/models")
    return pairs


def _fetch_all(pairs: Sequence[Wanted], settings: options.Options, say: Say) -> tuple[Fetched, ...]:
    # MLflow takes seconds to import; what can be told without it has been told by now.
    from .server import Server

    stop, fetched = threading.Event(), list[Fetched]()
    try:
        server = Server(settings, say, stop.wait)
        for pair in pairs:
            fetched.append(_fetch(server, pair, settings, say, stop))
    except BaseException:
        for each in fetched:
            Staging(Path(each.staging), each.lock).drop()
        raise
    finally:
        stop.set()
    return tuple(fetched)


def _fetch(server: Server, pair: Wanted, settings: options.Options, say: Say, stop: threading.Event) -> Fetched:
    from .download import Download
    from .listing import files_of
    from .resolve import resolve

    uri, wanted, folder = pair
    began = time.monotonic()
    say(f"{uri}: to {folder}")
    found = resolve(server, wanted, settings.tracking_uri)
    files = files_of(server, found)
    size = sum(file.size or 0 for file in files)
    say(f"{found.label}: {count_of(len(files))}, {in_units(size)}")
    destination = Destination(folder, say)
    staging = destination.stage()
    try:
        destination.needs(size)
        Download(server, settings.parallel, say, stop).run(files, staging.path)
    except BaseException:
        staging.drop()
        raise
    return Fetched(uri, found.label, str(folder), str(staging.path), staging.lock, began)


def _become_finish(handover: Handover, _say: Say) -> None:
    try:
        locks = [each.lock for each in handover.fetched if each.lock is not None]
        become(command("finish", handover.to_text()), locks, os.environ)
    except OSError:
        for each in handover.fetched:
            Staging(Path(each.staging), each.lock).drop()
        raise


def main() -> NoReturn:
    """What ``mlflow-storage-initializer`` runs."""
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]):
        print(USAGE)
        sys.exit(0)
    if arguments == ["--version"]:
        print(f"{PROGRAM} {__version__}")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stopped)
    # The model server is another user.
    os.umask(0o022)
    # A container that starts a model server has nobody to tell about MLflow's use.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    keep_memory_private()
    code = run(arguments, os.environ, sys.stderr, _become_finish)
    sys.stderr.flush()
    # Not by way of threads that wait for a server which does not answer.
    os._exit(code)


if __name__ == "__main__":
    main()
