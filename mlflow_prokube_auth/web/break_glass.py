"""The login of local administrators, for the day on which Keycloak is away.

The page asks nothing about the caller: a session that waits for Keycloak must not stand in its way.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import redirect, request, session

from .. import logs
from ..errors import NotFound
from ..identity.caller import actor_named
from ..store.local_admins import Refused
from ..store.sessions import NO_KEYCLOAK_SESSION
from .context import Web, client_address, need_same_origin
from .login import safe_next

_logger = logs.logger(__name__)
SESSION_SECONDS = 3600
# One answer to all failures: it reveals neither names nor locks, not even by its duration (identity/pace.py).
PROBLEM = (
    "The login failed. The user name or the password is wrong, the account is locked for 15 minutes after too many "
    "wrong passwords, or another attempt is in progress."
)


def page(web: Web) -> Any:
    """The form; it exists only while there is a local administrator."""
    _only_where_set(web)
    return _form(web, request.args.get("next", ""))


def log_in(web: Web) -> Any:
    """Check the password and begin a short session."""
    _only_where_set(web)
    need_same_origin(web)
    target = request.form.get("next", "")
    name, password = request.form.get("username", ""), request.form.get("password", "")
    found = web.services.local_admins.check(name, password, actor_named("anonymous"))
    if isinstance(found, Refused):
        _logger.warning("a login of a local administrator from %s failed", client_address())
        return _form(web, target, 401, PROBLEM)
    web.store.grant_default_workspace_use(found)
    session.log_in(found.user_id, NO_KEYCLOAK_SESSION, SESSION_SECONDS)  # type: ignore[attr-defined]  # ours
    return redirect(safe_next(web, target), 303)


def _only_where_set(web: Web) -> None:
    if not web.services.local_admins.exist():
        raise NotFound("This page does not exist.")


def _form(web: Web, target: str, status: int = 200, problem: str | None = None) -> Any:
    return web.page(
        "local_login.html",
        status,
        next=target,
        action=web.url("login/local"),
        login_url=web.url(f"login?next={quote(target, safe='')}"),
        problem=problem,
    )
