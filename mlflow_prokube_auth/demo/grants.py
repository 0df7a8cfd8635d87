"""What the demo provider remembers, in memory and for a while: sessions, authorization codes and tokens.

Methods without a docstring are those that Authlib asks for, and documented there.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oidc.core import AuthorizationCodeMixin

from .accounts import DemoUser

TOKEN_SECONDS = 300
CODE_SECONDS = 60
SESSION_SECONDS = 36_000  # Keycloak's default of "SSO Session Max"
USED_SECONDS = 600  # how long the second use of a code or refresh token is still noticed


@dataclass(eq=False)
class SsoSession:
    """One browser's login. To Authlib this is the user, because tokens name the session, too."""

    user: DemoUser
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    auth_time: int = field(default_factory=lambda: int(time.time()))
    expires: float = field(default_factory=lambda: time.time() + SESSION_SECONDS)

    def end(self) -> None:
        """Log the browser out; the session's codes and tokens are worth nothing from now on."""
        self.expires = min(self.expires, time.time())

    def alive(self) -> bool:
        """Whether the browser is logged in and its user may be."""
        return self.expires > time.time() and self.user.enabled

    def claims(self) -> dict[str, Any]:
        """What every token says about the login."""
        return {"sid": self.sid, "auth_time": self.auth_time, "jti": secrets.token_urlsafe(16)}


@dataclass(eq=False, kw_only=True)
class Granted:
    """What the client got for a session, to be used once."""

    session: SsoSession
    scope: str
    until: float = inf
    used: bool = False

    @property
    def expires(self) -> float:
        """When it may be forgotten."""
        return min(self.until, self.session.expires + USED_SECONDS)

    def get_scope(self) -> str:
        return self.scope


@dataclass(eq=False, kw_only=True)
class Code(Granted, AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib has no types
    """An authorization code."""

    until: float = field(default_factory=lambda: time.time() + CODE_SECONDS)
    redirect_uri: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.session.auth_time


@dataclass(eq=False, kw_only=True)
class Token(Granted):
    """A refresh token and the access token beside it."""

    access_token: str
    access_until: float = field(default_factory=lambda: time.time() + TOKEN_SECONDS)

    def check_client(self, client: object) -> bool:
        return True  # there is only one

    def is_expired(self) -> bool:
        return self.access_until <= time.time()

    def is_revoked(self) -> bool:
        return not self.session.alive()


Item = TypeVar("Item", SsoSession, Code, Token)
Single = TypeVar("Single", Code, Token)


class Memory:
    """Sessions by ``sid``, codes and tokens by the value that redeems them.

    The lock is for writers. A reader sees one whole dictionary, since writers replace it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[str, SsoSession | Granted] = {}

    def put(self, key: str, item: SsoSession | Granted) -> None:
        """Remember until ``item.expires``, and forget what has expired."""
        now = time.time()
        with self._lock:
            self._items = {k: kept for k, kept in self._items.items() if kept.expires > now} | {key: item}

    def get(self, kind: type[Item], key: str) -> Item | None:
        """What stands under a key and has not expired."""
        item = self._items.get(key)
        return item if isinstance(item, kind) and item.expires > time.time() else None

    def all(self, kind: type[Item]) -> list[Item]:
        """All of a kind that have not expired."""
        return [item for key in self._items if (item := self.get(kind, key)) is not None]

    def redeem(self, kind: type[Single], key: str) -> Single:
        """Use a code or a refresh token, once.

        A second use ends the session, because either use may have been a thief's (RFC 6749, section 10.5;
        RFC 9700, section 4.14.2).

        Raises:
            InvalidGrantError: unknown, expired, used before, of an ended session or a disabled user.
        """
        with self._lock:
            granted = self.get(kind, key)
            if granted is None:
                raise InvalidGrantError(f"{kind.__name__} is not active")
            if granted.used:
                granted.session.end()
                raise InvalidGrantError(f"{kind.__name__} was used before")
            if not granted.session.alive():
                over = granted.session.expires <= time.time()
                raise InvalidGrantError("Session not active" if over else "User disabled")
            granted.used, granted.until = True, time.time() + USED_SECONDS
            return granted
