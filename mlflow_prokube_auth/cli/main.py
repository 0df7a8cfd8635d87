"""``mlflow-prokube-auth``: the operators' command. Each group imports what it needs when it runs."""

from __future__ import annotations

import click

from .. import __version__
from .break_glass import break_glass
from .db import db
from .demo import demo
from .login import login
from .settings import settings
from .tokens import tokens


@click.group()
@click.version_option(__version__, prog_name="mlflow-prokube-auth")
def main() -> None:
    """Operate the prokube-auth plugin of an MLflow server."""


main.add_command(break_glass)
main.add_command(db)
main.add_command(demo)
main.add_command(login)
main.add_command(settings)
main.add_command(tokens)

if __name__ == "__main__":
    main()
