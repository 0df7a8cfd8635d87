"""``service-accounts workloads``: which tokens of trusted issuers are a service account, directly on the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .common import BACKEND_OPTION, JSON_OPTION, acting, administration, read_settings, show

if TYPE_CHECKING:
    from ..store.accounts import Account
    from ..workloads import WorkloadAdministration

COLUMNS = ("id", "issuer", "audience", "claims", "state", "last_used_at")


@click.group("workloads", short_help="Tokens of trusted issuers that are a service account.")
def workloads() -> None:
    """Tokens (JWT) of trusted issuers, such as Kubernetes or GitHub Actions, that are a service account.

    The commands read PROKUBE_AUTH_TRUSTED_ISSUERS, PROKUBE_AUTH_WORKLOAD_AUDIENCES and PROKUBE_AUTH_EXTERNAL_URL, as
    the server does.
    """


@contextmanager
def _opened(backend_store_uri: str | None, name: str) -> Iterator[tuple[WorkloadAdministration, Account]]:
    from ..settings import TrustSettings

    trust = read_settings(TrustSettings).trust
    with administration(backend_store_uri) as admin:
        yield admin.workloads(trust), admin.account(name)


@workloads.command("list", short_help="Show what a service account is bound to.")
@BACKEND_OPTION
@click.argument("name")
@JSON_OPTION
def list_(backend_store_uri: str | None, name: str, as_json: bool) -> None:
    """Show the bindings of the service account NAME."""
    with _opened(backend_store_uri, name) as (admin, found):
        rows = admin.list(found)
    if not as_json:
        for row in rows:
            row["claims"] = ", ".join(f"{claim} = {value}" for claim, value in row["claims"].items())
    show(rows, COLUMNS, as_json=as_json, nothing=f"'{name}' is not bound to any token.")


@workloads.command(short_help="Bind a service account to tokens of a trusted issuer.")
@BACKEND_OPTION
@click.argument("name")
@click.option("--issuer", required=True, help="One of PROKUBE_AUTH_TRUSTED_ISSUERS.")
@click.option("--audience", help="The name of this server in the tokens; default: the first of the settings.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    required=True,
    metavar="NAME=VALUE",
    help="A claim that the tokens must have, such as sub=system:serviceaccount:team-a:trainer; a '*' at the end "
    "stands for anything. May be given several times.",
)
@click.option("--expires-on", help="Last day of the binding, such as 2027-01-31; default: it does not expire.")
def add(
    backend_store_uri: str | None,
    name: str,
    issuer: str,
    audience: str | None,
    claims: tuple[str, ...],
    expires_on: str | None,
) -> None:
    """Bind the service account NAME to tokens of a trusted issuer that have these claims."""
    with _opened(backend_store_uri, name) as (admin, found):
        from ..api_fields import read
        from ..api_models import NewWorkload

        given = {"issuer": issuer, "audience": audience, "claims": _named(claims), "expires_on": expires_on}
        made = admin.bind(found, read(NewWorkload, given), acting())
    click.echo(f"Tokens of {made['issuer']} for {made['audience']} with these claims now log in as '{found.username}'.")


def _named(claims: tuple[str, ...]) -> dict[str, str]:
    named = dict[str, str]()
    for claim in claims:
        key, equals, value = claim.partition("=")
        if not equals:
            raise click.ClickException(f"found --claim {claim!r}, expected NAME=VALUE, such as sub=...")
        if key.strip() in named:
            raise click.ClickException(f"found --claim {key.strip()} twice, expected each claim once")
        named[key.strip()] = value.strip()
    return named


@workloads.command(short_help="Remove a binding of a service account.")
@BACKEND_OPTION
@click.argument("name")
@click.argument("number", type=int)
def remove(backend_store_uri: str | None, name: str, number: int) -> None:
    """Remove the binding NUMBER, as `list` shows it, of the service account NAME."""
    with _opened(backend_store_uri, name) as (admin, found):
        admin.unbind(found, number, acting())
    click.echo(f"Removed the binding {number} of '{found.username}'. Its tokens are refused from now on.")
