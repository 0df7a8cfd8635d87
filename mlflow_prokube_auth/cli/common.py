"""What the commands share: the settings and the stores, with mistakes as one clear message."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..services import Services

BACKEND_OPTION = click.option(
    "--backend-store-uri", envvar="MLFLOW_BACKEND_STORE_URI", help="Tracking backend, where DATABASE_URI is not set."
)


def needs_server() -> None:
    """Refuse kindly where only the base package is installed.

    Raises:
        click.ClickException: saying what to install.
    """
    try:
        import sqlalchemy  # noqa: F401 - only asked whether it is there
        from mlflow.server import handlers  # noqa: F401 - likewise
    except ImportError as error:
        raise click.ClickException(
            f"this command needs the server's packages ({error.name} is missing): "
            "pip install 'mlflow-prokube-auth[server]'"
        ) from None


def auth_database_uri(backend_store_uri: str | None) -> str:
    """The database that the environment names.

    Raises:
        click.ClickException: it names none.
    """
    from ..settings import SettingsError, load
    from ..startup import database_uri

    try:
        uri = database_uri(load(os.environ), backend_store_uri)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    if uri is None:
        raise click.ClickException("set PROKUBE_AUTH_DATABASE_URI or pass --backend-store-uri with an SQL URI")
    return uri


def operator() -> str:
    """Who runs this command, for the audit trail."""
    return f"operator {getpass.getuser()}"


@contextmanager
def database_in_words() -> Iterator[None]:
    """Around work on the database.

    Raises:
        click.ClickException: it does not answer, or knows no such revision.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except CommandError as error:
        raise click.ClickException(str(error)) from None
    except (SQLAlchemyError, OSError) as error:
        reason = type(getattr(error, "orig", None) or error).__name__
        raise click.ClickException(
            f"the auth database does not answer or refuses this ({reason}): "
            "check PROKUBE_AUTH_DATABASE_URI or --backend-store-uri"
        ) from None


def services(backend_store_uri: str | None) -> Services:
    """The stores on that database.

    Raises:
        click.ClickException: the settings or the tables are not in order.
    """
    needs_server()
    from ..services import open_services
    from ..settings import load
    from ..store.database import SchemaOutdated, check_schema

    uri = auth_database_uri(backend_store_uri)
    opened = open_services(load(os.environ), uri)
    try:
        check_schema(opened.database.engine)
    except SchemaOutdated as error:
        raise click.ClickException(str(error)) from None
    return opened
