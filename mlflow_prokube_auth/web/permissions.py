"""The Permissions page: my access key, and what I may do, by name and with the reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from flask import jsonify, redirect, request

from ..model import Person, Resource
from ..policy.rules import NAMED_AS, SHARED
from ..policy.words import LEVELS
from ..store.grants import Holder
from .access_key import PRESETS, describe
from .administration import slice_of
from .context import Web, caller

KINDS = {
    "experiment": ("Experiment", "experiments"),
    "registered_model": ("Model", "models"),
    "prompt": ("Prompt", "prompts"),
    "scorer": ("Scorer", ""),
    "gateway_secret": ("Gateway secret", "gateway"),
    "gateway_endpoint": ("Gateway endpoint", "gateway"),
    "gateway_model_definition": ("Gateway model", "gateway"),
    "mcp_server": ("MCP server", ""),
    "skill": ("Skill", ""),
    "workspace": ("Workspace", ""),
}


def grants_of(web: Web, person: Person, first: int, size: int) -> tuple[list[dict[str, Any]], int]:
    """Grants of a person, from ``first``: resource by name, level, reason and link; and how many there are."""
    grants, total = web.services.grants.page(user=person.username, first=first, size=size)
    titles = web.titles(grant.resource for grant in grants)
    created = web.services.names.created_by(person.user_id)
    rows = []
    for grant in grants:
        resource, everything = grant.resource, grant.resource.pattern == "*"
        label, place = KINDS.get(resource.resource_type, (resource.resource_type.replace("_", " "), ""))
        known = titles.get(resource)
        title = f"all of this kind ({label.lower()})" if everything else known
        if title is None:
            continue  # its resource is gone for good
        by_itself = (NAMED_AS.get(resource.resource_type, resource.resource_type), title) in created
        manages = grant.holder.level == "MANAGE" and not everything
        rows.append(
            {
                "kind": resource.resource_type,
                "kind_label": label,
                "name": title,
                "href": f"{web.base}#/{place}/{quote(resource.pattern, safe='')}" if place and not everything else None,
                "level": grant.holder.level,
                "reason": _reason(grant.holder, by_itself),
                "share": _share_url(web, resource) if manages else None,
            }
        )
    rows.sort(key=lambda row: (row["kind_label"], row["name"]))
    if person.is_admin and first == 0:
        rows.insert(
            0,
            {
                "kind": "*",
                "kind_label": "Everything",
                "name": "all resources",
                "href": None,
                "level": "MANAGE",
                "reason": "you are an administrator",
                "share": None,
            },
        )
    return rows, total


def _reason(holder: Holder, created: bool) -> str:
    if holder.kind == "user":
        return "you created it" if created else "granted to you"
    return f"{holder.kind} {holder.name}"


def _share_url(web: Web, resource: Resource) -> str | None:
    if resource.resource_type not in SHARED:
        return None
    return web.url(f"share?{urlencode({'kind': resource.resource_type, 'id': resource.pattern})}")


def page(web: Web) -> Any:
    """The page."""
    person = caller()
    first, size = slice_of(request.args)
    permissions, total = grants_of(web, person, first, size)
    return web.page(
        "permissions.html",
        me={"username": person.username, "is_admin": person.is_admin},
        key=describe(web, person.user_id),
        permissions=permissions,
        first=first,
        size=size,
        total=total,
        level_words=LEVELS,
        max_days=web.settings.token_max_days,
        presets=[days for days in PRESETS if days <= web.settings.token_max_days] or [web.settings.token_max_days],
    )


def api(web: Web) -> Any:
    """The page's JSON twin."""
    permissions, total = grants_of(web, caller(), *slice_of(request.args))
    return jsonify(permissions=permissions, total=total)


def me(web: Web) -> Any:
    """Who I am, and the state of my key."""
    person = caller()
    return jsonify(username=person.username, is_admin=person.is_admin, key=describe(web, person.user_id))


def old_link(web: Web) -> Any:
    """Where older notebooks look for the key."""
    return redirect(web.url("permissions"))
