"""Access keys in the database: at most one in force per user, by a unique column."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, bindparam, or_, select

from ..model import AccessKey, AccessKeySecret, AccountState, Actor, Person
from . import audit
from .database import Database, PreparedQuery
from .people import STANDING, standing_of
from .schema import access_keys, consents, identities, legacy_keys, users

LAST_USE_SECONDS = 60


@dataclass(frozen=True)
class KeyOwner:
    """The answer to "whose key is this?" in one query; without a standing nobody vouches for the owner."""

    key: AccessKey
    digest: str
    person: Person
    standing: AccountState | None


_OWNER = PreparedQuery(
    select(access_keys, *STANDING)
    .join(users, users.c.id == access_keys.c.user_id)
    .outerjoin(identities, identities.c.user_id == users.c.id)
    .where(access_keys.c.key_id == bindparam("key_id", ""))
)


class AccessKeys:
    """Queries on access keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owner(self, key_id: str) -> KeyOwner | None:
        """The key of that id with its owner, in force or not."""
        row = self._database.answer(_OWNER, key_id=key_id)
        if row is None:
            return None
        person = Person(row["user_id"], row["username"], bool(row["is_admin"]))
        return KeyOwner(_access_key(row), row["digest"], person, standing_of(row, row["user_id"]))

    def active(self, user_id: int) -> AccessKey | None:
        """The key in force (perhaps expired) of a user."""
        with self._database.read() as connection:
            row = (
                connection.execute(select(access_keys).where(access_keys.c.active_user_id == user_id))
                .mappings()
                .first()
            )
        return None if row is None else _access_key(row)

    def mint(
        self, secret: AccessKeySecret, user_id: int, expires_at: int, actor: Actor, note: str = ""
    ) -> AccessKey | None:
        """Put ``secret`` in force for a user and end the one before it, in one transaction.

        Returns:
            The one before, in force until now or expired; None where there was none.
        """
        with self._database.write() as connection:
            # One at a time for each user: the loser of a race replaces the winner's key.
            connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
            # The first write: on SQLite it takes the lock, so that what is read next is what is replaced.
            replaced = end_legacy(connection, user_id, "replaced", actor.at)
            active = select(access_keys).where(access_keys.c.active_user_id == user_id)
            before = connection.execute(active).mappings().first()
            replaced = end_active(connection, user_id, "replaced", actor.at) or replaced
            connection.execute(
                access_keys.insert().values(
                    key_id=secret.key_id,
                    user_id=user_id,
                    active_user_id=user_id,
                    digest=secret.digest,
                    created_at=actor.at,
                    expires_at=expires_at,
                    note=note,
                )
            )
            audit.record(
                connection,
                "access_key.replace" if replaced else "access_key.create",
                actor,
                target=secret.key_id,
                expires_at=expires_at,
                note=note or None,
                **audit.about(connection, user_id),
            )
        return None if before is None else _access_key(before)

    def revoke(self, user_id: int, actor: Actor) -> bool:
        """End the key in force, and what would fetch the next one; whether there was a key."""
        with self._database.write() as connection:
            connection.execute(consents.delete().where(consents.c.user_id == user_id))
            ended = end_active(connection, user_id, "revoked", actor.at)
            ended = end_legacy(connection, user_id, "revoked", actor.at) or ended
            if ended:
                who = audit.about(connection, user_id)
                audit.record(connection, "access_key.revoke", actor, "", **who)
        return ended

    def used(self, key_id: str, actor: Actor) -> None:
        """Note the last use, at most once a minute; ``actor`` is the key's owner."""
        with self._database.write() as connection:
            note_use(connection, access_keys, access_keys.c.key_id == key_id, actor)


def note_use(connection: Connection, keys: Table, which: ColumnElement[bool], actor: Actor) -> None:
    """Note the last use of a key of either table, at most once a minute; ``actor`` is its owner."""
    last = keys.c.last_used_at
    connection.execute(
        keys.update()
        .where(which, or_(last.is_(None), last <= actor.at - LAST_USE_SECONDS))
        .values(last_used_at=actor.at, last_used_from=actor.client[:64])
    )


def end_active(connection: Connection, user_id: int, why: str, now: int) -> bool:
    """End the key in force of a user, in the caller's transaction; whether there was one."""
    result = connection.execute(
        access_keys.update()
        .where(access_keys.c.active_user_id == user_id)
        .values(active_user_id=None, ended_at=now, ended_by=why)
    )
    return bool(result.rowcount)


def end_legacy(connection: Connection, user_id: int, why: str, now: int) -> bool:
    """End the keys that a user has of another plugin, in the caller's transaction; whether there were any."""
    result = connection.execute(
        legacy_keys.update()
        .where(legacy_keys.c.user_id == user_id, legacy_keys.c.ended_at.is_(None))
        .values(ended_at=now, ended_by=why)
    )
    return bool(result.rowcount)


def _access_key(row: object) -> AccessKey:
    return AccessKey(**{name: row[name] for name in AccessKey.__dataclass_fields__})  # type: ignore[index]  # a mapping
