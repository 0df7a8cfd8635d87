"""Administrators' JSON on teams: those made by hand, members, and rules on names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify

from .. import api_models as takes
from ..model import Team
from .administration import account, administration
from .context import Web, acting


def teams(web: Web, query: takes.Search) -> Any:
    """Teams by name with their rules, page by page."""
    wanted = query.search.strip().lower()
    found = [each for each in administration(web).teams() if wanted in each["team"].lower()]
    return jsonify(total=len(found), items=query.of(found))


def create(web: Web, body: takes.NewTeam) -> Any:
    """A team whose members administrators choose."""
    team = administration(web).create_team(body, acting())
    return jsonify(team=team.name, from_keycloak=False, rules=[]), 201


def delete(web: Web, body: takes.EndOfTeam) -> Any:
    """End a team; ``successor`` manages from then on what only its members did."""
    admin = administration(web)
    return jsonify(admin.delete_team(admin.team(body.team), body.successor, acting()))


def members(web: Web, query: takes.Team) -> Any:
    """User names of a team's members, and which of them are there by hand."""
    return _members(web, administration(web).team(query.team))


def _members(web: Web, team: Team) -> Any:
    members = administration(web).members(team)
    by_hand = set(members)
    if team.from_keycloak:
        by_hand &= web.services.accounts.service_names()
    return jsonify(team=team.name, from_keycloak=team.from_keycloak, members=members, by_hand=sorted(by_hand))


def join(web: Web, body: takes.Membership) -> Any:
    """Add an account to a team that administrators manage."""
    admin = administration(web)
    team = admin.team(body.team)
    admin.join(team, account(web, body.user), acting())
    return _members(web, team)


def leave(web: Web, body: takes.Membership) -> Any:
    """The opposite."""
    admin = administration(web)
    team = admin.team(body.team)
    admin.leave(team, account(web, body.user), acting())
    return _members(web, team)


def effects_of_rule(web: Web, query: takes.NewRule) -> Any:
    """What a rule would open to whom, and which names it would close; nothing is changed."""
    admin = administration(web)
    return jsonify(asdict(admin.effects_of_rule(admin.team(query.team), query, web.catalog.with_prefix)))


def add_rule(web: Web, body: takes.NewRule) -> Any:
    """Give the team this level on everything whose name begins with this prefix, now and in the future."""
    admin = administration(web)
    team = admin.team(body.team)
    return jsonify(admin.add_rule(team, body, web.catalog.with_prefix, acting())), 201


def delete_rule(web: Web, body: takes.RuleId) -> Any:
    """Delete a rule with all permissions that it gave."""
    administration(web).delete_rule(body.id, acting())
    return Response(status=204)
