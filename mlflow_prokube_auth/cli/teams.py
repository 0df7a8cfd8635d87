"""``teams``: teams, their members and their rules on names, directly on the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .common import BACKEND_OPTION, HEIR, JSON_OPTION, acting, administration, database_in_words, deleted, show

if TYPE_CHECKING:
    from ..policy.named import NamedResource


@click.group()
def teams() -> None:
    """Teams: groups in Keycloak, and those made by hand."""


@teams.command("list", short_help="Show teams with their rules.")
@BACKEND_OPTION
@JSON_OPTION
def list_(backend_store_uri: str | None, as_json: bool) -> None:
    """Show teams with their rules, by name."""
    with administration(backend_store_uri) as admin:
        found = admin.teams()
    if not as_json:
        for team in found:
            team["rules"] = ["{id}: {level} on {kind} {prefix}*".format(**rule) for rule in team["rules"]]
    show(found, ("team", "from_keycloak", "rules"), as_json=as_json, nothing="There is no team.")


@teams.command(short_help="Make a team by hand.")
@BACKEND_OPTION
@click.argument("team")
def create(backend_store_uri: str | None, team: str) -> None:
    """Make TEAM, whose members are chosen by hand."""
    with administration(backend_store_uri) as admin:
        made = admin.create_team(team, acting())
    click.echo(f"The team '{made.name}' is there.")


@teams.command(short_help="End a team.")
@BACKEND_OPTION
@click.argument("team")
@HEIR
def delete(backend_store_uri: str | None, team: str, heir: str | None) -> None:
    """End TEAM with all that it holds; one of Keycloak's comes back with the next login of a member."""
    with administration(backend_store_uri) as admin:
        done = admin.delete_team(admin.team(team), heir, acting())
    click.echo(f"The team {deleted(done)}")


@teams.command(short_help="Show a team's members.")
@BACKEND_OPTION
@click.argument("team")
@JSON_OPTION
def members(backend_store_uri: str | None, team: str, as_json: bool) -> None:
    """Show the members of TEAM, one a line."""
    with administration(backend_store_uri) as admin:
        found = admin.members(admin.team(team))
    if as_json:
        show([{"username": name} for name in found], (), as_json=True, nothing="")
        return
    for name in found:
        click.echo(name)


@teams.command(short_help="Make an account a member.")
@BACKEND_OPTION
@click.argument("team")
@click.argument("user")
def join(backend_store_uri: str | None, team: str, user: str) -> None:
    """Make USER a member of TEAM."""
    with administration(backend_store_uri) as admin:
        found, account = admin.team(team), admin.account(user)
        admin.join(found, account, acting())
    click.echo(f"'{account.username}' is a member of the team '{found.name}'.")


@teams.command(short_help="Take an account out of a team.")
@BACKEND_OPTION
@click.argument("team")
@click.argument("user")
def leave(backend_store_uri: str | None, team: str, user: str) -> None:
    """Take USER out of TEAM."""
    with administration(backend_store_uri) as admin:
        found, account = admin.team(team), admin.account(user)
        admin.leave(found, account, acting())
    click.echo(f"'{account.username}' is no member of the team '{found.name}'.")


@teams.command("add-rule", short_help="Give a team what bears a name prefix.")
@BACKEND_OPTION
@click.option(
    "--registry-store-uri",
    envvar="MLFLOW_REGISTRY_STORE_URI",
    show_envvar=True,
    help="Model registry, where it is not in the tracking backend.",
)
@click.argument("team")
@click.argument("kind")
@click.argument("prefix")
@click.argument("level")
def add_rule(
    backend_store_uri: str | None, registry_store_uri: str | None, team: str, kind: str, prefix: str, level: str
) -> None:
    """Give TEAM the level LEVEL on what of KIND bears a name with PREFIX, now or one day.

    What is there now is looked up in MLflow's own tables, so the tracking backend must be named where it is not the
    database of PROKUBE_AUTH_DATABASE_URI.
    """
    with administration(backend_store_uri) as admin:
        from ..policy import checks

        found, wanted = admin.team(team), checks.rule(kind, prefix, level)
        there = _there(backend_store_uri, registry_store_uri)
        there(wanted[0], wanted[1])  # a backend that does not answer leaves no rule behind
        made = admin.add_rule(found, wanted, there, acting())
    click.echo(f"The team '{found.name}' has rule {made['id']}; it holds for {made['matched']} resources now.")


@teams.command("delete-rule", short_help="End a rule.")
@BACKEND_OPTION
@click.argument("rule", type=int)
def delete_rule(backend_store_uri: str | None, rule: int) -> None:
    """End RULE, by its number, with all that it gave."""
    with administration(backend_store_uri) as admin:
        admin.delete_rule(rule, acting())
    click.echo(f"Rule {rule} is deleted.")


def _there(backend: str | None, registry: str | None) -> Callable[[str, str], list[NamedResource]]:
    """What bears a name with a prefix, in MLflow's tables; no store of MLflow's is opened, which would make tables."""
    from sqlalchemy.orm import sessionmaker

    from ..mlflow_auth.catalog import with_prefix
    from ..settings import is_database_uri
    from ..store.database import open_engine

    def found(kind: str, prefix: str) -> list[NamedResource]:
        uri = registry if registry and kind in ("registered_model", "prompt") else backend
        if not uri:
            raise click.ClickException(
                "a rule holds for what is there, too: name MLflow's tracking backend with --backend-store-uri or "
                "MLFLOW_BACKEND_STORE_URI"
            )
        if not is_database_uri(uri):
            raise click.ClickException("the tracking backend is no SQL database, so nothing can be looked up there")
        engine = open_engine(uri)
        try:
            with database_in_words(uri):
                return with_prefix(sessionmaker(bind=engine), kind, prefix)
        finally:
            engine.dispose()

    return found
