"""Accounts as administrators see them: people and service accounts, blocked and deleted.

A service account is a user of MLflow with an identity of the issuer ``service``: no login leads to it, and its one
access key is made by an administrator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from ..model import Actor, Person
from ..plain import lowered
from . import audit, custody, grant_writer, user_names, versions
from .database import Database
from .people import end_presence
from .schema import (
    identities,
    resource_names,
    role_permissions,
    roles,
    tokens,
    user_role_assignments,
    users,
)
from .user_names import KeptName, NameTaken, add_user, claim, ids_of

SERVICE_ISSUER = "service"


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

    def service_names(self) -> set[str]:
        """The names of all service accounts."""
        query = select(users.c.username).select_from(_USERS).where(_ISSUER == SERVICE_ISSUER)
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def expiring(self, now: int, seconds: int) -> list[Account]:
        """Accounts whose key in force expires within ``seconds``, the next first."""
        query = _ACCOUNTS.where(tokens.c.expires_at > now, tokens.c.expires_at <= now + seconds)
        with self._database.read() as connection:
            return [_account(row) for row in connection.execute(query.order_by(tokens.c.expires_at))]

    def create_service(self, name: str, description: str, now: int, actor: str, client: str = "") -> Person:
        """A new service account.

        Raises:
            NameTaken: somebody has, or had, that name.
        """
        name = lowered(name)
        try:
            with self._database.write() as connection:
                if ids_of(connection, name):
                    raise NameTaken(name)
                user_id = add_user(connection, name)
                claim(connection, name, user_id)
                connection.execute(
                    identities.insert().values(
                        user_id=user_id,
                        issuer=SERVICE_ISSUER,
                        subject=name,
                        display_name=description[:255],
                        admitted_by="service:account",
                        last_confirmed_at=now,
                    )
                )
                audit.record(connection, "service.create", actor, target=name, client=client)
                return Person(user_id, name, False)
        except IntegrityError:
            raise NameTaken(name) from None

    def set_blocked(self, account: Account, blocked: bool, actor: str, client: str = "") -> None:
        """Shut an account at once, its sessions too, or open it again."""
        with self._database.write() as connection:
            connection.execute(
                identities.update()
                .where(identities.c.user_id == account.user_id)
                .values(blocked=blocked, generation=identities.c.generation + 1)
            )
            if blocked:
                end_presence(connection, account.user_id)
            action = "user.block" if blocked else "user.unblock"
            audit.record(connection, action, actor, target=account.username, client=client)

    def end_sessions(self, account: Account, actor: str, client: str = "") -> None:
        """End all of an account's sessions, and what it allowed a command to fetch."""
        with self._database.write() as connection:
            end_presence(connection, account.user_id)
            audit.record(connection, "session.end", actor, target=account.username, client=client)

    def delete(self, account: Account, heir: Person | None, actor: str, client: str = "") -> int:
        """Delete an account with its grants, sessions and keys; the heir manages what nobody else does.

        Its name and its id stay kept: see :mod:`store.user_names`.

        Returns:
            How many resources the heir got.

        Raises:
            NeedsHeir: something would be left to nobody, and no heir is named.
        """
        with self._database.write() as connection:
            # First, as by logins: nobody waits for one another crosswise.
            own_row = select(identities.c.user_id).where(identities.c.user_id == account.user_id)
            connection.execute(own_row.with_for_update())
            alone = custody.pass_on(
                connection,
                custody.managed_alone(connection, user_id=account.user_id),
                heir.user_id if heir else None,
                Actor(actor, client),
            )
            own = select(roles.c.id).where(roles.c.name == custody.own_role(account.user_id))
            role_ids = [row[0] for row in connection.execute(own)]
            grant_writer.take(connection, role_permissions.c.role_id.in_(role_ids), Actor(actor, client))
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
                .values(user_id=heir.user_id if heir is not None else 0, pending=False)
            )
            if heir is not None:
                versions.inherit(connection, account.user_id, heir.user_id)
            bound = select(identities.c.issuer, identities.c.subject).where(identities.c.user_id == account.user_id)
            issuer, subject = connection.execute(bound).first() or (None, None)
            user_names.keep(connection, account.user_id, account.username, issuer, subject)
            connection.execute(users.delete().where(users.c.id == account.user_id))
            audit.record(
                connection, "user.delete", actor, target=account.username, client=client,
                heir=heir.username if heir is not None else None, inherited=alone,
            )  # fmt: skip
            return alone

    def kept_names(self, words: str = "", *, first: int = 0, size: int = 50) -> tuple[list[KeptName], int]:
        """Former names of accounts that hold ``words``, by name, from ``first``; and how many there are."""
        with self._database.read() as connection:
            return user_names.kept_names(connection, words, first, size)

    def release_name(self, name: str, actor: str, client: str = "", *, anyway: bool = False) -> None:
        """Release the kept name of a renamed or deleted account, so that any account may get it.

        Raises:
            NotKept, StillUsed: as :func:`store.user_names.release`.
        """
        name = lowered(name)
        with self._database.write() as connection:
            user_names.release(connection, name, anyway=anyway)
            audit.record(connection, "name.release", actor, target=name, client=client)


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
    tokens.c.expires_at,
    tokens.c.last_used_at,
).select_from(_USERS.outerjoin(tokens, tokens.c.active_user_id == users.c.id))


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
    )
