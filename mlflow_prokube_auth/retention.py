"""How long the audit trail is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from .store import audit
from .store.database import Database

_logger = logging.getLogger(__name__)

DAY = 86400
SWEEP_SECONDS = 3600


class AuditRetention:
    """Has events older than ``days`` forgotten, at most once an hour and off the request path; 0 days: never."""

    def __init__(
        self,
        database: Database,
        days: int,
        later: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._days = days
        self._later = later
        self._clock = clock
        self._swept_at = 0.0

    def look(self) -> None:
        """Called with each request; nearly always there is nothing to do."""
        now = self._clock()
        if self._days and self._swept_at + SWEEP_SECONDS <= now:
            self._swept_at = now
            self._later(self._sweep)

    def _sweep(self) -> None:
        with self._database.write() as connection:
            number = audit.sweep(connection, int(self._clock()) - self._days * DAY)
        if number:
            _logger.info("audit trail: %d events older than %d days are forgotten", number, self._days)
