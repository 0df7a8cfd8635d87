"""``service-accounts``: accounts for pipelines and servers, directly on the database."""

from __future__ import annotations

import click

from ..errors import BadRequest
from .common import BACKEND_OPTION, JSON_OPTION, SUCCESSOR, acting, administration, deleted, show
from .users import COLUMNS, listed
from .workloads import workloads


@click.group("service-accounts", short_help="Accounts for pipelines and servers.")
def service_accounts() -> None:
    """Accounts for pipelines and servers, which nobody logs in to."""


service_accounts.add_command(workloads)


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
        from ..api_fields import read
        from ..api_models import NewServiceAccount

        wanted = read(NewServiceAccount, {"name": name, "description": description})
        made = admin.create_service(wanted, acting())
    click.echo(
        f"Created '{made.username}'. Create its key with: "
        f"mlflow-prokube-auth access-keys create {made.username} --days 90"
    )


@service_accounts.command(short_help="Delete a service account.")
@BACKEND_OPTION
@click.argument("name")
@SUCCESSOR
def delete(backend_store_uri: str | None, name: str, successor: str | None) -> None:
    """Delete the service account NAME with grants and key."""
    with administration(backend_store_uri) as admin:
        found = admin.account(name)
        if not found.is_service:
            raise BadRequest(f"'{found.username}' is not a service account. Use `mlflow-prokube-auth users delete`.")
        done = admin.delete(found, successor, acting())
    click.echo(deleted(done))
