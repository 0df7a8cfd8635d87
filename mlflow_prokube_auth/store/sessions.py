"""Session rows: what the cookie names. Only a hash of the cookie's secret is stored."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace

from sqlalchemy import and_, bindparam, or_, select, true
from sqlalchemy.exc import IntegrityError

from ..model import AccountState
from .database import Database, PreparedQuery
from .people import STANDING, standing_of
from .schema import consents, identities, logout_tokens, sessions, users

SEEN_SECONDS = 60


# What a softly ended session holds: the login page goes straight on to Keycloak.
SILENT_RETURN = '{"silent": true}'
SILENT_SECONDS = 8 * 3600


@dataclass(frozen=True)
class KeycloakSession:
    """What a login leaves for the re-check: Keycloak's session id, and its tokens, sealed."""

    sid: str | None
    tokens: str | None = field(repr=False)


NO_KEYCLOAK_SESSION = KeycloakSession(None, None)


@dataclass(frozen=True)
class SessionRow:
    """A living session; ``standing`` is None until the login is finished."""

    id: str
    data: str
    standing: AccountState | None
    last_seen_at: int
    tokens: str | None = field(repr=False)
    checked_at: int


def digest(secret: str) -> str:
    """SHA-256 of a random secret, hexadecimal. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


_SESSION = PreparedQuery(
    select(sessions, *STANDING)
    .outerjoin(users, users.c.id == sessions.c.user_id)
    .outerjoin(identities, identities.c.user_id == users.c.id)
    .where(sessions.c.id == bindparam("session_id", ""))
)


class Sessions:
    """Queries on sessions."""

    def __init__(self, database: Database, idle_seconds: int) -> None:
        self._database = database
        self._idle_seconds = idle_seconds

    def find(self, session_id: str, secret: str, now: int) -> SessionRow | None:
        """The living session that the cookie names, in one query."""
        row = self._database.answer(_SESSION, session_id=session_id)
        if row is None or not hmac.compare_digest(row["secret_digest"], digest(secret)):
            return None
        if row["expires_at"] <= now or row["last_seen_at"] + self._idle_seconds <= now:
            return None
        standing = None if row["user_id"] is None else standing_of(row, row["user_id"])
        if row["user_id"] is not None and (standing is None or standing.disabled):
            return None
        checked_at = row["checked_at"] or row["created_at"]
        return SessionRow(row["id"], row["data"], standing, row["last_seen_at"], row["tokens"], checked_at)

    def create(
        self,
        session_id: str,
        secret: str,
        user_id: int | None,
        data: str,
        now: int,
        expires_at: int,
        keycloak: KeycloakSession = NO_KEYCLOAK_SESSION,
    ) -> None:
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
                    sid=keycloak.sid,
                    tokens=keycloak.tokens,
                    checked_at=now,
                )
            )

    def tokens_of(self, session_id: str) -> str | None:
        """Keycloak's tokens of a session, sealed."""
        with self._database.read() as connection:
            found = connection.execute(select(sessions.c.tokens).where(sessions.c.id == session_id)).scalar()
        return None if found is None else str(found)

    def claim(self, row: SessionRow, now: int, seconds: int) -> bool:
        """Whether this process is the one that refreshes the session's tokens now."""
        with self._database.write() as connection:
            result = connection.execute(
                sessions.update()
                .where(
                    sessions.c.id == row.id,
                    sessions.c.tokens == row.tokens,
                    or_(sessions.c.claimed_until.is_(None), sessions.c.claimed_until <= now),
                )
                .values(claimed_until=now + seconds)
            )
            return bool(result.rowcount)

    def keep(self, row: SessionRow, tokens: str) -> SessionRow:
        """Put refreshed tokens in the place of a row's, whatever their check will say; the row as it is then."""
        self._replace(row, tokens=tokens)
        return replace(row, tokens=tokens)

    def checked(self, row: SessionRow, tokens: str, now: int) -> None:
        """All is in order as of now; the next check is due an interval later."""
        self._replace(row, tokens=tokens, checked_at=now, claimed_until=None)

    def postpone(self, row: SessionRow, until: int) -> None:
        """Nothing new is known; the check that is due is for nobody to repeat until then."""
        self._replace(row, claimed_until=until)

    def _replace(self, row: SessionRow, **values: str | int | None) -> None:
        """Write to a row whose tokens are still those: another process may have refreshed them, or a logout come."""
        with self._database.write() as connection:
            connection.execute(
                sessions.update().where(sessions.c.id == row.id, sessions.c.tokens == row.tokens).values(**values)
            )

    def let_go(self, session_id: str, now: int) -> None:
        """End a session softly: its browser goes through Keycloak again without being asked to click."""
        with self._database.write() as connection:
            connection.execute(
                sessions.update()
                .where(sessions.c.id == session_id)
                .values(user_id=None, tokens=None, sid=None, data=SILENT_RETURN, expires_at=now + SILENT_SECONDS)
            )

    def end_of(self, issuer: str, subject: str | None, sid: str | None) -> int:
        """End the sessions that a logout token means: those of ``sid``, else all of ``subject``; how many."""
        owners = select(identities.c.user_id).where(identities.c.issuer == issuer)
        if subject is not None:
            owners = owners.where(identities.c.subject == subject)
        meant = and_(sessions.c.user_id.in_(owners), sessions.c.sid == sid if sid is not None else true())
        with self._database.write() as connection:
            people = select(sessions.c.user_id).where(meant)
            connection.execute(consents.delete().where(consents.c.user_id.in_(people)))
            return int(connection.execute(sessions.delete().where(meant)).rowcount)

    def claim_once(self, jti: str, now: int, expires_at: int) -> bool:
        """Whether this logout token is seen for the first time."""
        try:
            with self._database.write() as connection:
                connection.execute(logout_tokens.delete().where(logout_tokens.c.expires_at <= now))
                connection.execute(logout_tokens.insert().values(jti=jti, expires_at=expires_at))
            return True
        except IntegrityError:
            return False

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
