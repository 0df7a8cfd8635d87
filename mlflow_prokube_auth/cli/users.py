"""``users``: accounts, directly on the database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..plain import lowered
from .common import BACKEND_OPTION, HEIR, JSON_OPTION, acting, administration, deleted, show

if TYPE_CHECKING:
    from ..administration import Administration

COLUMNS = ("username", "display_name", "kind", "is_admin", "status", "last_login_at", "key_expires_at", "teams")


@click.group(short_help="People, and what is done to accounts.")
def users() -> None:
    """People who have logged in, and what administrators do to accounts of any kind."""


def listed(admin: Administration, search: str, *, service: bool) -> list[dict[str, Any]]:
    """All accounts of people, or of services, whose name holds these words."""
    return all_pages(functools.partial(admin.page, service=service), search)


def all_pages(page: Callable[..., tuple[list[dict[str, Any]], int]], search: str) -> list[dict[str, Any]]:
    """The rows of all pages."""
    rows: list[dict[str, Any]] = []
    while True:
        found, total = page(search, first=len(rows), size=500)
        rows += found
        if not found or len(rows) >= total:
            return rows


@users.command("list", short_help="Show people, by name.")
@BACKEND_OPTION
@click.option("--search", default="", help="Words in the name.")
@JSON_OPTION
def list_(backend_store_uri: str | None, search: str, as_json: bool) -> None:
    """Show people, by name."""
    with administration(backend_store_uri) as admin:
        rows = listed(admin, search, service=False)
    show(rows, COLUMNS, as_json=as_json, nothing="Nobody has logged in yet." if not search else "Nobody is found.")


@users.command("show", short_help="Show one account.")
@BACKEND_OPTION
@click.argument("name")
@JSON_OPTION
def show_(backend_store_uri: str | None, name: str, as_json: bool) -> None:
    """Show the account NAME."""
    with administration(backend_store_uri) as admin:
        known = admin.describe(admin.account(name))
    facts = [{"fact": fact.replace("_", " "), "value": value} for fact, value in known.items()]
    show([known] if as_json else facts, ("fact", "value"), as_json=as_json, nothing="")


@users.command(short_help="Shut an account at once.")
@BACKEND_OPTION
@click.argument("name")
def block(backend_store_uri: str | None, name: str) -> None:
    """Shut the account NAME at once, with its sessions; its access key opens nothing until it is unblocked."""
    with administration(backend_store_uri) as admin:
        found = admin.block(admin.account(name), acting())
    click.echo(f"'{found.username}' is blocked.")


@users.command(short_help="Open a blocked account again.")
@BACKEND_OPTION
@click.argument("name")
def unblock(backend_store_uri: str | None, name: str) -> None:
    """Open the blocked account NAME again."""
    with administration(backend_store_uri) as admin:
        found = admin.unblock(admin.account(name), acting())
    click.echo(f"'{found.username}' is not blocked.")


@users.command("end-sessions", short_help="End all of an account's sessions.")
@BACKEND_OPTION
@click.argument("name")
def end_sessions(backend_store_uri: str | None, name: str) -> None:
    """End all sessions of the account NAME; its access key goes on working."""
    with administration(backend_store_uri) as admin:
        found = admin.account(name)
        admin.end_sessions(found, acting())
    click.echo(f"The sessions of '{found.username}' are ended.")


@users.command(short_help="Delete an account.")
@BACKEND_OPTION
@click.argument("name")
@HEIR
def delete(backend_store_uri: str | None, name: str, heir: str | None) -> None:
    """Delete the account NAME with grants, sessions and key; who is still in the user group may log in anew."""
    with administration(backend_store_uri) as admin:
        done = admin.delete(admin.account(name), heir, acting())
    click.echo(deleted(done))


@users.command("kept-names", short_help="Show the kept names of renamed and deleted accounts.")
@BACKEND_OPTION
@click.option("--search", default="", help="Words in the name.")
@JSON_OPTION
def kept_names(backend_store_uri: str | None, search: str, as_json: bool) -> None:
    """Show the kept names of renamed and deleted accounts. No other account gets one before it is released."""
    with administration(backend_store_uri) as admin:
        rows = all_pages(admin.kept_names, search)
    show(rows, ("name", "account"), as_json=as_json, nothing="No former name of an account is kept.")


@users.command("release-name", short_help="Release a kept name, so that any account may get it.")
@BACKEND_OPTION
@click.argument("name")
@click.option(
    "--anyway", is_flag=True, help="Release it although jobs, review queues or budgets may still hold the name."
)
def release_name(backend_store_uri: str | None, name: str, anyway: bool) -> None:
    """Release NAME, the kept name of a renamed or deleted account, so that any account may get it.

    Jobs, review queues and budgets that hold the name in MLflow's tables get another one first.
    """
    with administration(backend_store_uri) as admin:
        admin.release_name(name, acting(), anyway=anyway)
    click.echo(f"'{lowered(name)}' is released.")
