"""Share a resource that one manages: with a person, by exact name, or with one of one's teams; hand it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from flask import jsonify, request

from ..errors import BadRequest, NotFound, PermissionDenied
from ..model import Person
from ..policy import ids, words
from ..policy.checks import levels_of
from ..policy.named import NamedResource
from .context import Web, caller

# Where MLflow's UI shows them.
PLACES = {"experiment": "experiments", "registered_model": "models", "prompt": "prompts"}


def page(web: Web) -> Any:
    """The page of one resource."""
    person = caller()
    found = _managed(web, person, request.args)
    place = PLACES.get(found.resource_type)
    return web.page(
        "share.html",
        me={"username": person.username},
        words=words.LEVELS,
        back=f"{web.base}#/{place}/{quote(found.pattern, safe='')}" if place else web.base,
        **_describe(web, found, person),
    )


def show(web: Web) -> Any:
    """Who holds what on a resource, and with whom and how it may be shared."""
    person = caller()
    return jsonify(_describe(web, _managed(web, person, request.args), person))


def share(web: Web) -> Any:
    """Give a person or a team a level on a resource, in the place of the one before."""
    person, body = caller(), _body()
    found = _managed(web, person, body)
    level, levels = body.get("level"), levels_of(found.resource_type)
    if level not in levels:
        raise BadRequest(f"'level' is {level!r:.40}, expected one of {', '.join(levels)}.")
    _set(web, found, {_role(web, person, found, body): str(level)})
    return jsonify(_describe(web, found, person))


def withdraw(web: Web) -> Any:
    """Take away what a person or a team was given on a resource."""
    person, body = caller(), _body()
    found = _managed(web, person, body)
    _set(web, found, {_role(web, person, found, body, mine_too=True): None})
    return jsonify(_describe(web, found, person))


def hand_over(web: Web) -> Any:
    """Give a person MANAGE and give up one's own, at once."""
    person, body = caller(), _body()
    found = _managed(web, person, body)
    other = _user(web, body.get("user"))
    if other.user_id == person.user_id:
        raise BadRequest("That is yourself. Expected the name of somebody else in 'user'.")
    own = web.store.own_role(person.user_id, found.workspace)
    _set(web, found, {web.store.own_role(other.user_id, found.workspace): "MANAGE", own: None})
    return jsonify(handed_over_to=other.username)


def _describe(web: Web, found: NamedResource, person: Person) -> dict[str, Any]:
    teams = web.services.teams.everyone() if person.is_admin else web.services.teams.of(person.user_id)
    return {
        "resource": {
            "kind": found.resource_type,
            "kind_label": words.kind_of(found.resource_type),
            "id": found.pattern,
            "name": found.name,
        },
        "holders": [asdict(holder) for holder in web.services.grants.holders(found.resource)],
        "teams": [team.name for team in teams],
        "levels": list(levels_of(found.resource_type)),
    }


def _managed(web: Web, person: Person, given: Mapping[str, Any]) -> NamedResource:
    """The resource that a request names, which the caller must manage; one answer for "no" and "not there".

    Raises:
        BadRequest: it names none, or by another spelling of its id.
        PermissionDenied: there is none, or the caller does not manage it.
    """
    kind, pattern = given.get("kind"), given.get("id")
    if not isinstance(kind, str) or not isinstance(pattern, str) or not kind or not pattern:
        raise BadRequest("Expected 'kind', such as experiment or registered_model, and 'id' (of a model its name).")
    ids.check_resource(kind, pattern, "id")
    found = web.catalog.at(kind, pattern)
    here = found is not None and found.workspace == web.store.active_workspace()
    if found is None or not here or not (person.is_admin or web.catalog.manageable(found, person.username)):
        subject = words.Subject(words.kind_of(kind), pattern[:200], by_name=False)
        raise PermissionDenied(words.denied(subject, "manage", web.settings.contact))
    return found


def _role(web: Web, person: Person, found: NamedResource, body: Mapping[str, Any], *, mine_too: bool = False) -> int:
    """The role of whom a request names: exactly one of ``user`` and ``team``."""
    user, team = body.get("user"), body.get("team")
    if (user is None) == (team is None):
        raise BadRequest("Expected either 'user', a user name, or 'team', the name of a team.")
    if user is not None:
        return web.store.own_role(_user(web, user).user_id, found.workspace)
    held = mine_too and any(h.kind == "team" and h.name == team for h in web.services.grants.holders(found.resource))
    wanted = web.services.teams.find(team) if isinstance(team, str) else None
    mine = wanted in web.services.teams.of(person.user_id)
    if wanted is None or not (person.is_admin or mine or held):
        raise NotFound(f"You are in no team '{str(team)[:80]}'. Expected one of your own teams.")
    return web.services.teams.role_of(wanted, found.workspace)


def _user(web: Web, name: Any) -> Person:
    found = web.services.people.find(name) if isinstance(name, str) else None
    if found is None:
        raise NotFound(
            f"Nobody has logged in here as '{str(name)[:80]}'. Check the spelling, or ask them to log in once."
        )
    return found


def _set(web: Web, found: NamedResource, levels: Mapping[int, str | None]) -> None:
    web.store.set_grants(found.resource, levels)


def _body() -> Mapping[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest("Expected a JSON object with 'kind', 'id', and 'user' or 'team'.")
    return body
