"""Reservations of globally unique names, written before MLflow creates the resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, or_, select
from sqlalchemy.exc import IntegrityError

from .database import Database
from .schema import resource_names


@dataclass(frozen=True)
class Reservation:
    """Who reserved a name, and when (UTC milliseconds).

    ``claim_id`` tells one reservation from the next one of the same name. ``healable`` is False where it replaced
    another user's unfinished one, or where several requests go on under it, and for all reservations of the name after
    that: what appears under the name may be the work of a late request.
    """

    kind: str
    name: str
    user_id: int
    reserved_ms: int
    pending: bool
    held_until: int | None
    claim_id: str
    healable: bool
    inherited: bool


@dataclass(frozen=True)
class NameLock:
    """A hold of one request until then (UTC seconds); ``known``: somebody had reserved the name before."""

    kind: str
    name: str
    known: bool
    until: int


class Names:
    """Queries on reservations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, kind: str, name: str, user_id: int, now_ms: int, claim_id: str) -> Reservation | None:
        """Reserve ``name``; None when it is ours now, else the reservation that stands there."""
        values = {"kind": kind, "name": name, "user_id": user_id, "reserved_ms": now_ms, "claim_id": claim_id}
        try:
            with self._database.write() as connection:
                connection.execute(resource_names.insert().values(**values, pending=True, healable=True))
            return None
        except IntegrityError:
            standing = self.find(kind, name)
            return standing or self.reserve(kind, name, user_id, now_ms, claim_id)

    def find(self, kind: str, name: str) -> Reservation | None:
        """The reservation of a name."""
        query = select(resource_names).where(resource_names.c.kind == kind, resource_names.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Reservation(**row)

    def take_over(self, stale: Reservation, user_id: int, now_ms: int, claim_id: str) -> bool:
        """Claim a reservation whose resource is gone; of several claimants one wins."""
        healable = stale.healable and (stale.user_id == user_id or not stale.pending)
        with self._database.write() as connection:
            result = connection.execute(
                resource_names.update()
                .where(
                    *_of(stale.kind, stale.name, stale.claim_id),
                    resource_names.c.pending == stale.pending,
                    _not_held(now_ms // 1000),
                )
                .values(
                    user_id=user_id,
                    reserved_ms=now_ms,
                    claim_id=claim_id,
                    pending=True,
                    healable=healable,
                    inherited=False,
                )
            )
            return bool(result.rowcount)

    def join(self, standing: Reservation) -> bool:
        """Go on under a reservation beside the request that made it; whether it still stands."""
        with self._database.write() as connection:
            result = connection.execute(
                resource_names.update()
                .where(*_of(standing.kind, standing.name, standing.claim_id), resource_names.c.pending.is_(True))
                .values(healable=False)
            )
            return bool(result.rowcount)

    def settle(
        self, kind: str, name: str, claim_id: str, then: Callable[[Connection], None] = lambda connection: None
    ) -> bool:
        """The resource exists and its creator holds MANAGE; whether this call is the one that settled it.

        ``then`` runs in the same transaction, of all who settle a reservation for one alone.
        """
        return self._if_pending(kind, name, claim_id, then, pending=False)

    def while_pending(self, kind: str, name: str, claim_id: str, then: Callable[[Connection], None]) -> bool:
        """Run ``then`` in a transaction in which nobody else settles, releases or takes over the reservation."""
        return self._if_pending(kind, name, claim_id, then, pending=True)

    def _if_pending(
        self, kind: str, name: str, claim_id: str, then: Callable[[Connection], None], *, pending: bool
    ) -> bool:
        with self._database.write() as connection:
            # The update locks the row, even where it changes nothing.
            found = connection.execute(
                resource_names.update()
                .where(*_of(kind, name, claim_id), resource_names.c.pending.is_(True))
                .values(pending=pending)
            ).rowcount
            if found:
                then(connection)
            return bool(found)

    def release(self, kind: str, name: str, claim_id: str) -> None:
        """Free a name, where it is still reserved by that claim."""
        with self._database.write() as connection:
            _free(connection, _of(kind, name, claim_id))

    def lock(self, kind: str, name: str, user_id: int, now: int, seconds: int) -> NameLock | None:
        """Block a name while its resource is renamed or deleted; None where another request does."""
        until = now + seconds
        with self._database.write() as connection:
            held = connection.execute(
                resource_names.update()
                .where(resource_names.c.kind == kind, resource_names.c.name == name, _not_held(now))
                .values(held_until=until)
            ).rowcount
        if held:
            return NameLock(kind, name, known=True, until=until)
        try:
            with self._database.write() as connection:
                connection.execute(
                    resource_names.insert().values(
                        kind=kind,
                        name=name,
                        user_id=user_id,
                        reserved_ms=now * 1000,
                        claim_id="",
                        pending=False,
                        healable=False,
                        held_until=until,
                    )
                )
            return NameLock(kind, name, known=False, until=until)
        except IntegrityError:
            return None

    def unlock(self, held: NameLock, *, gone: bool) -> None:
        """End a hold that has not run out: the name is free where its bearer is ``gone``, else all is as before."""
        named = (
            resource_names.c.kind == held.kind,
            resource_names.c.name == held.name,
            resource_names.c.held_until == held.until,
        )
        with self._database.write() as connection:
            if not held.known:
                connection.execute(resource_names.delete().where(*named))
            elif gone:
                _free(connection, named)
            else:
                connection.execute(resource_names.update().where(*named).values(held_until=None))

    def created_by(self, user_id: int) -> dict[tuple[str, str], bool]:
        """Kind and name of all that a user created or inherited from a deleted account; whether they inherited it."""
        query = select(resource_names.c.kind, resource_names.c.name, resource_names.c.inherited).where(
            resource_names.c.user_id == user_id, resource_names.c.pending.is_(False)
        )
        with self._database.read() as connection:
            return {(row.kind, row.name): bool(row.inherited) for row in connection.execute(query)}

    def pending(self, user_id: int) -> list[Reservation]:
        """What a user reserved and was never seen to own: the trace of a crash."""
        query = select(resource_names).where(resource_names.c.user_id == user_id, resource_names.c.pending.is_(True))
        with self._database.read() as connection:
            return [Reservation(**row) for row in connection.execute(query).mappings()]


def _free(connection: Connection, meant: tuple[ColumnElement[bool], ...]) -> None:
    """Anybody may take the name now. Where late requests are possible, that is kept, for whoever takes it."""
    connection.execute(resource_names.delete().where(*meant, resource_names.c.healable.is_(True)))
    connection.execute(resource_names.update().where(*meant).values(pending=False, held_until=None))


def _not_held(now: int) -> ColumnElement[bool]:
    return or_(resource_names.c.held_until.is_(None), resource_names.c.held_until <= now)


def _of(kind: str, name: str, claim_id: str) -> tuple[ColumnElement[bool], ...]:
    return resource_names.c.kind == kind, resource_names.c.name == name, resource_names.c.claim_id == claim_id
