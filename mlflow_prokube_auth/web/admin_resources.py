"""Administrators' JSON on resources: who holds what and why, what nobody owns, the trash, the audit trail."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from ..errors import BadRequest, NotFound
from ..policy import ids, words
from ..policy.named import NamedResource
from ..policy.rules import KINDS, NAMED_AS, SHARED
from .administration import account, administration, body, slice_of, text
from .context import Web


def permissions(web: Web) -> Any:
    """All grants, filtered by user, team, kind and resource: its id, or its name where the kind is given."""
    first, size = slice_of(request.args)
    names = {"user": "user", "team": "team", "kind": "kind", "pattern": "id"}
    filters = {name: request.args.get(given, "").strip() for name, given in names.items()}
    named = _named(web, filters["kind"], filters["pattern"])
    if named is not None:
        filters["pattern"] = named.pattern
    found, total = web.services.grants.page(**filters, first=first, size=size)
    titles = web.titles(grant.resource for grant in found)
    return jsonify(
        total=total,
        items=[
            {
                "kind_label": words.kind_of(grant.resource.resource_type),
                "shared": grant.resource.resource_type in SHARED and grant.resource.pattern != "*",
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


def explain(web: Web) -> Any:
    """Why somebody can do what they can do on one resource: each reason, and the level that comes of all.

    ``id`` may be a name, too.
    """
    user = account(web, text(request.args, "user"))
    found = _named(web, text(request.args, "kind"), text(request.args, "id", 500)) or _found(web, request.args)
    reasons = []
    if user.blocked or user.disabled:
        reasons.append("The account is " + ("blocked here." if user.blocked else "out, as Keycloak says."))
    if user.is_admin:
        reasons.append("An administrator manages everything.")
    for grant in web.services.grants.on(user.username, found.resource):
        what = f"on every {words.kind_of(found.resource_type)}" if grant.resource.pattern == "*" else "on it"
        who = {"user": "granted to them", "team": f"through the team '{grant.holder.name}'"}
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
        reasons=reasons or ["Nobody has granted them anything on it."],
    )


def unowned(web: Web) -> Any:
    """What nobody manages but administrators."""
    first, size = slice_of(request.args)
    wanted = request.args.get("kind")
    if wanted and wanted not in KINDS:
        raise BadRequest(f"'kind' is '{wanted[:40]}', expected one of {', '.join(KINDS)}.")
    total, page = 0, list[NamedResource]()
    for kind in (wanted,) if wanted else KINDS:
        managed = web.services.grants.managed(kind)
        if kind == "experiment":  # MLflow's own Default experiment is meant to be nobody's.
            managed.add(words.DEFAULT_EXPERIMENT_ID)
        patterns = [each for each in web.catalog.patterns(kind) if each not in managed]
        start = max(0, first - total)
        page += web.catalog.those(kind, patterns[start : start + size - len(page)])
        total += len(patterns)
    return jsonify(items=[_item(each) for each in page], total=total)


def assign(web: Web) -> Any:
    """Give an account MANAGE on many resources; none of it where one of them is not there."""
    sent = body()
    user = account(web, text(sent, "user"))
    wanted = sent.get("resources")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(each, dict) for each in wanted):
        raise BadRequest("'resources' is no list of objects with 'kind' and 'id'.")
    found = [_found(web, each) for each in wanted]
    for each in found:
        role = web.store.own_role(user.user_id, each.workspace)
        web.store.set_grants(each.resource, {role: "MANAGE"})
    return jsonify(user=user.username, assigned=len(found))


def trash(web: Web) -> Any:
    """Deleted experiments, whose names are still taken, with who manages them."""
    first, size = slice_of(request.args)
    found = web.catalog.trash()
    return jsonify(
        total=len(found),
        items=[{**_item(each), "managers": _managers(web, each)} for each in found[first : first + size]],
    )


def restore(web: Web) -> Any:
    """Take an experiment out of the trash."""
    found = _found(web, {"kind": "experiment", "id": text(body(), "id")})
    if not found.trashed:
        raise BadRequest(f"The experiment '{found.name}' is not in the trash.")
    web.catalog.restore_experiment(found.pattern)
    return jsonify({**_item(found), "trashed": False})


def events(web: Web) -> Any:
    """The audit trail, the newest first."""
    first, size = slice_of(request.args)
    since, until = (_seconds(name) for name in ("since", "until"))
    filters = {name: request.args.get(name, "") for name in ("actor", "action", "target")}
    found, total = administration(web).events(**filters, since=since, until=until, first=first, size=size)
    return jsonify(items=found, total=total)


def _seconds(name: str) -> int | None:
    value = request.args.get(name, "")
    if value and not (value.isascii() and value.isdecimal() and len(value) < 13):
        raise BadRequest(f"'{name}' is '{value[:40]}', expected UTC seconds since 1970.")
    return int(value) if value else None


def _found(web: Web, given: Any) -> NamedResource:
    kind, pattern = text(given, "kind"), text(given, "id", 500)
    ids.check_resource(kind, pattern, "id")
    found = web.catalog.at(kind, pattern)
    if found is None:
        raise NotFound(f"There is no {words.kind_of(kind)} '{pattern[:80]}'.")
    return found


def _named(web: Web, kind: str, given: str) -> NamedResource | None:
    """The resource of that id, else of that name."""
    if kind not in SHARED or not given:
        return None
    found = web.catalog.at(kind, given)
    if found is None and kind in KINDS:
        found = web.catalog.find(NAMED_AS.get(kind, kind), given)
    return found if found is not None and found.resource_type == kind else None


def _item(found: NamedResource) -> dict[str, Any]:
    return {
        "kind": found.resource_type,
        "kind_label": words.kind_of(found.resource_type),
        "id": found.pattern,
        "name": found.name,
        "workspace": found.workspace,
        "trashed": found.trashed,
    }


def _managers(web: Web, found: NamedResource) -> list[str]:
    held = web.services.grants.holders(found.resource)
    return [holder.name for holder in held if holder.level == "MANAGE"]
