"""``tokens``: access keys made by operators, directly on the database."""

from __future__ import annotations

import secrets
import time

import click

from .common import (
    BACKEND_OPTION,
    JSON_OPTION,
    acting,
    administration,
    database_in_words,
    operator,
    read_settings,
    services,
    show,
)


@click.group()
def tokens() -> None:
    """Access keys."""


@tokens.command(short_help="Create an access key for a user, and print it once.")
@BACKEND_OPTION
@click.argument("user")
@click.option("--days", type=click.IntRange(1, 365), required=True, help="Life of the key, in days.")
def create(backend_store_uri: str | None, user: str, days: int) -> None:
    """Create an access key for USER, replacing the one before; it is printed once."""
    opened = services(backend_store_uri)
    from ..settings import StoreSettings

    max_days = read_settings(StoreSettings).token_max_days
    if days > max_days:
        raise click.ClickException(f"found --days {days}, expected at most {max_days} (PROKUBE_AUTH_TOKEN_MAX_DAYS)")
    with database_in_words(opened.database.uri):
        person = opened.people.find(user)
    if person is None:
        raise click.ClickException(f"there is no user '{user}'; people appear with their first login")
    from ..identity.tokens import compose

    token = compose(secrets.token_bytes(41))
    now = int(time.time())
    with database_in_words(opened.database.uri):
        opened.tokens.mint(token, person.user_id, now, now + days * 86400, operator(), "cli")
    click.echo(token.text)


@tokens.command(short_help="End a user's access key.")
@BACKEND_OPTION
@click.argument("user")
def revoke(backend_store_uri: str | None, user: str) -> None:
    """End the access key of USER at once."""
    with administration(backend_store_uri) as admin:
        found = admin.account(user)
        ended = admin.revoke_key(found, acting())
    click.echo(f"The access key of '{found.username}' is revoked." if ended else f"'{found.username}' had no key.")


@tokens.command("list", short_help="Show whose access keys are in force, the next to expire first.")
@BACKEND_OPTION
@click.option("--expiring", type=click.IntRange(0, 365), help="Only those that expire within so many days.")
@JSON_OPTION
def list_(backend_store_uri: str | None, expiring: int | None, as_json: bool) -> None:
    """Show whose access keys are in force, the next to expire first."""
    with administration(backend_store_uri) as admin:
        found = admin.expiring(366 if expiring is None else expiring)  # no key lives longer
    show(found, ("username", "key_expires_at"), as_json=as_json, nothing="There is no such key.")
