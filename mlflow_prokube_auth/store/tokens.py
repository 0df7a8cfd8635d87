"""Access keys in the database: at most one in force per user, by a unique column."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, or_, select

from ..model import AccessKey, AccountState, Person, PersonalAccessToken
from . import audit
from .database import Database, PreparedQuery
from .people import STANDING, standing_of
from .schema import consents, identities, tokens, users

LAST_USE_SECONDS = 60


@dataclass(frozen=True)
class TokenOwner:
    """The answer to "whose key is this?" in one query; without a standing nobody vouches for the owner."""

    token: AccessKey
    digest: str
    person: Person
    standing: AccountState | None


_OWNER = PreparedQuery(
    select(tokens, *STANDING)
    .join(users, users.c.id == tokens.c.user_id)
    .outerjoin(identities, identities.c.user_id == users.c.id)
    .where(tokens.c.key_id == bindparam("key_id", ""))
)


class Tokens:
    """Queries on access keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owner(self, key_id: str) -> TokenOwner | None:
        """The key of that id with its owner, in force or not."""
        row = self._database.answer(_OWNER, key_id=key_id)
        if row is None:
            return None
        person = Person(row["user_id"], row["username"], bool(row["is_admin"]))
        return TokenOwner(_token(row), row["digest"], person, standing_of(row, row["user_id"]))

    def active(self, user_id: int) -> AccessKey | None:
        """The key in force (perhaps expired) of a user."""
        with self._database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.active_user_id == user_id)).mappings().first()
        return None if row is None else _token(row)

    def mint(
        self, token: PersonalAccessToken, user_id: int, now: int, expires_at: int, actor: str, client: str = ""
    ) -> None:
        """Put ``token`` in force for a user and end the one before it, in one transaction."""
        with self._database.write() as connection:
            # One at a time for each user: the loser of a race replaces the winner's key.
            connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
            replaced = end_active(connection, user_id, "replaced", now)
            connection.execute(
                tokens.insert().values(
                    key_id=token.key_id,
                    user_id=user_id,
                    active_user_id=user_id,
                    digest=token.digest,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
            audit.record(
                connection,
                "token.replace" if replaced else "token.create",
                actor,
                target=token.key_id,
                client=client,
                expires_at=expires_at,
                **audit.about(connection, user_id),
            )

    def revoke(self, user_id: int, now: int, actor: str, client: str = "") -> bool:
        """End the key in force, and what would fetch the next one; whether there was a key."""
        with self._database.write() as connection:
            connection.execute(consents.delete().where(consents.c.user_id == user_id))
            ended = end_active(connection, user_id, "revoked", now)
            if ended:
                who = audit.about(connection, user_id)
                audit.record(connection, "token.revoke", actor, target="", client=client, **who)
        return ended

    def used(self, key_id: str, now: int, client: str) -> None:
        """Note the last use, at most once a minute."""
        with self._database.write() as connection:
            connection.execute(
                tokens.update()
                .where(
                    tokens.c.key_id == key_id,
                    or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at <= now - LAST_USE_SECONDS),
                )
                .values(last_used_at=now, last_used_from=client[:64])
            )


def end_active(connection: Connection, user_id: int, why: str, now: int) -> bool:
    """End the key in force of a user, in the caller's transaction; whether there was one."""
    result = connection.execute(
        tokens.update()
        .where(tokens.c.active_user_id == user_id)
        .values(active_user_id=None, ended_at=now, ended_by=why)
    )
    return bool(result.rowcount)


def _token(row: object) -> AccessKey:
    return AccessKey(**{name: row[name] for name in AccessKey.__dataclass_fields__})  # type: ignore[index]  # a mapping
