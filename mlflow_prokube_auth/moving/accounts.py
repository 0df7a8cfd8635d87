"""Which users of an old server become accounts here, and which are accounts here already."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from .. import plain
from ..store.new_accounts import SERVICE_ISSUER
from ..store.schema import identities, user_names
from ..store.user_names import ids_of
from .old_world import OldUser
from .plan import DECISION, DROPPED, TAKEN, Account, Line


def choose(connection: Connection, users: Sequence[OldUser]) -> tuple[list[Account], list[Line]]:
    """Who is taken over, and what is to be told of each."""
    chosen: list[Account] = []
    lines: list[Line] = []
    names: set[str] = set()
    for user in users:
        what = "service account" if user.is_service else "administrator" if user.is_admin else "user"
        shown = f"'{plain.escaped(user.name, 80)}'"
        problem = _problem(connection, user, names)
        if problem is not None:
            outcome, why = problem
            lines.append(Line(outcome, what, shown, why))
            continue
        name = plain.user_name(user.name)
        names.add(name)
        chosen.append(Account(user, name))
        there = "an account here already" if known_as(connection, name) is not None else ""
        lines.append(Line(TAKEN, what, shown, there))
    return chosen, lines


def _problem(connection: Connection, user: OldUser, names: set[str]) -> tuple[str, str] | None:
    """What keeps a user from being taken over, and what becomes of them."""
    if not user.active:
        return DROPPED, "was shut there"
    try:
        name = plain.user_name(user.name)
    except plain.NotPlain as error:
        return DECISION, f"can be no user name here: {error}"
    if name in names:
        return DECISION, "another one has this name but for capitals; merge them there"
    user_id = known_as(connection, name)
    if user_id is None:
        kept = connection.execute(select(user_names.c.name).where(user_names.c.name == name)).first()
        if kept is None:
            return None
        return DECISION, "the name of an account that was deleted here; release it with `users release-name`"
    issuer = connection.execute(select(identities.c.issuer).where(identities.c.user_id == user_id)).scalar()
    if issuer is not None and (issuer == SERVICE_ISSUER) != user.is_service:
        return DECISION, "the name of a service account here" if not user.is_service else "a person's name here"
    return None


def known_as(connection: Connection, name: str) -> int | None:
    """The user who has that name here, or had it."""
    ids = ids_of(connection, name)
    if ids:
        return ids[0]
    found = connection.execute(select(user_names.c.user_id).where(user_names.c.name == name)).scalar()
    return None if found is None else int(found)
