"""The log lines of the audit trail: each is written after its event is committed, none for what is rolled back.

SQLAlchemy tells of a COMMIT just before it is sent (``ConnectionEvents.commit``), and of its error. So a line waits
until its connection begins the next transaction or goes back to the pool, which is at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from .. import logs

LOGGER = logs.logger("mlflow_prokube_auth.audit")
_KEY = "prokube_auth_audit_lines"


@dataclass
class _Lines:
    """Actions with their lines: those of the running transaction, and those whose COMMIT was sent."""

    running: list[tuple[str, str]] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    # How many were running when each of the open savepoints began; none were where one is not here.
    savepoints: list[int] = field(default_factory=list)

    def begin(self) -> None:
        self.write()
        self.rollback()

    def commit(self) -> None:
        self.sent += self.running
        self.rollback()

    def rollback(self) -> None:
        self.running.clear()
        self.savepoints.clear()

    def savepoint(self) -> None:
        self.savepoints.append(len(self.running))

    def release_savepoint(self) -> None:
        if self.savepoints:
            self.savepoints.pop()

    def rollback_savepoint(self) -> None:
        del self.running[self.savepoints.pop() if self.savepoints else 0 :]

    def write(self) -> None:
        for action, line in self.sent:
            LOGGER.info(line, extra={"action": action})
        self.sent.clear()


_FOLLOWED = ("begin", "commit", "rollback", "savepoint", "release_savepoint", "rollback_savepoint")


def add(connection: Connection, action: str, line: str) -> None:
    """Have a line written once the transaction is committed; its engine is one to which :func:`listen` listens."""
    connection.info.setdefault(_KEY, _Lines()).running.append((action, line))


def listen(engine: Engine) -> None:
    """Follow an engine's transactions."""
    for name in _FOLLOWED:
        event.listen(engine, name, _follow(name))
    event.listen(engine, "handle_error", _forget_failed)
    event.listen(engine, "checkin", _write)


def _follow(name: str) -> Callable[..., None]:
    def listener(connection: Connection, *_: Any) -> None:
        lines = _of(connection)
        if lines is not None:
            getattr(lines, name)()

    return listener


def _of(connection: Connection) -> _Lines | None:
    # A connection that died may be asked for nothing but a rollback.
    dead = connection.closed or connection.invalidated
    return None if dead else connection.info.get(_KEY)


def _forget_failed(context: ExceptionContext) -> None:
    lines = _of(context.connection) if context.connection is not None else None
    if lines is not None:
        lines.sent.clear()


def _write(_connection: Any, record: Any) -> None:
    lines: _Lines | None = record.info.get(_KEY)
    if lines is not None:
        lines.write()
