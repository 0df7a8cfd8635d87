"""Accounts that change their identity: the issuer or its subjects are new, and the people are the same.

A realm that was imported again has new subjects, and another host name or realm is another issuer. An administrator
then binds an account to a known subject at once, or allows it to be bound by the first login at an issuer whose
verified e-mail address is the account's name. The access key, grants and teams stay; sessions end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from ..model import Actor, Admission
from . import audit
from .database import Database
from .presence import end_presence
from .schema import identities, rebinds, users
from .user_names import ids_of


class IdentityTaken(Exception):
    """Another account is bound to this identity; the message is that account's name."""


@dataclass(frozen=True)
class Bound:
    """An account and the identity that it is bound to."""

    user_id: int
    username: str
    issuer: str
    subject: str

    @property
    def is_by_address(self) -> bool:
        """Whether the account's name may be an address, which the provider can vouch for."""
        return "@" in self.username


class Rebinds:
    """Queries on accounts that change their identity."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bound(self, *, issuer: str | None = None, user_ids: Iterable[int] | None = None) -> list[Bound]:
        """The accounts that are bound to an identity of ``issuer``, or those of ``user_ids``, by name."""
        query = select(identities.c.user_id, users.c.username, identities.c.issuer, identities.c.subject).join(
            users, users.c.id == identities.c.user_id
        )
        if issuer is not None:
            query = query.where(identities.c.issuer == issuer)
        if user_ids is not None:
            query = query.where(identities.c.user_id.in_(list(user_ids)))
        with self._database.read() as connection:
            return [Bound(*row) for row in connection.execute(query.order_by(users.c.username))]

    def allow(self, accounts: Sequence[Bound], issuer: str, expires_at: int, actor: Actor) -> None:
        """Let each account be bound by a login at ``issuer`` with its verified address, until then (UTC seconds)."""
        with self._database.write() as connection:
            for each in accounts:
                connection.execute(rebinds.delete().where(rebinds.c.user_id == each.user_id))
                connection.execute(rebinds.insert().values(user_id=each.user_id, issuer=issuer, expires_at=expires_at))
                audit.record(
                    connection, "user.rebind", actor, target=each.username, issuer=issuer, expires_at=expires_at
                )

    def bind(self, account: Bound, issuer: str, subject: str, actor: Actor) -> None:
        """Bind an account to a known identity at once.

        Raises:
            IdentityTaken: another account is bound to it.
        """
        try:
            with self._database.write() as connection:
                _bind(connection, account.user_id, issuer, subject)
                audit.record(connection, "user.rebind", actor, target=account.username, issuer=issuer, subject=subject)
        except IntegrityError:
            query = select(users.c.username).join(identities, identities.c.user_id == users.c.id)
            with self._database.read() as connection:
                other = connection.execute(
                    query.where(identities.c.issuer == issuer, identities.c.subject == subject)
                ).scalar()
            raise IdentityTaken(str(other)) from None


def by_login(connection: Connection, admission: Admission, actor: Actor) -> int | None:
    """Bind the account of this name to the identity that logs in, where an administrator has allowed it; its user's id.

    The permission is used up. None where there is none, where it has expired, or where the name is no verified address.
    """
    ids = ids_of(connection, admission.username) if admission.name_verified else []
    if not ids:
        return None
    user_id = ids[0]
    # First, as by all that changes a person: nobody waits for one another crosswise.
    connection.execute(select(identities.c.user_id).where(identities.c.user_id == user_id).with_for_update())
    used = connection.execute(
        rebinds.delete().where(
            rebinds.c.user_id == user_id,
            rebinds.c.issuer == admission.issuer,
            rebinds.c.expires_at > actor.at,
        )
    )
    if not used.rowcount:
        return None
    _bind(connection, user_id, admission.issuer, admission.subject)
    audit.record(
        connection, "user.rebound", actor, target=admission.username, issuer=admission.issuer,
        subject=admission.subject,
    )  # fmt: skip
    return user_id


def _bind(connection: Connection, user_id: int, issuer: str, subject: str) -> None:
    connection.execute(
        identities.update()
        .where(identities.c.user_id == user_id)
        .values(
            issuer=issuer,
            subject=subject,
            check_due=True,
            claimed_until=None,
            generation=identities.c.generation + 1,
        )
    )
    connection.execute(rebinds.delete().where(rebinds.c.user_id == user_id))
    end_presence(connection, user_id)
