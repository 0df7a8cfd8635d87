"""Why the initializer ends: a reason of one line, and an exit code that says of which kind it is."""

from __future__ import annotations

import enum
import re
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

# Kubernetes keeps the last 2048 bytes of the log for the pod's status; a reason must fit in with room to spare.
LONGEST_REASON = 1200
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
# Access keys and JWTs, those too that have come into the token file since the start.
_TOKEN = re.compile(r"\bpkt_[0-9A-Za-z_]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*")


class Exit(enum.IntEnum):
    """The exit codes; ``docs/kserve.md`` lists them."""

    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    TRANSFER = 5
    FOLDER = 6
    STOPPED = 143


class Failure(Exception):
    """The initializer cannot do what it was asked for."""

    def __init__(self, code: Exit, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Broken(Exception):
    """Something that may be over in a moment: it is tried again, for a while."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


class OneLine:
    """Makes of any text one line that may stand in a log: without secrets, control characters and undue length."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        found = {secret for secret in secrets if secret}
        self._secrets = sorted({*found, *(quote(secret, safe="") for secret in found)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _TOKEN.sub("***", _USERINFO.sub("", text))
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."


def unwritable(folder: Path, error: OSError) -> Failure:
    """Why the destination does not take what is written."""
    return Failure(Exit.FOLDER, f"{folder} cannot be written: {error.strerror or type(error).__name__}")


def in_units(size: float) -> str:
    """A size for people."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def count_of(files: int) -> str:
    """A number of files for people."""
    return "1 file" if files == 1 else f"{files} files"


def stopped(number: int, _frame: object) -> None:
    """What a signal is answered with."""
    raise Failure(Exit.STOPPED, f"stopped by {signal.Signals(number).name}")


def outcome(do: Callable[[], None], say: Callable[[str], None]) -> int:
    """Do it; the exit code. The reason of a failure is the last line that is said."""
    try:
        do()
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


def _where(error: BaseException) -> str:
    """The place in the code, for a report; never what was in the variables there."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
