"""``teams``: teams, their members and their rules on names, directly on the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .common import (
    BACKEND_OPTION,
    JSON_OPTION,
    REGISTRY_OPTION,
    SUCCESSOR,
    acting,
    administration,
    database_in_words,
    deleted,
    show,
)

if TYPE_CHECKING:
    from ..api_models import NewRule
    from ..policy.named import NamedResource
    from ..policy.rule_effects import Effects


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


@teams.command(short_help="Create a team with members of your choice.")
@BACKEND_OPTION
@click.argument("team")
def create(backend_store_uri: str | None, team: str) -> None:
    """Make TEAM, whose members are chosen by hand."""
    with administration(backend_store_uri) as admin:
        from ..api_fields import read
        from ..api_models import NewTeam

        made = admin.create_team(read(NewTeam, {"team": team}), acting())
    click.echo(f"Created the team '{made.name}'.")


@teams.command(short_help="End a team.")
@BACKEND_OPTION
@click.argument("team")
@SUCCESSOR
def delete(backend_store_uri: str | None, team: str, successor: str | None) -> None:
    """End TEAM with all that it holds; one of Keycloak's comes back with the next login of a member."""
    with administration(backend_store_uri) as admin:
        done = admin.delete_team(admin.team(team), successor, acting())
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


@teams.command(short_help="Add an account to a team.")
@BACKEND_OPTION
@click.argument("team")
@click.argument("user")
def join(backend_store_uri: str | None, team: str, user: str) -> None:
    """Make USER a member of TEAM."""
    with administration(backend_store_uri) as admin:
        found, account = admin.team(team), admin.account(user)
        admin.join(found, account, acting())
    click.echo(f"'{account.username}' is a member of the team '{found.name}'.")


@teams.command(short_help="Remove an account from a team.")
@BACKEND_OPTION
@click.argument("team")
@click.argument("user")
def leave(backend_store_uri: str | None, team: str, user: str) -> None:
    """Take USER out of TEAM."""
    with administration(backend_store_uri) as admin:
        found, account = admin.team(team), admin.account(user)
        admin.leave(found, account, acting())
    click.echo(f"'{account.username}' is no member of the team '{found.name}'.")


@teams.command("add-rule", short_help="Give a team a level on a prefix of names.")
@BACKEND_OPTION
@REGISTRY_OPTION
@click.argument("team")
@click.argument("kind")
@click.argument("prefix")
@click.argument("level")
@click.option("--dry-run", is_flag=True, help="Show what the rule would change, without adding it.")
def add_rule(
    backend_store_uri: str | None,
    registry_store_uri: str | None,
    team: str,
    kind: str,
    prefix: str,
    level: str,
    dry_run: bool,
) -> None:
    """Give TEAM the level LEVEL on everything of KIND whose name begins with PREFIX, now and in the future.

    What is there now is looked up in MLflow's own tables, so the tracking backend must be named where it is not the
    database of PROKUBE_AUTH_DATABASE_URI.
    """
    with administration(backend_store_uri) as admin:
        from ..api_fields import read
        from ..api_models import NewRule
        from ..mlflow_auth.catalog import MlflowCatalog

        sent = {"team": team, "kind": kind, "prefix": prefix, "level": level}
        found, wanted = admin.team(team), read(NewRule, sent, named=MlflowCatalog.named)
        there = _there(backend_store_uri, registry_store_uri)
        # It also keeps a backend that does not answer from leaving a rule behind.
        effects = admin.effects_of_rule(found, wanted, there)
        if effects.warning:
            click.echo(f"Warning: {effects.warning}", err=True)
        if dry_run:
            _tell(effects, wanted)
            return
        made = admin.add_rule(found, wanted, there, acting())
    click.echo(f"The team '{found.name}' has rule {made['id']}; it applies to {made['matched']} existing resources.")


@teams.command("delete-rule", short_help="End a rule.")
@BACKEND_OPTION
@click.argument("rule", type=int)
def delete_rule(backend_store_uri: str | None, rule: int) -> None:
    """End RULE, by its number, with all that it gave."""
    with administration(backend_store_uri) as admin:
        admin.delete_rule(rule, acting())
    click.echo(f"Rule {rule} is deleted.")


def _tell(effects: Effects, wanted: NewRule) -> None:
    """What a rule would do, in words."""
    some = f"the {len(effects.members)} members ({', '.join(effects.members)})" if effects.members else "nobody yet"
    click.echo(f"The rule would open {effects.matched} resources with {wanted.level} to {some}:")
    for each in effects.opens:
        click.echo(f"  {each.name}, managed by {', '.join(each.managers) or 'nobody'}")
    if effects.matched > len(effects.opens):
        click.echo(f"  and {effects.matched - len(effects.opens)} more")
    closed = f"new names with '{wanted.prefix}' ({effects.closes})"
    click.echo(f"It would close {closed} to everyone except members and administrators.")
    if effects.outsiders:
        click.echo(f"Outside the team, and can no longer create such names: {', '.join(effects.outsiders)}")
    if effects.other_teams:
        click.echo(f"Other teams with a rule for some of these names: {', '.join(effects.other_teams)}")
    click.echo("Nothing was changed.")


def _there(backend: str | None, registry: str | None) -> Callable[[str, str], list[NamedResource]]:
    """Resources whose name begins with a prefix, from MLflow's tables; its stores, opened, would create tables."""
    from sqlalchemy.orm import sessionmaker

    from ..mlflow_auth.catalog import with_prefix
    from ..policy import kinds
    from ..setting_types import is_database_uri
    from ..store.database import open_engine

    def found(kind: str, prefix: str) -> list[NamedResource]:
        uri = registry if registry and kinds.of(kind).is_in_registry else backend
        if not uri:
            raise click.ClickException(
                "a rule also applies to existing resources. Name MLflow's tracking backend with --backend-store-uri or "
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
