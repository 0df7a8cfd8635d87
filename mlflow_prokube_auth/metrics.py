"""Prometheus metrics: who came in and how, what was refused and why, what Keycloak's directory answers.

Counts live in the processes; where metrics are on, prometheus_client's multiprocess mode adds the workers up. How many
keys and sessions there are is asked of the database when somebody scrapes. No label ever holds a name.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import func, select

from .errors import Refusal
from .model import DAY, EXPIRING_DAYS
from .store.audit_actions import ACTIONS
from .store.audit_log import LOGGER as AUDIT_LOGGER
from .store.database import DATABASE_DOWN, Database
from .store.schema import access_keys, sessions

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def cause(refusal: Refusal) -> str:
    """A refusal's class as a label: ``KeyExpired`` is ``key_expired``."""
    return _WORD.sub("_", type(refusal).__name__).lower()


class Counts:
    """What the server tells as it happens; made once in each process."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._authentications = Counter(
            "prokube_auth_authentications",
            "Requests by the credential that they came with (none, session, access_key, ...) or by why it was refused.",
            ["outcome"],
            registry=registry,
        )
        self._refusals = Counter(
            "prokube_auth_refusals",
            "Refused requests by HTTP status and MLflow error code.",
            ["status", "error_code"],
            registry=registry,
        )
        self._events = Counter(
            "prokube_auth_audit_events",
            "Events of the audit trail by action, as docs/audit.md lists them.",
            ["action"],
            registry=registry,
        )
        for action in ACTIONS:  # from the start, so that the first event of its kind is seen as one more
            self._events.labels(action)
        self._directory = Counter(
            "prokube_auth_directory_checks",
            "Questions to Keycloak's directory by outcome: in_order, out, no_right, unreachable.",
            ["outcome"],
            registry=registry,
        )
        self._answered = Gauge(
            "prokube_auth_directory_last_answer_timestamp_seconds",
            "When Keycloak's directory last answered, in UTC seconds.",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        AUDIT_LOGGER.addHandler(_AuditCounter(self._events))

    def authentication(self, outcome: str) -> None:
        """A request was attributed to somebody by that credential, or refused for that cause."""
        self._authentications.labels(outcome).inc()

    def refusal(self, status: int, error_code: str) -> None:
        """A request was refused."""
        self._refusals.labels(str(status), error_code).inc()

    def directory(self, outcome: str) -> None:
        """Keycloak's directory was asked about somebody, and when it last answered."""
        self._directory.labels(outcome).inc()
        if outcome in ("in_order", "out"):
            self._answered.set(time.time())


class _AuditCounter(logging.Handler):
    """Counts the events of the audit trail by its log lines."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(logging.INFO)
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        """One more of that action."""
        action = getattr(record, "action", None)
        if action is not None:
            self._counter.labels(action).inc()


class StoredFigures:
    """Figures out of the database, as a collector of prometheus_client's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures as of now; none while the database is away, so that the counts are still scraped."""
        with contextlib.suppress(*DATABASE_DOWN):
            active, expiring, open_sessions = self._figures(int(time.time()))
            yield GaugeMetricFamily("prokube_auth_access_keys", "Access keys in force.", value=active)
            yield GaugeMetricFamily(
                "prokube_auth_access_keys_expiring",
                f"Access keys in force that expire within {EXPIRING_DAYS} days.",
                value=expiring,
            )
            yield GaugeMetricFamily("prokube_auth_sessions", "Sessions of logged-in people.", value=open_sessions)

    def _figures(self, now: int) -> tuple[int, int, int]:
        in_force = (access_keys.c.active_user_id.is_not(None), access_keys.c.expires_at > now)
        questions = (
            select(func.count()).select_from(access_keys).where(*in_force),
            select(func.count())
            .select_from(access_keys)
            .where(*in_force, access_keys.c.expires_at <= now + EXPIRING_DAYS * DAY),
            select(func.count())
            .select_from(sessions)
            .where(sessions.c.user_id.is_not(None), sessions.c.expires_at > now),
        )
        with self._database.read() as connection:
            active, expiring, open_sessions = (connection.execute(each).scalar_one() for each in questions)
        return active, expiring, open_sessions


def exposition(database: Database) -> tuple[bytes, str]:
    """All metrics in Prometheus's text format, and its media type."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # reads the directory that the parent process made
    registry.register(StoredFigures(database))
    return generate_latest(registry), CONTENT_TYPE_LATEST
