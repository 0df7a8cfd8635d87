"""Reminders that an access key expires: which are due, and which were sent. A row is claimed for each key and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError

from ..model import DAY
from .database import Database
from .new_accounts import SERVICE_ISSUER
from .schema import access_keys, identities, key_reminders, users


@dataclass(frozen=True)
class Reminder:
    """A key that ends soon. ``days`` is the step: so many days before its end its owner is told."""

    key_id: str
    days: int
    username: str
    is_service: bool
    note: str
    expires_at: int


class KeyReminders:
    """Queries on reminders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: int, steps: Sequence[int]) -> list[Reminder]:
        """Of keys in force, the step that they are in, where it is not settled; the next to end first.

        A key whose whole lifetime is shorter than a step skips it. An owner who is blocked or disabled gets no e-mail.
        """
        query = (
            select(access_keys, users.c.username, identities.c.issuer)
            .join(users, users.c.id == access_keys.c.active_user_id)
            .join(identities, identities.c.user_id == users.c.id)
            .where(
                access_keys.c.expires_at > now,
                access_keys.c.expires_at <= now + max(steps) * DAY,
                identities.c.disabled.is_(False),
                identities.c.blocked.is_(False),
            )
            .order_by(access_keys.c.expires_at, access_keys.c.key_id)
        )
        settled = (
            select(key_reminders.c.key_id, key_reminders.c.days)
            .join(access_keys, access_keys.c.key_id == key_reminders.c.key_id)
            .where(key_reminders.c.settled_at.is_not(None), access_keys.c.expires_at > now)
        )
        with self._database.read() as connection:
            told = {(row.key_id, row.days) for row in connection.execute(settled)}
            found = [(row, _step(row, now, steps)) for row in connection.execute(query)]
        return [
            Reminder(row.key_id, step, row.username, row.issuer == SERVICE_ISSUER, row.note, row.expires_at)
            for row, step in found
            if step is not None and (row.key_id, step) not in told
        ]

    def claim(self, reminder: Reminder, now: int, until: int) -> bool:
        """Whether this process is the one that sends it; nobody else does until then (UTC seconds)."""
        mine = and_(key_reminders.c.key_id == reminder.key_id, key_reminders.c.days == reminder.days)
        try:
            with self._database.write() as connection:
                values = {"key_id": reminder.key_id, "days": reminder.days, "claimed_until": until}
                connection.execute(key_reminders.insert().values(**values))
            return True
        except IntegrityError:  # somebody has claimed it, or the key is gone
            pass
        with self._database.write() as connection:
            free = and_(mine, key_reminders.c.settled_at.is_(None), key_reminders.c.claimed_until <= now)
            return connection.execute(key_reminders.update().where(free).values(claimed_until=until)).rowcount == 1

    def settle(self, reminder: Reminder, now: int) -> None:
        """It is sent, or can never be."""
        self._update(reminder, settled_at=now)

    def postpone(self, reminder: Reminder, until: int) -> None:
        """It could not be sent now; another try may be made then (UTC seconds)."""
        self._update(reminder, claimed_until=until)

    def _update(self, reminder: Reminder, **values: int) -> None:
        mine = and_(key_reminders.c.key_id == reminder.key_id, key_reminders.c.days == reminder.days)
        with self._database.write() as connection:
            connection.execute(key_reminders.update().where(mine).values(**values))


def _step(row: object, now: int, steps: Sequence[int]) -> int | None:
    """The last step that a key has come to; None where it is in none."""
    left, life = row.expires_at - now, row.expires_at - row.created_at  # type: ignore[attr-defined]  # a row
    return next((step for step in sorted(steps) if left <= step * DAY and life > step * DAY), None)
