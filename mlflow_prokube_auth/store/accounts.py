"""Accounts as administrators see them: people and service accounts, blocked and deleted.

A service account is a user of MLflow with an identity of the issuer ``service``: no login leads to it, and its one
access key is made by an administrator.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, false, func, or_, select

from ..model import Actor, Person
from ..plain import lowered
from . import audit, grant_writer, mlflow_names, ownership, user_names, versions
from .database import Database
from .new_accounts import SERVICE_ISSUER, NewAccount, make
from .presence import end_presence
from .schema import (
    access_keys,
    identities,
    resource_names,
    role_permissions,
    roles,
    user_role_assignments,
    users,
)
from .user_names import KeptName, ids_of


@dataclass(frozen=True)
class Account:
    """A user as administrators see one. Times are UTC seconds; without an issuer nobody has logged in yet."""

    user_id: int
    username: str
    is_admin: bool
    issuer: str | None
    display_name: str
    blocked: bool
    disabled: bool
    last_login_at: int | None
    key_expires_at: int | None
    key_last_used_at: int | None
    key_note: str

    @property
    def is_service(self) -> bool:
        """Whether it is a service account made here."""
        return self.issuer == SERVICE_ISSUER


class Accounts:
    """Queries on accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, words: str = "", *, service: bool | None = None, first: int = 0, size: int = 50
    ) -> tuple[list[Account], int]:
        """Accounts by name whose name or display name holds ``words``, from ``first``; and how many there are."""
        wanted = [or_(*(column.icontains(words, autoescape=True) for column in (users.c.username, _DISPLAY)))]
        if service is not None:
            wanted.append((_ISSUER == SERVICE_ISSUER) if service else (_ISSUER != SERVICE_ISSUER))
        rows = _ACCOUNTS.where(*wanted).order_by(users.c.username).limit(size).offset(first)
        number = select(func.count()).select_from(_USERS).where(*wanted)
        with self._database.read() as connection:
            found = [_account(row) for row in connection.execute(rows)]
            return found, int(connection.execute(number).scalar_one())

    def find(self, username: str) -> Account | None:
        """The account of that name, any case."""
        with self._database.read() as connection:
            ids = ids_of(connection, username)
            row = connection.execute(_ACCOUNTS.where(users.c.id == ids[0])).first() if ids else None
        return None if row is None else _account(row)

    def names(self, words: str, among: Collection[int] | None, most: int) -> list[tuple[str, str]]:
        """User name and display name of accounts that hold ``words`` in either, by name, at most so many.

        ``among`` are the ids of those that may be shown; None for all. Blocked and disabled accounts are not shown.
        """
        columns = (users.c.id, users.c.username, _DISPLAY.label("shown"))
        query = (
            select(*columns)
            .select_from(_USERS)
            .where(
                or_(*(column.icontains(words, autoescape=True) for column in (users.c.username, _DISPLAY))),
                func.coalesce(identities.c.blocked, false()).is_(false()),
                func.coalesce(identities.c.disabled, false()).is_(false()),
            )
            .order_by(users.c.username)
        )
        with self._database.read() as connection:
            rows = connection.execute(query if among is not None else query.limit(most))
            told = ((row.username, row.shown) for row in rows if among is None or row.id in among)
            return list(islice(told, most))

    def service_names(self) -> set[str]:
        """The names of all service accounts."""
        query = select(users.c.username).select_from(_USERS).where(_ISSUER == SERVICE_ISSUER)
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def expiring(self, now: int, seconds: int) -> list[Account]:
        """Accounts whose key in force expires within ``seconds``, the next first."""
        query = _ACCOUNTS.where(access_keys.c.expires_at > now, access_keys.c.expires_at <= now + seconds)
        with self._database.read() as connection:
            return [_account(row) for row in connection.execute(query.order_by(access_keys.c.expires_at))]

    def create_service(self, name: str, description: str, actor: Actor) -> Person:
        """A new service account.

        Raises:
            NameTaken: somebody has, or had, that name.
        """
        name = lowered(name)
        new = NewAccount(name, SERVICE_ISSUER, name, description, "service:account")

        def work(connection: Connection) -> Person:
            user_id = make(connection, new, actor.at)
            audit.record(connection, "service.create", actor, target=name)
            return Person(user_id, name, False)

        return self._database.settle(work)

    def set_blocked(self, account: Account, blocked: bool, actor: Actor) -> None:
        """Block an account at once and end its sessions, or unblock it."""
        with self._database.write() as connection:
            connection.execute(
                identities.update()
                .where(identities.c.user_id == account.user_id)
                .values(blocked=blocked, generation=identities.c.generation + 1)
            )
            if blocked:
                end_presence(connection, account.user_id)
            action = "user.block" if blocked else "user.unblock"
            audit.record(connection, action, actor, target=account.username)

    def end_sessions(self, account: Account, actor: Actor) -> None:
        """End all of an account's sessions, and what it allowed a command to fetch."""
        with self._database.write() as connection:
            end_presence(connection, account.user_id)
            audit.record(connection, "session.end", actor, target=account.username)

    def delete(self, account: Account, successor: Person | None, actor: Actor) -> int:
        """Delete an account with its grants, sessions and keys; the successor manages what nobody else does.

        Its name and its id stay kept: see :mod:`store.user_names`.

        Returns:
            How many resources the successor got.

        Raises:
            NeedsSuccessor: something would be left to nobody, and no successor is named.
        """
        with self._database.write() as connection:
            # First, as by logins: nobody waits for one another crosswise.
            own_row = select(identities.c.user_id).where(identities.c.user_id == account.user_id)
            connection.execute(own_row.with_for_update())
            alone = ownership.pass_on(
                connection,
                ownership.managed_alone(connection, user_id=account.user_id),
                successor.user_id if successor else None,
                actor,
            )
            own = select(roles.c.id).where(roles.c.name == ownership.own_role(account.user_id))
            role_ids = [row[0] for row in connection.execute(own)]
            grant_writer.take(connection, role_permissions.c.role_id.in_(role_ids), actor)
            connection.execute(
                user_role_assignments.delete().where(
                    or_(
                        user_role_assignments.c.user_id == account.user_id,
                        user_role_assignments.c.role_id.in_(role_ids),
                    )
                )
            )
            connection.execute(roles.delete().where(roles.c.id.in_(role_ids)))
            # A user who gets this id one day has created nothing of it.
            connection.execute(
                resource_names.update()
                .where(resource_names.c.user_id == account.user_id)
                .values(
                    user_id=successor.user_id if successor is not None else 0,
                    pending=False,
                    inherited=successor is not None,
                )
            )
            if successor is not None:
                versions.inherit(connection, account.user_id, successor.user_id)
            bound = select(identities.c.issuer, identities.c.subject).where(identities.c.user_id == account.user_id)
            issuer, subject = connection.execute(bound).first() or (None, None)
            user_names.keep(connection, account.user_id, account.username, issuer, subject)
            connection.execute(users.delete().where(users.c.id == account.user_id))
            audit.record(
                connection, "user.delete", actor, target=account.username,
                successor=successor.username if successor is not None else None, inherited=alone,
            )  # fmt: skip
            return alone

    def kept_names(self, words: str = "", *, first: int = 0, size: int = 50) -> tuple[list[KeptName], int]:
        """Former names of accounts that hold ``words``, by name, from ``first``; and how many there are."""
        with self._database.read() as connection:
            return user_names.kept_names(connection, words, first, size)

    def uses_of_name(self, name: str) -> dict[str, int]:
        """The tables of MLflow's in which a user name stands, and in how many rows of each."""
        with self._database.read() as connection:
            return mlflow_names.uses(connection, lowered(name))

    def release_name(self, name: str, actor: Actor, *, anyway: bool = False) -> None:
        """Release the kept name of a renamed or deleted account, so that any account may get it.

        Raises:
            NotKept, StillUsed: as :func:`store.user_names.release`.
        """
        name = lowered(name)
        with self._database.write() as connection:
            user_names.release(connection, name, anyway=anyway)
            audit.record(connection, "name.release", actor, target=name)


_DISPLAY = func.coalesce(identities.c.display_name, "")
_ISSUER = func.coalesce(identities.c.issuer, "")
_USERS = users.outerjoin(identities, identities.c.user_id == users.c.id)
_ACCOUNTS = select(
    users.c.id,
    users.c.username,
    users.c.is_admin,
    identities.c.issuer,
    identities.c.display_name,
    identities.c.blocked,
    identities.c.disabled,
    identities.c.last_login_at,
    access_keys.c.expires_at,
    access_keys.c.last_used_at,
    access_keys.c.note,
).select_from(_USERS.outerjoin(access_keys, access_keys.c.active_user_id == users.c.id))


def _account(row: Any) -> Account:
    return Account(
        user_id=row.id,
        username=row.username,
        is_admin=bool(row.is_admin),
        issuer=row.issuer,
        display_name=row.display_name or "",
        blocked=bool(row.blocked),
        disabled=bool(row.disabled),
        last_login_at=row.last_login_at,
        key_expires_at=row.expires_at,
        key_last_used_at=row.last_used_at,
        key_note=row.note or "",
    )
