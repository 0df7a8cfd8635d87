"""What the commands share: the settings and the stores, with mistakes as one clear message."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..logs import hide_starlettes_warning

if TYPE_CHECKING:
    from ..administration import Administration
    from ..model import Actor
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
REGISTRY_OPTION = click.option(
    "--registry-store-uri",
    envvar="MLFLOW_REGISTRY_STORE_URI",
    show_envvar=True,
    help="Model registry, where it is not in the tracking backend.",
)
SUCCESSOR = click.option("--successor", help="The account that gets MANAGE on resources that no one else manages.")
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def needs_packages() -> None:
    """Refuse kindly where only the base package is installed.

    Raises:
        click.ClickException: saying what to install.
    """
    hide_starlettes_warning()
    for package in ("mlflow", "sqlalchemy", "alembic", "flask", "pydantic", "authlib", "joserfc"):
        if find_spec(package) is None:
            raise click.ClickException(
                f"this command needs the server's packages ({package} is missing): "
                "pip install 'mlflow-prokube-auth[server]'"
            )


def needs_server() -> None:
    """Refuse what the server would not start with either: missing packages, or an MLflow that does not fit.

    Raises:
        click.ClickException: saying what to install.
    """
    needs_packages()
    from ..mlflow_auth.releases import EngineChanged, check_mlflow

    try:
        check_mlflow()
    except EngineChanged as error:
        raise click.ClickException(str(error)) from None


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


def issuer_of(text: str) -> str:
    """An issuer that was typed, as the server's setting takes it.

    Raises:
        click.ClickException: it is none.
    """
    from ..settings import PREFIX, IssuerSettings, SettingsError, read

    try:
        return read(IssuerSettings, {f"{PREFIX}OIDC_ISSUER": text}).oidc_issuer
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def acting() -> Actor:
    """The operating-system user who runs this command, as the actor of the audit trail."""
    from ..model import Actor

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(os.getuid())
    return Actor(f"operator {user}", int(time.time()), "cli")


@contextmanager
def administration(backend_store_uri: str | None) -> Iterator[Administration]:
    """What administrators do, on that database.

    Raises:
        click.ClickException: the settings or the tables are not usable, or what is asked for is refused.
    """
    opened = services(backend_store_uri)
    from ..administration import Administration
    from ..errors import Refusal
    from ..settings import StoreSettings

    with database_in_words(opened.database.uri):
        try:
            yield Administration(opened, read_settings(StoreSettings).provider_name)
        except Refusal as refusal:
            raise click.ClickException(refusal.message) from None
        finally:
            opened.database.engine.dispose()


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, nothing: str) -> None:
    """Print rows as JSON, or some of their columns as a table; ``nothing`` is said where there are none."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo(nothing, err=True)
        return
    lines = [[column.replace("_", " ").upper() for column in columns]]
    lines += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value in (None, "") else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextmanager
def database_in_words(uri: str) -> Iterator[None]:
    """Around work on the database at ``uri``.

    Raises:
        click.ClickException: it does not answer, knows no such revision, or its tables are not those of this version.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from ..startup import why_unanswered
    from ..store.database import SchemaOutdated, revisions

    try:
        yield
    except CommandError as error:
        raise click.ClickException(f"{error}; expected one of base, {', '.join(revisions())}") from None
    except SchemaOutdated as error:
        raise click.ClickException(str(error)) from None
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(
            f"the auth database does not answer or refused this ({why_unanswered(uri, error)}). Check {WAYS}"
        ) from None


def services(backend_store_uri: str | None) -> Services:
    """The stores on that database.

    Raises:
        click.ClickException: the settings or the tables are not usable.
    """
    needs_server()
    from ..services import open_services
    from ..settings import StoreSettings
    from ..store.database import check_schema

    uri = auth_database_uri(backend_store_uri)
    opened = open_services(read_settings(StoreSettings), uri)
    with database_in_words(uri):
        with opened.database.read():
            pass  # it answers
        check_schema(opened.database.engine)
    return opened


def deleted(done: Mapping[str, Any]) -> str:
    """What a deletion did, in words."""
    inherited = f" '{done['successor']}' manages {done['inherited']} resources more." if done["successor"] else ""
    return f"'{done['deleted']}' is deleted.{inherited}"
