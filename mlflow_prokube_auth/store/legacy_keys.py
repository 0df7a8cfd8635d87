"""Keys of another plugin that go on working until a date: password hashes of werkzeug's, ended by the first new key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from ..model import AccountState, Actor, Person
from ..plain import lowered
from . import audit
from .access_keys import note_use
from .database import Database
from .people import STANDING, standing_of
from .portions import portions
from .schema import identities, legacy_keys, user_names, users

# For so long after its day, whoever presents a key is told that it has expired.
TOLD_SECONDS = 30 * 86_400


@dataclass(frozen=True)
class LegacyKey:
    """What is known of one. Times are UTC seconds; ``prefix`` is a part of the key that finds it, None without one."""

    id: int
    user_id: int
    name: str
    prefix: str | None
    hash: str = field(repr=False)
    created_at: int
    expires_at: int
    ended_at: int | None
    ended_by: str | None
    last_used_at: int | None


@dataclass(frozen=True)
class LegacyOwner:
    """A key with its owner, who has no standing before their first login."""

    key: LegacyKey
    person: Person
    standing: AccountState | None


@dataclass(frozen=True)
class LegacyUse:
    """The keys of a user that are in force: when the first and the last of them expire, and when one was last used."""

    first_expires_at: int
    last_expires_at: int
    last_used_at: int | None


@dataclass(frozen=True)
class NewLegacyKey:
    """A key to take over."""

    name: str
    prefix: str | None
    hash: str = field(repr=False)
    expires_at: int


class LegacyKeys:
    """Queries on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exist(self, now: int) -> bool:
        """Whether anybody has one that is in force, or that was until lately."""
        query = select(legacy_keys.c.id).where(legacy_keys.c.expires_at > now - TOLD_SECONDS).limit(1)
        return bool(self._database.ask(query))

    def of_name(self, username: str, now: int) -> list[LegacyOwner]:
        """The keys, in force or until lately, of whoever has this name, or had it."""
        name = lowered(username)
        owner = select(user_names.c.user_id).where(user_names.c.name == name).scalar_subquery()
        query = (
            select(legacy_keys, *STANDING)
            .join(users, users.c.id == legacy_keys.c.user_id)
            .outerjoin(identities, identities.c.user_id == users.c.id)
            .where(or_(users.c.username == name, users.c.id == owner), legacy_keys.c.expires_at > now - TOLD_SECONDS)
            .order_by(legacy_keys.c.id)
        )
        return [
            LegacyOwner(
                _key(row),
                Person(row["user_id"], row["username"], bool(row["is_admin"])),
                standing_of(row, row["user_id"]),
            )
            for row in self._database.ask(query)
        ]

    def uses(self, user_ids: Sequence[int], now: int) -> dict[int, LegacyUse]:
        """Of each of these users who has some in force: until when, and when one was last used."""
        table, found = legacy_keys.c, dict[int, LegacyUse]()
        ends = func.min(table.expires_at), func.max(table.expires_at), func.max(table.last_used_at)
        for some in portions(user_ids):
            query = select(table.user_id, *ends).where(table.user_id.in_(some), _in_force(now)).group_by(table.user_id)
            with self._database.read() as connection:
                found.update((row[0], LegacyUse(*row[1:])) for row in connection.execute(query))
        return found

    def in_force(self, now: int) -> list[tuple[str, LegacyKey]]:
        """All that are in force with their owners' names, those used last first."""
        query = select(legacy_keys, users.c.username).join(users, users.c.id == legacy_keys.c.user_id)
        rows = self._database.ask(query.where(_in_force(now)).order_by(users.c.username, legacy_keys.c.id))
        found = [(str(row["username"]), _key(row)) for row in rows]
        return sorted(found, key=lambda each: -(each[1].last_used_at or 0))

    def used(self, key_id: int, actor: Actor) -> None:
        """Note the last use, at most once a minute; ``actor`` is the key's owner."""
        with self._database.write() as connection:
            note_use(connection, legacy_keys, legacy_keys.c.id == key_id, actor)


def take_over(connection: Connection, user_id: int, keys: Sequence[NewLegacyKey], actor: Actor) -> int:
    """Have these keys of a user work on; those that were taken over before, ended or not, stay as they are."""
    known = set(connection.execute(select(legacy_keys.c.hash).where(legacy_keys.c.user_id == user_id)).scalars())
    new = [key for key in keys if key.hash not in known]
    for key in new:
        connection.execute(
            legacy_keys.insert().values(
                user_id=user_id,
                name=key.name,
                prefix=key.prefix,
                hash=key.hash,
                created_at=actor.at,
                expires_at=key.expires_at,
            )
        )
        who = audit.about(connection, user_id)
        audit.record(connection, "legacy_key.import", actor, target=key.name, expires_at=key.expires_at, **who)
    return len(new)


def _in_force(now: int) -> Any:
    return and_(legacy_keys.c.ended_at.is_(None), legacy_keys.c.expires_at > now)


def _key(row: Any) -> LegacyKey:
    return LegacyKey(**{name: row[name] for name in LegacyKey.__dataclass_fields__})
