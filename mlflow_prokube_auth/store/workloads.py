"""Workloads in the database: whose tokens of another issuer stand for a service account."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from ..model import DAY, Actor
from . import audit
from .access_keys import note_use
from .database import Database
from .schema import users, workload_bindings


@dataclass(frozen=True)
class Binding:
    """Tokens of that issuer, for that audience, with these claims are the account. Times are UTC seconds."""

    id: int
    user_id: int
    username: str
    issuer: str
    audience: str
    claims: Mapping[str, str]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    last_used_from: str | None


class AlreadyBound(Exception):
    """There is the same binding; the text is the name of its account."""


class AccountGone(Exception):
    """The account has been deleted meanwhile."""


class Workloads:
    """Queries on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_issuer(self, issuer: str) -> list[Binding]:
        """The bindings to an issuer, expired ones too."""
        rows = self._database.ask(_BINDINGS.where(workload_bindings.c.issuer == issuer))
        return [_binding(row) for row in rows]

    def of_user(self, user_id: int) -> list[Binding]:
        """The bindings of an account, the oldest first."""
        query = _BINDINGS.where(workload_bindings.c.user_id == user_id).order_by(workload_bindings.c.id)
        return [_binding(row) for row in self._database.ask(query)]

    def bind(
        self,
        user_id: int,
        issuer: str,
        audience: str,
        claims: Mapping[str, str],
        expires_at: int | None,
        actor: Actor,
    ) -> Binding:
        """From now on, tokens of ``issuer`` for ``audience`` with these claims are the account.

        Raises:
            AlreadyBound: tokens with the very same are an account already.
            AccountGone: there is no such account.
        """
        text = json.dumps(dict(claims), sort_keys=True)
        digest = hashlib.sha256(json.dumps([issuer, audience, text]).encode()).hexdigest()
        values = {"issuer": issuer, "audience": audience, "claims": text, "expires_at": expires_at}
        try:
            with self._database.write() as connection:
                connection.execute(
                    workload_bindings.insert().values(user_id=user_id, digest=digest, created_at=actor.at, **values)
                )
                who = audit.about(connection, user_id)
                audit.record(connection, "workload.bind", actor, target=str(who["user"]), **values)
        except IntegrityError:
            other = self._database.ask(_BINDINGS.where(workload_bindings.c.digest == digest))
            if other:
                raise AlreadyBound(other[0]["username"]) from None
            raise AccountGone from None
        return _binding(self._database.ask(_BINDINGS.where(workload_bindings.c.digest == digest))[0])

    def unbind(self, binding_id: int, user_id: int, actor: Actor) -> bool:
        """Remove a binding of an account; whether it had it."""
        which = (workload_bindings.c.id == binding_id, workload_bindings.c.user_id == user_id)
        with self._database.write() as connection:
            row = connection.execute(_BINDINGS.where(*which)).mappings().first()
            if row is None or not connection.execute(workload_bindings.delete().where(*which)).rowcount:
                return False
            detail = {"issuer": row["issuer"], "audience": row["audience"], "claims": row["claims"]}
            audit.record(connection, "workload.unbind", actor, target=row["username"], **detail)
        return True

    def used(self, binding: Binding, subject: str, actor: Actor) -> None:
        """Note the last use, at most once a minute; ``actor`` is the account. The first of a day is audited."""
        last, which = workload_bindings.c.last_used_at, workload_bindings.c.id == binding.id
        with self._database.write() as connection:
            first = connection.execute(
                workload_bindings.update()
                .where(which, or_(last.is_(None), last < actor.at - actor.at % DAY))
                .values(last_used_at=actor.at, last_used_from=actor.client[:64])
            )
            if first.rowcount:
                audit.record(
                    connection, "workload.use", actor, target=binding.username, issuer=binding.issuer,
                    subject=subject[:255],
                )  # fmt: skip
            else:
                note_use(connection, workload_bindings, which, actor)


_COLUMNS = [column for column in workload_bindings.c if column.name != "digest"]
_BINDINGS = select(*_COLUMNS, users.c.username).join(users, users.c.id == workload_bindings.c.user_id)


def _binding(row: Any) -> Binding:
    values = {name: row[name] for name in Binding.__dataclass_fields__}
    return Binding(**{**values, "claims": json.loads(row["claims"])})
