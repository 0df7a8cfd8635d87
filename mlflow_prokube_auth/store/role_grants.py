"""What roles grant, kept in the process under each role's version (:mod:`store.role_versions`).

The version comes with the question "who is calling?", in the same query; so what is kept never outlives a change.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cachetools import LRUCache
from sqlalchemy import String, cast, func, select

from .database import Database
from .schema import role_permissions, role_versions, roles, user_role_assignments, users

# As many grants are kept in a process, of the roles used last.
MOST_GRANTS = 200_000

# A user's roles with their versions, as one text ("7:12,9:0"), for queries that answer who is calling.
ROLES = (
    select(
        func.aggregate_strings(
            cast(user_role_assignments.c.role_id, String)
            + ":"
            + cast(func.coalesce(role_versions.c.version, 0), String),
            ",",
        )
    )
    .select_from(
        user_role_assignments.outerjoin(role_versions, role_versions.c.role_id == user_role_assignments.c.role_id)
    )
    .where(user_role_assignments.c.user_id == users.c.id)
    .correlate(users)
    .scalar_subquery()
    .label("roles")
)


@dataclass(frozen=True)
class RoleGrants:
    """What one role grants: resource type -> pattern -> level."""

    role_id: int
    workspace: str
    grants: Mapping[str, Mapping[str, str]]

    @cached_property
    def prepared(self) -> dict[Any, Any]:
        """What others work out of these grants, which never change, and keep with them."""
        return {}

    @property
    def size(self) -> int:
        """How many grants, and one for the role."""
        return 1 + sum(len(each) for each in self.grants.values())


class RoleGrantCache:
    """Grants by role, of the roles used last."""

    def __init__(self, database: Database, most: int = MOST_GRANTS) -> None:
        self._database = database
        # Role's id -> the version, and what it grants.
        self._kept: LRUCache[int, tuple[int, RoleGrants]] = LRUCache(most, getsizeof=lambda kept: kept[1].size)
        self._lock = threading.Lock()

    def roles_of(self, user_id: int) -> str:
        """A user's roles with their versions, asked now."""
        rows = self._database.ask(select(ROLES).select_from(users).where(users.c.id == user_id))
        return (rows[0]["roles"] or "") if rows else ""

    def of(self, text: str) -> list[RoleGrants]:
        """What the roles in such a text grant, in exactly these versions or newer than them by a moment.

        Exactly: a database that was restored from a backup has older ones, too.
        """
        pairs = (pair.split(":") for pair in text.split(",") if pair)
        wanted = {int(role_id): int(version) for role_id, version in pairs}
        found: dict[int, RoleGrants] = {}
        with self._lock:
            for role_id, version in wanted.items():
                kept = self._kept.get(role_id)
                if kept is not None and kept[0] == version:
                    found[role_id] = kept[1]
        missing = wanted.keys() - found.keys()
        if missing:
            loaded = self._load(missing)
            found |= loaded
            self._keep((wanted[role_id], grants) for role_id, grants in loaded.items())
        return list(found.values())

    def _load(self, role_ids: Iterable[int]) -> dict[int, RoleGrants]:
        granted = role_permissions.c
        query = (
            select(roles.c.id, roles.c.workspace, granted.resource_type, granted.resource_pattern, granted.permission)
            .outerjoin_from(roles, role_permissions, granted.role_id == roles.c.id)
            .where(roles.c.id.in_(list(role_ids)))
        )
        workspaces: dict[int, str] = {}
        found: dict[int, dict[str, dict[str, str]]] = {}
        for row in self._database.ask(query):
            workspaces[row["id"]] = row["workspace"]
            of_role = found.setdefault(row["id"], {})
            if row["resource_type"] is not None:
                of_role.setdefault(row["resource_type"], {})[row["resource_pattern"]] = row["permission"]
        return {role_id: RoleGrants(role_id, workspaces[role_id], grants) for role_id, grants in found.items()}

    def _keep(self, loaded: Iterable[tuple[int, RoleGrants]]) -> None:
        with self._lock:
            for version, grants in loaded:
                self._kept.pop(grants.role_id, None)
                with contextlib.suppress(ValueError):  # one that grants more than is kept of all together
                    self._kept[grants.role_id] = (version, grants)
