"""All our routes, in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, make_response, redirect, session
from werkzeug.exceptions import InternalServerError

from ..api_routes import ADMIN, ADMIN_SESSION, ANYBODY, ROUTES, SESSION, SIGNED_IN
from ..errors import BadRequest, Refusal, Unavailable
from ..identity.caller import current_identity
from ..prefix import static_prefix
from ..store.database import DATABASE_DOWN, why_down
from . import (
    access,
    access_key,
    admin_accounts,
    admin_pages,
    admin_resources,
    admin_teams,
    assets,
    backchannel,
    break_glass,
    cli_login,
    health,
    index,
    inputs,
    login,
    logout,
    metrics,
    openapi,
    permissions,
    sharing,
)
from .context import OWN, Web

View = Callable[..., Any]

# The views of the JSON routes, whose access, query, body and answer are told by ``api_routes.py``.
VIEWS: dict[tuple[str, str], View] = {
    ("GET", "health"): health.health,
    ("GET", "ready"): health.ready,
    ("POST", "backchannel-logout"): backchannel.logout,
    ("GET", "api/openapi.json"): openapi.show,
    ("GET", "api/permissions"): permissions.api,
    ("GET", "api/me"): permissions.me,
    ("POST", "api/access-key"): access_key.create,
    ("DELETE", "api/access-key"): access_key.revoke,
    ("GET", "api/sharing"): sharing.show,
    ("POST", "api/sharing"): sharing.share,
    ("DELETE", "api/sharing"): sharing.withdraw,
    ("POST", "api/sharing/hand-over"): sharing.hand_over,
    ("GET", "api/admin/users"): admin_accounts.users,
    ("GET", "api/admin/service-accounts"): admin_accounts.service_accounts,
    ("POST", "api/admin/service-accounts"): admin_accounts.create_service,
    ("POST", "api/admin/accounts/key"): admin_accounts.mint_key,
    ("DELETE", "api/admin/accounts/key"): admin_accounts.revoke_key,
    ("DELETE", "api/admin/accounts/sessions"): admin_accounts.end_sessions,
    ("POST", "api/admin/accounts/block"): admin_accounts.block,
    ("POST", "api/admin/accounts/unblock"): admin_accounts.unblock,
    ("DELETE", "api/admin/accounts"): admin_accounts.delete,
    ("GET", "api/admin/kept-names"): admin_accounts.kept_names,
    ("DELETE", "api/admin/kept-names"): admin_accounts.release_name,
    ("GET", "api/admin/expiring-keys"): admin_accounts.expiring_keys,
    ("GET", "api/admin/teams"): admin_teams.teams,
    ("POST", "api/admin/teams"): admin_teams.create,
    ("DELETE", "api/admin/teams"): admin_teams.delete,
    ("GET", "api/admin/team-members"): admin_teams.members,
    ("POST", "api/admin/team-members"): admin_teams.join,
    ("DELETE", "api/admin/team-members"): admin_teams.leave,
    ("POST", "api/admin/team-rules"): admin_teams.add_rule,
    ("DELETE", "api/admin/team-rules"): admin_teams.delete_rule,
    ("GET", "api/admin/permissions"): admin_resources.permissions,
    ("GET", "api/admin/explain"): admin_resources.explain,
    ("GET", "api/admin/unowned"): admin_resources.unowned,
    ("POST", "api/admin/assign"): admin_resources.assign,
    ("GET", "api/admin/trash"): admin_resources.trash,
    ("POST", "api/admin/restore"): admin_resources.restore,
    ("GET", "api/admin/audit"): admin_resources.events,
    ("GET", "api/cli"): cli_login.about,
    ("POST", "api/cli/consent"): cli_login.consent,
    ("POST", "api/cli/token"): cli_login.token,
}


@dataclass(frozen=True)
class Page:
    """A route for browsers below ``/prokube-auth/``, and who may open it: an administrator with a session, unless it
    says otherwise. With ``login``, a browser without a session goes through login and, with ``back``,
    comes back."""

    method: str
    path: str
    view: View
    access: str = ADMIN_SESSION
    login: bool = False
    back: bool = True


PAGES = (
    # A token of its own, not a user's, opens the metrics.
    Page("GET", "metrics", metrics.metrics, ANYBODY),
    Page("GET", "login", login.page, ANYBODY),
    Page("GET", "login/start", login.start, ANYBODY),
    Page("GET", "login/local", break_glass.page, ANYBODY),
    Page("POST", "login/local", break_glass.log_in, ANYBODY),
    Page("GET", "callback", login.callback, ANYBODY),
    Page("GET", "logout", logout.page, SESSION, login=True, back=False),
    Page("POST", "logout", logout.logout, SESSION),
    Page("GET", "logged-out", logout.logged_out, ANYBODY),
    Page("GET", "permissions", permissions.page, SIGNED_IN, login=True),
    Page("GET", "share", sharing.page, SIGNED_IN, login=True),
    Page("GET", "admin", admin_pages.page, ADMIN, login=True),
    Page("GET", "admin/<section>", admin_pages.page, ADMIN, login=True),
    Page("GET", "cli", cli_login.page, ANYBODY),
    Page("GET", "assets/<name>", assets.asset, ANYBODY),
)


def register(app: Flask, web: Web) -> None:
    """Add our routes to MLflow's app."""
    prefix = static_prefix()
    json = (Page(route.method, route.path, VIEWS[route.method, route.path], route.who) for route in ROUTES)
    for row in (*json, *PAGES):
        add(app, web, row)
    # prokube's notebooks link here for the access key.
    _add(app, web, f"{prefix}/oidc/ui/", Page("GET", "old-keys", permissions.old_link, ANYBODY))
    if prefix:  # The engine refuses what is no route before Flask could add the slash that people leave out.
        _add(app, web, prefix, Page("GET", "home", index.home, ANYBODY))
    app.register_error_handler(500, functools.partial(_failed, web))
    app.view_functions["serve"] = index.wrap(web, app.view_functions["serve"])


def add(app: Flask, web: Web, row: Page) -> None:
    """Add one route, which nobody reaches but whom it is open to."""
    _add(app, web, f"{static_prefix()}/prokube-auth/{row.path}", row)


def _add(app: Flask, web: Web, rule: str, row: Page) -> None:
    app.add_url_rule(rule, _endpoint(row), _guarded(web, row), methods=[row.method])


def _endpoint(row: Page) -> str:
    """Flask takes a dot for the end of a blueprint's name."""
    return f"{OWN}{row.method} {row.path.replace('.', ' ')}"


def _guarded(web: Web, row: Page) -> View:
    """Its view behind what it is open to; refusals as JSON, or as a page for a browser."""

    @functools.wraps(row.view)
    def guarded(**arguments: Any) -> Any:
        try:
            inputs.check(arguments)
            if row.login and current_identity() is None:
                return redirect(web.login_url() if row.back else web.url("login"))
            access.check(row.access, web.settings.contact)
            response = make_response(row.view(web, **arguments))
            # Who may see what changes; only assets say otherwise.
            response.headers.setdefault("Cache-Control", "no-store")
            return response
        except Refusal as error:
            refusal: Refusal = error
        except RecursionError:
            refusal = BadRequest("The body is nested too deeply.")
        except DATABASE_DOWN as error:
            refusal = Unavailable(why_down(error))
        return web.refuse(refusal)

    return guarded


def _failed(web: Web, error: InternalServerError) -> Any:
    """Where a response is ready and its session cannot be saved."""
    cause = error.original_exception
    if not isinstance(cause, DATABASE_DOWN):
        return error
    session.modified = False  # it would be saved with this answer
    return web.refuse(Unavailable(why_down(cause)))
