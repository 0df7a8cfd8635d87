"""The one place where accounts come to be: MLflow's row of a user, and with it our identity and the name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from . import mlflow_names
from .schema import identities, user_names, users
from .user_names import NameTaken, claim, ids_of

# Issuers of accounts that are made here: of service accounts, and of local administrators.
SERVICE_ISSUER, LOCAL_ISSUER = "service", "local"
LOCAL_ISSUERS = frozenset({LOCAL_ISSUER, SERVICE_ISSUER})
# What no password can hash to (werkzeug splits a hash at "$").
UNUSABLE_PASSWORD = "!"  # noqa: S105 - the very absence of a password


@dataclass(frozen=True)
class NewAccount:
    """Whose account it is to be.

    ``returns``: an account of this identity that was deleted has left its name to this one.
    """

    name: str
    issuer: str
    subject: str
    display_name: str
    admitted_by: str
    returns: bool = False


def make(
    connection: Connection, new: NewAccount, at: int, adopts: Callable[[bool], bool] = lambda is_admin: False
) -> int:
    """Make an account at that time (UTC seconds), in the caller's transaction; its user's id.

    Where another transaction makes an account of that name or identity meanwhile, a constraint holds against this one:
    in :meth:`Database.settle` it begins anew and finds what is there.

    Args:
        connection: the transaction.
        new: whose account it is to be.
        at: when (UTC seconds).
        adopts: whether the account may be that of the user of basic-auth who has the name, by whether they are an
            administrator. Their password opens nothing any more.

    Raises:
        NameTaken: somebody else has, or had, the name.
    """
    ids = ids_of(connection, new.name)
    if ids:
        user_id = ids[0]
        _adopt(connection, user_id, new.name, adopts)
    else:
        user_id = _add_user(connection, new.name)
    claim(connection, new.name, user_id, (new.issuer, new.subject) if new.returns else None)
    connection.execute(
        identities.insert().values(
            user_id=user_id,
            issuer=new.issuer,
            subject=new.subject,
            display_name=new.display_name[:255],
            admitted_by=new.admitted_by,
            disabled=False,
            last_confirmed_at=at,
        )
    )
    return user_id


def expect(connection: Connection, name: str, *, is_admin: bool) -> int:
    """An account of somebody who is yet to log in, in the caller's transaction; its user's id.

    As with users of basic-auth, the first login with the verified address binds the identity.

    Raises:
        NameTaken: somebody else has, or had, the name.
    """
    user_id = _add_user(connection, name)
    claim(connection, name, user_id)
    connection.execute(users.update().where(users.c.id == user_id).values(is_admin=is_admin))
    return user_id


def _adopt(connection: Connection, user_id: int, name: str, adopts: Callable[[bool], bool]) -> None:
    query = select(users.c.username, users.c.is_admin, identities.c.issuer).outerjoin_from(
        users, identities, identities.c.user_id == users.c.id
    )
    existing = connection.execute(query.where(users.c.id == user_id)).one()
    if existing.issuer is not None:
        raise NameTaken(name, bound=existing.issuer not in LOCAL_ISSUERS)
    if not adopts(bool(existing.is_admin)):
        raise NameTaken(name)
    connection.execute(
        users.update().where(users.c.id == user_id).values(username=name, password_hash=UNUSABLE_PASSWORD)
    )
    mlflow_names.rename(connection, existing.username, name)


def _add_user(connection: Connection, name: str) -> int:
    """A new row of MLflow's users, under an id that nobody has or had."""
    values = {"username": name, "password_hash": UNUSABLE_PASSWORD, "is_admin": False}
    if connection.dialect.name == "sqlite":
        highest = [
            select(func.coalesce(func.max(column), 0)).scalar_subquery()
            for column in (users.c.id, user_names.c.former_id)
        ]
        connection.execute(users.insert().values(id=func.max(*highest) + 1, **values))
    else:
        connection.execute(users.insert().values(**values))
    return int(connection.execute(select(users.c.id).where(users.c.username == name)).scalar_one())
