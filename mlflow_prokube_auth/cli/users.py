"""``users``: accounts, directly on the database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..model import REBIND_DAYS
from ..plain import lowered
from .common import BACKEND_OPTION, JSON_OPTION, SUCCESSOR, acting, administration, deleted, issuer_of, show

if TYPE_CHECKING:
    from ..administration import Administration

COLUMNS = ("username", "display_name", "kind", "is_admin", "status", "last_login_at", "key_expires_at", "teams")


@click.group(short_help="Manage users and their accounts.")
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
    show(rows, COLUMNS, as_json=as_json, nothing="Nobody has logged in yet." if not search else "No user matches.")


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


@users.command(short_help="Block an account at once.")
@BACKEND_OPTION
@click.argument("name")
def block(backend_store_uri: str | None, name: str) -> None:
    """Block the account NAME at once and end its sessions; its access key is refused until it is unblocked."""
    with administration(backend_store_uri) as admin:
        found = admin.block(admin.account(name), acting())
    click.echo(f"'{found.username}' is blocked.")


@users.command(short_help="Unblock an account.")
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
@SUCCESSOR
def delete(backend_store_uri: str | None, name: str, successor: str | None) -> None:
    """Delete the account NAME with grants, sessions and key; who is still in the user group may log in anew."""
    with administration(backend_store_uri) as admin:
        done = admin.delete(admin.account(name), successor, acting())
    click.echo(deleted(done))


@users.command(short_help="Bind accounts to other identities of the provider.")
@BACKEND_OPTION
@click.argument("name", required=False)
@click.option("--subject", help="The subject (the claim 'sub') of the new identity of NAME; binds it at once.")
@click.option("--from", "old", metavar="ISSUER", help="All accounts that are bound to this issuer.")
@click.option(
    "--to",
    "new",
    metavar="ISSUER",
    envvar="PROKUBE_AUTH_OIDC_ISSUER",
    show_envvar=True,
    required=True,
    help="The issuer of the new identities.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=REBIND_DAYS,
    show_default=True,
    help="How long to wait for the login that binds an account.",
)
@click.option("--apply", "applies", is_flag=True, help="Apply the change; without this option, it is only shown.")
def rebind(
    backend_store_uri: str | None,
    name: str | None,
    subject: str | None,
    old: str | None,
    new: str,
    days: int,
    applies: bool,
) -> None:
    """Bind the account NAME, or all accounts of an issuer, to identities of another issuer or with other subjects.

    For a realm that was imported again (its subjects are new), or that has another address (its issuer is new). The
    next login with the verified e-mail address that is the account's name binds the account; --subject binds one
    account at once. Grants, teams and access keys stay, sessions end.
    """
    with administration(backend_store_uri) as admin:
        from ..api_fields import read
        from ..api_models import Rebind

        if (name is None) == (old is None):
            raise click.UsageError("Expected the NAME of one account, or --from ISSUER for all of an issuer.")
        if subject is not None and name is None:
            raise click.UsageError("--subject applies to one account: give its NAME.")
        issuer = issuer_of(new)
        subject = read(Rebind, {"subject": subject}).subject
        found = admin.rebindable_of(old or "") if name is None else [admin.rebindable(name)]
        if applies and name is not None:
            admin.rebind(name, issuer, subject, days, acting())
        elif applies:
            admin.rebind_all([each for each in found if each.is_by_address], issuer, days, acting())
    rows = [
        {
            "name": each.username,
            "from": f"{each.issuer} {each.subject}",
            "to": issuer if subject is None else f"{issuer} {subject}",
            "how": _how(each.is_by_address, subject, days),
        }
        for each in found
    ]
    show(rows, ("name", "from", "to", "how"), as_json=False, nothing=f"No account is bound to {old}.")
    if rows and not applies:
        click.echo("Nothing was changed. Add --apply to apply it.", err=True)


def _how(is_by_address: bool, subject: str | None, days: int) -> str:
    if subject is not None:
        return "at once"
    if is_by_address:
        return f"at the next login with this verified address, within {days} days"
    return "cannot be bound by a login: the name is not an e-mail address; give NAME and --subject"


@users.command("kept-names", short_help="Show the kept names of renamed and deleted accounts.")
@BACKEND_OPTION
@click.option("--search", default="", help="Words in the name.")
@JSON_OPTION
def kept_names(backend_store_uri: str | None, search: str, as_json: bool) -> None:
    """Show the kept names of renamed and deleted accounts. No other account gets one before it is released."""
    with administration(backend_store_uri) as admin:
        rows = all_pages(admin.kept_names, search)
    show(rows, ("name", "account"), as_json=as_json, nothing="No former account names are kept.")


@users.command("release-name", short_help="Release a kept name, so that any account may get it.")
@BACKEND_OPTION
@click.argument("name")
@click.option(
    "--anyway", is_flag=True, help="Release it although jobs, review queues or budgets may still hold the name."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def release_name(backend_store_uri: str | None, name: str, anyway: bool, yes: bool) -> None:
    """Release NAME, the kept name of a renamed or deleted account, so that any account may get it.

    Jobs, review queues and budgets that hold the name in MLflow's tables get another one first. They are shown before.
    """
    with administration(backend_store_uri) as admin:
        if not yes:
            uses = admin.uses_of_name(name)
            show(uses, ("table", "rows"), as_json=False, nothing=f"No table of MLflow's here holds '{lowered(name)}'.")
            click.confirm(f"Release '{lowered(name)}'?", abort=True)
        admin.release_name(name, acting(), anyway=anyway)
    click.echo(f"'{lowered(name)}' is released.")
