"""The one place that gives and takes grants, for whatever reason: each change stands in the audit trail.

What MLflow's own store changes through its sessions, :mod:`mlflow_auth.writes` has written down here, too. The
versions by which processes keep grants are bumped by triggers (``role_versions.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from ..model import Actor, Resource
from . import audit
from .portions import portions
from .schema import role_permissions, roles, users

# MLflow's name for the role that holds what is granted to one user alone.
OWN_ROLE = re.compile(r"__user_(\d+)__")
# So many roles and users are looked up with one query.


def give(connection: Connection, role_id: int, resources: Sequence[Resource], permission: str, actor: Actor) -> None:
    """Grant a role that level on these resources, on which it holds nothing."""
    made = [
        {
            "role_id": role_id,
            "resource_type": resource.resource_type,
            "resource_pattern": resource.pattern,
            "permission": permission,
        }
        for resource in resources
    ]
    if made:
        connection.execute(role_permissions.insert(), made)
        write_down(connection, "create", made, actor)


def take(connection: Connection, where: ColumnElement[bool], actor: Actor) -> int:
    """Take the grants for which that holds; how many there were."""
    query = select(role_permissions).where(where).order_by(role_permissions.c.id).with_for_update()
    gone = [dict(row) for row in connection.execute(query).mappings()]
    if gone:
        connection.execute(role_permissions.delete().where(where))
        write_down(connection, "delete", gone, actor)
    return len(gone)


def move(connection: Connection, where: ColumnElement[bool], pattern: str, actor: Actor) -> None:
    """Have the grants for which that holds follow a resource to its new name."""
    query = select(role_permissions).where(where).order_by(role_permissions.c.id).with_for_update()
    moved = [dict(row) for row in connection.execute(query).mappings()]
    if moved:
        connection.execute(role_permissions.update().where(where).values(resource_pattern=pattern))
        write_down(connection, "move", [{**row, "to": pattern} for row in moved], actor)


def of(resource_type: str, pattern: str) -> ColumnElement[bool]:
    """What is granted on one resource, in whatever role."""
    return (role_permissions.c.resource_type == resource_type) & (role_permissions.c.resource_pattern == pattern)


def write_down(connection: Connection, what: str, rows: Sequence[Mapping[str, Any]], actor: Actor) -> None:
    """Put what happens to these grants into the audit trail.

    Args:
        connection: the transaction in which it happens.
        what: "create", "change", "move" or "delete".
        rows: columns of the grants; ``was`` is the level before a change, ``to`` the pattern after a move.
        actor: who does it.
    """
    names = _names(connection, {row["role_id"] for row in rows})
    owners = owners_of(connection, names.values())
    for row in rows:
        role = names.get(row["role_id"], f"role {row['role_id']}")
        detail = {"role": role, "permission": row["permission"], "was": row.get("was"), **owners.get(role, {})}
        if "to" in row:
            detail["to"] = row["to"]
        target = f"{row['resource_type']}:{row['resource_pattern']}"
        audit.record(connection, f"grant.{what}", actor, target=target, **detail)


def _names(connection: Connection, role_ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in portions(sorted(role_ids)):
        found |= {row.id: row.name for row in connection.execute(select(roles).where(roles.c.id.in_(some)))}
    return found


def owners_of(connection: Connection, role_names: Iterable[str]) -> dict[str, dict[str, str | int | None]]:
    """The detail that tells whose role it is, for each that is a user's own: MLflow names it by their id."""
    own = {int(match.group(1)): name for name in role_names if (match := OWN_ROLE.fullmatch(name))}
    known: dict[int, str] = {}
    for some in portions(sorted(own)):
        query = select(users.c.id, users.c.username).where(users.c.id.in_(some))
        known |= {row.id: row.username for row in connection.execute(query)}
    return {name: {"user": known.get(user_id), "user_id": user_id} for user_id, name in own.items()}
