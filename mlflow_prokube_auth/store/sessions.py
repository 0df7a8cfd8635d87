"""Session rows: what the cookie names. Only a hash of the cookie's secret is stored."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from sqlalchemy import select

from .database import Database
from .people import Person
from .schema import identities, sessions, users

SEEN_SECONDS = 60


@dataclass(frozen=True)
class SessionRow:
    """A living session; ``person`` is None until the login is finished."""

    id: str
    data: str
    person: Person | None
    last_seen_at: int


def digest(secret: str) -> str:
    """SHA-256 of the cookie's secret, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """Queries on sessions."""

    def __init__(self, database: Database, idle_seconds: int) -> None:
        self._database = database
        self._idle_seconds = idle_seconds

    def find(self, session_id: str, secret: str, now: int) -> SessionRow | None:
        """The living session that the cookie names, in one query."""
        query = (
            select(sessions, users.c.username, users.c.is_admin, identities.c.disabled)
            .outerjoin(users, users.c.id == sessions.c.user_id)
            .outerjoin(identities, identities.c.user_id == users.c.id)
            .where(sessions.c.id == session_id)
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not hmac.compare_digest(row["secret_digest"], digest(secret)):
            return None
        if row["expires_at"] <= now or row["last_seen_at"] + self._idle_seconds <= now:
            return None
        if row["user_id"] is None:
            return SessionRow(row["id"], row["data"], None, row["last_seen_at"])
        if row["disabled"] is None or row["disabled"]:
            return None
        person = Person(row["user_id"], row["username"], bool(row["is_admin"]))
        return SessionRow(row["id"], row["data"], person, row["last_seen_at"])

    def create(self, session_id: str, secret: str, user_id: int | None, data: str, now: int, expires_at: int) -> None:
        """Begin a session, and sweep the ended ones."""
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.expires_at <= now))
            connection.execute(
                sessions.insert().values(
                    id=session_id,
                    secret_digest=digest(secret),
                    user_id=user_id,
                    data=data,
                    created_at=now,
                    last_seen_at=now,
                    expires_at=expires_at,
                )
            )

    def save(self, session_id: str, data: str) -> None:
        """Keep what the session holds."""
        with self._database.write() as connection:
            connection.execute(sessions.update().where(sessions.c.id == session_id).values(data=data))

    def seen(self, session_id: str, now: int) -> None:
        """Note that the session is in use."""
        with self._database.write() as connection:
            connection.execute(sessions.update().where(sessions.c.id == session_id).values(last_seen_at=now))

    def end(self, session_id: str) -> None:
        """End a session."""
        with self._database.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.id == session_id))
