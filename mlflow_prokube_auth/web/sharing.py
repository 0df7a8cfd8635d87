"""Share a resource that one manages: with a person, by exact name, or with one of one's teams; hand it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import jsonify

from .. import api_models as takes
from ..errors import BadRequest, NotFound, PermissionDenied
from ..model import Person
from ..policy import ids, kinds, words
from ..policy.named import NamedResource
from .context import Web, caller


def page(web: Web, query: takes.Reference) -> Any:
    """The page of one resource."""
    person = caller()
    found = _managed(web, person, query)
    shown = kinds.page_of(found.resource_type, found.pattern)
    return web.page(
        "share.html",
        me={"username": person.username},
        words=words.LEVELS,
        back=f"{web.base}#/{shown}" if shown else web.base,
        **_describe(web, found, person),
    )


def show(web: Web, query: takes.Reference) -> Any:
    """Who holds what on a resource, and with whom and how it may be shared."""
    person = caller()
    return jsonify(_describe(web, _managed(web, person, query), person))


def level(web: Web, query: takes.Reference) -> Any:
    """What the caller holds on a resource; nothing tells one that is not there from one that they may not read."""
    person, found = caller(), _here(web, query)
    held = "" if found is None else "MANAGE" if person.is_admin else web.catalog.level(found, person.username)
    return jsonify(kind=query.kind, id=query.id, level=held or None, may_share=held == "MANAGE")


def share(web: Web, body: takes.Share) -> Any:
    """Give a person or a team a level on a resource, in the place of the one before."""
    person = caller()
    found = _managed(web, person, body)
    _set(web, found, {_role(web, person, found, body): body.level})
    return jsonify(_describe(web, found, person))


def withdraw(web: Web, body: takes.Who) -> Any:
    """Take away what a person or a team was given on a resource."""
    person = caller()
    found = _managed(web, person, body)
    _set(web, found, {_role(web, person, found, body, mine_too=True): None})
    return jsonify(_describe(web, found, person))


def hand_over(web: Web, body: takes.HandOver) -> Any:
    """Give a person MANAGE and give up one's own, at once."""
    person = caller()
    found = _managed(web, person, body)
    other = _user(web, body.user)
    if other.user_id == person.user_id:
        raise BadRequest("You already manage it. Expected another person's name in 'user'.")
    own = web.store.own_role(person.user_id, found.workspace)
    _set(web, found, {web.store.own_role(other.user_id, found.workspace): "MANAGE", own: None})
    return jsonify(handed_over_to=other.username)


def people(web: Web, query: takes.Search) -> Any:
    """Names to choose from: of everybody for administrators, else of whom one shares a team or a resource with."""
    person = caller()
    known = None if person.is_admin else web.store.visible_user_ids(person.user_id)
    found = web.services.accounts.names(query.search.strip(), known, query.first + query.size)
    return jsonify(items=[{"username": name, "display_name": shown} for name, shown in query.of(found)])


def _describe(web: Web, found: NamedResource, person: Person) -> dict[str, Any]:
    teams = web.services.teams.everyone() if person.is_admin else web.services.teams.of(person.user_id)
    return {
        "resource": {
            "kind": found.resource_type,
            "kind_label": kinds.word_of(found.resource_type),
            "id": found.pattern,
            "name": found.name,
        },
        "holders": [asdict(holder) for holder in web.services.grants.holders(found.resource)],
        "teams": [team.name for team in teams],
        "levels": list(kinds.of(found.resource_type).levels),
    }


def _managed(web: Web, person: Person, given: takes.Reference) -> NamedResource:
    """The resource that a request names, which the caller must manage.

    One answer for what they may not read and for what is not there.

    Raises:
        BadRequest: it names one by another spelling of its id.
        PermissionDenied: there is none, or the caller does not manage it.
    """
    word, found = kinds.word_of(given.kind), _here(web, given)
    if found is not None and (person.is_admin or web.catalog.manageable(found, person.username)):
        return found
    if found is not None and (level := web.catalog.level(found, person.username)):
        standing = words.Standing(level, f"the {word} '{found.name}'")
        raise PermissionDenied(words.may_not_share(standing, web.settings.contact))
    subject = words.Subject(word, given.id[:200], by_name=False)
    raise PermissionDenied(words.denied(subject, "manage", web.settings.contact))


def _here(web: Web, given: takes.Reference) -> NamedResource | None:
    """The resource that a request names, in the active workspace.

    Raises:
        BadRequest: it names one by another spelling of its id.
    """
    ids.check_resource(given.kind, given.id, "id")
    found = web.catalog.at(given.kind, given.id)
    return found if found is not None and found.workspace == web.store.active_workspace() else None


def _role(web: Web, person: Person, found: NamedResource, body: takes.Who, *, mine_too: bool = False) -> int:
    """The role of whom a request names: exactly one of ``user`` and ``team``."""
    team = body.team
    if team is None:
        return web.store.own_role(_user(web, body.user or "").user_id, found.workspace)
    held = mine_too and any(h.kind == "team" and h.name == team for h in web.services.grants.holders(found.resource))
    wanted = web.services.teams.find(team)
    mine = wanted in web.services.teams.of(person.user_id)
    if wanted is None or not (person.is_admin or mine or held):
        raise NotFound(f"You are not a member of a team '{team[:80]}'. Expected one of your teams.")
    return web.services.teams.role_of(wanted, found.workspace)


def _user(web: Web, name: str) -> Person:
    found = web.services.people.find(name)
    if found is None:
        raise NotFound(f"Nobody has logged in here as '{name[:80]}'. Check the spelling, or ask them to log in once.")
    return found


def _set(web: Web, found: NamedResource, levels: Mapping[int, str | None]) -> None:
    web.store.set_grants(found.resource, levels)
