"""User names and user ids: what one account has or had, no other account gets.

MLflow keeps names where it decides who may see a job or a review queue, and logs, tags and people remember them; so the
next account with a name would inherit them. A name stays its account's when the account is renamed, and
stays kept when it is deleted: the same identity gets it back, nobody else does until an administrator releases it. Ids
are not used again either: SQLite would give the last one to the next user.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from .. import plain
from . import mlflow_names
from .schema import user_names, users

# How MLflow's tables name the former account of a name that was released.
FORMER = "former:"


class NameTaken(Exception):
    """The user name belongs to another identity; ``kept``: it did, and the account is renamed or deleted.

    ``bound``: the account of that name is a person's, whose identity is another one.
    """

    def __init__(self, name: str, *, kept: bool = False, bound: bool = False) -> None:
        self.name, self.kept, self.bound = name, kept, bound
        super().__init__(name)


class NotKept(Exception):
    """The name is nobody's former one; ``taken``: somebody has it now."""

    def __init__(self, name: str, *, taken: bool) -> None:
        self.taken = taken
        super().__init__(name)


class StillUsed(Exception):
    """The next account with a name would inherit something from the previous one; the message says what."""


@dataclass(frozen=True)
class KeptName:
    """A former name, and the present one of the account that had it; None where the account is deleted."""

    name: str
    account: str | None


def ids_of(connection: Connection, name: str) -> list[int]:
    """The users of that name, whatever is capital in it, the one spelt so first: basic-auth tells "A@x" from "a@x"."""
    name = plain.lowered(name)
    # Databases fold in their own ways; a row that is found counts by ours.
    found = select(users.c.id, users.c.username).where(
        or_(users.c.username == name, func.lower(users.c.username).in_([name, name.lower()]))
    )
    rows = [row for row in connection.execute(found) if plain.lowered(row.username) == name]
    return [int(row.id) for row in sorted(rows, key=lambda row: (row.username != name, row.id))]


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
    if found.user_id is not None:
        present = connection.execute(select(users.c.username).where(users.c.id == found.user_id)).scalar_one()
        raise NameTaken(name, kept=plain.lowered(present) != name)
    if identity is None or (found.issuer, found.subject) != identity:
        raise NameTaken(name, kept=True)
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


def kept_names(connection: Connection, words: str, first: int, size: int) -> tuple[list[KeptName], int]:
    """Former names that hold ``words``, by name, from ``first``; and how many there are."""
    wanted = (
        or_(users.c.id.is_(None), users.c.username != user_names.c.name),
        user_names.c.name.not_like(f"{FORMER}%"),
        user_names.c.name.contains(plain.lowered(words), autoescape=True),
    )
    source = user_names.outerjoin(users, users.c.id == user_names.c.user_id)
    number = connection.execute(select(func.count()).select_from(source).where(*wanted)).scalar_one()
    query = select(user_names.c.name, users.c.username).select_from(source).where(*wanted)
    rows = connection.execute(query.order_by(user_names.c.name).limit(size).offset(first))
    return [KeptName(row.name, row.username) for row in rows], int(number)


def release(connection: Connection, name: str, *, anyway: bool = False) -> None:
    """Release a kept name, so that any account may get it; MLflow's tables hold another one in its place.

    Raises:
        NotKept: it is nobody's former name, or somebody has it.
        StillUsed: the next bearer would be taken for the one before; ``anyway`` releases it all the same.
    """
    found = connection.execute(select(user_names).where(user_names.c.name == name)).first()
    taken = bool(ids_of(connection, name))
    if found is None or taken:
        raise NotKept(name, taken=taken)
    if not anyway:
        _refuse_what_is_used(connection, name)
    # No user name holds a colon.
    former = f"{FORMER}{secrets.token_hex(8)}:{name}"[: mlflow_names.LONGEST]
    mlflow_names.rename(connection, name, former)
    this = user_names.c.name == name
    if found.user_id is not None:
        connection.execute(user_names.delete().where(this))
    else:  # The row stays for the id.
        connection.execute(user_names.update().where(this).values(name=former, issuer=None, subject=None))


def _refuse_what_is_used(connection: Connection, name: str) -> None:
    if not mlflow_names.are_here(connection):
        raise StillUsed(
            "MLflow's tables are in another database, where jobs, review queues and budgets may contain the name"
        )
    jobs = mlflow_names.unfinished_jobs(connection, name)
    if jobs:
        raise StillUsed(f"{jobs} jobs that were begun under it have not ended")
