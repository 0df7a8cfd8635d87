"""A document that a server fetches of an identity provider and keeps: one thread at a time asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .faults import ProviderDown

# After an answer that did not come, nobody asks again for so long.
RETRY_SECONDS = 1
# While one thread asks, so many others wait for what it hears, for so long.
WAITING_AT_ONCE, WAIT_SECONDS = 8, 2.0


class KeptDocument:
    """One document of an identity provider, shared by all threads.

    One thread fetches at a time, and few wait behind it, none while the provider does not answer: a flood of requests
    that need the document would hold every thread of the server.
    """

    def __init__(
        self,
        fetch: Callable[[], Any],
        clock: Callable[[], float],
        *,
        old_will_do: bool,
        failures_hold: bool = True,
        retry_seconds: float | None = None,
    ) -> None:
        """``failures_hold``: after one, nobody asks again for ``retry_seconds``, by default :data:`RETRY_SECONDS`."""
        self._fetch = fetch
        self._old_will_do = old_will_do
        self._failures_hold = failures_hold
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)
        self._fetched_at = 0.0
        self._failed_at: float | None = None
        self._failure = ProviderDown("another request is already waiting for it")
        self.present: Any = None

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to fetch it failed."""
        return self._failed_at is not None

    @property
    def age(self) -> float:
        """How old it is, in seconds."""
        return self._clock() - self._fetched_at

    def get(self, seconds: float, meanwhile: float = 0) -> Any:
        """The document, at most so old; an older one if no other is available and the caller accepts it.

        While another thread fetches it, one of up to ``meanwhile`` seconds will do.

        Raises:
            ProviderDown: it is not available.
        """
        if self._is_young(seconds):
            return self.present
        if not self._lock.acquire(blocking=False):
            if self._failed_at is None and self._is_young(meanwhile):
                return self.present
            if not self._comes_to_its_turn():
                return self._old()
        try:
            if self._is_young(seconds):  # another thread has fetched it meanwhile
                return self.present
            failed_at = self._failed_at if self._failures_hold else None
            rest = RETRY_SECONDS if self._retry_seconds is None else self._retry_seconds
            if failed_at is not None and failed_at + rest > self._clock():
                return self._old()
            return self._fetched()
        finally:
            self._lock.release()

    def _fetched(self) -> Any:
        """What is fetched now; an older one, as :meth:`get` says, if that fails."""
        try:
            self.present = self._fetch()
        except ProviderDown as error:
            self._failed_at, self._failure = self._clock(), error
            return self._old()
        self._fetched_at, self._failed_at = self._clock(), None
        return self.present

    def _comes_to_its_turn(self) -> bool:
        """Wait for the thread that fetches, unless too many do, or none need to; whether the lock is ours then."""
        old_does = self.present is not None and self._old_will_do
        if old_does or self._failed_at is not None or not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._lock.acquire(timeout=WAIT_SECONDS)
        finally:
            self._waiting.release()

    def _is_young(self, seconds: float) -> bool:
        return self.present is not None and self._fetched_at + seconds > self._clock()

    def _old(self) -> Any:
        if self.present is None or not self._old_will_do:
            raise self._failure.with_traceback(None)
        return self.present
