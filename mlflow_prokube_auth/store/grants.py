"""Grants as people see them: who holds what, by name. MLflow's engine reads the same rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from .database import Database
from .schema import role_permissions, roles, team_roles, teams, users
from .teams import NO_RULE, Resource

OWN_ROLE = re.compile(r"__user_(\d+)__")
WILDCARD = "*"


@dataclass(frozen=True)
class Holder:
    """Somebody who holds a level on a resource: a user, a team or a role of MLflow's, by name.

    ``fixed`` holders come from a rule, or from a grant on all of the kind, and are changed there.
    """

    kind: str
    name: str
    level: str
    fixed: bool


class Grants:
    """Queries on grants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def holders(self, resource: Resource) -> list[Holder]:
        """Who holds what on a resource: people first, each by name."""
        query = (
            select(
                roles.c.name,
                role_permissions.c.permission,
                role_permissions.c.resource_pattern,
                team_roles.c.rule_id,
                teams.c.name.label("team"),
            )
            .join(roles, roles.c.id == role_permissions.c.role_id)
            .outerjoin(team_roles, team_roles.c.role_id == roles.c.id)
            .outerjoin(teams, teams.c.id == team_roles.c.team_id)
            .where(
                roles.c.workspace == resource.workspace,
                role_permissions.c.resource_type == resource.resource_type,
                role_permissions.c.resource_pattern.in_([resource.pattern, WILDCARD]),
            )
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            people = self._names(connection, (row.name for row in rows))
        found = {_holder(row, people) for row in rows}
        order = ["user", "team", "role"]
        return sorted(found, key=lambda holder: (order.index(holder.kind), holder.name, holder.level))

    def _names(self, connection: Any, role_names: Iterable[str]) -> dict[int, str]:
        ids = [int(match.group(1)) for name in role_names if (match := OWN_ROLE.fullmatch(name))]
        named = select(users.c.id, users.c.username).where(users.c.id.in_(ids))
        return {row.id: row.username for row in connection.execute(named)}


def _holder(row: Any, people: dict[int, str]) -> Holder:
    own = OWN_ROLE.fullmatch(row.name)
    everything = row.resource_pattern == WILDCARD
    if own is not None:
        return Holder("user", people.get(int(own.group(1)), "a user who is gone"), row.permission, everything)
    if row.team is not None:
        return Holder("team", row.team, row.permission, everything or row.rule_id != NO_RULE)
    return Holder("role", row.name, row.permission, True)
