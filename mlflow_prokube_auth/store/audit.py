"""The audit trail: one row and one JSON log line for each event; never a secret."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from .. import logs
from .schema import audit_events, users

LOGGER = logs.logger("mlflow_prokube_auth.audit")


def record(
    connection: Connection, action: str, actor: str, target: str = "", client: str = "", **detail: str | int | None
) -> None:
    """Write down who did ``action`` to ``target`` from ``client``, in the caller's transaction."""
    event = {
        "at": int(time.time()),
        "actor": actor[:255],
        "action": action,
        "target": target[:512],
        "client": client[:64],
        "detail": json.dumps(detail, sort_keys=True),
    }
    connection.execute(audit_events.insert(), event)
    LOGGER.info(json.dumps({**event, "detail": detail}, sort_keys=True), extra={"action": action})


def take_turn(connection: Connection) -> None:
    """Wait for who writes now, before anything is read.

    SQLite refuses at once to write in a transaction that has read, where another one is about to be committed: both
    would wait for each other (https://sqlite.org/rescode.html#busy). MLflow's savepoints begin such transactions.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(audit_events.delete().where(audit_events.c.id < 0))  # there is none, but it takes the lock


def about(connection: Connection, user_id: int) -> dict[str, str | int | None]:
    """The detail that tells whom an event is about: by name, since a database may give an id to another user."""
    name = connection.execute(select(users.c.username).where(users.c.id == user_id)).scalar()
    return {"user": name, "user_id": user_id}


@dataclass(frozen=True)
class Event:
    """One line of the audit trail; ``at`` is UTC seconds."""

    id: int
    at: int
    actor: str
    action: str
    target: str
    client: str
    detail: Mapping[str, Any]


def page(
    connection: Connection,
    *,
    actor: str = "",
    action: str = "",
    target: str = "",
    since: int | None = None,
    until: int | None = None,
    first: int = 0,
    size: int = 50,
) -> tuple[list[Event], int]:
    """Events, the newest first, whose actor, action and target hold these words; and how many there are."""
    table = audit_events.c
    wanted = [
        column.icontains(words, autoescape=True)
        for column, words in ((table.actor, actor), (table.action, action), (table.target, target))
        if words
    ]
    if since is not None:
        wanted.append(table.at >= since)
    if until is not None:
        wanted.append(table.at < until)
    query = select(audit_events).where(*wanted).order_by(table.id.desc()).limit(size).offset(first)
    number = connection.execute(select(func.count()).select_from(audit_events).where(*wanted)).scalar_one()
    rows = connection.execute(query).mappings()
    return [Event(**{**row, "detail": json.loads(row["detail"])}) for row in rows], int(number)


def sweep(connection: Connection, before: int) -> int:
    """Forget events older than that; how many."""
    return int(connection.execute(audit_events.delete().where(audit_events.c.at < before)).rowcount)
