"""What the commands share: the settings and the stores, with mistakes as one clear message."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from ..logs import hide_starlettes_warning

if TYPE_CHECKING:
    from ..services import Services
    from ..settings import DatabaseSettings

Wanted = TypeVar("Wanted", bound="DatabaseSettings")
WAYS = "PROKUBE_AUTH_DATABASE_URI, --backend-store-uri or MLFLOW_BACKEND_STORE_URI"

BACKEND_OPTION = click.option(
    "--backend-store-uri",
    envvar="MLFLOW_BACKEND_STORE_URI",
    show_envvar=True,
    help="Tracking backend, where PROKUBE_AUTH_DATABASE_URI is not set.",
)


def needs_server() -> None:
    """Refuse kindly where only the base package is installed.

    Raises:
        click.ClickException: saying what to install.
    """
    hide_starlettes_warning()
    try:
        import sqlalchemy  # noqa: F401 - only asked whether it is there
        from mlflow.server import handlers  # noqa: F401 - likewise
    except ImportError as error:
        raise click.ClickException(
            f"this command needs the server's packages ({error.name} is missing): "
            "pip install 'mlflow-prokube-auth[server]'"
        ) from None


def auth_database_uri(backend_store_uri: str | None) -> str:
    """The database that the environment or the option names; no other setting is asked for.

    Raises:
        click.ClickException: none is named, or one that cannot be used.
    """
    from ..settings import DatabaseSettings
    from ..startup import database_problem, database_uri

    uri = database_uri(read_settings(DatabaseSettings), backend_store_uri)
    if uri is None:
        raise click.ClickException(f"no SQL database is named; set one of {WAYS}")
    problem = database_problem(uri)
    if problem is not None:
        raise click.ClickException(f"the auth database cannot be used: {problem}. Check {WAYS}")
    return uri


def read_settings(model: type[Wanted]) -> Wanted:
    """The few settings that a command needs.

    Raises:
        click.ClickException: one of them is not usable.
    """
    from ..settings import SettingsError, read

    try:
        return read(model, os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def operator() -> str:
    """Who runs this command, for the audit trail."""
    return f"operator {getpass.getuser()}"


@contextmanager
def database_in_words(uri: str) -> Iterator[None]:
    """Around work on the database at ``uri``.

    Raises:
        click.ClickException: it does not answer, or knows no such revision.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from ..startup import why_unanswered
    from ..store.database import revisions

    try:
        yield
    except CommandError as error:
        raise click.ClickException(f"{error}; expected one of base, {', '.join(revisions())}") from None
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(
            f"the auth database does not answer or refuses this ({why_unanswered(uri, error)}). Check {WAYS}"
        ) from None


def services(backend_store_uri: str | None) -> Services:
    """The stores on that database.

    Raises:
        click.ClickException: the settings or the tables are not in order.
    """
    needs_server()
    from ..services import open_services
    from ..settings import StoreSettings
    from ..store.database import SchemaOutdated, check_schema

    uri = auth_database_uri(backend_store_uri)
    opened = open_services(read_settings(StoreSettings), uri)
    with database_in_words(uri), opened.database.read():
        pass  # it answers
    try:
        check_schema(opened.database.engine)
    except SchemaOutdated as error:
        raise click.ClickException(str(error)) from None
    return opened
