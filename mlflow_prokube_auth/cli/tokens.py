"""``tokens``: access keys made by operators, directly on the database."""

from __future__ import annotations

import secrets
import time

import click

from .common import BACKEND_OPTION, database_in_words, operator, read_settings, services


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
