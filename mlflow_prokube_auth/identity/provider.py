"""What the server itself asks of Keycloak, beside a browser's login: metadata, keys, refreshed tokens.

Nothing here runs on an event loop. Every answer comes within seconds or as :class:`ProviderDown`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from .. import logs
from ..settings import Settings

_logger = logs.logger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
LEEWAY_SECONDS = 60
LATEST_TIME = 10**12
LONGEST_ISSUER = 200
CLOCKS = "are the clocks of both servers right?"
TIMEOUT_SECONDS = 5
METADATA_SECONDS = 3600
# After an answer that did not come, nobody asks again for so long.
RETRY_SECONDS = 1
# While one thread asks, so many others wait for what it hears, for so long; an answer of so long ago does for the rest.
WAITING_AT_ONCE, WAIT_SECONDS, MEANWHILE_SECONDS = 8, 2.0, 10
# Keys are fetched for an unknown key id, but not for each of a flood of made-up ones.
KEYS_COOLDOWN_SECONDS = 10
# Of the statuses from 400 to 499 these refuse nothing: Request Timeout, Too Early, Too Many Requests.
TRY_LATER = (408, 425, 429)


class ProviderDown(Exception):
    """Keycloak does not answer, or answers nonsense."""


class OtherIssuer(ProviderDown):
    """The discovery document and the settings name different issuers; the text has both, and what to do."""

    def __init__(self, found: Any, settings: Settings) -> None:
        expected = settings.oidc_issuer
        advice = "Check PROKUBE_AUTH_OIDC_ISSUER"
        if isinstance(found, str) and len(found) < LONGEST_ISSUER:
            advice = f"Set PROKUBE_AUTH_OIDC_ISSUER to {found!r}, if that is the provider that is meant"
            if found.rstrip("/") == expected.rstrip("/"):
                advice = f"Set PROKUBE_AUTH_OIDC_ISSUER to {found!r}: the slash at the end is a part of it"
        named = repr(found)[:LONGEST_ISSUER]
        super().__init__(f"the discovery document names the issuer {named}, expected {expected!r}. {advice}")


class GrantRefused(Exception):
    """Keycloak answers, and refuses: the text is its ``error`` and holds no secret."""


class TokenInvalid(Exception):
    """A token does not hold; the text says what was found and expected, and holds no secret."""


@dataclass(frozen=True)
class TokenSet:
    """The tokens of one refresh, unverified. The ID token may be missing (OpenID Connect Core 1.0, section 12.2)."""

    refresh_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    access_token: str | None = field(repr=False)


class _Kept:
    """One document of Keycloak, shared by all threads.

    One thread fetches at a time, and few wait behind it, none while Keycloak does not answer: a flood of requests that
    need the document would hold every thread of the server.
    """

    def __init__(
        self, fetch: Callable[[], Any], clock: Callable[[], float], *, old_will_do: bool, failures_hold: bool = True
    ) -> None:
        """``failures_hold``: after one, nobody asks again for :data:`RETRY_SECONDS`."""
        self._fetch = fetch
        self._old_will_do = old_will_do
        self._failures_hold = failures_hold
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)
        self._fetched_at = 0.0
        self._failed_at: float | None = None
        self._failure = ProviderDown("another request is just asking it")
        self.present: Any = None

    def get(self, seconds: float, meanwhile: float = 0) -> Any:
        """The document, at most so old; where no other is to be had and an old one will do, that.

        While another thread fetches it, one of up to ``meanwhile`` seconds will do.

        Raises:
            ProviderDown: it is not to be had.
        """
        if self._is_young(seconds):
            return self.present
        if not self._lock.acquire(blocking=False):
            if self._failed_at is None and self._is_young(meanwhile):
                return self.present
            if not self._comes_to_its_turn():
                return self._old()
        try:
            if self._is_young(seconds):  # another thread has fetched it meanwhile
                return self.present
            failed_at = self._failed_at if self._failures_hold else None
            if failed_at is not None and failed_at + RETRY_SECONDS > self._clock():
                return self._old()
            self.present = self._fetch()
            self._fetched_at, self._failed_at = self._clock(), None
            return self.present
        except ProviderDown as error:
            self._failed_at, self._failure = self._clock(), error
            return self._old()
        finally:
            self._lock.release()

    def _comes_to_its_turn(self) -> bool:
        """Wait for the thread that fetches, unless too many do, or none need to; whether the lock is ours then."""
        old_does = self.present is not None and self._old_will_do
        if old_does or self._failed_at is not None or not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._lock.acquire(timeout=WAIT_SECONDS)
        finally:
            self._waiting.release()

    def _is_young(self, seconds: float) -> bool:
        return self.present is not None and self._fetched_at + seconds > self._clock()

    def _old(self) -> Any:
        if self.present is None or not self._old_will_do:
            raise self._failure.with_traceback(None)
        return self.present


class Provider:
    """Our side of the back channel to Keycloak; shared by all threads of a process."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._discovery = _Kept(self._fetch_metadata, clock, old_will_do=True)
        self._keys = _Kept(self._fetch_keys, clock, old_will_do=False)
        self._answering = _Kept(self._fetch_metadata, clock, old_will_do=False, failures_hold=False)
        self._service_token = ""
        self._service_token_until = 0.0

    def metadata(self) -> Mapping[str, Any]:
        """The discovery document (OpenID Connect Discovery 1.0, section 4), at most an hour old.

        Raises:
            ProviderDown: it is not to be had.
        """
        found: Mapping[str, Any] = self._discovery.get(METADATA_SECONDS)
        return found

    def probe(self) -> None:
        """Before a browser is sent to Keycloak: whether it answers now, as the issuer of the settings.

        One thread asks at a time: while Keycloak hangs, visitors who are nobody yet would hold all of them.

        Raises:
            OtherIssuer: it is another.
            ProviderDown: it does not answer.
        """
        self._answering.get(0, meanwhile=MEANWHILE_SECONDS)

    def tell(self) -> None:
        """Say plainly in the log, at start, where the settings name another issuer; an outage is not told here."""
        try:
            self.probe()
        except OtherIssuer as error:
            _logger.error("nobody can log in with %s: %s", self._settings.discovery_url, error)
        except ProviderDown:
            pass

    def _fetch_metadata(self) -> Mapping[str, Any]:
        found: Any = self.get_json(self._settings.discovery_url)
        issuer = found.get("issuer") if isinstance(found, dict) else None
        # OpenID Connect Discovery 1.0, section 4.3: exactly, as in tokens (OpenID Connect Core 1.0, section 3.1.3.7).
        if issuer != self._settings.oidc_issuer:
            raise OtherIssuer(issuer, self._settings)
        document: Mapping[str, Any] = found
        return document

    def endpoint(self, name: str) -> str:
        """One URL of the discovery document.

        Raises:
            ProviderDown: the document is not to be had or does not name it.
        """
        url = self.metadata().get(name)
        if not isinstance(url, str):
            raise ProviderDown(f"the discovery document names no {name}")
        return url

    def get_json(self, url: str, token: str | None = None) -> Any:
        """The JSON at ``url``; None where Keycloak says that there is no such thing.

        Raises:
            GrantRefused: 401 or 403 for ``token``, or a 404 that is not Keycloak's but of something before it.
            ProviderDown: anything else than an answer.
        """
        try:
            answer = _get(url, token)
            if token and answer.status_code in (401, 403):
                raise GrantRefused(f"status {answer.status_code}")
            if answer.status_code == 404 and token and not _is_keycloaks(answer):
                raise GrantRefused("status 404, not from Keycloak: is the path /admin closed on the way?")
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
            return answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderDown(type(error).__name__) from None

    def userinfo(self, token: str) -> dict[str, Any] | None:
        """What the userinfo endpoint says (OpenID Connect Core 1.0, section 5.3); None where there is no endpoint.

        Whose claims they are is the caller's to check.

        Raises:
            GrantRefused: a status of 4xx: the token is not taken (RFC 6750, section 3.1), or the way there is closed.
            ProviderDown: anything else than an answer.
        """
        url = self.metadata().get("userinfo_endpoint")
        if not isinstance(url, str):
            return None
        try:
            answer = _get(url, token)
            if 400 <= answer.status_code < 500 and answer.status_code not in TRY_LATER:
                raise GrantRefused(f"status {answer.status_code}")
            answer.raise_for_status()
            if answer.headers.get("Content-Type", "").startswith("application/jwt"):
                claims: Any = self._signed(answer.text)
                if claims.get("iss") != self._settings.oidc_issuer or not self.is_for_us(claims):
                    raise ProviderDown("userinfo is of another issuer, or for another client")
            else:
                claims = answer.json()
        except (requests.RequestException, ValueError, TokenInvalid) as error:
            raise ProviderDown(f"userinfo: {type(error).__name__}") from None
        if not isinstance(claims, dict):
            raise ProviderDown("userinfo is no JSON object")
        return claims

    def is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Whether our client is among the audience."""
        audience = claims.get("aud")
        return self._settings.oidc_client_id in (audience if isinstance(audience, list) else [audience])

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token signed by Keycloak: signature, ``iss``, ``exp``, ``nbf`` and ``iat``.

        The audience is the caller's to check: each kind of token has another.

        Raises:
            TokenInvalid: it does not hold.
            ProviderDown: the keys are not to be had.
        """
        claims = self._signed(token)
        self._check_times(claims)
        if claims.get("iss") != self._settings.oidc_issuer:
            raise TokenInvalid(f"its issuer is another than {self._settings.oidc_issuer}")
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        """The claims under a signature of Keycloak's; nothing else of them is checked."""
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError) as error:
            raise TokenInvalid(f"it is no signed JWT ({type(error).__name__})") from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise TokenInvalid(f"its alg is {str(algorithm)[:20]!r}, expected one of {', '.join(ALGORITHMS)}")
        if not isinstance(key_id, str):
            raise TokenInvalid("it names no key (kid)")
        try:
            decoded = jwt.decode(token, self._keys_with(key_id), algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise TokenInvalid(f"its signature does not hold ({type(error).__name__})") from None
        return dict(decoded.claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        for name in ("exp", "iat", "nbf"):
            value = claims.get(name)
            if value is None and name == "nbf":
                continue
            # The bounds refuse NaN, too, with which an exp would never come.
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < LATEST_TIME:
                raise TokenInvalid(f"it has no usable {name}")
            if name == "exp" and value + LEEWAY_SECONDS <= now:
                raise TokenInvalid(f"it expired {int(now - value)} seconds ago; if it is fresh, {CLOCKS}")
            if name != "exp" and value - LEEWAY_SECONDS > now:
                raise TokenInvalid(f"its {name} lies {int(value - now)} seconds in the future: {CLOCKS}")

    def _keys_with(self, key_id: str) -> KeySet:
        keys: KeySet | None = self._keys.present
        if keys is not None and any(key.kid == key_id for key in keys):
            return keys
        keys = self._keys.get(KEYS_COOLDOWN_SECONDS)
        if not any(key.kid == key_id for key in keys):
            raise TokenInvalid("it names a key that Keycloak does not have")
        return keys

    def _fetch_keys(self) -> KeySet:
        found = self.get_json(self.endpoint("jwks_uri"))
        try:
            signing = [key for key in found["keys"] if key.get("use", "sig") == "sig"]
            imported: KeySet = KeySet.import_key_set({"keys": signing})
            return imported
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderDown(f"the keys are unreadable ({type(error).__name__})") from None

    def still_signs(self, token: str) -> bool:
        """Whether Keycloak still has the key of a token: it answers 400 to a logout hint of a retired one.

        Raises:
            ProviderDown: the keys are not to be had.
        """
        keys: KeySet = self._keys.get(0)
        try:
            key_id = jws.extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError):
            return False
        return any(key.kid == key_id for key in keys)

    def refresh(self, refresh_token: str) -> TokenSet:
        """New tokens for a refresh token (RFC 6749, section 6).

        Raises:
            GrantRefused: Keycloak does not vouch for the person any more, or the token has idled out.
            ProviderDown: Keycloak does not answer.
        """
        answer = self._token_request(grant_type="refresh_token", refresh_token=refresh_token)
        id_token, access_token = (str(answer.get(name) or "") or None for name in ("id_token", "access_token"))
        return TokenSet(str(answer.get("refresh_token") or refresh_token), id_token, access_token)

    def service_token(self) -> str:
        """An access token of the client's own service account (RFC 6749, section 4.4).

        Raises:
            GrantRefused: the client has no service account.
            ProviderDown: Keycloak does not answer.
        """
        if self._service_token_until <= self._clock():
            answer = self._token_request(grant_type="client_credentials")
            self._service_token = str(answer.get("access_token", ""))
            self._service_token_until = self._clock() + max(0, int(answer.get("expires_in", 60)) - 30)
        return self._service_token

    def forget_service_token(self) -> None:
        """Have the next :meth:`service_token` ask anew: rights come with a new token only."""
        self._service_token_until = 0.0

    def _token_request(self, **form: str) -> Mapping[str, Any]:
        url = self.endpoint("token_endpoint")
        grant_type = form.pop("grant_type")
        try:
            with OAuth2Session(
                self._settings.oidc_client_id,
                self._settings.oidc_client_secret.get_secret_value(),
                default_timeout=TIMEOUT_SECONDS,
            ) as client:
                return dict(client.fetch_token(url, grant_type=grant_type, **form))
        except OAuthError as error:
            if str(error.error) in ("temporarily_unavailable", "server_error"):
                raise ProviderDown(str(error.error)) from None
            raise GrantRefused(str(error.error)[:80]) from None
        except (requests.RequestException, ValueError) as error:
            raise ProviderDown(type(error).__name__) from None


def _get(url: str, token: str | None) -> requests.Response:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return requests.get(url, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)


def _is_keycloaks(answer: requests.Response) -> bool:
    """Whether an error has the shape of Keycloak's own."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and bool({"error", "errorMessage"} & set(body))
