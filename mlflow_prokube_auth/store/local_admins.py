"""Local administrators, for the day on which Keycloak is away: passwords, and the throttle of wrong ones.

A local administrator is a user of MLflow with an identity of the issuer ``local``. An attempt is counted, and
the account locked, in the same UPDATE that lets the attempt through, *before* the password is looked at: of any
number of guesses at once, in any number of processes, at most :data:`MAX_FAILURES` are ever compared.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from passlib.context import CryptContext
from sqlalchemy import Connection, and_, case, null, or_, select

from ..model import Actor, Person
from ..plain import NotPlain, escaped, lowered, user_name
from . import audit
from .access_keys import end_active
from .database import Database
from .new_accounts import LOCAL_ISSUER, NewAccount, make
from .presence import end_presence
from .schema import audit_events, identities, local_admins, users

ADMITTED_BY = "local:break-glass"
MIN_PASSWORD = 14
MAX_PASSWORD = 1024
MAX_NAME = 255
MAX_FAILURES = 5
LOCK_SECONDS = 15 * 60
# Attempts at locked and unknown accounts come from anybody and must not fill the audit trail.
REFUSED_AUDIT_SECONDS = 60
# Each hash takes 64 MiB for some 0.1 s: so many at once for a process, and so few wait for a turn, since whoever waits
# holds a thread of the server. Turns are for names of local administrators alone, one for each: whoever tries names
# that nobody has takes nothing of what those need.
HASHES_AT_ONCE = 2
WAITING_AT_ONCE = 4

# RFC 9106, section 4, names 64 MiB and three passes; argon2id is passlib's default type.
_hashing = CryptContext(schemes=["argon2"], argon2__memory_cost=65536, argon2__time_cost=3, argon2__parallelism=4)


class Unusable(Exception):
    """A name or a password that cannot be one; the message never quotes a password."""


class Refused(Enum):
    """Why an attempt failed; for the audit trail, never for the caller."""

    UNKNOWN = "unknown name"
    LOCKED = "locked"
    BUSY = "too many at once"
    WRONG = "wrong password"


@dataclass(frozen=True)
class LocalAdmin:
    """What the list shows. Times are UTC seconds."""

    name: str
    locked_until: int | None
    last_login_at: int | None


class LocalAdmins:
    """Queries on local administrators."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._stand_in = ""
        self._stood_in_at = self._recorded_at = 0

    def exist(self) -> bool:
        """Whether there is any."""
        with self._database.read() as connection:
            return connection.execute(select(local_admins.c.user_id).limit(1)).first() is not None

    def everyone(self) -> list[LocalAdmin]:
        """All of them, by name."""
        query = (
            select(users.c.username, local_admins.c.locked_until, identities.c.last_login_at)
            .join(local_admins, local_admins.c.user_id == users.c.id)
            .join(identities, identities.c.user_id == users.c.id)
            .order_by(users.c.username)
        )
        with self._database.read() as connection:
            return [LocalAdmin(row.username, row.locked_until, row.last_login_at) for row in connection.execute(query)]

    def set(self, name: str, password: str, actor: Actor) -> bool:
        """Make a local administrator, or give one a new password; a lock is lifted, sessions and access key end.

        Returns:
            Whether there was one of that name before.

        Raises:
            Unusable: the name or the password cannot be used.
            NameTaken: the name belongs, or belonged, to somebody else.
        """
        name = usable_name(name)
        hashed = _hashing.hash(usable_password(password))
        # Two at once, or a first login of that name: the loser finds the winner's rows.
        return self._database.settle(lambda connection: self._set(connection, name, hashed, actor))

    def _set(self, connection: Connection, name: str, hashed: str, actor: Actor) -> bool:
        user_id = _own_user(connection, name, actor.at)
        connection.execute(users.update().where(users.c.id == user_id).values(is_admin=True))
        connection.execute(
            identities.update()
            .where(identities.c.user_id == user_id)
            .values(disabled=False, admitted_by=ADMITTED_BY, admin_by=ADMITTED_BY, last_confirmed_at=actor.at)
        )
        # Whoever knew the old password may have left a session, a key, or a way to one.
        end_presence(connection, user_id)
        end_active(connection, user_id, "revoked", actor.at)
        values = {"password_hash": hashed, "failures": 0, "locked_until": None}
        replaced = connection.execute(
            local_admins.update().where(local_admins.c.user_id == user_id).values(values)
        ).rowcount
        if not replaced:
            connection.execute(local_admins.insert().values(user_id=user_id, **values))
        audit.record(connection, "local_admin.replace" if replaced else "local_admin.set", actor, target=name)
        return bool(replaced)

    def remove(self, name: str, actor: Actor) -> bool:
        """End a local administrator, with sessions, access key and rights, at once; whether there was one."""
        name = lowered(name)
        with self._database.write() as connection:
            user_id = connection.execute(_user_id_of(name)).scalar()
            if user_id is None:
                return False
            connection.execute(local_admins.delete().where(local_admins.c.user_id == user_id))
            connection.execute(
                identities.update().where(identities.c.user_id == user_id).values(disabled=True, admin_by=None)
            )
            connection.execute(users.update().where(users.c.id == user_id).values(is_admin=False))
            end_presence(connection, user_id)
            end_active(connection, user_id, "revoked", actor.at)
            audit.record(connection, "local_admin.remove", actor, target=name)
            return True

    def check(self, name: str, password: str, actor: Actor) -> Person | Refused:
        """The administrator of that name and password; ``actor`` is whoever tries, and has no name yet.

        The work done is the same whatever the answer, but for a flood: a name that nobody has, or that is locked,
        is worth one hash a second. The web layer answers all of them after one and the same time.
        """
        name = lowered(name)
        if not _is_name(name) or not self._is_known(name):
            return self._refused(Refused.UNKNOWN, password, actor)
        actor = replace(actor, name=name)
        with self._turn(name) as has_turn:
            if not has_turn:
                return self._refused(Refused.BUSY, password, actor)
            user_id, hashed, refused = self._count(name, actor.at)
            matches = hashed is not None and _matches(password, hashed)
        if hashed is None:
            return self._refused(refused, password, actor)
        with self._database.write() as connection:
            if matches and _clear(connection, user_id, hashed):
                connection.execute(
                    identities.update()
                    .where(identities.c.user_id == user_id)
                    .values(last_login_at=actor.at, last_confirmed_at=actor.at)
                )
                audit.record(connection, "login.local", actor)
                return Person(user_id, name, True)
            audit.record(connection, "login.local.denied", actor, reason=Refused.WRONG.value)
            if refused is Refused.LOCKED:
                audit.record(connection, "login.local.lock", actor, until=actor.at + LOCK_SECONDS)
            return Refused.WRONG

    def _is_known(self, name: str) -> bool:
        """Asked without writing: attempts at names that nobody has keep nobody from writing."""
        with self._database.read() as connection:
            return connection.execute(_user_id_of(name)).first() is not None

    @contextmanager
    def _turn(self, name: str) -> Iterator[bool]:
        """One at a time for a name, few for all; False where it would take too many threads."""
        with self._lock:
            allowed = name not in self._names and len(self._names) < HASHES_AT_ONCE + WAITING_AT_ONCE
            if allowed:
                self._names.add(name)
        if not allowed:
            yield False
            return
        try:
            with self._turns:
                yield True
        finally:
            with self._lock:
                self._names.discard(name)

    def _refused(self, why: Refused, password: str, actor: Actor) -> Refused:
        """An attempt that is not let through: the work of one that is, and a line of the audit trail, now and then."""
        with self._lock:
            stands_in, self._stood_in_at = self._stood_in_at < actor.at, max(self._stood_in_at, actor.at)
            records = self._recorded_at + REFUSED_AUDIT_SECONDS < actor.at
            self._recorded_at = actor.at if records else self._recorded_at
        if stands_in:
            self._stand_in = self._stand_in or _hashing.hash("nobody's password")
            _matches(password, self._stand_in)
        if records:
            with self._database.write() as connection:
                _record_refused(connection, why, actor)
        return why

    def _count(self, name: str, now: int) -> tuple[int, str | None, Refused]:
        """Count an attempt as a failure and lock at the last one: user id, hash to compare with, and why not.

        Without a hash the attempt is not let through. With one, LOCKED says that this was the last attempt.
        """
        unlocked = or_(local_admins.c.locked_until.is_(None), local_admins.c.locked_until <= now)
        fresh = local_admins.c.locked_until.is_not(None)  # a lock that is over: counting begins anew
        last = and_(local_admins.c.locked_until.is_(None), local_admins.c.failures + 1 >= MAX_FAILURES)
        with self._database.write() as connection:
            counted = connection.execute(
                local_admins.update()
                .where(local_admins.c.user_id == _user_id_of(name).scalar_subquery(), unlocked)
                .values(
                    failures=case((fresh, 1), else_=local_admins.c.failures + 1),
                    locked_until=case((last, now + LOCK_SECONDS), else_=null()),
                )
            ).rowcount
            row = connection.execute(
                select(local_admins).join(users, users.c.id == local_admins.c.user_id).where(users.c.username == name)
            ).first()
        if row is None:
            return 0, None, Refused.UNKNOWN
        refused = Refused.LOCKED if row.locked_until is not None else Refused.WRONG
        return row.user_id, row.password_hash if counted else None, refused


def usable_name(name: str) -> str:
    """The name as it is kept.

    Raises:
        Unusable: it cannot be a user name.
    """
    try:
        kept = user_name(name)
        if " " in kept:
            raise NotPlain("it holds a blank")
    except NotPlain as error:
        raise Unusable(
            f"'{escaped(name)}' can be no user name: {error}. Expected 1 to {MAX_NAME} visible characters without "
            "blanks and without ':'"
        ) from None
    return kept


def _is_name(name: str) -> bool:
    try:
        return usable_name(name) == name
    except Unusable:
        return False


def usable_password(password: str) -> str:
    """The password.

    Raises:
        Unusable: it is too short, too long or not text.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Unusable(f"expected a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters, found {len(password)}")
    if not _is_text(password):
        raise Unusable("expected a password in the terminal's encoding, found bytes that are no characters")
    return password


def _is_text(password: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in password)


def _matches(password: str, hashed: str) -> bool:
    """Whether it is the password; the work is done for what cannot be one, too."""
    usable = len(password) <= MAX_PASSWORD and _is_text(password)
    return bool(_hashing.verify(password if usable else "", hashed)) and usable


def _user_id_of(name: str) -> Any:
    return (
        select(local_admins.c.user_id).join(users, users.c.id == local_admins.c.user_id).where(users.c.username == name)
    )


def _own_user(connection: Connection, name: str, at: int) -> int:
    """The user of that name with an identity of ours, made where there is none.

    An administrator of basic-auth to whom no identity is bound becomes a local one; other users of basic-auth
    are people who have yet to log in.
    """
    own = select(identities.c.user_id).where(identities.c.issuer == LOCAL_ISSUER, identities.c.subject == name)
    user_id = connection.execute(own).scalar()
    if user_id is not None:
        return int(user_id)
    new = NewAccount(name, LOCAL_ISSUER, name, name, ADMITTED_BY)
    return make(connection, new, at, adopts=lambda is_admin: is_admin)


def _clear(connection: Connection, user_id: int, hashed: str) -> bool:
    """Forget the failures; False where the password was changed, or the administrator removed, meanwhile."""
    result = connection.execute(
        local_admins.update()
        .where(local_admins.c.user_id == user_id, local_admins.c.password_hash == hashed)
        .values(failures=0, locked_until=None)
    )
    return bool(result.rowcount)


def _record_refused(connection: Connection, refused: Refused, actor: Actor) -> None:
    """Write down an attempt that was not let through, at most one a minute.

    A name that nobody has is not kept: people type passwords into the wrong field.
    """
    recent = select(audit_events.c.id).where(
        audit_events.c.at > actor.at - REFUSED_AUDIT_SECONDS, audit_events.c.action == "login.local.refused"
    )
    if connection.execute(recent.limit(1)).first() is None:
        audit.record(connection, "login.local.refused", actor, reason=refused.value)
