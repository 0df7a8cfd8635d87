"""The relying party: Authorization Code with PKCE (S256), state and nonce, through Authlib.

Checked on the way back: state, ``iss`` (RFC 9207), and of the ID token the signature, an allow-list of
algorithms, ``iss``, ``aud``/``azp``, ``exp`` and nonce (OpenID Connect Core 1.0, section 3.1.3.7).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, request
from joserfc.errors import JoseError
from requests import RequestException

from .. import logs
from ..settings import Settings
from .provider import ALGORITHMS, CLOCKS, LEEWAY_SECONDS, TIMEOUT_SECONDS, Provider, ProviderDown
from .reading import OtherSubject, Reader, Sources

_logger = logs.logger(__name__)


class LoginFailed(Exception):
    """The login was not completed; the text is fit for the log and holds no secret."""


@dataclass(frozen=True)
class Login:
    """A completed login: claims of the ID token first, then of the access token and userinfo."""

    sources: Sources
    id_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    sid: str | None


class RelyingParty:
    """Our client registration at Keycloak."""

    def __init__(self, app: Flask, settings: Settings, provider: Provider, reader: Reader) -> None:
        self._settings = settings
        self._provider = provider
        self._reader = reader
        self._client = OAuth(app).register(
            "keycloak",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            server_metadata_url=settings.discovery_url,
            client_kwargs={
                "scope": " ".join(settings.oidc_scopes),
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT_SECONDS,
            },
        )

    def begin(self, callback_url: str) -> Response:
        """The redirect to Keycloak's login.

        Raises:
            ProviderDown: Keycloak does not answer.
        """
        self._provider.probe()
        self._tell_client()
        try:
            return self._client.authorize_redirect(callback_url)  # type: ignore[no-any-return]
        except (RequestException, RuntimeError, ValueError, KeyError) as error:
            raise ProviderDown(type(error).__name__) from None

    def complete(self) -> Login:
        """Exchange the code of the running request for claims.

        Raises:
            LoginFailed: state, nonce, issuer, signature, userinfo's subject or another check does not hold.
            ProviderDown: Keycloak does not answer.
        """
        issuer = request.args.get("iss")
        if issuer is not None and issuer != self._settings.oidc_issuer:
            raise LoginFailed(f"the callback names the issuer {issuer!r:.200}")
        try:
            self._tell_client()
            token = self._client.authorize_access_token(
                claims_options={
                    "iss": {"essential": True, "value": self._settings.oidc_issuer},
                    "aud": {"essential": True, "value": self._settings.oidc_client_id},
                    "nonce": {"essential": True},
                },
                leeway=LEEWAY_SECONDS,
            )
        except OAuthError as error:
            raise LoginFailed(f"Keycloak or the callback says: {error.error!r:.80}") from None
        except RequestException as error:
            raise ProviderDown(type(error).__name__) from None
        except (JoseError, ValueError, KeyError, RuntimeError) as error:
            # The token was issued a moment ago.
            hint = f"; {CLOCKS}" if getattr(error, "claim", None) in ("exp", "iat", "nbf") else ""
            raise LoginFailed(f"the ID token does not hold: {type(error).__name__} {error}"[:300] + hint) from None
        claims = token.get("userinfo")
        if not claims or not claims.get("nonce") or not claims.get("sub"):
            raise LoginFailed("Keycloak answered without a usable ID token")
        azp = claims.get("azp")
        if azp is not None and azp != self._settings.oidc_client_id:
            raise LoginFailed("the ID token was issued to another client (azp)")
        refresh_token, sid = token.get("refresh_token"), claims.get("sid")
        try:
            sources = self._reader.of_login(dict(claims), str(token.get("access_token") or "") or None)
        except OtherSubject as error:
            raise LoginFailed(str(error)) from None
        return Login(
            sources=sources,
            id_token=str(token["id_token"]),
            refresh_token=str(refresh_token) if refresh_token else None,
            sid=str(sid)[:255] if sid else None,
        )

    def _tell_client(self) -> None:
        """Give Authlib's client the discovery document that we keep: each thread would fetch its own at first.

        Raises:
            ProviderDown: it is not to be had.
        """
        document = dict(self._provider.metadata())
        supported = document.get("id_token_signing_alg_values_supported") or ["RS256"]
        document["id_token_signing_alg_values_supported"] = [each for each in supported if each in ALGORITHMS]
        # In one step, so that no thread sees another list of algorithms.
        self._client.server_metadata.update({**document, "_loaded_at": time.time()})

    def end_session_url(self, id_token: str | None, back_to: str) -> str | None:
        """Keycloak's logout (RP-Initiated Logout 1.0); None where it cannot be told."""
        try:
            endpoint = self._provider.metadata().get("end_session_endpoint")
            hint = id_token if id_token and self._provider.still_signs(id_token) else None
        except ProviderDown:
            return None
        if not endpoint:
            return None
        query = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back_to}
        if hint:
            query["id_token_hint"] = hint
        return f"{endpoint}?{urlencode(query)}"
