"""The Permissions page: my access key, and what I may do, by name and with the reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import jsonify, session

from .. import api_models as takes
from ..model import Person, Resource
from ..policy import kinds
from ..policy.words import LEVELS
from ..store.grants import Holder
from .access_key import PRESETS, describe, describe_legacy
from .context import Web, caller
from .login import NO_TEAMS


def grants_of(web: Web, person: Person, query: takes.Search) -> tuple[list[dict[str, Any]], int]:
    """Grants of a person: resource by name, level, reason and link; and how many there are on all pages."""
    first, size, words = query.first, query.size, query.search.strip()
    grants, total = web.services.grants.page(user=person.username, on=web.named(words), first=first, size=size)
    titles = web.titles(grant.resource for grant in grants)
    created = web.services.names.created_by(person.user_id)
    rows = []
    for grant in grants:
        resource, everything = grant.resource, grant.resource.pattern == "*"
        kind = kinds.of(resource.resource_type)
        known = titles.get(resource)
        title = f"all of this kind ({kind.word})" if everything else known
        if title is None:
            continue  # its resource is gone for good
        inherited = created.get((kinds.name_space(kind.type), title))
        manages = grant.holder.level == "MANAGE" and not everything
        rows.append(
            {
                "kind": kind.type,
                "kind_label": kind.word[:1].upper() + kind.word[1:],
                "name": title,
                "href": None if everything else _page(web, resource),
                "level": grant.holder.level,
                "reason": _reason(grant.holder, inherited),
                "share": _share_url(web, resource) if manages else None,
            }
        )
    rows.sort(key=lambda row: (row["kind_label"], row["name"]))
    if person.is_admin and first == 0 and not words:
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


def _page(web: Web, resource: Resource) -> str | None:
    page = kinds.page_of(resource.resource_type, resource.pattern)
    return f"{web.base}#/{page}" if page else None


def _reason(holder: Holder, inherited: bool | None) -> str:
    """Why somebody holds it; ``inherited`` is None where they neither created nor inherited it."""
    if holder.kind == "user":
        return {None: "granted to you", False: "you created it", True: "inherited from a deleted account"}[inherited]
    return f"{holder.kind} {holder.name}"


def _share_url(web: Web, resource: Resource) -> str | None:
    if not kinds.is_shared(resource.resource_type):
        return None
    return web.url(f"share?{urlencode({'kind': resource.resource_type, 'id': resource.pattern})}")


def page(web: Web, query: takes.Search) -> Any:
    """The page."""
    person = caller()
    permissions, total = grants_of(web, person, query)
    return web.page(
        "permissions.html",
        me={"username": person.username, "is_admin": person.is_admin},
        key=describe(web, person.user_id),
        legacy=describe_legacy(web, person.user_id),
        permissions=permissions,
        no_teams=session.get(NO_TEAMS, ()),
        search=query.search.strip(),
        first=query.first,
        size=query.size,
        total=total,
        level_words=LEVELS,
        max_days=web.settings.token_max_days,
        presets=[days for days in PRESETS if days <= web.settings.token_max_days] or [web.settings.token_max_days],
    )


def api(web: Web, query: takes.Search) -> Any:
    """The page's JSON twin."""
    permissions, total = grants_of(web, caller(), query)
    return jsonify(permissions=permissions, total=total)


def me(web: Web) -> Any:
    """Who I am, and the state of my key."""
    person = caller()
    return jsonify(username=person.username, is_admin=person.is_admin, key=describe(web, person.user_id))
