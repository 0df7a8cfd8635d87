"""What a person allowed a command on their machine: to fetch one access key, once, within minutes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from ..model import AccountState, Actor, Person
from . import audit
from .database import Database
from .people import STANDING, standing_of
from .schema import consents, identities, users
from .sessions import digest

CONSENT_SECONDS = 300


@dataclass(frozen=True)
class Consent:
    """A consent that was just used up; without a standing nobody vouches for its person."""

    challenge: str
    days: int
    note: str
    standing: AccountState | None


class Consents:
    """Queries on consents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, code: str, person: Person, challenge: str, days: int, actor: Actor, *, name: str = "", note: str = ""
    ) -> None:
        """Keep a consent until it is taken or five minutes are over, and sweep the old ones.

        ``name`` is what the asking computer calls itself, for the audit trail; ``note`` will be that of the key.
        """
        with self._database.write() as connection:
            connection.execute(consents.delete().where(consents.c.expires_at <= actor.at))
            connection.execute(
                consents.insert().values(
                    code_digest=digest(code),
                    user_id=person.user_id,
                    challenge=challenge,
                    days=days,
                    note=note,
                    expires_at=actor.at + CONSENT_SECONDS,
                )
            )
            audit.record(connection, "access_key.consent", actor, days=days, name=name)

    def forget(self, user_id: int) -> None:
        """Take back all that a user has allowed and nobody has fetched yet."""
        with self._database.write() as connection:
            connection.execute(consents.delete().where(consents.c.user_id == user_id))

    def take(self, code: str, now: int) -> Consent | None:
        """Use up the consent of ``code``; None where there is none, it is too old, or another took it first."""
        wanted = consents.c.code_digest == digest(code)
        query = (
            select(consents, *STANDING)
            .join(users, users.c.id == consents.c.user_id)
            .outerjoin(identities, identities.c.user_id == users.c.id)
            .where(wanted)
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        with self._database.write() as connection:  # the row never changes: who deletes it has it
            taken = connection.execute(consents.delete().where(wanted)).rowcount == 1
        if not taken or row["expires_at"] <= now:
            return None
        return Consent(row["challenge"], row["days"], row["note"], standing_of(row, row["user_id"]))
