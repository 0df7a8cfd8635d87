"""All our routes, in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import Flask, make_response, session
from werkzeug.exceptions import InternalServerError

from ..errors import BadRequest, Refusal, Unavailable
from ..prefix import static_prefix
from ..store.database import DATABASE_DOWN, why_down
from . import (
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


def register(app: Flask, web: Web) -> None:
    """Add our routes to MLflow's app, and put ours in the place of those that make no sense here."""
    prefix = static_prefix()
    routes: list[tuple[str, str, str, View]] = [
        ("GET", "health", "health", health.health),
        ("GET", "ready", "ready", health.ready),
        ("GET", "metrics", "metrics", metrics.metrics),
        ("GET", "login", "login_page", login.page),
        ("GET", "login/start", "login_start", login.start),
        ("GET", "login/local", "local_login_page", break_glass.page),
        ("POST", "login/local", "local_login", break_glass.log_in),
        ("GET", "callback", "callback", login.callback),
        ("GET", "logout", "logout_page", logout.page),
        ("POST", "logout", "logout", logout.logout),
        ("POST", "backchannel-logout", "backchannel_logout", backchannel.logout),
        ("GET", "logged-out", "logged_out", logout.logged_out),
        ("GET", "permissions", "permissions_page", permissions.page),
        ("GET", "api/openapi.json", "openapi", openapi.show),
        ("GET", "api/permissions", "permissions_api", permissions.api),
        ("GET", "api/me", "me", permissions.me),
        ("POST", "api/access-key", "key_create", access_key.create),
        ("DELETE", "api/access-key", "key_revoke", access_key.revoke),
        ("GET", "share", "share_page", sharing.page),
        ("GET", "api/sharing", "sharing", sharing.show),
        ("POST", "api/sharing", "share", sharing.share),
        ("DELETE", "api/sharing", "unshare", sharing.withdraw),
        ("POST", "api/sharing/hand-over", "hand_over", sharing.hand_over),
        ("GET", "admin", "admin_page", admin_pages.page),
        ("GET", "admin/<section>", "admin_section", admin_pages.page),
        ("GET", "api/admin/users", "admin_users", admin_accounts.users),
        ("GET", "api/admin/service-accounts", "admin_services", admin_accounts.service_accounts),
        ("POST", "api/admin/service-accounts", "admin_service_create", admin_accounts.create_service),
        ("POST", "api/admin/accounts/key", "admin_key_create", admin_accounts.mint_key),
        ("DELETE", "api/admin/accounts/key", "admin_key_revoke", admin_accounts.revoke_key),
        ("DELETE", "api/admin/accounts/sessions", "admin_sessions_end", admin_accounts.end_sessions),
        ("POST", "api/admin/accounts/block", "admin_block", admin_accounts.block),
        ("POST", "api/admin/accounts/unblock", "admin_unblock", admin_accounts.unblock),
        ("DELETE", "api/admin/accounts", "admin_account_delete", admin_accounts.delete),
        ("GET", "api/admin/kept-names", "admin_kept_names", admin_accounts.kept_names),
        ("DELETE", "api/admin/kept-names", "admin_name_release", admin_accounts.release_name),
        ("GET", "api/admin/expiring-keys", "admin_expiring", admin_accounts.expiring_keys),
        ("GET", "api/admin/teams", "admin_teams", admin_teams.teams),
        ("POST", "api/admin/teams", "admin_team_create", admin_teams.create),
        ("DELETE", "api/admin/teams", "admin_team_delete", admin_teams.delete),
        ("GET", "api/admin/team-members", "admin_members", admin_teams.members),
        ("POST", "api/admin/team-members", "admin_member_join", admin_teams.join),
        ("DELETE", "api/admin/team-members", "admin_member_leave", admin_teams.leave),
        ("POST", "api/admin/team-rules", "admin_rule_create", admin_teams.add_rule),
        ("DELETE", "api/admin/team-rules", "admin_rule_delete", admin_teams.delete_rule),
        ("GET", "api/admin/permissions", "admin_permissions", admin_resources.permissions),
        ("GET", "api/admin/explain", "admin_explain", admin_resources.explain),
        ("GET", "api/admin/unowned", "admin_unowned", admin_resources.unowned),
        ("POST", "api/admin/assign", "admin_assign", admin_resources.assign),
        ("GET", "api/admin/trash", "admin_trash", admin_resources.trash),
        ("POST", "api/admin/restore", "admin_restore", admin_resources.restore),
        ("GET", "api/admin/audit", "admin_audit", admin_resources.events),
        ("GET", "cli", "cli_page", cli_login.page),
        ("GET", "api/cli", "cli_about", cli_login.about),
        ("POST", "api/cli/consent", "cli_consent", cli_login.consent),
        ("POST", "api/cli/token", "cli_token", cli_login.token),
        ("GET", "assets/<name>", "assets", assets.asset),
    ]
    for method, path, name, view in routes:
        app.add_url_rule(f"{prefix}/prokube-auth/{path}", OWN + name, _guarded(web, view), methods=[method])
    # prokube's notebooks link here for the access key.
    app.add_url_rule(f"{prefix}/oidc/ui/", OWN + "old_keys", _guarded(web, permissions.old_link), methods=["GET"])
    if prefix:  # The engine refuses what is no route before Flask could add the slash that people leave out.
        app.add_url_rule(prefix, OWN + "home", _guarded(web, index.home), methods=["GET"])
    app.register_error_handler(500, functools.partial(_failed, web))
    app.view_functions["serve"] = index.wrap(web, app.view_functions["serve"])


def _guarded(web: Web, view: View) -> View:
    """Refusals as JSON, or as a page for a browser."""

    @functools.wraps(view)
    def guarded(**arguments: Any) -> Any:
        try:
            inputs.check(arguments)
            response = make_response(view(web, **arguments))
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
