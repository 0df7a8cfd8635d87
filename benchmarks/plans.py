"""The plans of the queries that a server really sends, as PostgreSQL's own ``auto_explain`` logs them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, text

from tests.support.postgres import Postgres

_BEGIN = "  plan:"
_OURS = ("prokube_", "role_permissions", "user_role_assignments", "roles", "users")


@dataclass(frozen=True)
class Scan:
    """How a plan reads one table; without an index it reads all of it."""

    table: str
    index: str | None
    rows: int

    @property
    def about_rights(self) -> bool:
        """Whether the table says who somebody is or what they may do; the others are MLflow's own."""
        return self.table.startswith(_OURS)


@dataclass(frozen=True)
class Plan:
    """A query with its scans."""

    query: str
    scans: tuple[Scan, ...]

    @property
    def about_rights(self) -> bool:
        """Whether it asks who somebody is or what they may do."""
        return any(scan.about_rights for scan in self.scans)


@contextmanager
def explained(server: Postgres, database: str) -> Iterator[list[Plan]]:
    """The plans of all queries in the block; they are there when it ends."""
    log, found = server.data.parent / "postgres.log", list[Plan]()
    options = {
        "session_preload_libraries": "'auto_explain'",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_format": "'json'",
    }
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text("LOAD 'auto_explain'"))  # its settings are known from here on
            for name, value in options.items():
                connection.execute(text(f"ALTER SYSTEM SET {name} = {value}"))
            _renew(connection)
        begun = log.stat().st_size
        yield found
        time.sleep(0.2)
    finally:
        with engine.connect() as connection:
            for name in options:
                connection.execute(text(f"ALTER SYSTEM RESET {name}"))
            _renew(connection)
        engine.dispose()
    with log.open() as lines:
        lines.seek(begun)
        found += _plans(lines.read().splitlines())


def _renew(connection: Any) -> None:
    """End the sessions of all others: a library is loaded at the beginning of one. Pools notice and connect again."""
    connection.execute(text("SELECT pg_reload_conf()"))
    connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))


def _plans(lines: list[str]) -> Iterator[Plan]:
    at = 0
    while at < len(lines):
        at += 1
        if not lines[at - 1].endswith(_BEGIN):
            continue
        end = at
        while end < len(lines) and lines[end].startswith("\t"):
            end += 1
        content = json.loads("\n".join(lines[at:end]))
        yield Plan(" ".join(content["Query Text"].split()), tuple(_scans(content["Plan"])))
        at = end


def _scans(node: dict[str, Any]) -> Iterator[Scan]:
    if "Relation Name" in node and node["Node Type"] != "ModifyTable":
        indexes = [node["Index Name"]] if "Index Name" in node else list(_indexes(node))
        rows = int(node.get("Actual Rows", 0) * node.get("Actual Loops", 1))
        yield Scan(node["Relation Name"], ", ".join(indexes) or None, rows)
    for child in node.get("Plans", []):
        yield from _scans(child)


def _indexes(node: dict[str, Any]) -> Iterator[str]:
    """Those that a bitmap scan has read first."""
    for child in node.get("Plans", []):
        if "Index Name" in child:
            yield child["Index Name"]
        yield from _indexes(child)
