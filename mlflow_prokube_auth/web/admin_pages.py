"""The administrators' pages: each section under an address of its own; what they show comes from the JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import redirect, request

from ..errors import NotFound
from ..housekeeping import EXPIRING_DAYS
from ..identity.caller import current_identity
from ..policy import words
from ..policy.checks import levels_of
from ..policy.rules import KINDS
from .access_key import PRESETS
from .context import Web, caller

# Address below ``/prokube-auth/admin/`` and what the section is called.
SECTIONS = {
    "users": "Users",
    "service-accounts": "Service accounts",
    "teams": "Teams",
    "permissions": "All permissions",
    "unowned": "Without owner",
    "trash": "Trash",
    "keys": "Expiring keys",
    "audit": "Audit trail",
}


def page(web: Web, section: str = "users") -> Any:
    """One section; a browser without a session goes through login and comes back."""
    if current_identity() is None:
        query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
        target = web.url("admin") + (f"/{section}" if section != "users" else "") + query
        return redirect(web.url(f"login?next={quote(target, safe='')}"))
    person = caller()
    if not person.is_admin:
        return web.message(
            403,
            "Only for administrators",
            f"You are logged in as {person.username}, who is no administrator of MLflow. "
            f"Administrators come from Keycloak: ask {web.settings.contact}.",
            {"label": "Back to MLflow", "href": web.base, "primary": True},
        )
    if section not in SECTIONS:
        raise NotFound(f"There is no page '{section[:80]}' of administration.")
    return web.page(
        f"admin/{section}.html",
        me={"username": person.username},
        section=section,
        title=SECTIONS[section],
        sections=SECTIONS,
        kinds={kind: words.kind_of(kind) for kind in KINDS},
        levels={kind: levels_of(kind) for kind in KINDS},
        level_words=words.LEVELS,
        max_days=web.settings.token_max_days,
        presets=[days for days in PRESETS if days <= web.settings.token_max_days] or [web.settings.token_max_days],
        expiring_days=EXPIRING_DAYS,
    )
