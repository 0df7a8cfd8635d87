"""A start on tables that are up to date writes nothing: so it works where the database takes no changes."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.store.database import check_schema, is_writable, migrate, open_engine

from ..support.postgres import Postgres


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_restart_on_a_database_that_takes_no_changes(postgres: Postgres, driver: str) -> None:
    url = make_url(postgres.new_database()).set(drivername=f"postgresql+{driver}")
    uri = url.render_as_string(hide_password=False)
    first = open_engine(uri)
    migrate(first, migrate_mlflow)
    with first.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{url.database}" SET default_transaction_read_only = on'))
    first.dispose()  # the setting holds for new connections
    again = open_engine(uri)
    try:
        assert not is_writable(again)
        migrate(again, migrate_mlflow)
        check_schema(again)
    finally:
        again.dispose()
