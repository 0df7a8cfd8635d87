"""Administrators' JSON on teams: those made by hand, members, and rules on names."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from ..policy import checks
from .administration import account, acting, administration, administrator, body, text
from .context import Web


def teams(web: Web) -> Any:
    """All teams with their rules."""
    administrator()
    return jsonify(items=administration(web).teams())


def create(web: Web) -> Any:
    """A team whose members are chosen by hand."""
    actor = acting()
    team = administration(web).create_team(body().get("team"), actor)
    return jsonify(team=team.name, from_keycloak=False, rules=[]), 201


def delete(web: Web) -> Any:
    """End a team; what it held, it holds no more. One of Keycloak's comes back with the next login of a member."""
    actor, admin = acting(), administration(web)
    admin.delete_team(admin.team(body().get("team")), actor)
    return Response(status=204)


def members(web: Web) -> Any:
    """User names of a team's members."""
    administrator()
    admin = administration(web)
    team = admin.team(request.args.get("team"))
    return jsonify(team=team.name, from_keycloak=team.from_keycloak, members=admin.members(team))


def join(web: Web) -> Any:
    """Make an account a member of a team made by hand."""
    actor, sent, admin = acting(), body(), administration(web)
    team = admin.team(sent.get("team"))
    return jsonify(team=team.name, members=admin.join(team, account(web, text(sent, "user")), actor))


def leave(web: Web) -> Any:
    """The opposite."""
    actor, sent, admin = acting(), body(), administration(web)
    team = admin.team(sent.get("team"))
    return jsonify(team=team.name, members=admin.leave(team, account(web, text(sent, "user")), actor))


def add_rule(web: Web) -> Any:
    """What bears a name with this prefix, now or one day, is at this level to the team."""
    actor, sent, admin = acting(), body(), administration(web)
    team = admin.team(sent.get("team"))
    wanted = checks.rule(sent.get("kind"), sent.get("prefix"), sent.get("level"))
    return jsonify(admin.add_rule(team, wanted, web.catalog.with_prefix, actor)), 201


def delete_rule(web: Web) -> Any:
    """End a rule with all that it gave."""
    actor = acting()
    administration(web).delete_rule(body().get("id"), actor)
    return Response(status=204)
