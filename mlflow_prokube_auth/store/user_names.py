"""User names and user ids: what one account has or had, no other account gets.

MLflow keeps names where it decides who may see a job or a review queue, and logs, tags and people remember them; so the
next bearer of a name would be taken for the one before. A name stays its account's when the account is renamed, and
stays kept when it is deleted: the same identity gets it back, nobody else does until an administrator releases it. Ids
are not used again either: SQLite would give the last one to the next user.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, func, or_, select

from .. import plain
from . import mlflow_names
from .schema import user_names, users

# What no password can hash to (werkzeug splits a hash at "$").
UNUSABLE_PASSWORD = "!"  # noqa: S105 - the very absence of a password


class NameTaken(Exception):
    """The user name belongs to another identity, now or in the past."""


class NotKept(Exception):
    """Nobody's account was deleted that had this name; or somebody has it."""


class NamesElsewhere(Exception):
    """MLflow's tables are in another database, where the name cannot be taken out."""


def ids_of(connection: Connection, name: str) -> list[int]:
    """The users of that name, whatever is capital in it, the one spelt so first: basic-auth tells "A@x" from "a@x"."""
    name = plain.lowered(name)
    # Databases fold in their own ways; a row that is found counts by ours.
    found = select(users.c.id, users.c.username).where(
        or_(users.c.username == name, func.lower(users.c.username).in_([name, name.lower()]))
    )
    rows = [row for row in connection.execute(found) if plain.lowered(row.username) == name]
    return [int(row.id) for row in sorted(rows, key=lambda row: (row.username != name, row.id))]


def add_user(connection: Connection, name: str, *, is_admin: bool = False) -> int:
    """A new row of MLflow's users, under an id that nobody has or had."""
    values = {"username": name, "password_hash": UNUSABLE_PASSWORD, "is_admin": is_admin}
    if connection.dialect.name == "sqlite":
        highest = [
            select(func.coalesce(func.max(column), 0)).scalar_subquery()
            for column in (users.c.id, user_names.c.former_id)
        ]
        connection.execute(users.insert().values(id=func.max(*highest) + 1, **values))
    else:
        connection.execute(users.insert().values(**values))
    return int(connection.execute(select(users.c.id).where(users.c.username == name)).scalar_one())


def claim(connection: Connection, name: str, user_id: int, identity: tuple[str, str] | None = None) -> None:
    """Give a name to a user, for good; ``identity`` is the issuer and subject that a deleted account may have had.

    Raises:
        NameTaken: it is or was somebody else's.
    """
    found = connection.execute(select(user_names).where(user_names.c.name == name)).first()
    if found is None:
        connection.execute(user_names.insert().values(name=name, user_id=user_id))
        return
    if found.user_id == user_id:
        return
    if found.user_id is not None or identity is None or (found.issuer, found.subject) != identity:
        raise NameTaken(name)
    given = connection.execute(
        user_names.update()
        .where(user_names.c.name == name, user_names.c.user_id.is_(None))
        .values(user_id=user_id, issuer=None, subject=None)
    )
    if not given.rowcount:
        raise NameTaken(name)


def keep(connection: Connection, user_id: int, username: str, issuer: str | None, subject: str | None) -> None:
    """Keep all names of an account that is about to be deleted, and its id."""
    kept = {"user_id": None, "issuer": issuer, "subject": subject, "former_id": user_id}
    connection.execute(user_names.update().where(user_names.c.user_id == user_id).values(kept))
    name = plain.lowered(username)
    if connection.execute(select(user_names.c.name).where(user_names.c.name == name)).first() is None:
        connection.execute(user_names.insert().values(name=name, **kept))


def release(connection: Connection, name: str, *, anyway: bool = False) -> None:
    """Let a deleted account's name go to anybody: MLflow's tables keep another in its place.

    Raises:
        NotKept: no account was deleted that had it, or somebody has it.
        NamesElsewhere: MLflow's tables are not here; ``anyway`` releases the name all the same.
    """
    found = connection.execute(
        select(user_names).where(user_names.c.name == name, user_names.c.user_id.is_(None))
    ).first()
    if found is None or ids_of(connection, name):
        raise NotKept(name)
    if not anyway and not mlflow_names.are_here(connection):
        raise NamesElsewhere(name)
    # No user name holds a colon. The row stays for the id.
    former = f"former:{secrets.token_hex(8)}:{name}"[: mlflow_names.LONGEST]
    mlflow_names.rename(connection, name, former)
    connection.execute(
        user_names.update().where(user_names.c.name == name).values(name=former, issuer=None, subject=None)
    )
