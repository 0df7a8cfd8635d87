"""What is done once in a while, off the request path: the audit trail is swept, keys that expire are named."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import logs
from .model import DAY, EXPIRING_DAYS
from .policy.words import iso
from .store import audit
from .store.accounts import Accounts
from .store.database import Database
from .store.sessions import Sessions

_logger = logs.logger(__name__)

HOUR = 3600
# So many are named in one line of the log.
NAMED = 50


class Housekeeping:
    """Has some works done at most once an hour; each is called with the time, in UTC seconds."""

    def __init__(
        self,
        works: Sequence[Callable[[int], None]],
        later: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._works = works
        self._later = later
        self._clock = clock
        self._done_at = 0.0

    def look(self) -> None:
        """Called with each request; nearly always there is nothing to do."""
        now = self._clock()
        if self._done_at + HOUR <= now:
            self._done_at = now
            for work in self._works:
                self._later(lambda work=work: work(int(now)))  # type: ignore[misc]  # a default binds the loop's variable


@dataclass(frozen=True)
class AuditRetention:
    """Forgets events older than ``days``; 0 days: never."""

    database: Database
    days: int

    def __call__(self, now: int) -> None:
        """Sweep."""
        if not self.days:
            return
        with self.database.write() as connection:
            number = audit.sweep(connection, now - self.days * DAY)
        if number:
            _logger.info("audit trail: deleted %d events older than %d days", number, self.days)


@dataclass(frozen=True)
class ExpiringKeys:
    """Names access keys that expire soon in the log: once a day, whatever the number of processes and replicas."""

    accounts: Accounts
    sessions: Sessions

    def __call__(self, now: int) -> None:
        """Look, where nobody has today."""
        found = self.accounts.expiring(now, EXPIRING_DAYS * DAY)
        today = f"prokube-auth:expiring-keys:{now // DAY}"
        if not found or not self.sessions.claim_once(today, now, now + 2 * DAY):
            return
        named = [f"{each.username} on {iso(each.key_expires_at or 0)[:10]}" for each in found[:NAMED]]
        if len(found) > NAMED:
            named.append(f"and {len(found) - NAMED} more")
        _logger.warning("access keys that expire within %d days: %d (%s)", EXPIRING_DAYS, len(found), ", ".join(named))
