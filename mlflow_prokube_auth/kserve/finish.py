"""The second program: what was downloaded gets its ``model.joblib`` and its place. It never had the access key."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .confine import keep_memory_private
from .failures import OneLine, count_of, outcome
from .handover import Fetched, Handover, Say, ready
from .names import MLMODEL
from .place import Destination, Staging
from .sklearn import add_joblib


def finish(handover: Handover, say: Say) -> None:
    """Place all that was downloaded, in its order; no staging folder is left.

    Raises:
        Failure: the first that cannot be finished.
    """
    stagings = [Staging(Path(each.staging), each.lock) for each in handover.fetched]
    try:
        for each, staging in zip(handover.fetched, stagings, strict=True):
            count = _place(each, staging, handover, say)
            say(f"{each.uri}: {count_of(count)} in {each.folder} after {time.monotonic() - each.began:.1f} s")
    finally:
        for staging in stagings:
            staging.drop()


def _place(fetched: Fetched, staging: Staging, handover: Handover, say: Say) -> int:
    paths = staging.files()
    if MLMODEL in paths or handover.joblib == "require":
        paths += add_joblib(staging.path, handover.joblib, handover.trusted, say, handover.token_file)
    about = {"uri": fetched.uri, "source": fetched.label}
    Destination(Path(fetched.folder), say).place(staging.path, paths, about)
    return len(paths)


def main(arguments: Sequence[str]) -> None:
    """What the first program becomes; see :mod:`.handover`."""
    one_line = OneLine()

    def say(text: str) -> None:
        print(one_line(text), file=sys.stderr, flush=True)

    def do() -> None:
        ready()
        finish(Handover.from_text(arguments[0]), say)

    # What a model runs is a process of the same user.
    keep_memory_private()
    code = outcome(do, say)
    sys.stderr.flush()
    os._exit(code)
