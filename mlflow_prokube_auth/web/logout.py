"""Logout: our session ends, then Keycloak's."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request, session

from ..identity.kept import opened
from ..store import audit
from .context import Web, acting, caller, session_identity


def page(web: Web) -> Any:
    """The question, for who types the address: only the POST of our own page ends a session."""
    return web.page("logout.html", me={"username": caller().username}, ends_there=web.relying_party.ends_sessions())


def logout(web: Web) -> Any:
    """End the session; answers where the browser goes to end Keycloak's (RP-Initiated Logout)."""
    identity = session_identity()
    sealed = web.services.sessions.tokens_of(identity.session_id or "")
    kept = opened(web.box, sealed)
    with web.services.database.write() as connection:
        audit.record(connection, "logout", acting())
    web.services.consents.forget(identity.person.user_id)
    session.end()  # type: ignore[attr-defined]  # our session
    back, _ = web.settings.post_logout_urls
    # A local administrator has no session in Keycloak that could be ended.
    keycloak = web.relying_party.end_session_url(kept.id_token if kept else None, back) if sealed else None
    return jsonify({"redirect": keycloak or web.url(f"logged-out?{'here' if sealed else 'local'}")})


def logged_out(web: Web) -> Any:
    """The last page: after the provider's own logout, or at once where it has none or nobody is logged in there."""
    name = web.settings.provider_name
    words = f"Your session here and in {name} is over."
    if "local" in request.args:
        words = "Your session here is over."
    elif "here" in request.args or not web.relying_party.ends_sessions():
        words = (
            f"Your session here is over. Your session in {name} may continue. On a shared computer, log out there, too."
        )
    return web.message(
        200,
        "You are logged out",
        f"{words} Access keys keep working.",
        {"label": "Log in again", "href": web.url("login"), "primary": True},
    )
