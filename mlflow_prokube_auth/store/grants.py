"""Grants as people see them: who holds what, by name. MLflow's engine reads the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from ..model import Resource
from .database import Database
from .grant_writer import OWN_ROLE
from .schema import role_permissions, roles, team_roles, teams, user_role_assignments, users
from .teams import NO_RULE
from .user_names import ids_of

WILDCARD = "*"

# A grant with its role, and the team whose role that is.
_SOURCE = (
    role_permissions.join(roles, roles.c.id == role_permissions.c.role_id)
    .outerjoin(team_roles, team_roles.c.role_id == roles.c.id)
    .outerjoin(teams, teams.c.id == team_roles.c.team_id)
)
_COLUMNS = (
    role_permissions.c.id,
    roles.c.name,
    roles.c.workspace,
    role_permissions.c.resource_type,
    role_permissions.c.resource_pattern,
    role_permissions.c.permission,
    team_roles.c.rule_id,
    teams.c.name.label("team"),
)


@dataclass(frozen=True)
class Holder:
    """Somebody who holds a level on a resource: a user, a team or a role of MLflow's, by name.

    ``fixed`` holders come from a rule, or from a grant on all of the kind, and are changed there.
    """

    kind: str
    name: str
    level: str
    fixed: bool


@dataclass(frozen=True)
class Grant:
    """One grant: who holds it, and on what."""

    id: int
    holder: Holder
    resource: Resource


class Grants:
    """Queries on grants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def holders(self, resource: Resource) -> list[Holder]:
        """Who holds what on a resource: people first, each by name."""
        wanted = _wanted(None, resource.resource_type, [resource.pattern, WILDCARD])
        with self._database.read() as connection:
            found = {grant.holder for grant in _grants(connection, *wanted, roles.c.workspace == resource.workspace)}
        order = ["user", "team", "role"]
        return sorted(found, key=lambda holder: (order.index(holder.kind), holder.name, holder.level))

    def page(
        self,
        *,
        user: str = "",
        team: str = "",
        kind: str = "",
        pattern: str = "",
        first: int = 0,
        size: int = 50,
    ) -> tuple[list[Grant], int]:
        """Grants of a user (in their own role and all others), of a team, on a kind, on a resource; and how many."""
        with self._database.read() as connection:
            of_roles = _role_ids(connection, user, team)
            wanted = _wanted(of_roles, kind, [pattern] if pattern else [])
            # Every grant has one role, and a role one team at most.
            count = select(func.count()).select_from(role_permissions).where(*wanted)
            number = connection.execute(count).scalar_one()
            # A sum is in no index. In order of their ids, a database would read everybody's to find the first of a few.
            few = of_roles is not None or pattern
            order = role_permissions.c.id + 0 if few else role_permissions.c.id
            here = select(role_permissions.c.id).where(*wanted).order_by(order).limit(size).offset(first).subquery()
            return _grants(connection, role_permissions.c.id.in_(select(here.c.id))), int(number)

    def on(self, user: str, resource: Resource) -> list[Grant]:
        """What a user holds on a resource: on itself and on all of its kind, in their own role and all others."""
        with self._database.read() as connection:
            of_roles = _role_ids(connection, user, "")
            wanted = _wanted(of_roles, resource.resource_type, [resource.pattern, WILDCARD])
            return _grants(connection, *wanted, roles.c.workspace == resource.workspace)

    def managed(self, resource_type: str) -> set[str]:
        """Patterns of a type on which somebody holds MANAGE."""
        query = (
            select(role_permissions.c.resource_pattern)
            .join(user_role_assignments, user_role_assignments.c.role_id == role_permissions.c.role_id)
            .where(role_permissions.c.resource_type == resource_type, role_permissions.c.permission == "MANAGE")
            .distinct()
        )
        with self._database.read() as connection:
            return {row[0] for row in connection.execute(query)}


def _role_ids(connection: Connection, user: str, team: str) -> list[int] | None:
    """The roles of a user, of a team, or of a user that are a team's; None for all."""
    query = None
    if user:
        query = select(user_role_assignments.c.role_id).where(
            user_role_assignments.c.user_id.in_(ids_of(connection, user))
        )
    if team:
        of_team = (
            select(team_roles.c.role_id).join(teams, teams.c.id == team_roles.c.team_id).where(teams.c.name == team)
        )
        query = of_team if query is None else of_team.where(team_roles.c.role_id.in_(query))
    return None if query is None else sorted(connection.execute(query).scalars())


def _wanted(of_roles: list[int] | None, kind: str, patterns: list[str]) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if of_roles is not None:
        wanted.append(role_permissions.c.role_id.in_(of_roles))
    if kind:
        wanted.append(role_permissions.c.resource_type == kind)
    if patterns:
        wanted.append(role_permissions.c.resource_pattern.in_(patterns))
    return wanted


def _grants(connection: Connection, *where: ColumnElement[bool]) -> list[Grant]:
    """These grants with their holders, in the order in which they were made."""
    # By a sum, as in Grants.page: no index has it.
    query = select(*_COLUMNS).select_from(_SOURCE).where(*where).order_by(role_permissions.c.id + 0)
    rows = connection.execute(query).all()
    ids = [int(match.group(1)) for row in rows if (match := OWN_ROLE.fullmatch(row.name))]
    named = select(users.c.id, users.c.username).where(users.c.id.in_(ids))
    people = {row.id: row.username for row in connection.execute(named)}
    return [
        Grant(row.id, _holder(row, people), Resource(row.resource_type, row.resource_pattern, row.workspace))
        for row in rows
    ]


def _holder(row: Any, people: dict[int, str]) -> Holder:
    own = OWN_ROLE.fullmatch(row.name)
    everything = row.resource_pattern == WILDCARD
    if own is not None:
        return Holder("user", people.get(int(own.group(1)), "a user who is gone"), row.permission, everything)
    if row.team is not None:
        return Holder("team", row.team, row.permission, everything or row.rule_id != NO_RULE)
    return Holder("role", row.name, row.permission, True)
