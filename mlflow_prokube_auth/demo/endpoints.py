"""The demo provider's HTTP side; all routes are listed in :func:`create_app`."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

from flask import Flask, Response, jsonify, make_response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from .grants import CODE_SECONDS, AuthorizationCode, GrantRefused, SsoSession, is_challenge
from .pages import login_page, logout_page, message_page
from .signing import ALGORITHM

if TYPE_CHECKING:
    from .provider import DemoProvider

# Cookies ignore ports: MLflow on the same host must not overwrite this one.
COOKIE = "prokube_demo_provider_sso"
SCOPES = ("openid", "email", "profile", "offline_access")


class OAuthError(Exception):
    """An error answer of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error = error
        self.description = description
        self.status = status
        super().__init__(f"{error}: {description}")


def create_app(provider: DemoProvider) -> Flask:
    """The Flask application of one provider."""
    app = Flask("mlflow_prokube_auth.demo", static_folder=None)
    # A foreign name that resolves to loopback (DNS rebinding) gets no page.
    app.config["TRUSTED_HOSTS"] = [urlsplit(provider.issuer).hostname, "localhost", "127.0.0.1"]
    endpoints = _Endpoints(provider)
    get, post = ["GET"], ["POST"]
    app.add_url_rule("/", view_func=endpoints.about, methods=get)
    app.add_url_rule("/.well-known/openid-configuration", view_func=endpoints.discovery, methods=get)
    app.add_url_rule("/jwks", view_func=endpoints.jwks, methods=get)
    app.add_url_rule("/authorize", view_func=endpoints.authorize, methods=get + post)
    app.add_url_rule("/token", view_func=endpoints.token, methods=post)
    app.add_url_rule("/userinfo", view_func=endpoints.userinfo, methods=get + post)
    app.add_url_rule("/logout", view_func=endpoints.logout, methods=get + post)
    app.before_request(endpoints.refuse_in_outage)
    app.after_request(_harden)
    app.register_error_handler(OAuthError, _oauth_error)
    return app


class _Endpoints:
    def __init__(self, provider: DemoProvider) -> None:
        self._provider = provider
        self._grants = provider.grants

    def refuse_in_outage(self) -> Response | None:
        return make_response("demo outage\n", 503) if self._provider.outage else None

    def about(self) -> Response:
        return message_page("Demo login", "This is the OpenID provider of the demo. Open MLflow to log in.")

    def discovery(self) -> Response:
        base = self._provider.issuer
        return jsonify(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/jwks",
                "end_session_endpoint": f"{base}/logout",
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "prompt_values_supported": ["none", "login"],
                "authorization_response_iss_parameter_supported": True,
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            }
        )

    def jwks(self) -> Response:
        return jsonify(self._provider.keys.published())

    # Authorization endpoint

    def authorize(self) -> BaseResponse:
        """Show the buttons (GET), take a click (POST), or answer silently where a session lives."""
        client_id, redirect_uri = request.args.get("client_id"), request.args.get("redirect_uri", "")
        # Nothing may be sent to an address that is not the client's own: these two get a page.
        if client_id != self._provider.client_id:
            return message_page("Login refused", f"The client {client_id!r} is not known.", 400, error=True)
        if redirect_uri not in self._provider.redirect_uris:
            text = f"The redirect_uri {redirect_uri!r} is not registered for this client."
            return message_page("Login refused", text, 400, error=True)
        problem = _authorization_problem()
        if problem is not None:
            return self._callback(error=problem[0], error_description=problem[1])
        if request.method == "POST":
            return self._clicked()
        session = self._grants.session_of_cookie(request.cookies.get(COOKIE))
        prompt = request.args.get("prompt", "").split()
        if session is not None and "login" not in prompt and self._provider.accounts.enabled(session.subject):
            return self._grant_code(session)
        if "none" in prompt:
            return self._callback(error="login_required", error_description="There is no session")
        return self._login_page()

    def _login_page(self, error: str = "", status: int = 200) -> Response:
        users = [
            (user.subject, user.email, ", ".join(user.groups) or "in no group")
            for user in self._provider.accounts.everyone()
        ]
        return login_page(users, request.full_path, self._provider.redirect_uris, error, status)

    def _clicked(self) -> BaseResponse:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return message_page("Login refused", "The form was sent by another site.", 403, error=True)
        user = self._provider.accounts.get(request.form.get("user", ""))
        if user is None:
            return self._login_page("There is no such user.", 400)
        if not self._provider.accounts.enabled(user.subject):
            return self._login_page(f"The account {user.email} is disabled.", 403)
        now = time.time()
        session = self._grants.session_of_cookie(request.cookies.get(COOKIE))
        if session is not None and session.subject == user.subject:
            session.auth_time = int(now)
        else:
            if session is not None:
                self._grants.end_session(session.sid)
            session = self._grants.open_session(user.subject, now)
        response = self._grant_code(session)
        response.set_cookie(COOKIE, session.cookie, httponly=True, samesite="Lax", path="/")
        return response

    def _grant_code(self, session: SsoSession) -> BaseResponse:
        code = AuthorizationCode(
            sid=session.sid,
            redirect_uri=request.args["redirect_uri"],
            challenge=request.args["code_challenge"],
            nonce=request.args.get("nonce"),
            scope=" ".join(s for s in request.args["scope"].split() if s in SCOPES),
            expires=time.time() + CODE_SECONDS,
        )
        return self._callback(code=self._grants.issue_code(code), session_state=session.sid)

    def _callback(self, **parameters: str) -> BaseResponse:
        """Back to the client, with its state and our name (RFC 9207)."""
        if "state" in request.args:
            parameters["state"] = request.args["state"]
        parameters["iss"] = self._provider.issuer
        target = request.args["redirect_uri"]
        return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(parameters)}", 303)

    # Token endpoint and userinfo

    def token(self) -> Response:
        """Exchange a code or a refresh token."""
        self._authenticate_client()
        grant_type = request.form.get("grant_type")
        nonce = None
        try:
            if grant_type == "authorization_code":
                code = self._grants.redeem_code(
                    request.form.get("code", ""),
                    request.form.get("redirect_uri", ""),
                    request.form.get("code_verifier", ""),
                    time.time(),
                )
                sid, scope, nonce = code.sid, code.scope, code.nonce
            elif grant_type == "refresh_token":
                refresh = self._grants.redeem_refresh_token(request.form.get("refresh_token", ""))
                sid, scope = refresh.sid, refresh.scope
            else:
                raise OAuthError("unsupported_grant_type", "only authorization_code and refresh_token")
            return jsonify(self._tokens(sid, scope, nonce))
        except GrantRefused as refused:
            raise OAuthError("invalid_grant", str(refused)) from None

    def _tokens(self, sid: str, scope: str, nonce: str | None) -> dict[str, Any]:
        session = self._grants.session(sid)
        if session is None:
            raise GrantRefused("Session not active")
        user = self._provider.accounts.get(session.subject)
        if user is None or not self._provider.accounts.enabled(session.subject):
            raise GrantRefused("User disabled")
        return self._provider.token_response(user, session, scope, nonce)

    def _authenticate_client(self) -> None:
        """client_secret_basic or client_secret_post.

        Raises:
            OAuthError: the client is not ours or its secret is wrong.
        """
        basic = request.authorization
        if basic is not None and basic.type == "basic":
            # RFC 6749, section 2.3.1: both halves are form-encoded first.
            client_id, secret = unquote(basic.username or ""), unquote(basic.password or "")
        else:
            client_id, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
        same_id = hmac.compare_digest(client_id.encode(), self._provider.client_id.encode())
        same_secret = hmac.compare_digest(secret.encode(), self._provider.client_secret.encode())
        if not (same_id and same_secret):
            raise OAuthError("invalid_client", "Invalid client or Invalid client credentials", 401)

    def userinfo(self) -> Response:
        """The claims of the person to whom an access token belongs."""
        bearer = request.authorization
        token = bearer.token if bearer is not None and bearer.type == "bearer" else None
        claims = self._provider.keys.verify(token or "")
        if claims is None or claims.get("typ") != "Bearer" or claims["exp"] < time.time():
            raise OAuthError("invalid_token", "Token verification failed", 401)
        user = self._provider.accounts.get(claims["sub"])
        alive = self._grants.session(claims["sid"]) is not None
        if user is None or not alive or not self._provider.accounts.enabled(user.subject):
            raise OAuthError("invalid_token", "The session is over or the user disabled", 401)
        return jsonify(user.claims())

    # Logout

    def logout(self) -> BaseResponse:
        """RP-Initiated Logout 1.0; asks the person unless the hint proves which session is meant."""
        given = request.values
        hint = given.get("id_token_hint")
        # An expired ID token is a good hint (section 2): only its signature and its names count.
        claims = self._provider.keys.verify(hint) if hint else {}
        if claims is None or (claims and not self._is_own_id_token(claims)):
            return message_page("Logout refused", "The id_token_hint is not of this provider.", 400, error=True)
        if given.get("client_id", self._provider.client_id) != self._provider.client_id:
            return message_page("Logout refused", "The client_id is not known.", 400, error=True)
        back_to = given.get("post_logout_redirect_uri")
        if back_to is not None and not self._may_go_back(back_to, bool(claims)):
            text = f"The post_logout_redirect_uri {back_to!r} is not registered for this client."
            return message_page("Logout refused", text, 400, error=True)
        session = self._grants.session_of_cookie(request.cookies.get(COOKIE))
        confirmed = request.method == "POST" and request.form.get("confirm") == "yes"
        if session is not None and claims.get("sid") != session.sid and not confirmed:
            return logout_page(f"{request.path}?{urlencode(given)}", self._provider.post_logout_redirect_uris)
        for sid in {claims.get("sid"), session.sid if session is not None else None} - {None}:
            self._grants.end_session(str(sid))
        return _logged_out(back_to, given.get("state"))

    def _is_own_id_token(self, claims: dict[str, Any]) -> bool:
        expected = (self._provider.issuer, self._provider.client_id, "ID")
        return (claims.get("iss"), claims.get("aud"), claims.get("typ")) == expected

    def _may_go_back(self, back_to: str, hinted: bool) -> bool:
        named = hinted or "client_id" in request.values
        return named and back_to in self._provider.post_logout_redirect_uris


def _authorization_problem() -> tuple[str, str] | None:
    """What is wrong with an authorization request, as (error, description)."""
    given = request.args
    challenge, method = given.get("code_challenge", ""), given.get("code_challenge_method", "plain")
    prompt = given.get("prompt", "").split()
    checks = (
        (given.get("response_type") != "code", "unsupported_response_type", "response_type must be code"),
        ("openid" not in given.get("scope", "").split(), "invalid_scope", "scope must contain openid"),
        (not challenge, "invalid_request", "Missing parameter: code_challenge"),
        (method != "S256", "invalid_request", "code_challenge_method must be S256"),
        (not is_challenge(challenge), "invalid_request", "code_challenge is not an S256 challenge"),
        ("none" in prompt and len(prompt) > 1, "invalid_request", "prompt=none stands alone"),
    )
    return next(((error, text) for wrong, error, text in checks if wrong), None)


def _logged_out(back_to: str | None, state: str | None) -> BaseResponse:
    response: BaseResponse
    if back_to is None:
        response = message_page("Logged out", "You are logged out of the demo provider.")
    else:
        query = urlencode({"state": state}) if state is not None else ""
        response = redirect(f"{back_to}{('&' if '?' in back_to else '?') + query if query else ''}", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
    return response


def _oauth_error(error: OAuthError) -> Response:
    response = jsonify({"error": error.error, "error_description": error.description})
    response.status_code = error.status
    if error.status == 401:
        scheme = "Bearer" if error.error == "invalid_token" else "Basic"
        response.headers["WWW-Authenticate"] = f'{scheme} realm="demo", error="{error.error}"'
    return response


def _harden(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    # Not "no-referrer": the form's Origin would become "null". Codes stay out of foreign referrers either way.
    response.headers["Referrer-Policy"] = "same-origin"
    return response
