"""``break-glass``: administrators who log in without Keycloak, for the day on which it is away."""

from __future__ import annotations

import os
import time
from typing import IO

import click

from ..plain import lowered
from ..policy import words
from ..policy.words import moment
from .common import BACKEND_OPTION, acting, database_in_words, services

PASSWORD_FILE = click.option(
    "--password-file", type=click.File("rb"), help="Read the password from this file ('-': standard input)."
)


@click.group("break-glass", short_help="Local administrators, for a login without the provider.")
def break_glass() -> None:
    """Local administrators, for the day on which Keycloak is away."""


@break_glass.command("set", short_help="Create a local administrator, or replace a password.")
@BACKEND_OPTION
@click.argument("name")
@PASSWORD_FILE
def set_(backend_store_uri: str | None, name: str, password_file: IO[bytes] | None) -> None:
    """Make NAME a local administrator, or give them a new password; asks for it twice."""
    opened = services(backend_store_uri)
    from ..store.local_admins import Unusable, usable_name, usable_password
    from ..store.people import NameTaken

    try:
        usable_name(name)
        password = usable_password(_read(password_file))
        with database_in_words(opened.database.uri):
            replaced = opened.local_admins.set(name, password, acting())
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    except NameTaken as error:
        taken, choose = words.user_name_taken(error.name, kept=error.kept), "Or choose" if error.kept else "Choose"
        raise click.ClickException(f"{taken} {choose} an unused name, such as 'break-glass'") from None
    done = "has a new password" if replaced else "is a local administrator now"
    click.echo(f"'{lowered(name)}' {done}; the login is at {_login_url()}")


@break_glass.command(short_help="Remove a local administrator at once.")
@BACKEND_OPTION
@click.argument("name")
def remove(backend_store_uri: str | None, name: str) -> None:
    """End the local administrator NAME at once, with sessions and access key."""
    opened = services(backend_store_uri)
    with database_in_words(opened.database.uri):
        found = opened.local_admins.remove(name, acting())
    if not found:
        raise click.ClickException(f"there is no local administrator '{name}'; `break-glass list` shows them")
    click.echo(f"'{lowered(name)}' is no longer a local administrator; their sessions and access key have ended.")


@break_glass.command("list")
@BACKEND_OPTION
def list_(backend_store_uri: str | None) -> None:
    """Show the local administrators, one a line."""
    opened = services(backend_store_uri)
    with database_in_words(opened.database.uri):
        admins = opened.local_admins.everyone()
    now = int(time.time())
    for admin in admins:
        seen = moment(admin.last_login_at) if admin.last_login_at else "never"
        lock = admin.locked_until or 0
        locked = f", locked until {moment(lock)}" if lock > now else ""
        click.echo(f"{admin.name}: last login {seen}{locked}")
    if not admins:
        click.echo("There is no local administrator, so their login page is off.", err=True)


def _read(password_file: IO[bytes] | None) -> str:
    """The password, from a file (without the line's end) or typed twice."""
    if password_file is None:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True))
    try:
        return password_file.read().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.ClickException("the password file is not UTF-8 text") from None


def _login_url() -> str:
    """Where the login is, as far as this shell's environment knows it."""
    return f"{os.environ.get('PROKUBE_AUTH_EXTERNAL_URL', '').rstrip('/')}/prokube-auth/login/local"
