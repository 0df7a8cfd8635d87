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
from .failures import Exit, Failure, OneLine

if TYPE_CHECKING:
    from .server import Server

PROGRAM = "mlflow-storage-initializer"
USAGE = f"""Usage: {PROGRAM} URI FOLDER [URI FOLDER ...]

Puts models of an MLflow server's into folders. Each URI is one of
  {(chr(10) + "  ").join(uris.FORMS)}

Server and credentials: MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (an access key),
or MLFLOW_TRACKING_TOKEN alone. Beside them, with what holds where nothing is set:
  STORAGE_INITIALIZER_PARALLEL=4           files at once
  STORAGE_INITIALIZER_RETRY_SECONDS=120    how long nothing may arrive before it gives up
  STORAGE_INITIALIZER_TIMEOUT_SECONDS=60   how long a connection may be silent
  STORAGE_INITIALIZER_JOBLIB=auto          model.joblib beside model.skops: auto, require or off

Exit codes: 0 done, 1 unexpected, 2 wrong arguments or settings, 3 refused, 4 not found, 5 transfer, 6 folder."""


def run(arguments: Sequence[str], environ: Mapping[str, str], log: TextIO) -> int:
    """Do what the arguments ask for; the exit code."""
    one_line = OneLine(environ.get(name) for name in ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"))

    def say(text: str) -> None:
        print(one_line(text), file=log, flush=True)

    try:
        pairs = _pairs(arguments)
        settings = options.read(environ)
        one_line = OneLine(settings.secrets)
        _serve(pairs, settings, say)
    except Failure as failure:
        say(f"Error: {failure.reason}")
        return failure.code
    except KeyboardInterrupt:
        say("Error: stopped")
        return Exit.STOPPED
    except ImportError as error:
        missing = (error.name or "a package").partition(".")[0]
        say(f"Error: {missing} is missing: pip install 'mlflow-prokube-auth[kserve]'")
        return Exit.UNEXPECTED
    except Exception as error:
        say(f"Error: unexpected {type(error).__name__} in {_where(error)}: {error}")
        return Exit.UNEXPECTED
    return 0


def _pairs(arguments: Sequence[str]) -> list[tuple[str, uris.ModelUri | uris.RunUri, Path]]:
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


def _serve(
    pairs: Sequence[tuple[str, uris.ModelUri | uris.RunUri, Path]],
    settings: options.Options,
    say: Callable[[str], None],
) -> None:
    # MLflow takes seconds to import; what can be told without it has been told by now.
    from .server import Server

    stop = threading.Event()
    try:
        server = Server(settings, say, stop.wait)
        for uri, wanted, folder in pairs:
            began = time.monotonic()
            say(f"{uri}: to {folder}")
            count = _bring(server, uri, wanted, folder, settings, say, stop)
            say(f"{uri}: {_files(count)} in {folder} after {time.monotonic() - began:.1f} s")
    finally:
        stop.set()


def _bring(
    server: Server,
    uri: str,
    wanted: uris.ModelUri | uris.RunUri,
    folder: Path,
    settings: options.Options,
    say: Callable[[str], None],
    stop: threading.Event,
) -> int:
    from .download import Download, in_units
    from .listing import MLMODEL, files_of
    from .place import Destination
    from .resolve import resolve
    from .sklearn import add_joblib

    found = resolve(server, wanted, settings.tracking_uri)
    files = files_of(server, found)
    size = sum(file.size or 0 for file in files)
    say(f"{found.label}: {_files(len(files))}, {in_units(size)}")
    destination = Destination(folder, say)
    with destination.staging() as staging:
        destination.needs(size)
        Download(server, settings.parallel, say, stop).run(files, staging)
        paths = [file.path for file in files]
        if MLMODEL in paths or settings.joblib == "require":
            paths += add_joblib(staging, settings.joblib, say)
        destination.place(staging, paths, {"uri": uri, "source": found.label})
    return len(paths)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _where(error: BaseException) -> str:
    """The place in the code, for a report; never what was in the variables there."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"


def _stopped(number: int, _frame: object) -> None:
    raise Failure(Exit.STOPPED, f"stopped by {signal.Signals(number).name}")


def main() -> NoReturn:
    """What ``mlflow-storage-initializer`` runs."""
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]):
        print(USAGE)
        sys.exit(0)
    if arguments == ["--version"]:
        print(f"{PROGRAM} {__version__}")
        sys.exit(0)
    signal.signal(signal.SIGTERM, _stopped)
    # The model server is another user.
    os.umask(0o022)
    # A container that starts a model server has nobody to tell about MLflow's use.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    code = run(arguments, os.environ, sys.stderr)
    sys.stderr.flush()
    # Not by way of threads that wait for a server which does not answer.
    os._exit(code)


if __name__ == "__main__":
    main()
