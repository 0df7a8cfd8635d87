"""Waiting for other requests, in a thread that sleeps or in a coroutine: each waits in its own way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

_T = TypeVar("_T")
# Yields the seconds until it wants to look again, and returns its result.
Waiting = Generator[float, None, _T]
Pauses = Iterator[float]

FIRST_SECONDS, LONGEST_SECONDS = 0.02, 0.25


def wait_for(waiting: Waiting[_T], sleep: Callable[[float], None]) -> _T:
    """Run it to its end, in a thread that may sleep."""
    while True:
        done, result = step(waiting)
        if done:
            return result  # type: ignore[return-value]  # the end's result, not a pause
        sleep(result)  # type: ignore[arg-type]  # a pause


def step(waiting: Waiting[_T]) -> tuple[bool, _T | float]:
    """Whether it has ended, with its result, or else with the seconds until the next step.

    A coroutine calls this in a worker thread, whose exceptions cannot be a ``StopIteration``.
    """
    try:
        return False, next(waiting)
    except StopIteration as ended:
        return True, ended.value


def pauses(seconds: float) -> Pauses:
    """Pauses of growing length that come to ``seconds``."""
    pause, waited = FIRST_SECONDS, 0.0
    while waited < seconds:
        yield pause
        waited += pause
        pause = min(pause * 1.5, LONGEST_SECONDS)
