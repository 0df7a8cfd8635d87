"""Administrators' JSON on teams: those made by hand, members, and rules on names."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify, request

from ..errors import BadRequest, Conflict, NotFound
from ..policy.rules import KINDS
from ..store.teams import Resource, Rule, Team, TeamExists
from .administration import account, administrator, body, slice_of, text
from .context import Web, client_address
from .sharing import levels_of


def _team(web: Web, given: Any) -> Team:
    name = text(given, "team")
    found = web.services.teams.find(name)
    if found is None:
        raise NotFound(f"There is no team '{name}'.")
    return found


def teams(web: Web) -> Any:
    """Teams by name with their rules, page by page."""
    administrator()
    first, size = slice_of(request.args)
    wanted = request.args.get("search", "").strip().lower()
    found = [team for team in web.services.teams.everyone() if wanted in team.name.lower()]
    rules = web.services.teams.rules()
    return jsonify(
        total=len(found),
        items=[
            {
                "team": team.name,
                "from_keycloak": team.from_keycloak,
                "rules": [_rule(rule) for rule, owner in rules if owner.id == team.id],
            }
            for team in found[first : first + size]
        ],
    )


def _rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "kind": rule.kind, "prefix": rule.prefix, "level": rule.permission}


def create(web: Web) -> Any:
    """A team whose members are chosen by hand."""
    person, name = administrator(), text(body(), "team", 150)
    if name.startswith("__user_"):
        raise BadRequest("Names that begin with '__user_' are MLflow's own. Choose another.")
    try:
        web.services.teams.create(name, int(time.time()), person.username, client_address())
    except TeamExists:
        raise Conflict(f"There is a team or a role '{name}' already. Choose another name.") from None
    return jsonify(team=name, from_keycloak=False, rules=[]), 201


def delete(web: Web) -> Any:
    """End a team; what it held, it holds no more. One of Keycloak's comes back with the next login of a member."""
    person, team = administrator(), _team(web, body())
    web.services.teams.delete(team, person.username, client_address())
    return Response(status=204)


def members(web: Web) -> Any:
    """User names of a team's members, and which of them are there by hand."""
    administrator()
    return _members(web, _team(web, request.args))


def _members(web: Web, team: Team) -> Any:
    members = web.services.teams.members(team)
    by_hand = set(members)
    if team.from_keycloak:
        by_hand &= web.services.accounts.service_names()
    return jsonify(team=team.name, from_keycloak=team.from_keycloak, members=members, by_hand=sorted(by_hand))


def join(web: Web) -> Any:
    """Make an account a member of a team made by hand."""
    person, team, user = _change(web)
    web.services.teams.join(team, user, person, client_address())
    return _members(web, team)


def leave(web: Web) -> Any:
    """The opposite."""
    person, team, user = _change(web)
    web.services.teams.leave(team, user, person, client_address())
    return _members(web, team)


def _change(web: Web) -> tuple[str, Team, int]:
    person, sent = administrator(), body()
    team, user = _team(web, sent), account(web, text(sent, "user"))
    # A service account made here is in no group of Keycloak's; its teams are always an administrator's choice.
    if team.from_keycloak and not user.is_service:
        raise BadRequest(f"The members of the team '{team.name}' follow its group in Keycloak. Change them there.")
    return person.username, team, user.user_id


def add_rule(web: Web) -> Any:
    """What bears a name with this prefix, now or one day, is at this level to the team."""
    person, sent = administrator(), body()
    team, kind, prefix = _team(web, sent), text(sent, "kind"), text(sent, "prefix", 200)
    level = text(sent, "level")
    if kind not in KINDS:
        raise BadRequest(f"'kind' is '{kind}', expected one of {', '.join(KINDS)}.")
    if level not in levels_of(kind):
        raise BadRequest(f"'level' is '{level}', expected one of {', '.join(levels_of(kind))}.")
    if "*" in prefix:
        raise BadRequest(f"'prefix' is '{prefix}', expected the beginning of names, without a '*'.")
    try:
        rule = web.services.teams.add_rule(team, kind, prefix, level, person.username, client_address())
    except TeamExists:
        raise Conflict(f"The team '{team.name}' has a rule for {kind} {prefix}* already. Delete it first.") from None
    there = web.catalog.with_prefix(kind, prefix)
    resources = [Resource(found.resource_type, found.pattern, found.workspace) for found in there]
    web.services.teams.apply(rule, team, resources)
    return jsonify({**_rule(rule), "team": team.name, "matched": len(resources)}), 201


def delete_rule(web: Web) -> Any:
    """End a rule with all that it gave."""
    person, wanted = administrator(), body().get("id")
    for rule, team in web.services.teams.rules():
        if rule.id == wanted:
            web.services.teams.delete_rule(rule, team, person.username, client_address())
            return Response(status=204)
    raise NotFound(f"There is no rule {wanted!r:.40}.")
