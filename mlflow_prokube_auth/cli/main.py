"""``mlflow-prokube-auth``: the operators' command. Each group imports what it needs when it runs."""

from __future__ import annotations

import click

from .. import __version__
from .audit import audit
from .break_glass import break_glass
from .db import db
from .demo import demo
from .doctor import doctor
from .login import login
from .service_accounts import service_accounts
from .settings import settings
from .teams import teams
from .tokens import tokens
from .users import users


@click.group()
@click.version_option(__version__, prog_name="mlflow-prokube-auth")
def main() -> None:
    """Operate the prokube-auth plugin of an MLflow server."""


for command in (audit, break_glass, db, demo, doctor, login, service_accounts, settings, teams, tokens, users):
    main.add_command(command)

if __name__ == "__main__":
    main()
