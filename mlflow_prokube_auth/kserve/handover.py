"""What the program that downloads hands over to the one that finishes, and how one program becomes the next.

The first holds the access key; the second loads models, which may run what their authors wrote. So the second is not a
part of the first, nor its child: it takes its place (execve(2)), with a new memory and another environment. From then
on the key is in no process of the initializer's, and nobody who takes over a later one finds it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from .failures import stopped

Say = Callable[[str], None]
# What the later programs get of the environment: never a credential, never a proxy's address.
KEPT = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip
# Isolated (-I): no file of the model's, and none of the working folder's, is taken for a module. The last place where
# one is looked for is that of this package, which may be a user's own.
_BOOT = "import importlib, sys; sys.path.append(sys.argv[1]); importlib.import_module(sys.argv[2]).main(sys.argv[3:])"


@dataclass(frozen=True)
class Fetched:
    """A model whose files are in a staging folder within its destination.

    ``lock`` is the descriptor that keeps the staging folder from being swept; ``began`` a time of ``time.monotonic``.
    """

    uri: str
    label: str
    folder: str
    staging: str
    lock: int | None
    began: float


@dataclass(frozen=True)
class Handover:
    """All that is left to do. It holds no secret: it stands in the list of processes.

    ``token_file`` is the path of one, which no model may reach.
    """

    fetched: tuple[Fetched, ...]
    joblib: str
    trusted: tuple[str, ...]
    token_file: str | None = None

    def to_text(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Handover:
        """The opposite."""
        found = json.loads(text)
        return cls(
            tuple(Fetched(**each) for each in found["fetched"]),
            found["joblib"],
            tuple(found["trusted"]),
            found["token_file"],
        )


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs the ``main`` of a module of this package."""
    root = str(Path(__file__).parents[2])
    return [sys.executable, "-I", "-B", "-c", _BOOT, root, f"{__package__}.{module}", *arguments]


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """What is kept of an environment."""
    return {name: environ[name] for name in KEPT if name in environ}


def become(argv: Sequence[str], keep_open: Sequence[int], environ: Mapping[str, str]) -> NoReturn:
    """Replace this program, its memory and its environment by another one.

    A signal that comes in between waits until :func:`ready`.

    Raises:
        OSError: the program cannot be run.
    """
    for descriptor in keep_open:
        os.set_inheritable(descriptor, True)
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    os.execve(argv[0], list(argv), clean(environ))  # noqa: S606 - our own module


def ready() -> None:
    """Take SIGTERM, also one that has come since :func:`become`."""
    signal.signal(signal.SIGTERM, stopped)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
