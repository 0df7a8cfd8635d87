"""``doctor``: what is wrong with a deployment, before people find out."""

from __future__ import annotations

import logging
import os

import click

from .common import BACKEND_OPTION, needs_packages

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(short_help="Check settings, Keycloak, database and MLflow.")
@BACKEND_OPTION
@click.option("--mlflow-only", is_flag=True, help="Check MLflow alone, which needs no settings.")
def doctor(backend_store_uri: str | None, mlflow_only: bool) -> None:
    """Check settings, Keycloak, database and MLflow, in the server's environment; nothing is changed.

    One line each, "ok", "warn" or "fail"; with any "fail" the exit code is 1.
    """
    needs_packages()
    from ..doctor import examine, examine_mlflow

    logging.getLogger("mlflow_prokube_auth").setLevel(logging.CRITICAL)  # the findings say it
    failed = False
    for finding in [examine_mlflow()] if mlflow_only else examine(os.environ, backend_store_uri):
        failed = failed or finding.level == "fail"
        click.echo(f"{click.style(f'{finding.level:4}', fg=COLOURS[finding.level])}  {finding.what}: {finding.text}")
    if failed:
        raise SystemExit(1)
