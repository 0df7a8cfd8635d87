"""Reads a database of mlflow-oidc-auth; which tables and columns it has follows from its alembic revision.

The tables are those of ``mlflow_oidc_auth/db/models`` in the releases up to 11.0.2. Nothing is written there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, inspect, select
from sqlalchemy.exc import NoSuchTableError

from .old_world import STRENGTH, Holder, OldGrant, OldKey, OldPattern, OldUser, OldWorkspaceGrant, OldWorld

# Each revision with the releases whose tables it is, the oldest first.
REVISIONS: Mapping[str, str] = {
    "8606fa83a998": "1.0 to 1.5",
    "2d5d40dd803f": "1.6",
    "4ab210836965": "1.6 to 3.5",
    "913635c83867": "3.6",
    "8c1cf75c5314": "3.7",
    "1ddf23934b63": "4.0",
    "0565cf04c12e": "4.1 to 5.7",
    "3c3272527ade": "6.0 to 6.6",
    "6a7b8c9def01": "6.7",
    "7b8c9d0ef123": "7.0",
    "8a9b0c1de234": "7.0 to 7.7",
    "9c0d1e2f3456": "7.8 to 7.18",
    "a0d1e2f34567": "7.19 to 7.24",
    "b1e2f3a45678": "7.19 to 7.24",
    "e4f5a6b7c8d9": "7.19 to 7.24",
    "c2f3a4b56789": "7.19 to 7.24",
    "d3a4b5c6e7f8": "7.19 to 7.24",
    "f6a7b8c9d0e1": "8.0",
    "a7b8c9d0e1f2": "8.1 to 9.0",
    "b8c9d0e1f2a3": "8.1 to 9.0",
    "c9d0e1f2a3b4": "8.1 to 9.0",
    "d0e1f2a3b4c5": "8.1 to 9.0",
    "e1f2a3b4c5d6": "9.0 to 11.0",
}
_ORDER = list(REVISIONS)
_GROUPS, _GROUP_GRANTS, _PATTERNS, _SCORERS, _GATEWAY = (
    "2d5d40dd803f", "4ab210836965", "1ddf23934b63", "3c3272527ade", "6a7b8c9def01",
)  # fmt: skip
_WORKSPACES, _WORKSPACE_PATTERNS, _TOKENS, _MCP = "7b8c9d0ef123", "8a9b0c1de234", "f6a7b8c9d0e1", "d0e1f2a3b4c5"
# From this one on, releases deny by default; up to that one they let everybody manage everything.
_DENIES_SINCE, _OPEN_UNTIL = "9c0d1e2f3456", "6a7b8c9def01"


class NotReadable(Exception):
    """It is no database that is known here; the message says what was found and what is expected."""


@dataclass(frozen=True)
class Tables:
    """The tables of one kind: their common beginning, the columns that say which resource, and since when."""

    kind: str
    prefix: str
    key: tuple[str, ...]
    grants: str
    group_grants: str
    patterns: str | None


TABLES = (
    Tables("experiment", "experiment", ("experiment_id",), _ORDER[0], _GROUP_GRANTS, _PATTERNS),
    Tables("registered_model", "registered_model", ("name",), _ORDER[0], _GROUP_GRANTS, _PATTERNS),
    Tables("scorer", "scorer", ("experiment_id", "scorer_name"), _SCORERS, _SCORERS, _SCORERS),
    Tables("gateway_endpoint", "gateway_endpoint", ("endpoint_id",), _GATEWAY, _GATEWAY, _GATEWAY),
    Tables("gateway_secret", "gateway_secret", ("secret_id",), _GATEWAY, _GATEWAY, _GATEWAY),
    Tables(
        "gateway_model_definition", "gateway_model_definition", ("model_definition_id",), _GATEWAY, _GATEWAY, _GATEWAY
    ),
    Tables("mcp_server", "mcp_server", ("name",), _MCP, _MCP, None),
)


def default_permission(revision: str) -> str | None:
    """What a release of that revision lets everybody do unless it is set; None where releases of it differ."""
    at = _ORDER.index(revision)
    if at >= _ORDER.index(_DENIES_SINCE):
        return "NO_PERMISSIONS"
    return "MANAGE" if at <= _ORDER.index(_OPEN_UNTIL) else None


def read(engine: Engine, version_table: str = "alembic_version") -> OldWorld:
    """All that is taken over from it.

    Args:
        engine: on the old server's ``OIDC_USERS_DB_URI``.
        version_table: its ``OIDC_ALEMBIC_VERSION_TABLE``.

    Raises:
        NotReadable: it is none of mlflow-oidc-auth's, or of a release that is not known here.
    """
    with engine.connect() as connection:
        return _Reader(connection, _revision(connection, version_table)).world()


def _revision(connection: Connection, version_table: str) -> str:
    known = f"Expected a database of mlflow-oidc-auth, at one of the revisions {', '.join(REVISIONS)}."
    if not inspect(connection).has_table(version_table):
        raise NotReadable(
            f"there is no table '{version_table}'. {known} Where the old server sets OIDC_ALEMBIC_VERSION_TABLE, name "
            "that table with --version-table"
        )
    table = Table(version_table, MetaData(), autoload_with=connection)
    found = sorted(connection.execute(select(table.c.version_num)).scalars())
    if len(found) != 1 or found[0] not in REVISIONS:
        raise NotReadable(f"'{version_table}' says {', '.join(found) or 'nothing'}. {known}")
    return str(found[0])


class _Reader:
    """Reads in one connection, of one revision."""

    def __init__(self, connection: Connection, revision: str) -> None:
        self._connection = connection
        self._revision = revision

    def world(self) -> OldWorld:
        """All of it."""
        return OldWorld(
            revision=self._revision,
            users=tuple(self._users()),
            groups={row["id"]: row["group_name"] for row in self._rows("groups", ("id", "group_name"), _GROUPS)},
            members=self._members(),
            grants=tuple(self._grants()),
            patterns=tuple(self._patterns()),
            workspace_grants=tuple(self._workspace_grants()),
        )

    def _has(self, since: str) -> bool:
        return _ORDER.index(self._revision) >= _ORDER.index(since)

    def _rows(self, name: str, columns: Sequence[str], since: str = _ORDER[0]) -> list[dict[str, Any]]:
        """The rows of a table that releases have since a revision, with what further columns it has."""
        if not self._has(since):
            return []
        try:
            table = Table(name, MetaData(), autoload_with=self._connection, resolve_fks=False)
        except NoSuchTableError:
            raise NotReadable(f"there is no table '{name}', which the revision {self._revision} has") from None
        missing = [column for column in columns if column not in table.c]
        if missing:
            raise NotReadable(
                f"the table '{name}' has no column {', '.join(missing)}, which the revision {self._revision} has"
            )
        order = [table.c[column] for column in ("id", *columns) if column in table.c]
        return [dict(row) for row in self._connection.execute(select(table).order_by(*order)).mappings()]

    def _users(self) -> Iterator[OldUser]:
        keys: dict[int, list[OldKey]] = {}
        for row in self._rows("user_tokens", ("user_id", "name", "token_prefix", "token_hash", "expires_at"), _TOKENS):
            keys.setdefault(row["user_id"], []).append(
                OldKey(row["name"], row["token_hash"], _seconds(row["expires_at"]), row["token_prefix"])
            )
        for row in self._rows("users", ("id", "username", "is_admin")):
            if not row["username"]:
                continue
            own = keys.get(row["id"], [])
            if row.get("password_hash"):
                own = [OldKey("password", row["password_hash"], _seconds(row.get("password_expiration")))]
            yield OldUser(
                id=row["id"],
                name=row["username"],
                display_name=row.get("display_name") or "",
                is_admin=bool(row["is_admin"]),
                is_service=bool(row.get("is_service_account")),
                active=bool(row.get("active", True)),
                keys=tuple(own),
            )

    def _members(self) -> dict[int, frozenset[int]]:
        found: dict[int, set[int]] = {}
        for row in self._rows("user_groups", ("user_id", "group_id"), _GROUPS):
            found.setdefault(row["group_id"], set()).add(row["user_id"])
        return {group: frozenset(members) for group, members in found.items()}

    def _grants(self) -> Iterator[OldGrant]:
        for tables in TABLES:
            for middle, owner, since in (("", "user_id", tables.grants), ("_group", "group_id", tables.group_grants)):
                name = f"{tables.prefix}{middle}_permissions"
                for row in self._rows(name, (*tables.key, owner, "permission"), since):
                    yield OldGrant(
                        kind=tables.kind,
                        key="/".join(str(row[column]) for column in tables.key),
                        holder=Holder(owner == "group_id", row[owner]),
                        level=_level(name, row["permission"]),
                        workspace=row.get("workspace"),
                    )

    def _patterns(self) -> Iterator[OldPattern]:
        for tables in TABLES:
            for middle, owner in (("", "user_id"), ("_group", "group_id")):
                if tables.patterns is None:
                    continue
                name = f"{tables.prefix}{middle}_regex_permissions"
                for row in self._rows(name, ("id", "regex", "priority", owner, "permission"), tables.patterns):
                    yield OldPattern(
                        kind="prompt" if row.get("prompt") else tables.kind,
                        id=row["id"],
                        regex=row["regex"],
                        priority=row["priority"],
                        holder=Holder(owner == "group_id", row[owner]),
                        level=_level(name, row["permission"]),
                        workspace=row.get("workspace") or "*",
                    )

    def _workspace_grants(self) -> Iterator[OldWorkspaceGrant]:
        for middle, column, since in (
            ("", "workspace", _WORKSPACES),
            ("_regex", "regex", _WORKSPACE_PATTERNS),
        ):
            for group, owner in (("", "user_id"), ("_group", "group_id")):
                name = f"workspace{group}{middle}_permissions"
                for row in self._rows(name, (column, owner, "permission"), since):
                    yield OldWorkspaceGrant(
                        row[column],
                        bool(middle),
                        Holder(owner == "group_id", row[owner]),
                        _level(name, row["permission"]),
                    )


def _level(table: str, found: Any) -> str:
    if found not in STRENGTH:
        raise NotReadable(f"the table '{table}' has the permission {found!r}, expected one of {', '.join(STRENGTH)}")
    return str(found)


def _seconds(moment: datetime | None) -> int | None:
    """Old times are in UTC, with or without saying so."""
    if moment is None:
        return None
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)).timestamp())
