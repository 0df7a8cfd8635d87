"""The demo provider's OAuth and OpenID rules: Authlib's, with the gaps filled that it leaves to its users.

Methods without a docstring are Authlib's hooks, and documented there. Authlib takes plain http on loopback.
"""

# Authlib has no types, and offers its server as classes to derive from:
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING, Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint
from joserfc import jwt
from joserfc.jwk import KeySet

from ..identity.pkce import CHALLENGE
from .grants import TOKEN_SECONDS, Code, SsoSession, Token
from .signing import ALGORITHM

if TYPE_CHECKING:
    from .provider import DemoProvider

AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
SCOPES = ["openid", "email", "profile", "offline_access"]
# What a Keycloak realm gives everybody; the demo has it so that nobody mistakes these for teams.
DEFAULT_ROLES = ["offline_access", "uma_authorization", "default-roles-demo"]
# {"alg":"none"}, which every relying party must refuse (RFC 8725, section 3.2); joserfc warns when asked for it.
UNSIGNED_HEADER = "eyJhbGciOiJub25lIn0"


class Server(AuthorizationServer, IssuerParameter):
    """Authlib's server for one provider; it names the issuer in its redirects (RFC 9207)."""

    def __init__(self, app: flask.Flask, provider: DemoProvider) -> None:
        super().__init__(app)
        self.provider = provider
        tokens = BearerTokenGenerator(_access_token, lambda **_: secrets.token_urlsafe(32), TOKEN_SECONDS)
        self.register_token_generator("default", tokens)
        self.register_grant(_CodeGrant, [_S256(), _IdToken(provider)])
        self.register_grant(_RefreshGrant, [_IdToken(provider)])
        self.register_endpoint(_EndSession)
        self.register_extension(self)

    def get_issuer(self) -> str:
        return self.provider.issuer

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(self.provider) if client_id == self.provider.client_id else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        granted = Token(session=request.user, scope=token["scope"], access_token=token["access_token"])
        self.provider.memory.put(token["refresh_token"], granted)

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        # 303, because after other codes a browser may post the form again (RFC 9700, section 4.12).
        return super().handle_response(303 if status == 302 else status, body, headers)


class AccessTokenValidator(BearerTokenValidator):
    """Knows the access tokens that are still remembered."""

    def __init__(self, provider: DemoProvider) -> None:
        super().__init__(realm="demo")
        self._memory = provider.memory

    def authenticate_token(self, token_string: str) -> Token | None:
        return next((token for token in self._memory.all(Token) if token.access_token == token_string), None)


class _Client(ClientMixin):
    """The provider's only client."""

    def __init__(self, provider: DemoProvider) -> None:
        self.provider = provider
        self.client_metadata = {"post_logout_redirect_uris": provider.post_logout_redirect_uris}

    def claims(self, audience: str, kind: str) -> dict[str, Any]:
        now, client_id = int(time.time()), self.provider.client_id
        head = {"iss": self.provider.issuer, "aud": audience, "azp": client_id, "typ": kind}
        return {**head, "iat": now, "exp": now + TOKEN_SECONDS}

    def get_client_id(self) -> str:
        return self.provider.client_id

    def get_default_redirect_uri(self) -> None:
        return None  # the request must name one (OpenID Connect Core 1.0, section 3.1.2.1)

    def get_allowed_scope(self, scope: str | None) -> str | None:
        asked = (scope or "").split()
        return " ".join(known for known in SCOPES if known in asked) if "openid" in asked else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.provider.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret.encode(), self.provider.client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in AUTH_METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


class _S256(CodeChallenge):
    """PKCE of every client; Authlib asks public ones only, and accepts ``plain``."""

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(given.get("code_challenge", "")):
            raise InvalidRequestError("A code_challenge with code_challenge_method S256 is required")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        try:
            super().validate_code_verifier(grant, result)
        except InvalidRequestError as error:  # to Keycloak a missing verifier, too, is an invalid grant
            raise InvalidGrantError(error.description) from None


class _CodeGrant(AuthorizationCodeGrant):
    def save_authorization_code(self, code: str, request: Any) -> None:
        given = request.payload.data
        names = ("redirect_uri", "nonce", "code_challenge")
        granted = Code(session=request.user, scope=request.scope, **{name: given.get(name) for name in names})
        self.server.provider.memory.put(code, granted)

    def query_authorization_code(self, code: str, client: _Client) -> Code:
        return client.provider.memory.redeem(Code, code)

    def authenticate_user(self, authorization_code: Code) -> SsoSession:
        return authorization_code.session

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing: a used one is remembered, so that a second use is noticed."""


class _RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token:
        found: Token = self.server.provider.memory.redeem(Token, refresh_token)
        return found

    def authenticate_user(self, refresh_token: Token) -> SsoSession:
        return refresh_token.session

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """Nothing: a used one is remembered, so that a second use is noticed."""


class _IdToken(OpenIDCode):
    """The ID token of a login and of a refresh."""

    def __init__(self, provider: DemoProvider) -> None:
        super().__init__()
        self._provider = provider

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return False  # the relying party checks it

    def resolve_client_private_key(self, client: _Client) -> KeySet:
        return client.provider.keys.signing

    def get_client_claims(self, client: _Client) -> dict[str, Any]:
        return client.claims(client.provider.client_id, "ID")

    def generate_user_info(self, user: SsoSession, scope: str) -> dict[str, Any]:
        return {**self._provider.told_of(user.user, "ID token"), **user.claims()}

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        """Authlib's, changed where a test has asked for that."""
        provider = self._provider
        encoded: str = super().encode_id_token(token, request)
        if provider.tamper is not None:
            claims = jwt.decode(encoded, provider.keys.verifying, algorithms=[ALGORITHM]).claims
            encoded = provider.keys.sign(provider.tamper(claims))
        return f"{UNSIGNED_HEADER}.{encoded.split('.')[1]}." if provider.unsigned_id_token else encoded


def _access_token(client: _Client, user: SsoSession, scope: str, **_: Any) -> str:
    """Shaped like Keycloak's: ``aud`` is not the client, the roles stand only here."""
    provider = client.provider
    roles = {} if provider.userinfo_only else {"realm_access": {"roles": DEFAULT_ROLES}}
    ours = {**client.claims("account", "Bearer"), **user.claims(), "scope": scope}
    return provider.keys.sign({**provider.told_of(user.user, "access token"), **roles, **ours})


class _EndSession(EndSessionEndpoint):
    """RP-Initiated Logout 1.0; other than Authlib's, it refuses an address that is not registered."""

    def validate_request(self, request: Any) -> Any:
        asked, given = super().validate_request(request), request.payload.data
        if asked.id_token_claims is not None and asked.id_token_claims.get("typ") != "ID":
            raise InvalidRequestError("The id_token_hint is no ID token.")
        if asked.redirect_uri is None and "post_logout_redirect_uri" in given:
            raise InvalidRequestError("The post_logout_redirect_uri is not registered for this client.")
        return asked

    def get_server_jwks(self) -> KeySet:
        keys: KeySet = self.server.provider.keys.verifying
        return keys

    def get_algorithms(self) -> list[str]:
        return [ALGORITHM]

    def is_post_logout_redirect_uri_legitimate(self, *_: Any) -> bool:
        return True  # it is the named client's, and the person is asked

    def end_session(self, end_session_request: Any) -> None:
        """End the hint's session and this browser's."""
        hinted = (end_session_request.id_token_claims or {}).get("sid", "")
        for sid in (hinted, flask.session.pop("sid", "")):
            if (session := self.server.provider.memory.get(SsoSession, sid)) is not None:
                session.end()
