"""People: MLflow's ``users`` rows, the identities bound to them, and all names they ever had."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from ..model import AccountState, Actor, Admission, Person, keycloak
from ..plain import lowered
from . import audit, mlflow_names, rebinds
from .database import Database
from .new_accounts import NewAccount, make
from .presence import end_presence
from .role_grants import ROLES
from .schema import identities, user_names, users
from .teams import Teams
from .user_names import NameTaken as NameTaken
from .user_names import claim, ids_of


class Blocked(Exception):
    """An administrator has blocked the account."""


# The columns that make up a standing, for joins of tokens and sessions with their owner.
STANDING = (
    users.c.username,
    users.c.is_admin,
    identities.c.issuer,
    identities.c.subject,
    identities.c.disabled,
    identities.c.admitted_by,
    identities.c.admin_by,
    identities.c.last_confirmed_at,
    identities.c.check_due,
    identities.c.generation,
    identities.c.blocked,
    ROLES,
)


def standing_of(row: Any, user_id: int) -> AccountState | None:
    """The standing in a row that holds :data:`STANDING`; None where no identity vouches for the user."""
    if row["issuer"] is None:
        return None
    return AccountState(
        person=Person(user_id, row["username"], bool(row["is_admin"])),
        issuer=row["issuer"],
        subject=row["subject"],
        disabled=bool(row["disabled"]) or bool(row["blocked"]),
        admitted_by=row["admitted_by"],
        admin_by=row["admin_by"],
        confirmed_at=row["last_confirmed_at"],
        check_due=bool(row["check_due"]),
        generation=row["generation"],
        blocked=bool(row["blocked"]),
        roles=row["roles"] or "",
    )


class People:
    """Queries on people."""

    def __init__(self, database: Database, teams: Teams) -> None:
        self._database = database
        self._teams = teams

    def find(self, username: str) -> Person | None:
        """The person of that present name (any case)."""
        query = select(users.c.id, users.c.username, users.c.is_admin).where(users.c.username == lowered(username))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _person(row)

    def owns_name(self, user_id: int, name: str) -> bool:
        """Whether ``name`` is or was a name of that user."""
        query = select(user_names.c.user_id).where(user_names.c.name == lowered(name))
        with self._database.read() as connection:
            return connection.execute(query).scalar() == user_id

    def standing(self, issuer: str, subject: str) -> AccountState | None:
        """The standing of an identity; None where it has never logged in."""
        return self._standing(and_(identities.c.issuer == issuer, identities.c.subject == subject))

    def standing_of(self, user_id: int) -> AccountState | None:
        """The standing of a user; None where no identity vouches for them."""
        return self._standing(users.c.id == user_id)

    def standing_named(self, username: str) -> AccountState | None:
        """The standing of whoever has this name, or had it: names are given to nobody else."""
        name = lowered(username)
        owner = select(user_names.c.user_id).where(user_names.c.name == name).scalar_subquery()
        return self._standing(or_(users.c.username == name, users.c.id == owner))

    def _standing(self, where: ColumnElement[bool]) -> AccountState | None:
        query = select(users.c.id, *STANDING).join(identities, identities.c.user_id == users.c.id).where(where)
        rows = self._database.ask(query)
        return standing_of(rows[0], rows[0]["id"]) if rows else None

    def confirm(
        self, admission: Admission, standing: AccountState, actor: Actor, *, in_full: bool = True
    ) -> Person | None:
        """Keycloak vouches for a known person anew: name, groups and administrator's rights follow.

        They do so where its answer was not given ``in_full``, too, but then nothing is confirmed. Where something was
        withdrawn after ``standing`` was read, the answer came too late: what stands then comes back, None for a person
        who is out.

        Raises:
            NameTaken: the new name belongs to another identity.
        """

        def work(connection: Connection) -> Person | None:
            if not _still(connection, standing, last_confirmed_at=actor.at if in_full else standing.confirmed_at):
                return None
            person = self._bind(connection, admission, actor.at)
            if not in_full:
                as_before = {"last_confirmed_at": standing.confirmed_at, "check_due": standing.check_due}
                connection.execute(
                    identities.update().where(identities.c.user_id == person.user_id).values(**as_before)
                )
            return person

        person = self._database.settle(work)
        if person is not None:
            return person
        present = self.standing(standing.issuer, standing.subject)
        return None if present is None or present.disabled else present.person

    def claim_check(self, user_id: int, now: int, seconds: int) -> bool:
        """Whether this process is the one that asks the directory about a person now."""
        with self._database.write() as connection:
            result = connection.execute(
                identities.update()
                .where(
                    identities.c.user_id == user_id,
                    or_(identities.c.claimed_until.is_(None), identities.c.claimed_until <= now),
                )
                .values(claimed_until=now + seconds)
            )
            return bool(result.rowcount)

    def checked(self, standing: AccountState, enabled: bool, is_admin: bool, actor: Actor) -> None:
        """Keep what the directory says of a person.

        Where something was withdrawn, or hinted at, after ``standing`` was read, the next request asks again.
        """
        user_id = standing.person.user_id
        less = not enabled or (standing.person.is_admin and not is_admin)
        with self._database.write() as connection:
            kept = _still(
                connection,
                standing,
                disabled=not enabled,
                last_confirmed_at=actor.at,
                check_due=False,
                claimed_until=None,
                generation=standing.generation + less,
            )
            if not kept:
                connection.execute(
                    identities.update().where(identities.c.user_id == user_id).values(claimed_until=None)
                )
                return
            connection.execute(users.update().where(users.c.id == user_id).values(is_admin=is_admin))
            if enabled == standing.disabled:
                action = "user.readmit" if enabled else "user.withdraw"
                audit.record(connection, action, actor, target=standing.person.username)
            if is_admin != standing.person.is_admin:
                audit.record(connection, "user.admin", actor, target=standing.person.username, admin=int(is_admin))

    def withdraw(self, user_id: int, reason: str, actor: Actor) -> None:
        """Keycloak does not let this person in any more."""
        with self._database.write() as connection:
            name = connection.execute(select(users.c.username).where(users.c.id == user_id)).scalar()
            connection.execute(
                identities.update()
                .where(identities.c.user_id == user_id)
                .values(disabled=True, last_confirmed_at=actor.at, generation=identities.c.generation + 1)
            )
            connection.execute(users.update().where(users.c.id == user_id).values(is_admin=False))
            end_presence(connection, user_id)
            audit.record(connection, "user.withdraw", actor, target=str(name), reason=reason)

    def ask_soon(self, issuer: str, subject: str) -> None:
        """Have the directory asked before this person's next request is answered."""
        with self._database.write() as connection:
            connection.execute(
                identities.update()
                .where(identities.c.issuer == issuer, identities.c.subject == subject)
                .values(check_due=True, claimed_until=None, generation=identities.c.generation + 1)
            )

    def log_in(self, admission: Admission, actor: Actor) -> Person:
        """Bind the identity to its user, making or renaming the user where needed; ``actor`` is the person.

        Raises:
            NameTaken: the name belongs to another identity.
            Blocked: an administrator has blocked the account.
        """

        def work(connection: Connection) -> Person:
            person = self._bind(connection, admission, actor.at)
            self._refuse_blocked(connection, person)
            connection.execute(
                identities.update().where(identities.c.user_id == person.user_id).values(last_login_at=actor.at)
            )
            left_out = {"no_teams": "; ".join(admission.no_teams)[:1000]} if admission.no_teams else {}
            audit.record(
                connection,
                "login",
                actor,
                admitted_by=admission.admitted_by,
                admin_by=admission.admin_by,
                **left_out,
            )
            return person

        try:
            return self._database.settle(work)
        except NameTaken:
            # Perhaps by the very account that a request beside this one has made since this one looked for it.
            if self.standing(admission.issuer, admission.subject) is None:
                raise
        return self._database.settle(work)

    def _refuse_blocked(self, connection: Connection, person: Person) -> None:
        blocked = select(identities.c.blocked).where(identities.c.user_id == person.user_id)
        if connection.execute(blocked).scalar():
            raise Blocked(person.username)

    def _bind(self, connection: Connection, admission: Admission, at: int) -> Person:
        bound = _bound(connection, admission)
        if bound is None and rebinds.by_login(connection, admission, Actor(admission.username, at)) is not None:
            bound = _bound(connection, admission)
        if bound is None:
            # A user of basic-auth: the first login with the verified address binds the identity.
            user_id = make(connection, _account_of(admission), at, adopts=lambda is_admin: admission.name_verified)
        else:
            user_id = int(bound.id)
            if bound.username != admission.username:
                self._rename(connection, user_id, bound.username, admission, at)
        demoted = bound is not None and bool(bound.is_admin) and not admission.is_admin
        connection.execute(
            identities.update()
            .where(identities.c.user_id == user_id)
            .values(
                display_name=admission.display_name[:255],
                admitted_by=admission.admitted_by,
                admin_by=admission.admin_by,
                last_confirmed_at=at,
                disabled=False,
                check_due=False,
                generation=identities.c.generation + int(demoted),
            )
        )
        connection.execute(users.update().where(users.c.id == user_id).values(is_admin=admission.is_admin))
        self._teams.sync(connection, user_id, admission.username, admission.teams, keycloak(at))
        return Person(user_id, admission.username, admission.is_admin)

    def _rename(self, connection: Connection, user_id: int, old: str, admission: Admission, at: int) -> None:
        new = admission.username
        if any(other != user_id for other in ids_of(connection, new)):
            raise NameTaken(new)
        claim(connection, new, user_id, (admission.issuer, admission.subject))
        connection.execute(users.update().where(users.c.id == user_id).values(username=new))
        mlflow_names.rename(connection, old, new)
        audit.record(connection, "user.rename", Actor(new, at), target=old)


def _account_of(admission: Admission) -> NewAccount:
    return NewAccount(
        admission.username,
        admission.issuer,
        admission.subject,
        admission.display_name,
        admission.admitted_by,
        returns=True,
    )


def _bound(connection: Connection, admission: Admission) -> Any:
    """The user to whom an identity is bound; None where it has never logged in.

    The identity's row is locked first, as by all that changes a person: nobody waits for one another crosswise.
    """
    user_id = connection.execute(
        select(identities.c.user_id)
        .where(identities.c.issuer == admission.issuer, identities.c.subject == admission.subject)
        .with_for_update()
    ).scalar()
    return None if user_id is None else connection.execute(select(users).where(users.c.id == user_id)).first()


def _still(connection: Connection, standing: AccountState, **values: Any) -> bool:
    """Write to an identity of which nothing was withdrawn since ``standing`` was read; whether that is so."""
    result = connection.execute(
        identities.update()
        .where(
            identities.c.user_id == standing.person.user_id,
            identities.c.generation == standing.generation,
        )
        .values(**values)
    )
    return bool(result.rowcount)


def _person(row: Any) -> Person:
    return Person(row.id, row.username, bool(row.is_admin))
