"""What the provider says of a person: one reading of ID token, access token and userinfo for login and re-check.

A provider may tell a claim in any of the three; many tell most of them by userinfo alone (OpenID Connect Core 1.0,
section 5.4). Access tokens that clients send are judged by what they carry themselves: see ``bearer.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import logs
from ..settings import Settings
from .faults import GrantRefused, TokenInvalid
from .provider import Provider, TokenSet

_logger = logs.logger(__name__)

Sources = tuple[Mapping[str, Any], ...]


class OtherSubject(Exception):
    """The provider speaks of somebody else; the text says where, and is fit for the log."""


class Reader:
    """Reads claims; all that it answers are of one subject."""

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self._settings = settings
        self._provider = provider

    def of_login(self, id_token: Mapping[str, Any], access_token: str | None) -> Sources:
        """The claims of a verified ID token, then those of the access token and of userinfo.

        Raises:
            OtherSubject: userinfo is not of the ID token's subject.
            ProviderDown: the provider does not answer; a part of the claims is no answer.
        """
        subject = str(id_token["sub"])
        sources = (id_token, self._access_token(access_token, subject), self._userinfo(access_token, subject))
        return tuple(source for source in sources if source)

    def of_refresh(self, tokens: TokenSet, subject: str) -> Sources:
        """The same of refreshed tokens; the first source names the subject, whether or not an ID token came.

        Raises:
            OtherSubject: the ID token or userinfo is not of ``subject``.
            ProviderDown: as :meth:`of_login`.
        """
        claims: Mapping[str, Any] = {"sub": subject}
        if tokens.id_token is not None:
            try:
                claims = self._id_token(tokens.id_token)
            except TokenInvalid as error:
                _logger.warning("a refreshed ID token is not valid: %s", error)
        # OpenID Connect Core 1.0, section 12.2.
        if claims.get("sub") != subject:
            raise OtherSubject("the refreshed ID token is of another subject")
        return self.of_login(claims, tokens.access_token)

    def _id_token(self, text: str) -> Mapping[str, Any]:
        claims = self._provider.verify(text)
        if not self._provider.is_for_us(claims):
            raise TokenInvalid("its audience is another client")
        if claims.get("azp") not in (None, self._settings.oidc_client_id):
            raise TokenInvalid("it was issued to another client (azp)")
        return claims

    def _access_token(self, text: str | None, subject: str) -> Mapping[str, Any]:
        """Its claims, where it is a JWT of the issuer; to others it may be opaque, or name another subject."""
        try:
            claims = self._provider.verify(text or "")
        except TokenInvalid:
            return {}
        return claims if claims.get("sub") == subject else {}

    def _userinfo(self, access_token: str | None, subject: str) -> Mapping[str, Any]:
        if access_token is None:
            return {}
        try:
            claims = self._provider.userinfo(access_token)
        except GrantRefused as error:
            # It says nothing of the person: the next refresh does, where the account or the session has ended.
            _logger.warning(
                "userinfo refuses the access token (%s), so claims that only userinfo has are missing", error
            )
            return {}
        # OpenID Connect Core 1.0, section 5.3.2: it always has a sub, and another subject's must not be used.
        if claims is not None and claims.get("sub") != subject:
            raise OtherSubject("userinfo is of another subject than the ID token")
        return claims or {}
