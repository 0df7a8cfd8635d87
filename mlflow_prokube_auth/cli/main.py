"""``mlflow-prokube-auth``: the operators' command. Each group imports what it needs when it runs."""

from __future__ import annotations

import click

from .. import __version__
from .access_keys import access_keys
from .audit import audit
from .break_glass import break_glass
from .db import db
from .demo import demo
from .doctor import doctor
from .imports import imports
from .login import login
from .service_accounts import service_accounts
from .settings import settings
from .teams import teams
from .users import users


@click.group()
@click.version_option(__version__, prog_name="mlflow-prokube-auth")
def main() -> None:
    """Operate the prokube-auth plugin of an MLflow server."""


for command in (
    access_keys,
    audit,
    break_glass,
    db,
    demo,
    doctor,
    imports,
    login,
    service_accounts,
    settings,
    teams,
    users,
):
    main.add_command(command)
# What access-keys was called before; scripts may still say it.
main.add_command(click.Group("tokens", commands=access_keys.commands, help=access_keys.help, hidden=True))

if __name__ == "__main__":
    main()
