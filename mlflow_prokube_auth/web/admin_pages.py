"""The administrators' pages: each section under an address of its own; what they show comes from the JSON."""

from __future__ import annotations

from typing import Any

from ..errors import NotFound
from ..model import EXPIRING_DAYS
from ..policy import words
from ..store.audit_actions import ACTIONS
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
    """One section."""
    if section not in SECTIONS:
        raise NotFound(f"There is no page '{section[:80]}' of administration.")
    return web.page(
        f"admin/{section}.html",
        me={"username": caller().username},
        section=section,
        title=SECTIONS[section],
        sections=SECTIONS,
        kinds={kind.type: kind.word for kind in web.catalog.named},
        levels={kind.type: kind.levels for kind in web.catalog.named},
        places={kind.type: kind.page for kind in web.catalog.named if kind.page},
        level_words=words.LEVELS,
        max_days=web.settings.token_max_days,
        presets=[days for days in PRESETS if days <= web.settings.token_max_days] or [web.settings.token_max_days],
        expiring_days=EXPIRING_DAYS,
        actions=ACTIONS,
    )
