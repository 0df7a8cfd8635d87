"""Logout: our session ends, then Keycloak's."""

from __future__ import annotations

from typing import Any

from flask import jsonify, session

from ..identity.kept import opened
from ..store import audit
from .context import Web, caller, client_address, session_identity


def page(web: Web) -> Any:
    """The question, for who types the address: only the POST of our own page ends a session."""
    return web.page("logout.html", me={"username": caller().username})


def logout(web: Web) -> Any:
    """End the session; answers where the browser goes to end Keycloak's (RP-Initiated Logout)."""
    identity = session_identity()
    sealed = web.services.sessions.tokens_of(identity.session_id or "")
    kept = opened(web.box, sealed)
    with web.services.database.write() as connection:
        audit.record(connection, "logout", identity.person.username, client=client_address())
    web.services.consents.forget(identity.person.user_id)
    session.end()  # type: ignore[attr-defined]  # our session
    back = f"{web.settings.external_url}/prokube-auth/logged-out"
    # A local administrator has no session in Keycloak that could be ended.
    keycloak = web.relying_party.end_session_url(kept.id_token if kept else None, back) if sealed else None
    return jsonify({"redirect": keycloak or web.url("logged-out")})


def logged_out(web: Web) -> Any:
    """The last page."""
    return web.message(
        200,
        "You are logged out",
        "Your session here and in Keycloak is over. Access keys keep working.",
        {"label": "Log in again", "href": web.url("login"), "primary": True},
    )
