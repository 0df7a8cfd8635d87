"""The Permissions page: my access key, and what I may do, by name and with the reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from flask import jsonify, redirect

from ..identity.caller import current_identity
from ..policy.rules import KINDS as SHARED
from ..policy.words import LEVELS
from ..store.people import Person
from .access_key import PRESETS, describe
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
    "workspace": ("Workspace", ""),
}

# Prompts are registered models to MLflow, and share their names.
RESERVED_AS = {"prompt": "registered_model"}


def grants_of(web: Web, person: Person) -> list[dict[str, Any]]:
    """Every grant of a person: resource by name, level, reason and link."""
    grants = [(role, grant) for role in web.store.list_user_roles(person.user_id) for grant in role.permissions]
    patterns: dict[str, list[str]] = {}
    for _, grant in grants:
        patterns.setdefault(grant.resource_type, []).append(grant.resource_pattern)
    titles = {kind: web.catalog.titles(kind, wanted) for kind, wanted in patterns.items()}
    created = web.services.names.created_by(person.user_id)
    rows = []
    for role, grant in grants:
        pattern, everything = grant.resource_pattern, grant.resource_pattern == "*"
        label, place = KINDS.get(grant.resource_type, (grant.resource_type.replace("_", " "), ""))
        title = f"all of this kind ({label.lower()})" if everything else titles[grant.resource_type].get(pattern)
        if title is None:
            continue  # its resource is gone for good
        if role.name != f"__user_{person.user_id}__":
            reason = f"team {role.name}"
        elif (RESERVED_AS.get(grant.resource_type, grant.resource_type), title) in created:
            reason = "you created it"
        else:
            reason = "granted to you"
        rows.append(
            {
                "kind": grant.resource_type,
                "kind_label": label,
                "name": title,
                "href": f"{web.base}#/{place}/{quote(pattern, safe='')}" if place and not everything else None,
                "level": grant.permission,
                "reason": reason,
                "share": _share_url(web, grant) if grant.permission == "MANAGE" and not everything else None,
            }
        )
    rows.sort(key=lambda row: (row["kind_label"], row["name"]))
    if person.is_admin:
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
    return rows


def _share_url(web: Web, grant: Any) -> str | None:
    if grant.resource_type not in SHARED:
        return None
    return web.url(f"share?{urlencode({'kind': grant.resource_type, 'id': grant.resource_pattern})}")


def page(web: Web) -> Any:
    """The page; a browser without a session goes through login and comes back."""
    identity = current_identity()
    if identity is None:
        return redirect(web.url(f"login?next={quote(web.url('permissions'), safe='')}"))
    person = identity.person
    return web.page(
        "permissions.html",
        me={"username": person.username, "is_admin": person.is_admin},
        key=describe(web, person.user_id),
        permissions=grants_of(web, person),
        level_words=LEVELS,
        max_days=web.settings.token_max_days,
        presets=[days for days in PRESETS if days <= web.settings.token_max_days] or [web.settings.token_max_days],
    )


def api(web: Web) -> Any:
    """The page's JSON twin."""
    return jsonify(permissions=grants_of(web, caller()))


def me(web: Web) -> Any:
    """Who I am, and the state of my key."""
    person = caller()
    return jsonify(username=person.username, is_admin=person.is_admin, key=describe(web, person.user_id))


def old_link(web: Web) -> Any:
    """Where older notebooks look for the key."""
    return redirect(web.url("permissions"))
