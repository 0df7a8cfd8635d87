"""Migrations write nothing where all is up to date, and make triggers anew that are not as this version has them."""

from __future__ import annotations

import time
from functools import partial

import pytest
from click import ClickException
from sqlalchemy import Engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError

from mlflow_prokube_auth import startup
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.store.database import (
    DatabaseReadOnly,
    SchemaOutdated,
    check_schema,
    current_revision,
    head_revision,
    is_writable,
    migrate,
    migrate_down,
    migration_lock,
    open_engine,
    revisions,
)

from ..support.postgres import Postgres

OUTDATED = {
    "sqlite": [
        "DROP TRIGGER prokube_role_permissions_insert",
        "CREATE TRIGGER prokube_role_permissions_insert AFTER INSERT ON role_permissions BEGIN SELECT 1; END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION prokube_bump_role_permissions() RETURNS trigger LANGUAGE plpgsql "
        "SET search_path FROM CURRENT AS $$ BEGIN RETURN NULL; END $$"
    ],
}


def migrated(uri: str) -> Engine:
    database = open_engine(uri)
    migrate(database, migrate_mlflow)
    return database


def change(database: Engine, *statements: str) -> None:
    with database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def version_of_a_granted_role(database: Engine, role_id: int) -> int | None:
    """Grants something to a role; its version then."""
    change(
        database,
        f"INSERT INTO roles (id, name, workspace) VALUES ({role_id}, 'r{role_id}', 'default')",
        "INSERT INTO role_permissions (role_id, resource_type, resource_pattern, permission) "
        f"VALUES ({role_id}, 'experiment', '1', 'READ')",
    )
    with database.connect() as connection:
        query = text("SELECT version FROM prokube_role_versions WHERE role_id = :id")
        return connection.execute(query, {"id": role_id}).scalar()


def shape(database: Engine) -> dict[str, list[object]]:
    """Our tables, as the database tells of them; the order of columns says nothing."""
    inspector = inspect(database)
    return {
        table: sorted(
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)]
            + [(index["name"], tuple(index["column_names"]), index["unique"]) for index in inspector.get_indexes(table)]
            + [(tuple(key["constrained_columns"]), str(key["options"])) for key in inspector.get_foreign_keys(table)],
            key=str,
        )
        for table in inspector.get_table_names()
        if table.startswith("prokube_")
    }


@pytest.mark.parametrize(
    "revision", ["base", "0007", "0008", "0009", "0010", "0011", "0012", "0013", "0014", "0015", "0016"]
)
def test_a_database_of_an_earlier_revision_becomes_what_a_new_one_is(uri: str, revision: str) -> None:
    database = migrated(uri)
    new = shape(database)
    migrate_down(database, revision)
    assert current_revision(database) == (None if revision == "base" else revision)
    assert shape(database) != new
    migrate(database, migrate_mlflow)
    check_schema(database)
    assert shape(database) == new
    database.dispose()


def test_revisions_begin_with_the_first_that_a_release_may_have() -> None:
    assert revisions()[0] == "0007"
    assert revisions()[-1] == head_revision()


@pytest.mark.parametrize("revision", ["0006", "9999"], ids=["before the first", "of a later version"])
def test_a_revision_that_this_version_does_not_know_is_refused_and_named(uri: str, revision: str) -> None:
    database = migrated(uri)
    change(database, f"UPDATE alembic_version_prokube_auth SET version_num = '{revision}'")
    for refuses in (partial(migrate, database, migrate_mlflow), partial(check_schema, database)):
        with pytest.raises(SchemaOutdated, match=rf"at revision {revision}, expected one of 0007, .*another version"):
            refuses()
    with pytest.raises(
        ClickException, match=rf"cannot start: the auth tables are at revision {revision}, expected one"
    ):
        startup._migrate(uri)
    assert current_revision(database) == revision
    database.dispose()


def test_a_trigger_with_the_body_of_another_version_is_replaced(uri: str) -> None:
    database = migrated(uri)
    assert version_of_a_granted_role(database, 901) == 1
    change(database, *OUTDATED[database.dialect.name])
    assert version_of_a_granted_role(database, 902) is None
    migrate(database, migrate_mlflow)
    assert version_of_a_granted_role(database, 903) == 1
    database.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE role_permissions DISABLE TRIGGER prokube_role_permissions_insert",
        "ALTER FUNCTION prokube_bump_role_permissions() RESET ALL",
        "CREATE OR REPLACE TRIGGER prokube_role_permissions_insert AFTER INSERT ON role_permissions "
        "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (false) "
        "EXECUTE FUNCTION prokube_bump_role_permissions()",
    ],
)
def test_a_disabled_or_otherwise_declared_trigger_of_postgresqls_is_made_anew(
    postgres: Postgres, statement: str
) -> None:
    database = migrated(postgres.new_database())
    before = declared(database)
    change(database, statement)
    assert declared(database) != before
    migrate(database, migrate_mlflow)
    assert declared(database) == before
    database.dispose()


def declared(database: Engine) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        query = text(
            "SELECT pg_get_triggerdef(t.oid), tgenabled, pg_get_functiondef(tgfoid) FROM pg_trigger t "
            "WHERE tgname LIKE 'prokube_%' ORDER BY tgname"
        )
        return [tuple(row) for row in connection.execute(query)]


def test_tables_that_are_up_to_date_need_no_write(postgres: Postgres) -> None:
    uri = postgres.new_database()
    migrated(uri).dispose()
    postgres.execute(f"ALTER DATABASE {make_url(uri).database} SET default_transaction_read_only = on")
    database = open_engine(uri)
    migrate(database, migrate_mlflow)
    check_schema(database)
    assert not is_writable(database)
    with pytest.raises(DatabaseReadOnly):
        change(database, "DELETE FROM prokube_sessions")
    database.dispose()


def test_nothing_is_made_anew_in_sqlite_where_all_is_there(tmp_path: object) -> None:
    database = migrated(f"sqlite:///{tmp_path}/auth.db")

    def schema_version() -> object:
        with database.connect() as connection:
            return connection.execute(text("PRAGMA schema_version")).scalar()

    before = schema_version()
    migrate(database, migrate_mlflow)
    assert schema_version() == before
    database.dispose()


def test_a_migration_holds_off_others_until_its_transaction_ends_however_it_ends(postgres: Postgres) -> None:
    uri = postgres.new_database()
    first, second = open_engine(uri), open_engine(uri + "?options=-c%20lock_timeout%3D200")

    def breaks(_engine: Engine) -> None:
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(second, migrate_mlflow)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        migrate(first, breaks)
    migrate(second, migrate_mlflow)
    check_schema(second)
    first.dispose()
    second.dispose()


def test_a_migration_is_not_ended_by_a_limit_on_idle_transactions(postgres: Postgres) -> None:
    database = open_engine(postgres.new_database() + "?options=-c%20idle_in_transaction_session_timeout%3D100")
    with migration_lock(database):
        time.sleep(0.5)
    database.dispose()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("one_question", [False, True])
def test_our_connections_keep_nothing_that_a_pooler_would_give_to_others(
    postgres: Postgres, driver: str, one_question: bool
) -> None:
    uri = postgres.new_database().replace("postgresql:", f"postgresql+{driver}:")
    database = open_engine(uri, one_question=one_question)
    left: dict[str, object] = {}
    with database.connect() as connection:
        for number in range(12):
            connection.execute(text("SELECT :number"), {"number": number})
        for kept in (
            "SELECT count(*) FROM pg_prepared_statements",
            "SELECT count(*) FROM pg_settings WHERE source = 'session'",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        ):
            left[kept] = connection.execute(text(kept)).scalar()
    assert set(left.values()) == {0}, left
    database.dispose()
