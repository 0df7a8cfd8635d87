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
from . import offers
from .failures import CLOCK, CLOCKS, INVALID, OTHER_ISSUER, LoginFailed, refused
from .faults import ProviderDown
from .provider import TIMEOUT_SECONDS, Provider
from .reading import OtherSubject, Reader, Sources
from .tokens import ALGORITHMS, LEEWAY_SECONDS

_logger = logs.logger(__name__)
# Keycloak takes a request line of 4096 bytes (Quarkus, quarkus.http.limits.max-initial-line-length), and the ID token
# of a person in hundreds of groups is longer.
LONGEST_URL = 4000


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
        self._told_no_refresh = False
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

    def begin(self, state: str, *, anew: bool = False) -> Response:
        """The redirect to the provider's login; ``anew``: it asks who it is even where its own session lives on.

        Raises:
            WrongSetting: the provider is another one, or would refuse the browser.
            ProviderDown: Keycloak does not answer.
        """
        self._provider.probe()
        self._provider.check_reception()
        self._tell_client()
        how = {"prompt": "login"} if anew else {}  # OpenID Connect Core 1.0, section 3.1.2.1
        try:
            return self._client.authorize_redirect(self._settings.callback_url, state=state, **how)  # type: ignore[no-any-return]
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
            raise LoginFailed(
                OTHER_ISSUER, f"the callback names the issuer {issuer!r:.200}, expected {self._settings.oidc_issuer!r}"
            )
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
            name, in_callback = self._settings.provider_name, "error" in request.args
            raise refused(name, str(error.error), in_callback=in_callback) from None
        except RequestException as error:
            raise ProviderDown(type(error).__name__) from None
        except (JoseError, ValueError, KeyError, RuntimeError) as error:
            # The token was issued a moment ago.
            of_time = getattr(error, "claim", None) in ("exp", "iat", "nbf")
            hint = f"; {CLOCKS}" if of_time else ""
            text = f"the ID token is not valid: {type(error).__name__} {error}"[:300] + hint
            raise LoginFailed(CLOCK if of_time else INVALID, text) from None
        claims = token.get("userinfo")
        if not claims or not claims.get("nonce") or not claims.get("sub"):
            raise LoginFailed(INVALID, f"{self._settings.provider_name} answered without a usable ID token")
        azp = claims.get("azp")
        if azp is not None and azp != self._settings.oidc_client_id:
            raise LoginFailed(INVALID, "the ID token was issued to another client (azp)")
        refresh_token, sid = token.get("refresh_token"), claims.get("sid")
        if not refresh_token:
            self._tell_no_refresh()
        try:
            sources = self._reader.of_login(dict(claims), str(token.get("access_token") or "") or None)
        except OtherSubject as error:
            raise LoginFailed(INVALID, str(error)) from None
        return Login(
            sources=sources,
            id_token=str(token["id_token"]),
            refresh_token=str(refresh_token) if refresh_token else None,
            sid=str(sid)[:255] if sid else None,
        )

    def _tell_no_refresh(self) -> None:
        """Say once in the log that sessions begin which no refresh token re-checks."""
        if self._told_no_refresh:
            return
        self._told_no_refresh = True
        why = offers.why_no_recheck(self._provider.metadata(), self._settings)
        _logger.warning(
            "login: %s sent no refresh token, so sessions cannot be re-checked%s",
            self._settings.provider_name,
            f". {why}" if why else "",
        )

    def _tell_client(self) -> None:
        """Give Authlib's client the discovery document that we keep: each thread would fetch its own at first.

        Raises:
            ProviderDown: it is not available.
        """
        document = dict(self._provider.metadata())
        supported = document.get("id_token_signing_alg_values_supported") or ["RS256"]
        document["id_token_signing_alg_values_supported"] = [each for each in supported if each in ALGORITHMS]
        # In one step, so that no thread sees another list of algorithms.
        self._client.server_metadata.update({**document, "_loaded_at": time.time()})

    def ends_sessions(self) -> bool:
        """Whether a logout here can end the provider's session, too; False where that is not known."""
        try:
            return offers.ends_sessions(self._provider.metadata())
        except ProviderDown:
            return False

    def end_session_url(self, id_token: str | None, back_to: str) -> str | None:
        """The provider's logout (RP-Initiated Logout 1.0); None where it has none or cannot be told."""
        try:
            endpoint = self._provider.metadata().get("end_session_endpoint")
            hint = id_token if id_token and self._provider.still_signs(id_token) else None
        except ProviderDown:
            return None
        if not endpoint:
            return None
        query = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back_to}
        # The client and the browser's session tell the provider enough; it asks the person first, then.
        with_hint = f"{endpoint}?{urlencode({**query, 'id_token_hint': hint})}"
        return with_hint if hint and len(with_hint) <= LONGEST_URL else f"{endpoint}?{urlencode(query)}"
