"""``doctor``: what is wrong with a deployment, before people find out."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

import click

from .common import BACKEND_OPTION, needs_packages

if TYPE_CHECKING:
    from ..doctor.finding import Finding
    from ..settings import Settings

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(short_help="Check settings, identity provider, database and MLflow.")
@BACKEND_OPTION
@click.option("--mlflow-only", is_flag=True, help="Check MLflow only; this needs no settings.")
@click.option(
    "--as",
    "user",
    metavar="USER",
    help="Show what this person (user name or e-mail address) would get when they log in.",
)
@click.option(
    "--claims", type=click.File(), help="With --as: a file with a token or claims (JSON) of the person; - is the input."
)
def doctor(backend_store_uri: str | None, mlflow_only: bool, user: str | None, claims: TextIO | None) -> None:
    """Check settings, identity provider, database and MLflow, in the server's environment; nothing is changed.

    One line each, "ok", "warn" or "fail"; with any "fail" the exit code is 1.
    """
    needs_packages()
    from ..doctor.examine import examine, examine_mlflow
    from ..doctor.person import examine_person

    logging.getLogger("mlflow_prokube_auth").setLevel(logging.CRITICAL)  # the findings say it
    failed = False
    findings: Iterable[Finding] = examine(os.environ, backend_store_uri)
    if mlflow_only:
        findings = [examine_mlflow()]
    elif user is not None:
        findings = examine_person(_settings(), user, None if claims is None else claims.read())
    elif claims is not None:
        raise click.UsageError("--claims needs --as USER")
    for finding in findings:
        failed = failed or finding.level == "fail"
        click.echo(f"{click.style(f'{finding.level:4}', fg=COLOURS[finding.level])}  {finding.what}: {finding.text}")
    if failed:
        raise SystemExit(1)


def _settings() -> Settings:
    from ..settings import SettingsError, load

    try:
        return load(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
