"""Who is calling: an ordered list of authenticators, one for each kind of credential.

The list stands in ``app.py``. What a credential says counts only while the account's owner may use the server
(:class:`.recheck.AccountRevalidator`).
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .. import logs
from ..errors import AccountOut, BadCredentials, KeyEnded, KeyExpired, Refusal, Unavailable
from ..metrics import Counts, cause
from ..model import AccessKey, AccountState, Actor, Person
from ..plain import lowered
from ..policy import words
from ..store.access_keys import LAST_USE_SECONDS, AccessKeys
from ..store.database import DATABASE_DOWN, why_down
from ..store.people import People
from ..store.sessions import SEEN_SECONDS, Sessions
from . import key_format
from .bearer import BearerTokens
from .caller import Identity, RequestFacts
from .delegation import Delegation
from .inside import OUR_KEY, is_gateway
from .presented import SAFE_METHODS, Presented, cross_site, presented, same_origin
from .recheck import AccountRevalidator

_logger = logs.logger(__name__)

_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 9110, section 11.2: credentials without parameters
BAD_CREDENTIALS = (
    "These credentials are not valid here. Expected: your user name with an access key as password, "
    "or the access key as MLFLOW_TRACKING_TOKEN. Create an access key at {url}"
)
# What of ``_noted`` is remembered at most.
LARGEST_MEMORY = 10_000


class Authenticator(Protocol):
    """One kind of credential."""

    def __call__(self, given: Presented) -> Identity | None:
        """The identity that the credential proves.

        Returns:
            None: the request has no credential of this kind, and the next authenticator is asked.

        Raises:
            Refusal: the request has one, and it does not hold. No other authenticator is asked.
        """


class Authenticators:
    """Answers "who is calling?": of the list, the first authenticator that knows its credential decides."""

    def __init__(self, ordered: Sequence[Authenticator], session_cookie: str, counts: Counts) -> None:
        """``session_cookie`` is the name of our session's cookie."""
        self._ordered = tuple(ordered)
        self._session_cookie = session_cookie
        self._counts = counts

    def __call__(self, facts: RequestFacts) -> Identity | None:
        """The identity behind the request's credentials; None where it has none of ours.

        Raises:
            Unauthenticated: a credential of ours does not hold.
            CrossSiteRequest: a cookie or a password came with a write from another site.
            Unavailable: the database does not answer.
        """
        try:
            identity = self._identify(presented(facts, self._session_cookie))
        except Refusal as refusal:
            self._counts.authentication(cause(refusal))
            raise
        self._counts.authentication(identity.credential.replace(" ", "_") if identity is not None else "none")
        return identity

    def _identify(self, given: Presented) -> Identity | None:
        try:
            for authenticator in self._ordered:
                identity = authenticator(given)
                if identity is not None:
                    return identity
        except DATABASE_DOWN as error:
            _logger.error("the auth database does not answer: %s", type(error).__name__)
            raise Unavailable(why_down(error)) from None
        return None


class OneCredential:
    """Knows no credential: refuses a session beside an ``Authorization`` that names somebody in a form of its own.

    MLflow's handlers read parameters such as ``username=`` of any scheme for themselves.
    """

    def __call__(self, given: Presented) -> None:
        """As :class:`Authenticator`."""
        if not (given.scheme and given.session_id):
            return
        if given.scheme in ("basic", "bearer") and _TOKEN68.fullmatch(given.credentials):
            return
        raise BadCredentials(
            f"This request has a session and an Authorization header with the scheme '{given.scheme[:20]}' and "
            "parameters. Send only one of them: the session, or an access key as Basic or Bearer."
        )


class OriginOfPasswords:
    """Knows no credential: refuses a write with a password that another site's page sent.

    Like cookies, browsers add what was once in an address (https://name:key@...) to what other sites send.
    """

    def __init__(self, ours: str, others: frozenset[str] = frozenset()) -> None:
        """``others`` are origins of other sites whose scripts may write here with a key; ``*`` is any."""
        self._ours = ours
        self._others = others

    def __call__(self, given: Presented) -> None:
        """As :class:`Authenticator`."""
        if given.scheme != "basic" or given.facts.method in SAFE_METHODS:
            return
        origin = given.facts.headers.get("origin")
        if origin is None or origin.lower() == self._ours or origin in self._others or "*" in self._others:
            return
        raise cross_site(self._ours)


class Named:
    """An account that the server itself names, held to what holds for a key of it."""

    def __init__(self, people: People, revalidator: AccountRevalidator, keys_url: str) -> None:
        self._people = people
        self._revalidator = revalidator
        self._keys_url = keys_url

    def by_name(self, username: str, credential: str, given: Presented) -> Identity:
        """The account of that user name.

        Raises:
            BadCredentials: there is none.
        """
        return self._identity(self._people.standing_named(username), credential, given)

    def by_id(self, user_id: int, credential: str, given: Presented) -> Identity:
        """The account of that id.

        Raises:
            BadCredentials: there is none.
        """
        return self._identity(self._people.standing_of(user_id), credential, given)

    def _identity(self, standing: AccountState | None, credential: str, given: Presented) -> Identity:
        if standing is None:
            raise bad_credentials(self._keys_url)
        person = self._revalidator.for_standing(standing)
        return Identity(person, credential, roles=roles_of(standing, person), header=given.header)


class JobTokens:
    """The token with which MLflow's own jobs call the gateway, as Basic password of the user whose job it is."""

    def __init__(self, token: str | None, named: Named) -> None:
        self._token = token.encode() if token else None
        self._named = named

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`Authenticator`."""
        if self._token is None or given.scheme != "basic" or not is_gateway(given.facts.path):
            return None
        username, password = given.basic() or ("", "")
        if "\0" in username or not hmac.compare_digest(password.encode(), self._token):
            return None
        return self._named.by_name(username, "job", given)


class KeyCredentials:
    """An access key, as Basic password of its owner or as Bearer. Other Basic passwords do not hold."""

    def __init__(
        self,
        access_keys: AccessKeys,
        people: People,
        revalidator: AccountRevalidator,
        recently: Recently,
        keys_url: str,
        contact: str,
    ) -> None:
        """``keys_url`` is the page of access keys, ``contact`` whom to ask."""
        self._access_keys = access_keys
        self._people = people
        self._revalidator = revalidator
        self._recently = recently
        self._keys_url = keys_url
        self._contact = contact

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`Authenticator`."""
        if given.scheme == "basic":
            username, text = given.basic() or ("", "")
            if "\0" in username:  # PostgreSQL would not be asked for such a name
                raise bad_credentials(self._keys_url)
            # White space around either comes from files and secrets that end with a line break.
            return self._check(lowered(username.strip()), text.strip(), given)
        if given.scheme == "bearer":
            text = given.credentials
            if text.startswith(OUR_KEY) or key_format.wrapping(text) is not None:
                return self._check(None, text, given)
        return None

    def _check(self, username: str | None, text: str, given: Presented) -> Identity:
        secret = key_format.parse(text)
        if secret is None and (wrapping := key_format.wrapping(text)) is not None:
            raise BadCredentials(
                f"The access key {wrapping}. Expected the key alone, 'pkt_...', as password "
                "(MLFLOW_TRACKING_PASSWORD, with your user name) or as token (MLFLOW_TRACKING_TOKEN)."
            )
        owner = self._access_keys.owner(secret.key_id) if secret is not None else None
        if secret is None or owner is None or not hmac.compare_digest(owner.digest, secret.digest):
            raise bad_credentials(self._keys_url)
        user_id, own = owner.person.user_id, lowered(owner.person.username)
        if username not in (None, own) and not self._people.owns_name(user_id, username or ""):
            raise bad_credentials(self._keys_url)
        self._check_in_force(owner.key)
        if owner.standing is None:
            raise AccountOut(f"The owner of this access key may no longer use this server. Ask {self._contact}.")
        person = self._revalidator.for_standing(owner.standing)
        key_id, actor = secret.key_id, Actor(person.username, int(time.time()), given.facts.client, person.user_id)
        self._recently.note(f"key:{key_id}", actor.at, LAST_USE_SECONDS, lambda: self._access_keys.used(key_id, actor))
        return Identity(person, "access key", roles=roles_of(owner.standing, person), header=given.header)

    def _check_in_force(self, key: AccessKey) -> None:
        if key.ended_at is not None:
            raise KeyEnded(
                f"This access key was {key.ended_by} on {words.moment(key.ended_at)}. "
                f"Create a new one at {self._keys_url}"
            )
        if key.expires_at <= time.time():
            raise KeyExpired(
                f"This access key expired on {words.moment(key.expires_at)}. Create a new one at {self._keys_url}"
            )


class DelegatedTokens:
    """What the server writes into its own calls of its gateway, on behalf of a caller."""

    def __init__(self, delegation: Delegation, named: Named) -> None:
        self._delegation = delegation
        self._named = named

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`Authenticator`."""
        if given.scheme != "bearer" or not is_gateway(given.facts.path):
            return None
        user_id = self._delegation.read(given.credentials, int(time.time()))
        return None if user_id is None else self._named.by_id(user_id, "delegated", given)


class IssuerTokens:
    """An access token (JWT) of our issuer, as Bearer. One of another issuer may come from a gateway before us."""

    def __init__(self, tokens: BearerTokens, revalidator: AccountRevalidator) -> None:
        self._tokens = tokens
        self._revalidator = revalidator

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`Authenticator`."""
        if given.scheme != "bearer":
            return None
        standing = self._tokens(given.credentials, lenient=bool(given.session_id))
        if standing is None:
            return None
        person = self._revalidator.for_standing(standing)
        return Identity(person, "bearer token", roles=roles_of(standing, person), header=given.header)


class SessionCookies:
    """The cookie of a login. Writes need our own origin."""

    def __init__(self, sessions: Sessions, revalidator: AccountRevalidator, recently: Recently, origin: str) -> None:
        self._sessions = sessions
        self._revalidator = revalidator
        self._recently = recently
        self._origin = origin

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`Authenticator`."""
        session_id = given.session_id
        if not session_id:
            return None
        now = int(time.time())
        row = self._sessions.find(session_id, given.session_secret, now)
        if row is None or row.standing is None:
            return None
        if given.facts.method not in SAFE_METHODS and not same_origin(given.facts, self._origin):
            raise cross_site(self._origin)
        if row.last_seen_at + SEEN_SECONDS <= now:
            self._recently.note(
                f"session:{session_id}", now, SEEN_SECONDS, lambda: self._sessions.seen(session_id, now)
            )
        person = self._revalidator.for_session(row, row.standing)
        return None if person is None else Identity(person, "session", session_id, roles_of(row.standing, person))


class Recently:
    """Has small writes done off the request path, each at most once in a while."""

    def __init__(self, later: Callable[[Callable[[], None]], None]) -> None:
        self._later = later
        self._noted: dict[str, int] = {}

    def note(self, key: str, now: int, every: int, write: Callable[[], None]) -> None:
        """Have ``write`` done, at most once in ``every`` seconds for each ``key``."""
        if self._noted.get(key, 0) + every <= now:
            if len(self._noted) > LARGEST_MEMORY:
                self._noted.clear()
            self._noted[key] = now
            self._later(write)


def bad_credentials(keys_url: str) -> BadCredentials:
    """The one answer to all credentials that do not hold, whatever is wrong with them."""
    return BadCredentials(BAD_CREDENTIALS.format(url=keys_url))


def roles_of(standing: AccountState, person: Person) -> str | None:
    """The roles that were read with a standing; where Keycloak was asked meanwhile, they may be others by now."""
    return standing.roles if standing.person is person else None
