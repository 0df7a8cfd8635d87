"""The audit trail: one row and, once it is committed, one JSON log line for each event; never a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from ..model import Actor
from . import audit_actions, audit_log
from .schema import audit_events, users


def record(connection: Connection, action: str, actor: Actor, target: str = "", **detail: str | int | None) -> None:
    """Write down who did ``action`` to ``target``, in the caller's transaction."""
    record_each(connection, action, actor, target, [detail])


def record_each(
    connection: Connection, action: str, actor: Actor, target: str, details: Sequence[Mapping[str, str | int | None]]
) -> None:
    """The same for several events that differ in their details alone, in one statement.

    Raises:
        UnknownAction: the action is not in the table of :mod:`store.audit_actions`.
    """
    audit_actions.check(action)
    shared = {
        "at": actor.at,
        "actor": actor.name[:255],
        "action": action,
        "target": target[:512],
        "client": actor.client[:64],
    }
    if details:
        events = [{**shared, "detail": json.dumps(detail, sort_keys=True)} for detail in details]
        connection.execute(audit_events.insert(), events)
    for detail in details:
        audit_log.add(connection, action, json.dumps({**shared, "detail": detail}, sort_keys=True))


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


@dataclass(frozen=True)
class Filter:
    """Events whose actor, action and target hold these words, from ``since`` and before ``until`` (UTC seconds)."""

    actor: str = ""
    action: str = ""
    target: str = ""
    since: int | None = None
    until: int | None = None


def page(connection: Connection, of: Filter, first: int = 0, size: int = 50) -> tuple[list[Event], int]:
    """Events, the newest first; and how many there are."""
    wanted = _wanted(of)
    query = select(audit_events).where(*wanted).order_by(audit_events.c.id.desc()).limit(size).offset(first)
    number = connection.execute(select(func.count()).select_from(audit_events).where(*wanted)).scalar_one()
    return _read(connection, query), int(number)


def before(connection: Connection, of: Filter, event_id: int | None, size: int) -> list[Event]:
    """Events, the newest first, that are older than the one of that id; from the newest where there is none."""
    older = [audit_events.c.id < event_id] if event_id is not None else []
    query = select(audit_events).where(*_wanted(of), *older).order_by(audit_events.c.id.desc()).limit(size)
    return _read(connection, query)


def _wanted(of: Filter) -> list[ColumnElement[bool]]:
    table = audit_events.c
    wanted = [
        column.icontains(words, autoescape=True)
        for column, words in ((table.actor, of.actor), (table.action, of.action), (table.target, of.target))
        if words
    ]
    if of.since is not None:
        wanted.append(table.at >= of.since)
    if of.until is not None:
        wanted.append(table.at < of.until)
    return wanted


def _read(connection: Connection, query: Select[Any]) -> list[Event]:
    rows = connection.execute(query).mappings()
    return [Event(**{**row, "detail": json.loads(row["detail"])}) for row in rows]


def sweep(connection: Connection, before: int) -> int:
    """Forget events older than that; how many."""
    return int(connection.execute(audit_events.delete().where(audit_events.c.at < before)).rowcount)
