"""The ordered list of authenticators: Basic with an access key, Bearer access key or JWT, session cookie.

Each returns an identity, None ("not mine") or raises ("mine, and bad").
"""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import replace

from .. import logs
from ..errors import AccountOut, BadCredentials, CrossSiteRequest, KeyEnded, KeyExpired, Refusal, Unavailable
from ..metrics import Counts, cause
from ..model import AccountState, Person
from ..plain import lowered
from ..policy import words
from ..settings import Settings
from ..store.database import DATABASE_DOWN, why_down
from ..store.people import People
from ..store.sessions import SEEN_SECONDS, Sessions
from ..store.tokens import LAST_USE_SECONDS, TokenOwner, Tokens
from . import tokens as token_format
from .bearer import BearerTokens
from .caller import Identity, RequestFacts
from .delegation import Delegation
from .inside import AUTHORIZATION, GATEWAY_AUTHORIZATION, is_gateway
from .recheck import AccountRevalidator

_logger = logs.logger(__name__)

_COOKIE = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,128})")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 9110, section 11.2: credentials without parameters
BAD_CREDENTIALS = (
    "These credentials are not valid here. Expected: your user name with an access key as password, "
    "or the access key as MLFLOW_TRACKING_TOKEN. Create an access key at {url}"
)


class Authenticators:
    """Answers "who is calling?" for one request at a time."""

    def __init__(
        self,
        settings: Settings,
        people: People,
        tokens: Tokens,
        sessions: Sessions,
        revalidator: AccountRevalidator,
        bearer: BearerTokens,
        later: Callable[[Callable[[], None]], None],
        job_token: str | None,
        delegation: Delegation,
        counts: Counts,
        other_origins: frozenset[str] = frozenset(),
    ) -> None:
        """``other_origins`` are those of other sites whose scripts may write here with a key; ``*`` is any."""
        self._settings = settings
        self._revalidator = revalidator
        self._bearer = bearer
        self._people = people
        self._tokens = tokens
        self._sessions = sessions
        self._later = later
        self._job_token = job_token
        self._delegation = delegation
        self._counts = counts
        self._other_origins = other_origins
        self._keys_url = f"{settings.external_url}/prokube-auth/permissions"
        self._noted: dict[str, int] = {}

    def __call__(self, facts: RequestFacts) -> Identity | None:
        """The identity behind the request's credentials; None where it has none of ours.

        Raises:
            Unauthenticated: a credential of ours does not hold.
            CrossSiteRequest: a cookie came with a write from another site.
            Unavailable: the database does not answer.
        """
        try:
            identity = self._identify(facts)
        except Refusal as refusal:
            self._counts.authentication(cause(refusal))
            raise
        self._counts.authentication(identity.credential.replace(" ", "_") if identity is not None else "none")
        return identity

    def _identify(self, facts: RequestFacts) -> Identity | None:
        try:
            return self._from_header(facts) or self._from_cookie(facts)
        except DATABASE_DOWN as error:
            _logger.error("the auth database does not answer: %s", type(error).__name__)
            raise Unavailable(why_down(error)) from None

    def _from_header(self, facts: RequestFacts) -> Identity | None:
        name = GATEWAY_AUTHORIZATION
        if not is_gateway(facts.path) or not facts.headers.get(name):
            name = AUTHORIZATION
        identity = self._from_value(facts.headers.get(name, ""), facts)
        return None if identity is None else replace(identity, header=name)

    def _from_value(self, header: str, facts: RequestFacts) -> Identity | None:
        scheme, _, credentials = header.strip().partition(" ")
        credentials = credentials.strip()
        has_session = session_cookie(facts.headers.get("cookie", ""), self._settings.session_cookie)[0]
        if scheme and has_session and not (scheme.lower() in ("basic", "bearer") and _TOKEN68.fullmatch(credentials)):
            raise BadCredentials(
                f"This request has a session and an Authorization header with the scheme '{scheme[:20]!s}' and "
                "parameters. Expected one of them: the session, or an access key as Basic or Bearer."
            )
        if scheme.lower() == "basic":
            # Like cookies, browsers add what was once in an address (https://name:key@...) to what other sites send.
            if facts.method not in SAFE_METHODS and not self._is_origin_allowed(facts.headers.get("origin")):
                raise cross_site(self._settings.origin)
            return self._basic(credentials, facts)
        if scheme.lower() != "bearer":
            return None
        if credentials.startswith("pkt_"):
            return self._token(None, credentials, facts)
        if is_gateway(facts.path) and (user_id := self._delegation.read(credentials, int(time.time()))) is not None:
            return self._of_standing(self._people.standing_of(user_id), "delegated")
        standing = self._bearer(credentials, lenient=self._settings.session_cookie in facts.headers.get("cookie", ""))
        if standing is None:
            return None
        person = self._revalidator.for_standing(standing)
        return Identity(person, "bearer token", roles=_roles(standing, person))

    def _is_origin_allowed(self, origin: str | None) -> bool:
        return (
            origin is None
            or origin.lower() == self._settings.origin
            or origin in self._other_origins
            or "*" in self._other_origins
        )

    def _basic(self, credentials: str, facts: RequestFacts) -> Identity:
        try:
            username, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:  # no base64, no ASCII or no UTF-8
            raise self._bad() from None
        if not colon or "\0" in username:  # PostgreSQL would not be asked for such a name
            raise self._bad()
        if (
            self._job_token
            and is_gateway(facts.path)
            and hmac.compare_digest(password.encode(), self._job_token.encode())
        ):
            return self._of_standing(self._people.standing_named(username), "job")
        return self._token(username, password, facts)

    def _of_standing(self, standing: AccountState | None, credential: str) -> Identity:
        """An account that the server itself names, held to what holds for a key of it."""
        if standing is None:
            raise self._bad()
        person = self._revalidator.for_standing(standing)
        return Identity(person, credential, roles=_roles(standing, person))

    def _token(self, username: str | None, text: str, facts: RequestFacts) -> Identity:
        token = token_format.parse(text)
        owner = self._tokens.owner(token.key_id) if token is not None else None
        if token is None or owner is None or not hmac.compare_digest(owner.digest, token.digest):
            raise self._bad()
        person = owner.person
        own = lowered(person.username)
        named = own if username is None else lowered(username)
        if named != own and not self._people.owns_name(person.user_id, named):
            raise self._bad()
        standing = owner.standing
        person = self._owner_in_order(owner)
        now = int(time.time())
        self._note(
            f"token:{token.key_id}", now, LAST_USE_SECONDS, lambda: self._tokens.used(token.key_id, now, facts.client)
        )
        return Identity(person, "access key", roles=_roles(standing, person))

    def _owner_in_order(self, owner: TokenOwner) -> Person:
        token = owner.token
        if token.ended_at is not None:
            raise KeyEnded(
                f"This access key was {token.ended_by} on {words.moment(token.ended_at)}. "
                f"Create a new one at {self._keys_url}"
            )
        if token.expires_at <= time.time():
            raise KeyExpired(
                f"This access key expired on {words.moment(token.expires_at)}. Create a new one at {self._keys_url}"
            )
        if owner.standing is None:
            raise AccountOut(
                f"The owner of this access key may not use this server any more. Ask {self._settings.contact}."
            )
        return self._revalidator.for_standing(owner.standing)

    def _from_cookie(self, facts: RequestFacts) -> Identity | None:
        session_id, secret = session_cookie(facts.headers.get("cookie", ""), self._settings.session_cookie)
        if not session_id:
            return None
        now = int(time.time())
        row = self._sessions.find(session_id, secret, now)
        if row is None or row.standing is None:
            return None
        if facts.method not in SAFE_METHODS and not same_origin(facts, self._settings.origin):
            raise cross_site(self._settings.origin)
        if row.last_seen_at + SEEN_SECONDS <= now:
            self._note(f"session:{session_id}", now, SEEN_SECONDS, lambda: self._sessions.seen(session_id, now))
        person = self._revalidator.for_session(row, row.standing)
        return None if person is None else Identity(person, "session", session_id, _roles(row.standing, person))

    def _note(self, key: str, now: int, every: int, write: Callable[[], None]) -> None:
        """Have ``write`` done off the request path, at most once in ``every`` seconds."""
        if self._noted.get(key, 0) + every <= now:
            if len(self._noted) > 10_000:
                self._noted.clear()
            self._noted[key] = now
            self._later(write)

    def _bad(self) -> BadCredentials:
        return BadCredentials(BAD_CREDENTIALS.format(url=self._keys_url))


def _roles(standing: AccountState | None, person: Person) -> str | None:
    """The roles that were read with a standing; where Keycloak was asked meanwhile, they may be others by now."""
    return standing.roles if standing is not None and standing.person is person else None


def same_origin(facts: RequestFacts, ours: str) -> bool:
    """Whether the browser says that our own pages sent this (Fetch Metadata, RFC 6454)."""
    origin = facts.headers.get("origin")
    if origin is not None:
        return origin.lower() == ours
    return facts.headers.get("sec-fetch-site") == "same-origin"


def cross_site(ours: str) -> CrossSiteRequest:
    """The refusal of a write that our own pages did not send."""
    return CrossSiteRequest(
        "This write came from another site, or from a browser that does not say from where. "
        f"Expected the origin {ours}."
    )


def session_cookie(header: str, name: str) -> tuple[str, str]:
    """Session id and secret in a ``Cookie`` header; empty strings where there are none.

    Of several the first counts: browsers send the one with the longest path first (RFC 6265, section 5.4).
    """
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            match = _COOKIE.fullmatch(value.strip('"'))
            return (match.group(1), match.group(2)) if match else ("", "")
    return ("", "")
