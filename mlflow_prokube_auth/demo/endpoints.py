"""The demo provider's HTTP side; all routes are listed in :func:`create_app`."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, jsonify, request

from .authorization import AUTH_METHODS, SCOPES, AccessTokenValidator, Server
from .grants import SsoSession
from .pages import page
from .signing import ALGORITHM

if TYPE_CHECKING:
    from .provider import DemoProvider


def create_app(provider: DemoProvider) -> Flask:
    """The Flask application of one provider."""
    app = Flask("mlflow_prokube_auth.demo", static_folder=None)
    app.secret_key = secrets.token_bytes(32)
    app.config.update(
        # A foreign name that resolves to loopback (DNS rebinding) gets no page.
        TRUSTED_HOSTS=[provider.host, "localhost", "127.0.0.1"],
        # Cookies ignore ports: MLflow on the same host must not overwrite this one.
        SESSION_COOKIE_NAME="prokube_demo_provider_sso",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    endpoints = _Endpoints(provider, Server(app, provider))
    get, post = ["GET"], ["POST"]
    for path, view, methods in (
        ("/", endpoints.about, get),
        ("/.well-known/openid-configuration", endpoints.discovery, get),
        ("/jwks", endpoints.jwks, get),
        ("/authorize", endpoints.authorize, get + post),
        ("/token", endpoints.token, post),
        ("/userinfo", endpoints.userinfo, get + post),
        ("/logout", endpoints.logout, get + post),
    ):
        app.add_url_rule(path, view_func=view, methods=methods)
    app.before_request(endpoints.refuse_in_outage)
    app.after_request(_harden)
    app.register_error_handler(ValueError, _unreadable)
    return app


class _Endpoints:
    def __init__(self, provider: DemoProvider, server: Server) -> None:
        self._provider = provider
        self._server = server
        self._bearers = ResourceProtector()
        self._bearers.register_token_validator(AccessTokenValidator(provider))

    def refuse_in_outage(self) -> Response | None:
        return Response("demo outage\n", 503) if self._provider.outage else None

    def about(self) -> Response:
        return page("Demo login", "This is the OpenID provider of the demo. Open MLflow to log in.")

    def discovery(self) -> Response:
        base = self._provider.url
        logout = {"end_session_endpoint": f"{base}/logout"} if self._provider.ends_sessions else {}
        return jsonify(
            {
                **logout,
                "issuer": self._provider.issuer,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/jwks",
                # Refresh tokens come without the scope, as from Keycloak.
                "scopes_supported": [scope for scope in SCOPES if scope != "offline_access"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": AUTH_METHODS,
                "code_challenge_methods_supported": ["S256"],
                "prompt_values_supported": ["none", "login"],
                "authorization_response_iss_parameter_supported": True,
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            }
        )

    def jwks(self) -> Response:
        return jsonify(self._provider.keys.verifying.as_dict(private=False))

    def token(self) -> Any:
        return self._server.create_token_response()

    def userinfo(self) -> Response:
        if self._provider.userinfo_status is not None:
            return Response("as a test has asked for\n", self._provider.userinfo_status)
        with self._bearers.acquire("openid") as token:
            claims = self._provider.told_of(token.session.user, "userinfo")
            return jsonify({**claims, "sub": self._provider.userinfo_subject or claims["sub"]})

    # Login

    def authorize(self) -> Any:
        """Show the buttons (GET), take a click (POST), or answer silently where a session lives."""
        session = self._session()
        try:
            grant = self._server.get_consent_grant(end_user=session)
        except OAuth2Error as error:
            if not error.redirect_uri:  # nothing may be sent to an address that is not the client's own
                return page("Login refused", error=error.get_error_description(), status=400)
            response = self._server.handle_error_response(request, error)
            self._server.add_issuer_parameter(self._server, response)  # Authlib does so with later errors only
            return response
        if request.method == "POST":
            return self._clicked(grant)
        if grant.prompt == "login":
            return self._login_page()
        return self._server.create_authorization_response(grant_user=session, grant=grant)

    def _session(self) -> SsoSession | None:
        """The browser's session, if its person may still log in."""
        session = self._provider.memory.get(SsoSession, flask.session.get("sid", ""))
        return session if session is not None and session.alive() else None

    def _login_page(self, error: str = "", status: int = 200) -> Response:
        users = list(self._provider.accounts.values())
        buttons = [("user", u.subject, u.email, ", ".join(u.groups) or "in no group") for u in users]
        text, leads_to = "Demo login, without passwords: for development only.", self._provider.redirect_uris
        context = {"error": error, "buttons": buttons, "action": request.full_path}
        return page("Log in as", text, status=status, leads_to=leads_to, **context)

    def _clicked(self, grant: Any) -> Any:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return page("Login refused", error="The form was sent by another site.", status=403)
        user = self._provider.accounts.get(request.form.get("user", ""))
        if user is None:
            return self._login_page("There is no such user.", 400)
        if not user.enabled:
            return self._login_page(f"The account {user.email} is disabled.", 403)
        session = self._session()
        if session is not None and session.user is user:
            session.auth_time = int(time.time())
        else:
            if session is not None:
                session.end()
            session = SsoSession(user)
            self._provider.memory.put(session.sid, session)
            flask.session["sid"] = session.sid
        return self._server.create_authorization_response(grant_user=session, grant=grant)

    # Logout

    def logout(self) -> Any:
        """Ask the person first, unless the hint proves that the logout is of this browser's session."""
        try:
            asked = self._server.validate_endpoint_request("end_session")
        except OAuth2Error as error:
            return page("Logout refused", error=error.get_error_description(), status=400)
        session = self._session()
        hinted = (asked.id_token_claims or {}).get("sid")
        if session is not None and session.sid != hinted and request.form.get("confirm") != "yes":
            text, leads_to = "Do you want to log out of the demo provider?", self._provider.post_logout_redirect_uris
            action, buttons = f"{request.path}?{urlencode(request.values)}", [("confirm", "yes", "Log out", "")]
            return page("Log out", text, leads_to=leads_to, action=action, buttons=buttons)
        gone = self._server.create_endpoint_response("end_session", asked)
        return gone or page("Logged out", "You are logged out of the demo provider.")


def _unreadable(_: ValueError) -> Response:
    """Authlib's errors repeat what was sent, and cannot be made of quotes or of letters beyond ASCII.

    Nor does Authlib expect a Basic header that is not UTF-8.
    """
    return page("Request refused", error="The request contains characters that are not allowed.", status=400)


def _harden(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    # Not "no-referrer": the form's Origin would become "null". Codes stay out of foreign referrers either way.
    response.headers["Referrer-Policy"] = "same-origin"
    return response
