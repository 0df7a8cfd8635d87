"""What the server itself asks of Keycloak, beside a browser's login: metadata, keys, refreshed tokens.

Nothing here runs on an event loop. Every answer comes within seconds or as :class:`ProviderDown`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ..settings import Settings
from . import fetching, offers, rehearsal, tokens
from .faults import ClientRefused, GrantRefused, NoDiscovery, OtherIssuer, ProviderDown, TokenInvalid
from .kept_document import KeptDocument

TIMEOUT_SECONDS = 5
METADATA_SECONDS = 3600
# A login page that could not be reached is asked again after so long.
UNREACHED_SECONDS = 300
# While one thread asks whether Keycloak answers, an answer of so long ago does for the others.
MEANWHILE_SECONDS = 10
# Keys are fetched for an unknown key id, but not for each of a flood of made-up ones.
KEYS_COOLDOWN_SECONDS = 10
# Of the statuses from 400 to 499 these refuse nothing: Request Timeout, Too Early, Too Many Requests.
TRY_LATER = (408, 425, 429)


@dataclass(frozen=True)
class TokenSet:
    """The tokens of one refresh, unverified. The ID token may be missing (OpenID Connect Core 1.0, section 12.2)."""

    refresh_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    access_token: str | None = field(repr=False)


class Provider:
    """Our side of the back channel to Keycloak; shared by all threads of a process."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._discovery = KeptDocument(self._fetch_metadata, clock, old_will_do=True)
        self._keys = KeptDocument(self._fetch_keys, clock, old_will_do=False)
        self._answering = KeptDocument(self._fetch_metadata, clock, old_will_do=False, failures_hold=False)
        self._reception = KeptDocument(lambda: rehearsal.login(settings, self.metadata()), clock, old_will_do=False)
        self._service_token = ""
        self._service_token_until = 0.0

    def metadata(self) -> Mapping[str, Any]:
        """The discovery document (OpenID Connect Discovery 1.0, section 4), at most an hour old.

        Raises:
            ProviderDown: it is not available.
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

    def check_reception(self) -> bool:
        """Whether it is known that Keycloak lets a browser begin a login here; what it said is kept for an hour.

        Raises:
            LoginsRefused: it would not.
            ProviderDown: the discovery document is not available.
        """
        seconds = METADATA_SECONDS if self._reception.present else UNREACHED_SECONDS
        return bool(self._reception.get(seconds, meanwhile=2 * METADATA_SECONDS))

    def _fetch_metadata(self) -> Mapping[str, Any]:
        found: Any = self.get_json(self._settings.discovery_url)
        if found is None:
            raise NoDiscovery(self._settings)
        issuer = found.get("issuer") if isinstance(found, dict) else None
        # OpenID Connect Discovery 1.0, section 4.3: exactly, as in tokens (OpenID Connect Core 1.0, section 3.1.3.7).
        if issuer != self._settings.oidc_issuer:
            raise OtherIssuer(issuer, self._settings)
        document: Mapping[str, Any] = found
        return document

    def endpoint(self, name: str) -> str:
        """One URL of the discovery document.

        Raises:
            ProviderDown: the document is not available or does not name it.
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
            answer = fetching.get(url, token, TIMEOUT_SECONDS)
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
            answer = fetching.get(url, token, TIMEOUT_SECONDS)
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
            raise ProviderDown("userinfo is not a JSON object")
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
            ProviderDown: the signing keys are not available.
        """
        claims = self._signed(token)
        tokens.check_times(claims, self._clock())
        if claims.get("iss") != self._settings.oidc_issuer:
            raise TokenInvalid(f"it was not issued by {self._settings.oidc_issuer}")
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        """The claims under a signature of Keycloak's; nothing else of them is checked."""
        return tokens.signed_claims(token, self._keys_with)

    def _keys_with(self, key_id: str) -> KeySet:
        keys: KeySet | None = self._keys.present
        if keys is not None and any(key.kid == key_id for key in keys):
            return keys
        keys = self._keys.get(KEYS_COOLDOWN_SECONDS)
        if not any(key.kid == key_id for key in keys):
            raise TokenInvalid(f"it names a key that {self._settings.provider_name} does not have")
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
            ProviderDown: the signing keys are not available.
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
            ClientRefused: Keycloak takes neither the client nor its secret.
            GrantRefused: the client has no service account.
            ProviderDown: Keycloak does not answer.
        """
        if self._service_token_until <= self._clock():
            try:
                answer = self._token_request(grant_type="client_credentials")
            except GrantRefused:
                self.check_client()  # Keycloak has one word for a wrong secret and a client without a service account
                raise
            self._service_token = str(answer.get("access_token", ""))
            self._service_token_until = self._clock() + max(0, int(answer.get("expires_in", 60)) - 30)
        return self._service_token

    def check_client(self) -> None:
        """Whether Keycloak takes the client and its secret; a refresh token that is none tells it.

        Raises:
            ClientRefused: it does not.
            ProviderDown: Keycloak does not answer.
        """
        try:
            self._token_request(grant_type="refresh_token", refresh_token="none")  # noqa: S106 - it is none
        except ClientRefused:
            raise
        except GrantRefused:
            pass  # the token is refused, not the client

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
            if self._means_client(str(error.error), grant_type):
                raise ClientRefused(str(error.error)) from None
            raise GrantRefused(str(error.error)[:80]) from None
        except (requests.RequestException, ValueError) as error:
            raise ProviderDown(type(error).__name__) from None

    def _means_client(self, error: str, grant_type: str) -> bool:
        """Whether the client itself is refused (RFC 6749, section 5.2). Keycloak has two words for it."""
        if error == "unauthorized_client" and grant_type != "client_credentials":
            return offers.is_keycloak(self.metadata(), self._settings)
        return error == "invalid_client"


def _is_keycloaks(answer: requests.Response) -> bool:
    """Whether an error has the shape of Keycloak's own."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and bool({"error", "errorMessage"} & set(body))
