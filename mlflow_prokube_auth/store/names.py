"""Reservations of globally unique names, written before MLflow creates what bears them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError

from .database import Database
from .schema import resource_names


@dataclass(frozen=True)
class Reservation:
    """Who reserved a name, and when (UTC seconds)."""

    kind: str
    name: str
    user_id: int
    reserved_at: int
    pending: bool
    held_until: int | None


@dataclass(frozen=True)
class Held:
    """A hold of this process; ``known`` says whether somebody had reserved the name before."""

    kind: str
    name: str
    known: bool


class Names:
    """Queries on reservations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, kind: str, name: str, user_id: int, now: int) -> Reservation | None:
        """Reserve ``name``; None when it is ours now, else the reservation that stands there."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    resource_names.insert().values(kind=kind, name=name, user_id=user_id, reserved_at=now, pending=True)
                )
            return None
        except IntegrityError:
            standing = self.find(kind, name)
            return standing or self.reserve(kind, name, user_id, now)

    def find(self, kind: str, name: str) -> Reservation | None:
        """The reservation of a name."""
        query = select(resource_names).where(resource_names.c.kind == kind, resource_names.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Reservation(**row)

    def take_over(self, stale: Reservation, user_id: int, now: int) -> bool:
        """Claim a reservation whose resource is gone; of several claimants one wins."""
        with self._database.write() as connection:
            result = connection.execute(
                resource_names.update()
                .where(
                    resource_names.c.kind == stale.kind,
                    resource_names.c.name == stale.name,
                    resource_names.c.user_id == stale.user_id,
                    resource_names.c.reserved_at == stale.reserved_at,
                )
                .values(user_id=user_id, reserved_at=now, pending=True)
            )
            return bool(result.rowcount)

    def settle(self, kind: str, name: str, user_id: int) -> None:
        """The resource exists and its creator, that user, holds MANAGE."""
        with self._database.write() as connection:
            connection.execute(resource_names.update().where(*_of(kind, name, user_id)).values(pending=False))

    def release(self, kind: str, name: str, user_id: int) -> None:
        """Free a name, where it is still that user's."""
        with self._database.write() as connection:
            connection.execute(resource_names.delete().where(*_of(kind, name, user_id)))

    def hold(self, kind: str, name: str, user_id: int, now: int, seconds: int) -> Held | None:
        """Keep everybody from a name while what bears it is renamed or deleted; None where another request does."""
        free = or_(resource_names.c.held_until.is_(None), resource_names.c.held_until <= now)
        with self._database.write() as connection:
            held = connection.execute(
                resource_names.update()
                .where(resource_names.c.kind == kind, resource_names.c.name == name, free)
                .values(held_until=now + seconds)
            ).rowcount
        if held:
            return Held(kind, name, known=True)
        try:
            with self._database.write() as connection:
                connection.execute(
                    resource_names.insert().values(
                        kind=kind, name=name, user_id=user_id, reserved_at=now, pending=False, held_until=now + seconds
                    )
                )
            return Held(kind, name, known=False)
        except IntegrityError:
            return None

    def let_go(self, held: Held, *, gone: bool) -> None:
        """End a hold: the name is free where its bearer is ``gone``, else all is as before."""
        named = (resource_names.c.kind == held.kind, resource_names.c.name == held.name)
        with self._database.write() as connection:
            if gone or not held.known:
                connection.execute(resource_names.delete().where(*named))
            else:
                connection.execute(resource_names.update().where(*named).values(held_until=None))

    def created_by(self, user_id: int) -> set[tuple[str, str]]:
        """Kind and name of all that a user created."""
        query = select(resource_names.c.kind, resource_names.c.name).where(
            resource_names.c.user_id == user_id, resource_names.c.pending.is_(False)
        )
        with self._database.read() as connection:
            return {(row.kind, row.name) for row in connection.execute(query)}

    def pending(self, user_id: int) -> list[Reservation]:
        """What a user reserved and was never seen to own: the trace of a crash."""
        query = select(resource_names).where(resource_names.c.user_id == user_id, resource_names.c.pending.is_(True))
        with self._database.read() as connection:
            return [Reservation(**row) for row in connection.execute(query).mappings()]


def _of(kind: str, name: str, user_id: int) -> tuple[ColumnElement[bool], ...]:
    return resource_names.c.kind == kind, resource_names.c.name == name, resource_names.c.user_id == user_id
