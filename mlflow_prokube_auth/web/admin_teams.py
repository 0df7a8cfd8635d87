"""Administrators' JSON on teams: those made by hand, members, and rules on names."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from ..model import Team
from ..policy import checks
from .administration import account, acting, administration, body, slice_of, text
from .context import Web


def teams(web: Web) -> Any:
    """Teams by name with their rules, page by page."""
    first, size = slice_of(request.args)
    wanted = request.args.get("search", "").strip().lower()
    found = [each for each in administration(web).teams() if wanted in each["team"].lower()]
    return jsonify(total=len(found), items=found[first : first + size])


def create(web: Web) -> Any:
    """A team whose members are chosen by hand."""
    actor = acting()
    team = administration(web).create_team(body().get("team"), actor)
    return jsonify(team=team.name, from_keycloak=False, rules=[]), 201


def delete(web: Web) -> Any:
    """End a team; ``heir`` manages from then on what only its members did."""
    actor, sent, admin = acting(), body(), administration(web)
    return jsonify(admin.delete_team(admin.team(sent.get("team")), sent.get("heir"), actor))


def members(web: Web) -> Any:
    """User names of a team's members, and which of them are there by hand."""
    return _members(web, administration(web).team(request.args.get("team")))


def _members(web: Web, team: Team) -> Any:
    members = administration(web).members(team)
    by_hand = set(members)
    if team.from_keycloak:
        by_hand &= web.services.accounts.service_names()
    return jsonify(team=team.name, from_keycloak=team.from_keycloak, members=members, by_hand=sorted(by_hand))


def join(web: Web) -> Any:
    """Make an account a member of a team made by hand."""
    actor, sent, admin = acting(), body(), administration(web)
    team = admin.team(sent.get("team"))
    admin.join(team, account(web, text(sent, "user")), actor)
    return _members(web, team)


def leave(web: Web) -> Any:
    """The opposite."""
    actor, sent, admin = acting(), body(), administration(web)
    team = admin.team(sent.get("team"))
    admin.leave(team, account(web, text(sent, "user")), actor)
    return _members(web, team)


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
