"""Administrators' JSON on resources: who holds what and why, what nobody owns, the trash, the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import jsonify

from .. import api_models as takes
from ..errors import BadRequest, NotFound
from ..model import Resource
from ..policy import ids, kinds, words
from ..policy.named import NamedResource
from .administration import account, administration
from .context import Web


def permissions(web: Web, query: takes.Grants) -> Any:
    """All grants, filtered by user, team, kind and resource: its id, or a part of its name."""
    found, total = web.services.grants.page(
        user=query.user.strip(),
        team=query.team.strip(),
        kind=query.kind.strip(),
        on=web.named(query.id.strip()),
        first=query.first,
        size=query.size,
    )
    titles = web.titles(grant.resource for grant in found)
    return jsonify(
        total=total,
        items=[
            {
                "kind_label": kinds.word_of(grant.resource.resource_type),
                "shared": kinds.is_shared(grant.resource.resource_type) and grant.resource.pattern != "*",
                "holder_kind": grant.holder.kind,
                "holder": grant.holder.name,
                "level": grant.holder.level,
                "kind": grant.resource.resource_type,
                "id": grant.resource.pattern,
                "name": titles.get(grant.resource),
                "workspace": grant.resource.workspace,
                "fixed": grant.holder.fixed,
            }
            for grant in found
        ],
    )


def explain(web: Web, query: takes.Question) -> Any:
    """Why somebody can do what they can do on one resource: each reason, and the level that comes of all.

    ``id`` may be a name, too.
    """
    user = account(web, query.user)
    found = _named(web, query.kind, query.id) or _found(web, query.kind, query.id)
    reasons = []
    if user.blocked or user.disabled:
        reasons.append(
            "The account is " + ("blocked here." if user.blocked else f"out, as {web.settings.provider_name} says.")
        )
    if user.is_admin:
        reasons.append("An administrator manages everything.")
    created = web.services.names.created_by(user.user_id).get((kinds.name_space(found.resource_type), found.name))
    own = {None: "granted to them", False: "they created it", True: "inherited from a deleted account"}[created]
    for grant in web.services.grants.on(user.username, found.resource):
        what = f"on every {kinds.word_of(found.resource_type)}" if grant.resource.pattern == "*" else "on it"
        who = {
            "user": own if grant.resource.pattern != "*" else "granted to them",
            "team": f"through the team '{grant.holder.name}'",
        }
        why = who.get(grant.holder.kind, f"through the role '{grant.holder.name}'")
        rule = ", by a rule" if grant.holder.kind == "team" and grant.holder.fixed else ""
        reasons.append(f"{grant.holder.level} {what}, {why}{rule}.")
    level = web.store.get_role_permission_for_resource(
        user.user_id, found.resource_type, found.pattern, found.workspace
    )
    shut = user.blocked or user.disabled
    named = None if shut else "MANAGE" if user.is_admin else level.name if level is not None else None
    return jsonify(
        user=user.username,
        kind=found.resource_type,
        id=found.pattern,
        name=found.name,
        level=named,
        allows=words.LEVELS.get(named or "", "nothing"),
        reasons=reasons or ["They have no permission on it."],
    )


def unowned(web: Web, query: takes.Unowned) -> Any:
    """Resources that only administrators manage."""
    total, page, matches = 0, list[NamedResource](), _matching(web, query.search.strip())
    for kind in (query.kind,) if query.kind else [each.type for each in web.catalog.named]:
        managed = web.services.grants.managed(kind)
        if kind == "experiment":  # MLflow's own Default experiment is meant to be nobody's.
            managed.add(words.DEFAULT_EXPERIMENT_ID)
        patterns = [each for each in web.catalog.patterns(kind) if each not in managed and matches(kind, each)]
        start = max(0, query.first - total)
        page += web.catalog.those(kind, patterns[start : start + query.size - len(page)])
        total += len(patterns)
    return jsonify(items=[_item(each) for each in page], total=total)


def _matching(web: Web, words: str) -> Callable[[str, str], bool]:
    """Whether the name of a kind's pattern holds the words."""
    ids = {kind: set(found) for kind, found in web.catalog.matching(words).items()} if words else {}
    return lambda kind, pattern: (
        not words or (pattern in ids[kind] if kind in ids else words.lower() in pattern.lower())
    )


def assign(web: Web, body: takes.Assignment) -> Any:
    """Give an account MANAGE on many resources; none of it where one of them is not there."""
    user = account(web, body.user)
    found = [_found(web, each.kind, each.id) for each in body.resources]
    for each in found:
        role = web.store.own_role(user.user_id, each.workspace)
        web.store.set_grants(each.resource, {role: "MANAGE"})
    return jsonify(user=user.username, assigned=len(found))


def trash(web: Web, query: takes.Search) -> Any:
    """Deleted experiments, whose names are still taken, with who manages them."""
    wanted = query.search.strip().lower()
    found = [each for each in web.catalog.trash() if wanted in each.name.lower()]
    return jsonify(
        total=len(found),
        items=[{**_item(each), "managers": _managers(web, each)} for each in query.of(found)],
    )


def restore(web: Web, body: takes.Experiment) -> Any:
    """Restore an experiment from the trash."""
    found = _found(web, "experiment", body.id)
    if not found.trashed:
        raise BadRequest(f"The experiment '{found.name}' is not in the trash.")
    web.catalog.restore_experiment(found.pattern)
    return jsonify({**_item(found), "trashed": False})


def events(web: Web, query: takes.Events) -> Any:
    """The audit trail, the newest first."""
    wanted = query.model_dump()
    found, total = administration(web).events(**wanted)
    return jsonify(items=with_names(web, found), total=total)


def with_names(web: Web, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events with the name of what each was about, where its id alone is written down and it is still there."""
    about = {each["target"]: _resource_of(each["target"]) for each in events}
    titles = web.titles(resource for resource in about.values() if resource is not None)
    return [
        {**each, "name": titles.get(resource) if (resource := about[each["target"]]) is not None else None}
        for each in events
    ]


def _resource_of(target: str) -> Resource | None:
    """What an event's target means, as ``store.grant_writer`` writes it, where it is named by an id."""
    kind, _, pattern = target.partition(":")
    by_id = any(each.type == kind and not each.is_keyed_by_name for each in kinds.NAMED)
    return Resource(kind, pattern, "") if by_id and pattern != "*" else None


def _found(web: Web, kind: str, pattern: str) -> NamedResource:
    ids.check_resource(kind, pattern, "id")
    found = web.catalog.at(kind, pattern)
    if found is None:
        raise NotFound(f"There is no {kinds.word_of(kind)} '{pattern[:80]}'.")
    return found


def _named(web: Web, kind: str, given: str) -> NamedResource | None:
    """The resource of that id, else of that name."""
    if not kinds.is_shared(kind) or not given:
        return None
    found = web.catalog.at(kind, given)
    if found is None and kinds.of(kind).is_named:
        found = web.catalog.find(kinds.name_space(kind), given)
    return found if found is not None and found.resource_type == kind else None


def _item(found: NamedResource) -> dict[str, Any]:
    return {
        "kind": found.resource_type,
        "kind_label": kinds.word_of(found.resource_type),
        "id": found.pattern,
        "name": found.name,
        "workspace": found.workspace,
        "trashed": found.trashed,
    }


def _managers(web: Web, found: NamedResource) -> list[str]:
    held = web.services.grants.holders(found.resource)
    return [holder.name for holder in held if holder.level == "MANAGE"]
