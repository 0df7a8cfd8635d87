"""Versions of models that count: whoever created them could read their files (``policy/artifacts.py``)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from .database import Database
from .schema import counted_versions


class CountedVersions:
    """Queries on digests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, digest: str) -> None:
        """From now on it counts."""
        try:
            with self._database.write() as connection:
                connection.execute(counted_versions.insert().values(digest=digest))
        except IntegrityError:
            return  # it counted before

    def among(self, digests: list[str]) -> set[str]:
        """Which of them count."""
        found: set[str] = set()
        if not digests:
            return found
        with self._database.read() as connection:
            for start in range(0, len(digests), 500):
                chosen = counted_versions.c.digest.in_(digests[start : start + 500])
                found |= set(connection.execute(select(counted_versions.c.digest).where(chosen)).scalars())
        return found
