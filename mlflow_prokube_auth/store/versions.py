"""Versions of models that count, and who created them (``policy/artifacts.py``)."""

from __future__ import annotations

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from ..model import Person
from .database import Database
from .portions import portions
from .schema import counted_versions, identities, users


class TrustedVersions:
    """Queries on digests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, digest: str, user_id: int) -> None:
        """From now on it counts, by that creator."""
        try:
            with self._database.write() as connection:
                connection.execute(counted_versions.insert().values(digest=digest, user_id=user_id))
        except IntegrityError:
            return  # it counted before

    def creators(self, digests: list[str]) -> dict[str, list[Person]]:
        """Who created those of them that count; without those whose account is shut."""
        query = (
            select(counted_versions.c.digest, users.c.id, users.c.username, users.c.is_admin)
            .join(users, users.c.id == counted_versions.c.user_id)
            .outerjoin(identities, identities.c.user_id == users.c.id)
            .where(
                func.coalesce(identities.c.disabled, False).is_(False),
                func.coalesce(identities.c.blocked, False).is_(False),
            )
            .order_by(users.c.id)
        )
        found: dict[str, list[Person]] = {}
        if not digests:
            return found
        with self._database.read() as connection:
            for some in portions(digests):
                chosen = counted_versions.c.digest.in_(some)
                for row in connection.execute(query.where(chosen)):
                    found.setdefault(row.digest, []).append(Person(row.id, row.username, bool(row.is_admin)))
        return found


def inherit(connection: Connection, user_id: int, successor_id: int) -> None:
    """Take a user's versions over by another, who is asked from now on; in the caller's transaction."""
    already = select(counted_versions.c.digest).where(counted_versions.c.user_id == successor_id)
    of_user = counted_versions.c.user_id == user_id
    new = select(counted_versions.c.digest).where(of_user, counted_versions.c.digest.not_in(already))
    digests = [row.digest for row in connection.execute(new)]
    if digests:
        connection.execute(
            counted_versions.insert(), [{"digest": digest, "user_id": successor_id} for digest in digests]
        )
    connection.execute(counted_versions.delete().where(of_user))
