"""Where the addresses of mlflow-oidc-auth lead, which stand in people's bookmarks and notebooks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import redirect

from .context import Web

# The first part of a path below /oidc/ui/ whose pages were administrators', too; all others lead to one's own
# permissions and key.
LISTS = {
    "users": "admin/users",
    "groups": "admin/teams",
    "service-accounts": "admin/service-accounts",
    "trash": "admin/trash",
}
# Those of whose single pages one shares something, and its type.
SHARED = {"experiments": "experiment", "models": "registered_model", "prompts": "prompt"}


def page(web: Web, rest: str = "") -> Any:
    """The page that has taken its place."""
    first, _, name = rest.removeprefix("ui/").strip("/").partition("/")
    if name and first in SHARED:
        return redirect(f"{web.url('share')}?{urlencode({'kind': SHARED[first], 'id': name})}")
    return redirect(web.url(LISTS.get(first, "permissions")))
