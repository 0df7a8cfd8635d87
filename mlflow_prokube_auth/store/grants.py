"""Grants as people see them: who holds what, by name. MLflow's engine reads the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from ..model import Resource
from .database import Database
from .grant_writer import OWN_ROLE
from .memberships import NO_RULE
from .portions import portions
from .schema import role_permissions, roles, team_roles, teams, user_role_assignments, users
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


@dataclass(frozen=True)
class NameSearch:
    """Resources whose name holds ``words``, or whose id they are.

    ``ids`` are, by type, the patterns of those whose names are not in the grants (experiments); all other grants are
    on names.
    """

    words: str
    ids: Mapping[str, Sequence[str]]


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
        on: NameSearch | None = None,
        first: int = 0,
        size: int = 50,
    ) -> tuple[list[Grant], int]:
        """Grants of a user (in their own role and all others), of a team, on a kind, on resources; and how many.

        Of users and teams, the one of that name counts; where there is none, all whose names hold it.
        """
        with self._database.read() as connection:
            of_roles = _role_ids(connection, user, team)
            wanted = _wanted(of_roles, kind, [])
            if on is not None:
                found = _found(connection, on, wanted)
                those = role_permissions.c.id.in_(found[first : first + size])
                return _grants(connection, those), len(found)
            # Every grant has one role, and a role one team at most.
            count = select(func.count()).select_from(role_permissions).where(*wanted)
            number = connection.execute(count).scalar_one()
            # A sum is in no index. In order of their ids, a database would read everybody's to find the first of a few.
            few = of_roles is not None
            order = role_permissions.c.id + 0 if few else role_permissions.c.id
            here = select(role_permissions.c.id).where(*wanted).order_by(order).limit(size).offset(first).subquery()
            return _grants(connection, role_permissions.c.id.in_(select(here.c.id))), int(number)

    def on(self, user: str, resource: Resource) -> list[Grant]:
        """What a user holds on a resource: on itself and on all of its kind, in their own role and all others."""
        with self._database.read() as connection:
            of_roles = _role_ids(connection, user, "")
            wanted = _wanted(of_roles, resource.resource_type, [resource.pattern, WILDCARD])
            return _grants(connection, *wanted, roles.c.workspace == resource.workspace)

    def managers(self, resource_type: str, patterns: Sequence[str]) -> dict[str, list[Holder]]:
        """Who holds MANAGE on each of these patterns of a type itself, in any workspace."""
        found: dict[str, list[Holder]] = {}
        with self._database.read() as connection:
            for some in portions(patterns):
                wanted = _wanted(None, resource_type, list(some))
                for grant in _grants(connection, *wanted, role_permissions.c.permission == "MANAGE"):
                    found.setdefault(grant.resource.pattern, []).append(grant.holder)
        return found

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
    """The roles of users, of teams, or of users that are teams'; None for all. By name, else by a part of the name."""
    query = None
    if user:
        exactly = ids_of(connection, user)
        like = select(users.c.id).where(users.c.username.icontains(user, autoescape=True))
        query = select(user_role_assignments.c.role_id).where(user_role_assignments.c.user_id.in_(exactly or like))
    if team:
        exact = connection.execute(select(teams.c.id).where(teams.c.name == team)).first() is not None
        named = teams.c.name == team if exact else teams.c.name.icontains(team, autoescape=True)
        of_team = select(team_roles.c.role_id).join(teams, teams.c.id == team_roles.c.team_id).where(named)
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


def _found(connection: Connection, on: NameSearch, wanted: list[ColumnElement[bool]]) -> list[int]:
    """The ids of the wanted grants on these resources, in their order."""
    table = role_permissions.c
    by_name = table.resource_type.not_in(on.ids) & table.resource_pattern.icontains(on.words, autoescape=True)
    wheres = [or_(by_name, table.resource_pattern == on.words)]
    for resource_type, patterns in on.ids.items():
        wheres += [
            and_(table.resource_type == resource_type, table.resource_pattern.in_(some)) for some in portions(patterns)
        ]
    found = set[int]()
    for where in wheres:
        found.update(connection.execute(select(table.id).where(*wanted, where)).scalars())
    return sorted(found)


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
