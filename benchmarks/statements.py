"""Counts what a server asks PostgreSQL, in PostgreSQL's own log: whatever process or library sends it is seen."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import create_engine, text

from tests.support.postgres import Postgres

_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (\S*)")
# What SQLAlchemy and the drivers send around a query: transactions, and pings before a connection is used again.
_AROUND = ("BEGIN", "COMMIT", "ROLLBACK", "")
_MARK = "SELECT 'end of the count'"


@dataclass
class Counted:
    """How many queries, and how many statements around them."""

    queries: float = 0
    others: float = 0

    def per(self, requests: int) -> Counted:
        """The same for one request."""
        return Counted(self.queries / requests, self.others / requests)


@contextmanager
def count_statements(server: Postgres) -> Iterator[Counted]:
    """Count within the block what all clients send; nothing else may ask that PostgreSQL meanwhile."""
    log, counted = server.data.parent / "postgres.log", Counted()
    _set(server, "ALTER SYSTEM SET log_statement = 'all'")
    begun = log.stat().st_size
    try:
        yield counted
    finally:
        engine = create_engine(server.uri("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(_MARK))
        engine.dispose()
        _set(server, "ALTER SYSTEM RESET log_statement")
    with log.open() as lines:
        lines.seek(begun)
        for line in lines.read().partition(_MARK)[0].splitlines():
            found = _STATEMENT.search(line)
            if found is not None:
                around = found.group(1).rstrip(";").upper() in _AROUND
                counted.others += around
                counted.queries += not around


def _set(server: Postgres, statement: str) -> None:
    engine = create_engine(server.uri("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    time.sleep(0.5)  # each backend reads the change when it is next idle
