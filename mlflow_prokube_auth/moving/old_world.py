"""What stands in a database of mlflow-oidc-auth, as values. Pure.

A permission there is one of a user or of a group, on one resource or on all whose names match a pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

NOTHING = "NO_PERMISSIONS"
# What each level allows includes what those before it allow (mlflow_oidc_auth/permissions.py).
LEVELS = (NOTHING, "READ", "USE", "EDIT", "MANAGE")
STRENGTH = {level: strength for strength, level in enumerate(LEVELS)}
# Where a permission may come from, in the order in which the first one that is found counts, unless set otherwise.
SOURCES = ("user", "group", "regex", "group-regex")
# A pattern that holds in all workspaces.
EVERY_WORKSPACE = "*"


@dataclass(frozen=True)
class OldKey:
    """A password, or in newer releases one of several tokens; of it the database has a hash of werkzeug's.

    ``expires_at`` is UTC seconds; None for one that does not expire.
    """

    name: str
    hash: str = field(repr=False)
    expires_at: int | None
    # The part of the key by which it is found; None for a password.
    prefix: str | None = None


@dataclass(frozen=True)
class OldUser:
    """A person or a service account."""

    id: int
    name: str
    display_name: str
    is_admin: bool
    is_service: bool
    active: bool
    keys: tuple[OldKey, ...] = ()


@dataclass(frozen=True)
class Holder:
    """Whose permission it is: a user's or a group's, by id."""

    is_group: bool
    id: int


@dataclass(frozen=True)
class OldGrant:
    """A permission on one resource. ``key`` is an id or a name, whichever that kind is granted by there."""

    kind: str
    key: str
    holder: Holder
    level: str
    workspace: str | None = None


@dataclass(frozen=True)
class OldPattern:
    """A permission on what has a matching name; of a holder's patterns the one of the lowest priority counts."""

    kind: str
    id: int
    regex: str
    priority: int
    holder: Holder
    level: str
    workspace: str = EVERY_WORKSPACE


@dataclass(frozen=True)
class OldWorkspaceGrant:
    """A permission on a workspace, or on all whose names match a pattern."""

    workspace: str
    is_pattern: bool
    holder: Holder
    level: str


@dataclass(frozen=True)
class OldWorld:
    """All of it. ``members`` has the ids of each group's users."""

    revision: str
    users: tuple[OldUser, ...]
    groups: Mapping[int, str]
    members: Mapping[int, frozenset[int]]
    grants: tuple[OldGrant, ...]
    patterns: tuple[OldPattern, ...]
    workspace_grants: tuple[OldWorkspaceGrant, ...] = ()

    def name_of(self, holder: Holder) -> str:
        """What the holder is called there."""
        if holder.is_group:
            return f"the group '{self.groups.get(holder.id, holder.id)}'"
        return f"'{self._names.get(holder.id, holder.id)}'"

    @cached_property
    def _names(self) -> dict[int, str]:
        return {user.id: user.name for user in self.users}


@dataclass(frozen=True)
class Thing:
    """A resource that exists in MLflow: its address in our grants, its name, and by what the old server granted it.

    ``parent`` is the experiment of a scorer, whose permissions the scorer has where it has none of its own.
    """

    type: str
    pattern: str
    workspace: str
    name: str
    keys: tuple[str, ...]
    parent: Thing | None = None
