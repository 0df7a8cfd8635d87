"""All our routes, in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import Flask

from ..errors import Refusal, Unavailable
from ..store.database import DATABASE_DOWN
from . import access_key, assets, backchannel, break_glass, cli_login, index, login, logout, permissions, users
from .context import Web, static_prefix
from .enforcement import OWN

View = Callable[..., Any]


def register(app: Flask, web: Web) -> None:
    """Add our routes to MLflow's app, and put ours in the place of those that make no sense here."""
    prefix = static_prefix()
    routes: list[tuple[str, str, str, View]] = [
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
        ("GET", "api/permissions", "permissions_api", permissions.api),
        ("GET", "api/me", "me", permissions.me),
        ("POST", "api/access-key", "key_create", access_key.create),
        ("DELETE", "api/access-key", "key_revoke", access_key.revoke),
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
    app.view_functions["serve"] = index.wrap(web, app.view_functions["serve"])
    users.replace(app, web)


def _guarded(web: Web, view: View) -> View:
    """Refusals as JSON, or as a page for a browser."""

    @functools.wraps(view)
    def guarded(**arguments: Any) -> Any:
        try:
            return view(web, **arguments)
        except Refusal as error:
            refusal: Refusal = error
        except DATABASE_DOWN:
            refusal = Unavailable("The server's database does not answer. Try again in a few seconds.")
        return web.refuse(refusal)

    return guarded
