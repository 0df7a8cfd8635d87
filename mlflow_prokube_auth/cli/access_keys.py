"""``access-keys``: access keys made by operators, directly on the database."""

from __future__ import annotations

import secrets

import click

from .. import plain
from ..model import LONGEST_NOTE
from .common import (
    BACKEND_OPTION,
    JSON_OPTION,
    acting,
    administration,
    database_in_words,
    read_settings,
    services,
    show,
)


@click.group("access-keys")
def access_keys() -> None:
    """Access keys."""


@access_keys.command(short_help="Create an access key for a user, and print it once.")
@BACKEND_OPTION
@click.argument("user")
@click.option("--days", type=click.IntRange(1, 365), required=True, help="Lifetime of the key, in days.")
@click.option("--note", default="", help='What the key is for, such as "CI"; at most 60 characters.')
def create(backend_store_uri: str | None, user: str, days: int, note: str) -> None:
    """Create an access key for USER, replacing the one before; it is printed once."""
    opened = services(backend_store_uri)
    from ..settings import StoreSettings

    max_days = read_settings(StoreSettings).token_max_days
    if days > max_days:
        raise click.ClickException(f"found --days {days}, expected at most {max_days} (PROKUBE_AUTH_TOKEN_MAX_DAYS)")
    note = note.strip()
    if note and not plain.is_name(note, LONGEST_NOTE):
        raise click.ClickException(f"found --note {note!r}, expected plain text of at most {LONGEST_NOTE} characters")
    with database_in_words(opened.database.uri):
        person = opened.people.find(user)
    if person is None:
        raise click.ClickException(f"there is no user '{user}'; people appear with their first login")
    from ..identity.key_format import compose

    secret = compose(secrets.token_bytes(41))
    actor = acting()
    with database_in_words(opened.database.uri):
        opened.access_keys.mint(secret, person.user_id, actor.at + days * 86400, actor, note)
    click.echo(secret.text)


@access_keys.command(short_help="End a user's access key.")
@BACKEND_OPTION
@click.argument("user")
def revoke(backend_store_uri: str | None, user: str) -> None:
    """End the access key of USER at once."""
    with administration(backend_store_uri) as admin:
        found = admin.account(user)
        ended = admin.revoke_key(found, acting())
    click.echo(f"The access key of '{found.username}' is revoked." if ended else f"'{found.username}' had no key.")


@access_keys.command("list", short_help="List active access keys, soonest to expire first.")
@BACKEND_OPTION
@click.option("--expiring", type=click.IntRange(0, 365), help="Only keys that expire within this many days.")
@JSON_OPTION
def list_(backend_store_uri: str | None, expiring: int | None, as_json: bool) -> None:
    """List active access keys, soonest to expire first."""
    with administration(backend_store_uri) as admin:
        found = admin.expiring(366 if expiring is None else expiring)  # no key lives longer
    show(found, ("username", "key_expires_at", "key_note"), as_json=as_json, nothing="No access key matches.")


@access_keys.command("legacy", short_help="List keys of an old server that still work, last used first.")
@BACKEND_OPTION
@JSON_OPTION
def legacy(backend_store_uri: str | None, as_json: bool) -> None:
    """List keys of an old server that still work, last used first."""
    with administration(backend_store_uri) as admin:
        found = admin.legacy_keys()
    columns = ("username", "key", "expires_at", "last_used_at")
    show(found, columns, as_json=as_json, nothing="No key of an old server works.")
