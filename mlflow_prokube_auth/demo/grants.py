"""What the demo provider has granted: browser sessions, authorization codes and refresh tokens.

All of it lives in memory. Codes and refresh tokens are single use; using one twice ends its session,
because either use may have been a thief's (RFC 6749, section 10.5; RFC 9700, section 4.14.2).
"""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass

from ..identity.pkce import CHALLENGE, VERIFIER, challenge_of

CODE_SECONDS = 60


class GrantRefused(Exception):
    """``invalid_grant`` of the token endpoint; the words are Keycloak's where it has some."""


@dataclass
class SsoSession:
    """One browser's login at the provider; ``cookie`` is the secret that the browser holds."""

    sid: str
    cookie: str
    subject: str
    auth_time: int


@dataclass
class AuthorizationCode:
    """One answer of the authorization endpoint; times in seconds since 1970."""

    sid: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    scope: str
    expires: float
    used: bool = False


@dataclass
class RefreshToken:
    """One refresh token of a session."""

    sid: str
    scope: str
    used: bool = False


def is_challenge(value: str) -> bool:
    """Whether a value can be an S256 code challenge (RFC 7636, section 4.2)."""
    return CHALLENGE.fullmatch(value) is not None


class Grants:
    """The provider's memory, one lock around it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: dict[str, SsoSession] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self._refresh: dict[str, RefreshToken] = {}

    def session(self, sid: str) -> SsoSession | None:
        """The living session of an id."""
        with self._lock:
            return self._sessions.get(sid)

    def session_of_cookie(self, cookie: str | None) -> SsoSession | None:
        """The living session of a browser."""
        with self._lock:
            return next((s for s in self._sessions.values() if s.cookie == cookie), None)

    def sessions_of(self, subject: str) -> list[SsoSession]:
        """All living sessions of a person."""
        with self._lock:
            return [session for session in self._sessions.values() if session.subject == subject]

    def open_session(self, subject: str, now: float) -> SsoSession:
        """Log a person in."""
        session = SsoSession(secrets.token_urlsafe(16), secrets.token_urlsafe(32), subject, int(now))
        with self._lock:
            self._sessions[session.sid] = session
        return session

    def end_session(self, sid: str) -> None:
        """Log a browser out; its refresh tokens die with it."""
        with self._lock:
            self._sessions.pop(sid, None)

    def issue_code(self, code: AuthorizationCode) -> str:
        """Remember a code under a new random value."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[value] = code
        return value

    def redeem_code(self, value: str, redirect_uri: str, verifier: str, now: float) -> AuthorizationCode:
        """Use a code, once.

        Raises:
            GrantRefused: unknown, used, expired, another redirect URI, or a verifier that does not fit.
        """
        with self._lock:
            code = self._codes.get(value)
            if code is None or code.sid not in self._sessions:
                raise GrantRefused("Code not valid")
            if code.used:
                self.end_session(code.sid)
                raise GrantRefused("Code already used")
            code.used = True
        if now > code.expires:
            raise GrantRefused("Code is expired")
        if redirect_uri != code.redirect_uri:
            raise GrantRefused("Incorrect redirect_uri")
        if not VERIFIER.fullmatch(verifier):
            raise GrantRefused("PKCE verification failed: code_verifier missing or malformed")
        if not hmac.compare_digest(challenge_of(verifier), code.challenge):
            raise GrantRefused("PKCE verification failed: Code mismatch")
        return code

    def issue_refresh_token(self, sid: str, scope: str) -> str:
        """A new refresh token of a session."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._refresh[value] = RefreshToken(sid, scope)
        return value

    def redeem_refresh_token(self, value: str) -> RefreshToken:
        """Use a refresh token, once.

        Raises:
            GrantRefused: unknown or idled out, of an ended session, or used before.
        """
        with self._lock:
            token = self._refresh.get(value)
            if token is None:
                raise GrantRefused("Token is not active")
            if token.sid not in self._sessions:
                raise GrantRefused("Session not active")
            if token.used:
                self.end_session(token.sid)
                raise GrantRefused("Maximum allowed refresh token reuse exceeded")
            token.used = True
            return token

    def forget_refresh_tokens(self, subject: str) -> None:
        """As if a person's refresh tokens had idled out while the browser sessions live on."""
        with self._lock:
            sids = {session.sid for session in self.sessions_of(subject)}
            self._refresh = {value: token for value, token in self._refresh.items() if token.sid not in sids}
