"""A development-only OpenID provider: it asks for no password and listens on loopback alone.

It stands in for Keycloak in the demo and in fast tests, and is as strict as a well-kept realm: PKCE with
S256 from every client, exact redirect URIs, single-use codes and refresh tokens. Tests steer it through
the methods of :class:`DemoProvider`; there is no way to do so over HTTP.

Authlib's server grants are not used: they enforce PKCE for public clients only, accept ``plain`` and refuse
plain http unless an environment variable of the whole process says otherwise.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

import httpx
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .accounts import DEFAULT_ROLES, DEMO_USERS, Accounts, DemoUser
from .endpoints import create_app
from .grants import Grants, SsoSession
from .headless import login_headless
from .signing import SigningKeys, base64url, unsigned

__all__ = ["DEMO_USERS", "DemoProvider", "DemoUser", "login_headless"]

TOKEN_SECONDS = 300
LOGOUT_TOKEN_SECONDS = 120
TIMEOUT_SECONDS = 10
BACKCHANNEL_EVENT = "http://schemas.openid.net/event/backchannel-logout"

Claims = dict[str, Any]


class DemoProvider:
    """One provider with one confidential client.

    The redirect URIs, ``backchannel_logout_uri``, ``tamper`` and ``unsigned_id_token`` may be set at any time.

    Attributes:
        tamper: receives the ID token's claims and returns those to sign instead.
        unsigned_id_token: answer ID tokens with ``alg: none``.

    Raises:
        ValueError: the host is not a loopback address.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        client_id: str,
        client_secret: str,
        redirect_uris: Sequence[str] = (),
        post_logout_redirect_uris: Sequence[str] = (),
        backchannel_logout_uri: str | None = None,
        users: Iterable[DemoUser] = DEMO_USERS,
    ) -> None:
        if not _is_loopback(host):
            raise ValueError(
                f"the demo provider asks for no password and listens on an IPv4 loopback address only "
                f"(127.0.0.1 or localhost), not on {host!r}"
            )
        self.client_id = client_id
        self.client_secret = client_secret
        self.redirect_uris = list(redirect_uris)
        self.post_logout_redirect_uris = list(post_logout_redirect_uris)
        self.backchannel_logout_uri = backchannel_logout_uri
        self.tamper: Callable[[Claims], Claims] | None = None
        self.unsigned_id_token = False
        self.outage = False
        self.accounts = Accounts(users)
        self.grants = Grants()
        self.keys = SigningKeys()
        self._host = host
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    # Running

    @property
    def issuer(self) -> str:
        """The issuer and base URL.

        Raises:
            RuntimeError: port 0 was asked for and the provider never started.
        """
        if self._port == 0:
            raise RuntimeError("the demo provider knows its issuer once it is started; call start() first")
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Serve in a daemon thread. A provider that was stopped comes back on its former port.

        Raises:
            OSError: the port is taken.
        """
        if self._server is not None:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self._host, self._port))
                listener.listen(128)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"the demo provider cannot listen on {self._host}:{self._port}: {error.strerror}",
                ) from None
            self._port = listener.getsockname()[1]
            # werkzeug ends the process where it cannot bind; so it gets a socket that is bound already.
            self._server = make_server(
                self._host,
                self._port,
                create_app(self),
                threaded=True,
                request_handler=_QuietHandler,
                fd=listener.fileno(),
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="demo-provider",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; people, sessions and keys stay. Does nothing where it is not running."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join()
            server.server_close()

    def __enter__(self) -> DemoProvider:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # Controls

    def rotate_keys(self) -> None:
        """Sign with a new key from now on; the old one stays in the JWKS."""
        self.keys.rotate()

    def disable_user(self, email: str) -> None:
        """Refuse the person's logins and refreshes. As with Keycloak, no back-channel logout is sent."""
        self.accounts.set_enabled(email, False)

    def enable_user(self, email: str) -> None:
        """Undo :meth:`disable_user`."""
        self.accounts.set_enabled(email, True)

    def set_groups(self, email: str, groups: Iterable[str]) -> None:
        """Give the person other groups; the next login or refresh says so."""
        self.accounts.change(email, groups=tuple(groups))

    def set_email(self, old: str, new: str) -> None:
        """Give the person another e-mail; the subject stays."""
        self.accounts.change(old, email=new)

    def set_outage(self, on: bool) -> None:
        """Answer 503 to everything, or stop doing so."""
        self.outage = on

    def expire_refresh_tokens(self, email: str) -> None:
        """As if the person's refresh tokens had idled out, while the browser's SSO session lives on."""
        self.grants.forget_refresh_tokens(self.accounts.by_email(email).subject)

    def backchannel_logout(self, email: str) -> list[int]:
        """End the person's sessions and tell the client, one logout token per session.

        Where the person has no session, one token without ``sid`` goes out, which means all of the subject's.

        Returns:
            The HTTP status of each answer.

        Raises:
            RuntimeError: no ``backchannel_logout_uri`` is set.
            httpx.HTTPError: the client does not answer.
        """
        if self.backchannel_logout_uri is None:
            raise RuntimeError("the demo provider has no backchannel_logout_uri to send a logout token to")
        subject = self.accounts.by_email(email).subject
        sids: list[str | None] = [session.sid for session in self.grants.sessions_of(subject)]
        statuses = []
        for sid in sids or [None]:
            if sid is not None:
                self.grants.end_session(sid)
            answer = httpx.post(
                self.backchannel_logout_uri,
                data={"logout_token": self.logout_token(subject, sid)},
                timeout=TIMEOUT_SECONDS,
                trust_env=False,
            )
            statuses.append(answer.status_code)
        return statuses

    def logout_token(self, subject: str, sid: str | None, **changes: Any) -> str:
        """A signed logout token (Back-Channel Logout 1.0, section 2.4); ``changes`` replace claims."""
        now = int(time.time())
        claims: Claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": subject,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + LOGOUT_TOKEN_SECONDS,
            "events": {BACKCHANNEL_EVENT: {}},
        }
        if sid is not None:
            claims["sid"] = sid
        return self.keys.sign({**claims, **changes}, typ="logout+jwt")

    # Tokens

    def token_response(self, user: DemoUser, session: SsoSession, scope: str, nonce: str | None) -> Claims:
        """The token endpoint's answer: three tokens that know the person as of now."""
        access_token = self._access_token(user, session, scope)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "refresh_token": self.grants.issue_refresh_token(session.sid, scope),
            "id_token": self._id_token(user, session, nonce, access_token),
            "session_state": session.sid,
            "scope": scope,
        }

    def _access_token(self, user: DemoUser, session: SsoSession, scope: str) -> str:
        """Shaped like Keycloak's: ``aud`` is not the client, the roles stand only here."""
        return self.keys.sign(
            {
                **self._common(session),
                **user.claims(),
                "aud": "account",
                "typ": "Bearer",
                "scope": scope,
                "realm_access": {"roles": list(DEFAULT_ROLES)},
            }
        )

    def _id_token(self, user: DemoUser, session: SsoSession, nonce: str | None, access_token: str) -> str:
        half_hash = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: Claims = {
            **self._common(session),
            **user.claims(),
            "aud": self.client_id,
            "typ": "ID",
            "auth_time": session.auth_time,
            "at_hash": base64url(half_hash),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        if self.tamper is not None:
            claims = self.tamper(claims)
        return unsigned(claims) if self.unsigned_id_token else self.keys.sign(claims)

    def _common(self, session: SsoSession) -> Claims:
        now = int(time.time())
        return {
            "iss": self.issuer,
            "azp": self.client_id,
            "sid": session.sid,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


class _QuietHandler(WSGIRequestHandler):
    """Writes no request lines, since they hold codes; closes connections, so that stop() reaches them."""

    protocol_version = "HTTP/1.0"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""
