"""``service-accounts``: accounts for pipelines and servers, directly on the database."""

from __future__ import annotations

import click

from ..errors import BadRequest
from .common import BACKEND_OPTION, HEIR, JSON_OPTION, acting, administration, deleted, show
from .users import COLUMNS, listed


@click.group("service-accounts", short_help="Accounts for pipelines and servers.")
def service_accounts() -> None:
    """Accounts for pipelines and servers, which nobody logs in to."""


@service_accounts.command("list", short_help="Show service accounts, by name.")
@BACKEND_OPTION
@click.option("--search", default="", help="Words in the name.")
@JSON_OPTION
def list_(backend_store_uri: str | None, search: str, as_json: bool) -> None:
    """Show service accounts, by name."""
    with administration(backend_store_uri) as admin:
        rows = listed(admin, search, service=True)
    show(rows, COLUMNS, as_json=as_json, nothing="There is no service account.")


@service_accounts.command(short_help="Make a service account.")
@BACKEND_OPTION
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
def create(backend_store_uri: str | None, name: str, description: str) -> None:
    """Make the service account NAME; it has no key yet."""
    with administration(backend_store_uri) as admin:
        made = admin.create_service(name, description, acting())
    click.echo(f"'{made.username}' is there; its key: mlflow-prokube-auth tokens create {made.username} --days 90")


@service_accounts.command(short_help="Delete a service account.")
@BACKEND_OPTION
@click.argument("name")
@HEIR
def delete(backend_store_uri: str | None, name: str, heir: str | None) -> None:
    """Delete the service account NAME with grants and key."""
    with administration(backend_store_uri) as admin:
        found = admin.account(name)
        if not found.is_service:
            raise BadRequest(f"'{found.username}' is no service account. Use `mlflow-prokube-auth users delete`.")
        done = admin.delete(found, heir, acting())
    click.echo(deleted(done))
