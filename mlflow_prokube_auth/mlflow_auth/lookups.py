"""The engine's questions about grants, answered by key: a user's ten thousandth grant costs as much as the first.

MLflow loads all of a user's grants of a type for each question and looks at each of them. Here the rows that could
match are picked out of what the process holds, and MLflow's own rules (``requirements.fold_grants_for_key``) decide
on them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import mlflow.server.auth as auth
from mlflow.server.auth.permissions import ALL_PERMISSIONS, GrantLoadKey, Permission, get_permission
from mlflow.server.auth.requirements import fold_grants_for_key, is_workspace_admin_grant
from mlflow.server.auth.sqlalchemy_store import RoleGrantRow

from ..policy.ids import judged_as
from ..policy.visibility import RoleReadScope, read_scope_of
from . import seams

if TYPE_CHECKING:
    from ..store.role_grants import RoleGrants

WORKSPACE, WILDCARD, MANAGE = "workspace", "*", "MANAGE"
# The levels that include reading.
READING = tuple(name for name in ALL_PERMISSIONS if get_permission(name).can_read)


class Holding(Protocol):
    """Where what a user holds is found."""

    def held(self, user_id: int, workspace: str) -> UserGrants | None:
        """What the caller's roles grant in a workspace; None where MLflow's own way is to be gone."""

    def get_user(self, username: str) -> Any:
        """A user of MLflow's."""


def _rows(role: RoleGrants, kind: str) -> tuple[RoleGrantRow, ...]:
    """A role's grants of a type as MLflow's rows, made once."""
    rows: tuple[RoleGrantRow, ...] | None = role.prepared.get((RoleGrantRow, kind))
    if rows is None:
        rows = tuple(RoleGrantRow(kind, *each) for each in role.grants.get(kind, {}).items())
        role.prepared[RoleGrantRow, kind] = rows
    return rows


def _share(role: RoleGrants, kind: str) -> RoleReadScope:
    """What a role lets somebody read of a type, worked out once."""
    share: RoleReadScope | None = role.prepared.get((RoleReadScope, kind))
    if share is None:
        share = role.prepared[RoleReadScope, kind] = read_scope_of(role.grants[kind], READING)
    return share


def visible(rows: Iterable[RoleGrantRow], resource_types: Collection[str]) -> list[RoleGrantRow]:
    """Without "may use the workspace", which opens nothing inside it, unless that is the very question."""
    if set(resource_types) == {WORKSPACE}:
        return list(rows)
    return [row for row in rows if row.resource_type != WORKSPACE or row.permission == MANAGE]


class UserGrants:
    """What roles grant in one workspace, by resource type and pattern."""

    def __init__(self, roles: Sequence[RoleGrants]) -> None:
        self._roles = roles

    def rows(self, resource_types: Collection[str]) -> list[RoleGrantRow]:
        """All of these types, and of the workspace, as MLflow's store lists them; found by key again."""
        found = IndexedGrants(self)
        found.types = frozenset(resource_types)
        of_workspace = (row for role in self._roles for row in _rows(role, WORKSPACE))
        found.extend(visible(of_workspace, resource_types))
        for kind in found.types - {WORKSPACE}:
            for role in self._roles:
                found.extend(_rows(role, kind))
        return found

    def at(self, keys: Collection[GrantLoadKey], resource_types: Collection[str]) -> list[RoleGrantRow]:
        """The rows that could match one of these keys, and those of the workspace."""
        wanted = {(kind, pattern) for kind, resource_id in keys for pattern in (resource_id, WILDCARD)}
        wanted.add((WORKSPACE, WILDCARD))
        rows = (
            RoleGrantRow(kind, pattern, permission)
            for role in self._roles
            for kind, pattern in wanted
            if (permission := role.grants.get(kind, {}).get(pattern)) is not None
        )
        return visible(rows, resource_types)

    def shares(self, resource_type: str) -> list[RoleReadScope]:
        """What each role lets somebody read of one type."""
        return [_share(role, resource_type) for role in self._roles if resource_type in role.grants]

    def manages_workspace(self) -> bool:
        """Whether a role makes its members administrators of the workspace."""
        return any(role.grants.get(WORKSPACE, {}).get(WILDCARD) == MANAGE for role in self._roles)

    @property
    def role_ids(self) -> list[int]:
        """The roles' ids."""
        return [role.role_id for role in self._roles]


class IndexedGrants(list[RoleGrantRow]):
    """Rows that are also found by key."""

    types: frozenset[str] = frozenset()

    def __init__(self, held: UserGrants) -> None:
        super().__init__()
        self._held = held

    def at(self, key: GrantLoadKey) -> list[RoleGrantRow]:
        """Those that could match a key."""
        return self._held.at([key], self.types)


def _spelled(key: GrantLoadKey) -> GrantLoadKey:
    """A question in the spelling that grants have, whatever the engine took out of a request."""
    return key._replace(resource_id=judged_as(key.resource_type, key.resource_id))


def _fold(grants: Sequence[RoleGrantRow], key: GrantLoadKey) -> Permission | None:
    key = _spelled(key)
    return fold_grants_for_key(grants.at(key) if isinstance(grants, IndexedGrants) else grants, key)


def install(store: Holding) -> None:
    """Answer the engine's three lookups by key."""
    resolve: Callable[..., list[Permission | None]] = seams.original(seams.AUTH, "resolve_permissions")
    grant_for: Callable[..., Permission | None] = seams.original(seams.AUTH, "_role_grant_for_resource")

    def resolve_permissions(
        username: str, workspace_name: str, keys: Sequence[GrantLoadKey]
    ) -> list[Permission | None]:
        keys = [_spelled(key) for key in keys]
        held = store.held(store.get_user(username).id, workspace_name)
        if held is None:
            return resolve(username, workspace_name, keys)
        types = {key.resource_type for key in keys}
        if any(map(is_workspace_admin_grant, held.at((), types))):
            return [auth.MANAGE] * len(keys)
        # Each by its own rows: all rows for each key would be as much again for each.
        return [fold_grants_for_key(held.at([key], types), key) for key in keys]

    def role_grant_for_resource(
        user_id: int, resource_type: str, resource_key: str, workspace_name: str
    ) -> Permission | None:
        key = _spelled(GrantLoadKey(resource_type, resource_key))
        held = store.held(user_id, workspace_name)
        if held is None:
            return grant_for(user_id, *key, workspace_name)
        rows = held.at([key], {resource_type})
        return auth.MANAGE if any(map(is_workspace_admin_grant, rows)) else fold_grants_for_key(rows, key)

    seams.replace(seams.AUTH, "fold_grants_for_key", _fold)
    seams.replace(seams.AUTH, "resolve_permissions", resolve_permissions)
    seams.replace(seams.AUTH, "_role_grant_for_resource", role_grant_for_resource)
