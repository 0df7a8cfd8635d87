"""``import``: what another plugin has, taken over."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from .common import BACKEND_OPTION, REGISTRY_OPTION, acting, database_in_words, read_settings, services, show

if TYPE_CHECKING:
    from ..moving.moving import Report
    from ..moving.old_world import OldWorld
    from ..policy.named import NamedResource

# So many lines and differences are printed; all of them with --json.
MOST_SHOWN = 60
MOST_KEY_DAYS = 90
LEVELS = ("NO_PERMISSIONS", "READ", "USE", "EDIT", "MANAGE")


@click.group("import")
def imports() -> None:
    """Take over what another plugin has."""


@imports.command("oidc-auth", short_help="Take over users, groups and permissions of mlflow-oidc-auth.")
@BACKEND_OPTION
@REGISTRY_OPTION
@click.option(
    "--users-db-uri",
    envvar="OIDC_USERS_DB_URI",
    show_envvar=True,
    required=True,
    help="Database of mlflow-oidc-auth; it is only read.",
)
@click.option(
    "--version-table",
    envvar="OIDC_ALEMBIC_VERSION_TABLE",
    show_envvar=True,
    default="alembic_version",
    help="Table that holds its alembic revision.",
)
@click.option(
    "--source-order",
    envvar="PERMISSION_SOURCE_ORDER",
    show_envvar=True,
    default="user,group,regex,group-regex",
    show_default=True,
    help="The order of its sources of permissions.",
)
@click.option(
    "--default-permission",
    envvar="DEFAULT_MLFLOW_PERMISSION",
    show_envvar=True,
    type=click.Choice(LEVELS),
    help="Permission that the old server gave where no source had one; default: that of its release.",
)
@click.option("--keep-access", is_flag=True, help="Grant what the default permission let people do, on what exists.")
@click.option(
    "--keep-keys-until",
    type=click.DateTime(["%Y-%m-%d"]),
    help=f"Last day on which its access keys still work, at most {MOST_KEY_DAYS} days from now; by default they end.",
)
@click.option("--apply", "apply_", is_flag=True, help="Write the changes; without this option they are only shown.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def oidc_auth(
    backend_store_uri: str | None,
    registry_store_uri: str | None,
    users_db_uri: str,
    version_table: str,
    source_order: str,
    default_permission: str | None,
    keep_access: bool,
    keep_keys_until: datetime | None,
    apply_: bool,
    as_json: bool,
) -> None:
    """Take over users, groups, permissions and patterns of mlflow-oidc-auth, and compare what all may do with before.

    Nothing is written without --apply. What stands here already stays, so that it may be done again. With the
    environment of the old server, its settings are read from there.
    """
    opened = services(backend_store_uri)
    from ..errors import Refusal
    from ..identity.claims import team_of
    from ..moving.moving import move_in
    from ..moving.old_database import default_permission as usual
    from ..moving.old_rules import Options
    from ..settings import TeamSettings
    from ..store.people import NameTaken

    settings = read_settings(TeamSettings)
    order, keys_until = _order(source_order), _end_of(keep_keys_until)
    world = _old_world(users_db_uri, version_table)
    default = default_permission or usual(world.revision)
    if default is None:
        raise click.ClickException(
            "releases 7.0 to 7.7 differ in what they let everybody do: name with --default-permission what the old "
            "server ran with, MANAGE before 7.6 and NO_PERMISSIONS from it on unless DEFAULT_MLFLOW_PERMISSION was set"
        )
    found = _what_exists(backend_store_uri, registry_store_uri)
    with database_in_words(opened.database.uri):
        try:
            report = move_in(
                opened,
                world,
                Options(order, default),
                found,
                lambda group: team_of(group, settings),
                acting(),
                keep_access=keep_access,
                keys_until=keys_until,
                apply=apply_,
            )
        except NameTaken as error:
            raise click.ClickException(
                f"the name '{error.name}' was given up or taken meanwhile; run it again"
            ) from None
        except Refusal as refusal:
            raise click.ClickException(refusal.message) from None
        finally:
            opened.database.engine.dispose()
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _print(report, default)


def _end_of(day: datetime | None) -> int | None:
    """UTC seconds at which that day is over."""
    if day is None:
        return None
    now = time.time()
    end = int(day.replace(tzinfo=timezone.utc).timestamp()) + 86400
    if not now < end <= now + (MOST_KEY_DAYS + 1) * 86400:
        raise click.ClickException(
            f"--keep-keys-until is {day:%Y-%m-%d}, expected a day from today on, within the next {MOST_KEY_DAYS} days"
        )
    return min(end, int(now) + MOST_KEY_DAYS * 86400)


def _order(text: str) -> tuple[str, ...]:
    from ..moving.old_world import SOURCES

    order = tuple(word.strip() for word in text.split(","))
    unknown = [word for word in order if word not in SOURCES]
    if unknown:
        raise click.ClickException(f"--source-order has '{unknown[0]}', expected some of {', '.join(SOURCES)}")
    return order


def _old_world(uri: str, version_table: str) -> OldWorld:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from ..moving.old_database import NotReadable, read
    from ..setting_types import is_database_uri
    from ..store.database import open_engine

    if not is_database_uri(uri):
        raise click.ClickException("--users-db-uri is no SQLAlchemy URI, such as postgresql://user@host/db")
    _refuse_missing_file(uri)
    engine = open_engine(uri)
    try:
        return read(engine, version_table)
    except NotReadable as error:
        raise click.ClickException(f"{make_url(uri).render_as_string(hide_password=True)}: {error}") from None
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"the database of mlflow-oidc-auth does not answer ({type(error).__name__}). Check --users-db-uri"
        ) from None
    finally:
        engine.dispose()


def _refuse_missing_file(uri: str) -> None:
    """SQLite would make an empty one."""
    from pathlib import Path

    from sqlalchemy.engine import make_url

    url = make_url(uri)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise click.ClickException(f"there is no file '{url.database}'. Check --users-db-uri")


def _what_exists(backend: str | None, registry: str | None) -> list[NamedResource]:
    from sqlalchemy.orm import sessionmaker

    from ..mlflow_auth.inventory import inventory
    from ..setting_types import is_database_uri
    from ..store.database import open_engine

    with _engines() as engines:
        sessions = []
        for uri in (backend, registry or backend):
            if not uri or not is_database_uri(uri):
                raise click.ClickException(
                    "permissions are on what exists: name MLflow's tracking backend, a SQL database, with "
                    "--backend-store-uri or MLFLOW_BACKEND_STORE_URI"
                )
            engine = open_engine(uri)
            engines.append(engine)
            sessions.append(sessionmaker(bind=engine))
        with database_in_words(str(backend)):
            return inventory(*sessions)


@contextmanager
def _engines() -> Iterator[list]:  # type: ignore[type-arg]  # engines, whose import takes long
    opened: list = []  # type: ignore[type-arg]
    try:
        yield opened
    finally:
        for engine in opened:
            engine.dispose()


def _print(report: Report, default: str) -> None:
    from ..moving.new_rules import by_reason
    from ..moving.plan import OUTCOMES, TAKEN

    click.echo(f"mlflow-oidc-auth {report.release} (revision {report.revision}), default permission {default}\n")
    show(report.counts(), ("what", *OUTCOMES), as_json=False, nothing="There is nothing to take over.")
    for outcome in OUTCOMES:
        lines = [line for line in report.lines if line.outcome == outcome and outcome != TAKEN]
        if lines:
            click.echo(f"\n{outcome}:")
            _some([f"{line.what}: {line.detail}" + (f" - {line.why}" if line.why else "") for line in lines])
    click.echo(f"\n{report.decisions} decisions compared, {len(report.differences)} differ from the old server.")
    for (who, why), count in sorted(by_reason(report.differences).items()):
        click.echo(f"  {count} may do {who}: {why}")
    if report.differences:
        click.echo("")
        _some([f"{e.user}, {e.type} '{e.name}': {e.before} before, {e.now} now - {e.why}" for e in report.differences])
    done = "All changes are written." if report.applied else "Nothing is written. Add --apply to write the changes."
    click.echo(f"\n{done}")


def _some(lines: list[str]) -> None:
    for line in lines[:MOST_SHOWN]:
        click.echo("  " + "".join(letter if letter.isprintable() else "?" for letter in line))
    if len(lines) > MOST_SHOWN:
        click.echo(f"  ... and {len(lines) - MOST_SHOWN} more; --json has all of them")
