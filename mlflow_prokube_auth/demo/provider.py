"""A development-only OpenID provider: it asks for no password and listens on loopback alone.

It stands in for Keycloak in the demo and in fast tests, and is as strict as a well-kept realm: PKCE with
S256 from every client, exact redirect URIs, single-use codes and refresh tokens. Tests steer it through
the methods of :class:`DemoProvider`; there is no way to do so over HTTP.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace
from typing import Any, Literal

import httpx
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .accounts import DEMO_USERS, Accounts, DemoUser
from .endpoints import create_app
from .grants import Memory, SsoSession, Token
from .headless import login_headless
from .signing import SigningKeys

__all__ = ["DEMO_USERS", "DemoProvider", "DemoUser", "login_headless"]

LOGOUT_TOKEN_SECONDS = 120
TIMEOUT_SECONDS = 10
BACKCHANNEL_EVENT = "http://schemas.openid.net/event/backchannel-logout"

Claims = dict[str, Any]
Place = Literal["ID token", "access token", "userinfo"]


CLIENT_ID = "mlflow"


@dataclass(eq=False)
class DemoProvider:
    """One provider with one confidential client.

    The redirect URIs, ``backchannel_logout_uri`` and whatever the constructor does not take may be set at any time.

    Attributes:
        port: 0 stands for any free one and is replaced by :meth:`start`.
        tamper: receives the ID token's claims and returns those to sign instead.
        unsigned_id_token: answer ID tokens with ``alg: none``.
        userinfo_only: send claims about the person only in userinfo, as certified providers do by default
            (OpenID Connect Core 1.0, section 5.4); tokens name the subject.
        issuer_slash: end the issuer in a slash, as Auth0, Authentik and others do.
        ends_sessions: name an ``end_session_endpoint``.
        withheld: names of claims that no answer contains any more.
        places: the only place of a claim with that name.
        userinfo_status: what the userinfo endpoint answers instead of claims.
        userinfo_subject: the ``sub`` that userinfo names instead of the person's.

    Raises:
        ValueError: the host is not a loopback address.
    """

    host: str = "127.0.0.1"
    port: int = 0
    _: KW_ONLY
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: list[str] = field(default_factory=list)
    post_logout_redirect_uris: list[str] = field(default_factory=list)
    backchannel_logout_uri: str | None = None
    users: InitVar[Iterable[DemoUser]] = DEMO_USERS
    userinfo_only: bool = False
    issuer_slash: bool = False
    ends_sessions: bool = True
    tamper: Callable[[Claims], Claims] | None = field(default=None, init=False)
    unsigned_id_token: bool = field(default=False, init=False)
    outage: bool = field(default=False, init=False)
    withheld: frozenset[str] = field(default=frozenset(), init=False)
    places: dict[str, Place] = field(default_factory=dict, init=False)
    userinfo_status: int | None = field(default=None, init=False)
    userinfo_subject: str | None = field(default=None, init=False)

    @classmethod
    def for_server(cls, url: str, client_secret: str, **options: Any) -> DemoProvider:
        """The provider of this plugin's server at ``url``; ``options`` are further ones of the constructor."""
        return cls(
            client_id=CLIENT_ID,
            client_secret=client_secret,
            redirect_uris=[f"{url}/prokube-auth/callback"],
            post_logout_redirect_uris=[f"{url}/prokube-auth/logged-out", f"{url}/prokube-auth/login"],
            backchannel_logout_uri=f"{url}/prokube-auth/backchannel-logout",
            **options,
        )

    def __post_init__(self, users: Iterable[DemoUser]) -> None:
        if not _is_loopback(self.host):
            raise ValueError(
                f"the demo provider asks for no password and listens on an IPv4 loopback address only "
                f"(127.0.0.1 or localhost), not on {self.host!r}"
            )
        self.accounts = Accounts({user.subject: replace(user) for user in users})
        self.memory = Memory()
        self.keys = SigningKeys()
        self._app = create_app(self)
        self._server: BaseWSGIServer | None = None

    def told_of(self, user: DemoUser, place: Place) -> Claims:
        """What userinfo, or a token, says about a person as of now."""
        told = user.claims() if place == "userinfo" or not self.userinfo_only else {"sub": user.subject}
        return {
            name: value
            for name, value in told.items()
            if name not in self.withheld and self.places.get(name, place) == place
        }

    # Running

    @property
    def issuer(self) -> str:
        """The issuer, as it stands in tokens.

        Raises:
            RuntimeError: port 0 was asked for and the provider never started.
        """
        return self.url + "/" if self.issuer_slash else self.url

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end.

        Raises:
            RuntimeError: as :attr:`issuer`.
        """
        if self.port == 0:
            raise RuntimeError("the demo provider knows its issuer once it is started; call start() first")
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Serve in a daemon thread. A provider that was stopped comes back on its former port.

        Raises:
            OSError: the port is taken.
        """
        if self._server is not None:
            return
        try:
            listener = socket.create_server((self.host, self.port))
        except OSError as error:
            where, why = f"{self.host}:{self.port}", os.strerror(error.errno or 0)
            raise OSError(error.errno, f"the demo provider cannot listen on {where}: {why}") from None
        with listener:
            self.port = listener.getsockname()[1]
            # werkzeug ends the process where it cannot bind; so it gets a socket that is bound already.
            self._server = make_server(
                self.host, self.port, self._app, threaded=True, request_handler=_QuietHandler, fd=listener.fileno()
            )
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.05,), name="demo-provider", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; people, sessions and keys stay. Does nothing where it is not running."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            self._thread.join()
            server.server_close()

    def __enter__(self) -> DemoProvider:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Controls; those that take an e-mail raise KeyError where nobody has it.

    def rotate_keys(self) -> None:
        """Sign with a new key from now on; the old one stays in the JWKS."""
        self.keys.rotate()

    def disable_user(self, email: str) -> None:
        """Refuse the person's logins and refreshes. As with Keycloak, no back-channel logout is sent."""
        self.accounts.by_email(email).enabled = False

    def enable_user(self, email: str) -> None:
        """Undo :meth:`disable_user`."""
        self.accounts.by_email(email).enabled = True

    def delete_user(self, email: str) -> None:
        """Remove the person and all sessions. As with Keycloak, no back-channel logout is sent."""
        user = self.accounts.by_email(email)
        del self.accounts[user.subject]
        user.enabled = False  # for a click that is under way
        for session in self._sessions_of(user):
            session.end()

    def set_groups(self, email: str, groups: Iterable[str]) -> None:
        """Give the person other groups; the next login or refresh says so."""
        self.accounts.by_email(email).groups = tuple(groups)

    def set_email(self, old: str, new: str) -> None:
        """Give the person another e-mail; the subject stays."""
        self.accounts.by_email(old).email = new

    def set_outage(self, on: bool) -> None:
        """Answer 503 to everything, or stop doing so."""
        self.outage = on

    def expire_refresh_tokens(self, email: str) -> None:
        """As if the person's refresh tokens had idled out, while the browser's SSO session lives on."""
        user = self.accounts.by_email(email)
        for token in self.memory.all(Token):
            if token.session.user is user:
                token.until = 0

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
        user = self.accounts.by_email(email)
        sids: list[str | None] = []
        for session in self._sessions_of(user):
            session.end()
            sids.append(session.sid)
        tokens = [self.logout_token(user.subject, sid) for sid in sids or [None]]
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            return [client.post(self.backchannel_logout_uri, data={"logout_token": t}).status_code for t in tokens]

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

    def _sessions_of(self, user: DemoUser) -> list[SsoSession]:
        return [session for session in self.memory.all(SsoSession) if session.user is user]


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
