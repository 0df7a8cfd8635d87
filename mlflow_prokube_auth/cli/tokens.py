"""``tokens``: access keys made by operators, directly on the database."""

from __future__ import annotations

import secrets
import time

import click

from .common import BACKEND_OPTION, database_in_words, operator, services


@click.group()
def tokens() -> None:
    """Access keys."""


@tokens.command()
@BACKEND_OPTION
@click.argument("user")
@click.option("--days", type=click.IntRange(1, 365), required=True, help="Life of the key, in days.")
def create(backend_store_uri: str | None, user: str, days: int) -> None:
    """Create an access key for USER, replacing the one before; it is printed once."""
    opened = services(backend_store_uri)
    if days > opened.settings.token_max_days:
        raise click.ClickException(
            f"found --days {days}, expected at most {opened.settings.token_max_days} (PROKUBE_AUTH_TOKEN_MAX_DAYS)"
        )
    with database_in_words():
        person = opened.people.find(user)
    if person is None:
        raise click.ClickException(f"there is no user '{user}'; people appear with their first login")
    from ..identity.tokens import compose

    token = compose(secrets.token_bytes(41))
    now = int(time.time())
    with database_in_words():
        opened.tokens.mint(token, person.user_id, now, now + days * 86400, operator(), "cli")
    click.echo(token.text)
