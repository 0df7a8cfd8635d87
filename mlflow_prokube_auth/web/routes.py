"""All our routes, in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from flask import Flask, make_response, redirect, request, session
from werkzeug.exceptions import InternalServerError

from ..api_fields import Input, read
from ..api_models import AuditFilter, Reference, Search
from ..api_routes import ADMIN, ADMIN_SESSION, ANYBODY, ROUTES, SESSION, SIGNED_IN, Route
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
    admin_workloads,
    assets,
    audit_export,
    backchannel,
    break_glass,
    cli_login,
    failures,
    health,
    index,
    inputs,
    login,
    logout,
    metrics,
    old_addresses,
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
    ("GET", "api/level"): sharing.level,
    ("POST", "api/sharing"): sharing.share,
    ("DELETE", "api/sharing"): sharing.withdraw,
    ("POST", "api/sharing/hand-over"): sharing.hand_over,
    ("GET", "api/admin/users"): admin_accounts.users,
    ("GET", "api/admin/service-accounts"): admin_accounts.service_accounts,
    ("POST", "api/admin/service-accounts"): admin_accounts.create_service,
    ("POST", "api/admin/accounts/key"): admin_accounts.mint_key,
    ("DELETE", "api/admin/accounts/key"): admin_accounts.revoke_key,
    ("GET", "api/admin/accounts/workloads"): admin_workloads.show,
    ("POST", "api/admin/accounts/workloads"): admin_workloads.bind,
    ("DELETE", "api/admin/accounts/workloads"): admin_workloads.unbind,
    ("DELETE", "api/admin/accounts/sessions"): admin_accounts.end_sessions,
    ("POST", "api/admin/accounts/block"): admin_accounts.block,
    ("POST", "api/admin/accounts/unblock"): admin_accounts.unblock,
    ("POST", "api/admin/accounts/rebind"): admin_accounts.rebind,
    ("DELETE", "api/admin/accounts"): admin_accounts.delete,
    ("GET", "api/admin/kept-names"): admin_accounts.kept_names,
    ("GET", "api/admin/kept-names/uses"): admin_accounts.uses_of_name,
    ("DELETE", "api/admin/kept-names"): admin_accounts.release_name,
    ("GET", "api/admin/expiring-keys"): admin_accounts.expiring_keys,
    ("GET", "api/admin/teams"): admin_teams.teams,
    ("POST", "api/admin/teams"): admin_teams.create,
    ("DELETE", "api/admin/teams"): admin_teams.delete,
    ("GET", "api/admin/team-members"): admin_teams.members,
    ("POST", "api/admin/team-members"): admin_teams.join,
    ("DELETE", "api/admin/team-members"): admin_teams.leave,
    ("GET", "api/admin/team-rules/effects"): admin_teams.effects_of_rule,
    ("POST", "api/admin/team-rules"): admin_teams.add_rule,
    ("DELETE", "api/admin/team-rules"): admin_teams.delete_rule,
    ("GET", "api/admin/permissions"): admin_resources.permissions,
    ("GET", "api/admin/explain"): admin_resources.explain,
    ("GET", "api/admin/unowned"): admin_resources.unowned,
    ("POST", "api/admin/assign"): admin_resources.assign,
    ("GET", "api/admin/trash"): admin_resources.trash,
    ("POST", "api/admin/restore"): admin_resources.restore,
    ("GET", "api/admin/audit"): admin_resources.events,
    ("GET", "api/people"): sharing.people,
    ("GET", "api/cli"): cli_login.about,
    ("POST", "api/cli/consent"): cli_login.consent,
    ("POST", "api/cli/token"): cli_login.token,
}


@dataclass(frozen=True)
class WebRoute:
    """A route below ``/prokube-auth/``: who may call it, and what its view gets beside :class:`Web`.

    It is open to administrators with a session, unless it says otherwise. With ``login``, a browser without a session
    goes through login and, with ``back``, comes back. The view gets what ``query`` and ``body`` read as arguments of
    these names; ``form`` says that the body is no JSON.
    """

    method: str
    path: str
    view: View
    access: str = ADMIN_SESSION
    login: bool = False
    back: bool = True
    query: type[Input] | None = None
    body: type[Input] | None = None
    form: bool = False


PAGES = (
    # A token of its own, not a user's, opens the metrics.
    WebRoute("GET", "metrics", metrics.metrics, ANYBODY),
    WebRoute("GET", "login", login.page, ANYBODY),
    WebRoute("GET", "login/start", login.start, ANYBODY),
    WebRoute("GET", "login/local", break_glass.page, ANYBODY),
    WebRoute("POST", "login/local", break_glass.log_in, ANYBODY),
    WebRoute("GET", "callback", login.callback, ANYBODY),
    WebRoute("GET", "logout", logout.page, SESSION, login=True, back=False),
    WebRoute("POST", "logout", logout.logout, SESSION),
    WebRoute("GET", "logged-out", logout.logged_out, ANYBODY),
    WebRoute("GET", "permissions", permissions.page, SIGNED_IN, login=True, query=Search),
    WebRoute("GET", "share", sharing.page, SIGNED_IN, login=True, query=Reference),
    WebRoute("GET", "admin", admin_pages.page, ADMIN, login=True),
    WebRoute("GET", "admin/audit.csv", audit_export.as_csv, ADMIN, login=True, query=AuditFilter),
    WebRoute("GET", "admin/audit.jsonl", audit_export.as_json_lines, ADMIN, login=True, query=AuditFilter),
    WebRoute("GET", "admin/<section>", admin_pages.page, ADMIN, login=True),
    WebRoute("GET", "cli", cli_login.page, ANYBODY),
    WebRoute("GET", "assets/<given>/<name>", assets.asset, ANYBODY),
)


def register(app: Flask, web: Web) -> None:
    """Add our routes to MLflow's app."""
    prefix = static_prefix()
    for row in (*map(_row, ROUTES), *PAGES):
        add(app, web, row)
    for path in ("", "<path:rest>"):
        _add(app, web, f"{prefix}/oidc/{path}", WebRoute("GET", f"oidc/{path}", old_addresses.page, ANYBODY))
    if prefix:  # The engine refuses what is no route before Flask could add the slash that people leave out.
        _add(app, web, prefix, WebRoute("GET", "home", index.home, ANYBODY))
    app.register_error_handler(500, functools.partial(_failed, web))
    app.view_functions["serve"] = index.wrap(web, app.view_functions["serve"])


def _row(route: Route) -> WebRoute:
    """The row of a JSON route."""
    return WebRoute(
        route.method,
        route.path,
        VIEWS[route.method, route.path],
        route.who,
        query=route.query,
        body=route.body,
        form=route.form,
    )


def add(app: Flask, web: Web, row: WebRoute) -> None:
    """Add one route, which nobody reaches but whom it is open to."""
    _add(app, web, f"{static_prefix()}/prokube-auth/{row.path}", row)


def _add(app: Flask, web: Web, rule: str, row: WebRoute) -> None:
    _check_view(row)
    app.add_url_rule(rule, _endpoint(row), _guarded(web, row), methods=[row.method])


def _check_view(row: WebRoute) -> None:
    """Whether the view takes what its row says.

    Raises:
        TypeError: it takes another query or body, or none.
    """
    taken = get_type_hints(row.view, localns={"Web": Web})  # some import it for types alone
    for name, model in (("query", row.query), ("body", row.body)):
        if taken.get(name) is not model:
            raise TypeError(f"{row.method} {row.path}: the view's {name} is {taken.get(name)}, the table has {model}")


def _taken(web: Web, row: WebRoute) -> dict[str, Input]:
    """What the running request has sent, as the row's models read it."""
    taken = dict[str, Input]()
    if row.query is None and row.body is None:
        return taken
    named = web.catalog.named
    if row.query is not None:
        taken["query"] = read(row.query, request.args.to_dict(), named=named)
    if row.body is not None:
        sent = request.form.to_dict() if row.form else request.get_json(silent=True)
        taken["body"] = read(row.body, sent, named=named)
    return taken


def _endpoint(row: WebRoute) -> str:
    """Flask takes a dot for the end of a blueprint's name."""
    return f"{OWN}{row.method} {row.path.replace('.', ' ')}"


def _guarded(web: Web, row: WebRoute) -> View:
    """Its view behind what it is open to; refusals as JSON, or as a page for a browser."""

    @functools.wraps(row.view)
    def guarded(**arguments: Any) -> Any:
        try:
            inputs.check(arguments)
            if row.login and current_identity() is None:
                return redirect(web.login_url() if row.back else web.url("login"))
            access.check(row.access, web.settings)
            response = make_response(row.view(web, **_taken(web, row), **arguments))
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
    """What nobody caught: an error of MLflow's, or a session that cannot be saved where a response is ready."""
    cause = error.original_exception
    if not isinstance(cause, DATABASE_DOWN):
        return web.refuse(failures.of_error(cause))
    session.modified = False  # it would be saved with this answer
    return web.refuse(Unavailable(why_down(cause)))
