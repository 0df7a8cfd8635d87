"""Databases with the auth tables, MLflow's and ours: migrated once for each process of tests, and copied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from sqlalchemy import make_url

from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.store.database import migrate, open_engine

from .postgres import Postgres


def make_tables(uri: str, postgres: Postgres | None) -> None:
    """Make the tables in an empty database; ``postgres`` is its server, None for SQLite."""
    database = str(make_url(uri).database)
    if postgres is None:
        shutil.copyfile(_sqlite(), database)
    else:
        postgres.copy(_postgresql(postgres), database)


@lru_cache(maxsize=1)
def _sqlite() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="prokube-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate(f"sqlite:///{folder}/auth.db")
    return folder / "auth.db"


@lru_cache(maxsize=1)
def _postgresql(postgres: Postgres) -> str:
    uri = postgres.new_database()
    _migrate(uri)
    return str(make_url(uri).database)


def _migrate(uri: str) -> None:
    engine = open_engine(uri)
    migrate(engine, migrate_mlflow)
    engine.dispose()
