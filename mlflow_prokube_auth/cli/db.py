"""``db``: migrate the auth tables."""

from __future__ import annotations

import click

from .common import BACKEND_OPTION, auth_database_uri, database_in_words, needs_server


@click.group()
def db() -> None:
    """The auth tables, MLflow's and ours."""


@db.command()
@BACKEND_OPTION
def upgrade(backend_store_uri: str | None) -> None:
    """Bring the tables to this version."""
    needs_server()
    from ..mlflow_auth.install import migrate_mlflow
    from ..store.database import head_revision, migrate, open_engine

    uri = auth_database_uri(backend_store_uri)
    with database_in_words(uri):
        migrate(open_engine(uri), migrate_mlflow)
    click.echo(f"The auth tables are at revision {head_revision()}.")


@db.command()
@BACKEND_OPTION
@click.argument("revision")
def downgrade(backend_store_uri: str | None, revision: str) -> None:
    """Take our tables back to REVISION ("base" drops them)."""
    needs_server()
    from ..store.database import migrate_down, open_engine

    uri = auth_database_uri(backend_store_uri)
    with database_in_words(uri):
        migrate_down(open_engine(uri), revision)
    click.echo(f"Our tables are at revision {revision}.")
