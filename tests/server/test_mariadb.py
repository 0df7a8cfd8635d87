"""MariaDB holds MLflow's tracking tables, and not the auth tables, whose migration by MLflow ends half-way there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from ..support.journeys import journey
from ..support.mariadb import MariaDB, running_mariadb
from ..support.processes import QUIET, free_port, plugin_settings
from ..support.settings import ELSEWHERE
from ..support.world import running_world

AUTH_TABLES = {"users", "roles", "role_permissions", "user_role_assignments", "alembic_version_auth"}
REFUSAL = (
    "Error: prokube-auth cannot start: the auth database cannot be used: the auth tables cannot be in mysql. "
    f"{ELSEWHERE}"
)


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    with running_mariadb(free_port()) as server:
        yield server


def test_a_server_whose_auth_tables_would_be_there_ends_in_one_line_and_makes_none(mariadb: MariaDB) -> None:
    uri, port = mariadb.new_database(), free_port()
    settings = plugin_settings("http://127.0.0.1:9/realms/r", "secret", f"http://127.0.0.1:{port}")
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "server", "--app-name", "prokube-auth", "--port", str(port),
         "--backend-store-uri", uri],
        env={**os.environ, **QUIET, **settings}, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, REFUSAL)
    engine = create_engine(uri)
    tables = set(inspect(engine).get_table_names())
    engine.dispose()
    assert "experiments" in tables  # MLflow makes its tracking tables before it loads a plugin
    assert {name for name in tables if name in AUTH_TABLES or name.startswith("prokube_")} == set()


def test_the_stock_clients_day_with_tracking_there_and_the_auth_tables_in_sqlite(
    mariadb: MariaDB, tmp_path: Path
) -> None:
    port = free_port()
    with running_world(
        tmp_path, f"http://127.0.0.1:{port}", port,
        database=mariadb.new_database(), DATABASE_URI=f"sqlite:///{tmp_path}/auth.db",
    ) as world:  # fmt: skip
        browser, _ = world.log_in("bob@example.com")
        key = world.make_key(browser).json()["access_key"]
        _, found = journey(world.url, {"MLFLOW_TRACKING_TOKEN": key})
    assert found["prediction"] == 8.0
