"""Bearer JWTs of our issuer: for pipelines that already hold an access token of Keycloak.

A token of another issuer, or one that a gateway adds beside a session, is "not mine". One of ours is judged by the
claims that it carries, as logins are by theirs; userinfo is asked with the tokens of our own client alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .. import logs
from ..errors import Unauthenticated, Unavailable
from ..model import AccountState, Actor
from ..policy import words
from ..settings import Settings
from ..store.people import Blocked, NameTaken, People
from .claims import Denial, admit
from .faults import ProviderDown, TokenInvalid
from .provider import Provider
from .tokens import peek

_logger = logs.logger(__name__)


class BearerTokens:
    """Answers with the standing of a token's subject, None ("not mine"), or refuses."""

    def __init__(
        self, settings: Settings, provider: Provider, people: People, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._people = people
        self._clock = clock

    def __call__(self, text: str, lenient: bool) -> AccountState | None:
        """Judge a token; ``lenient`` where a session cookie came along and decides instead.

        Raises:
            Unauthenticated: a token of our issuer does not hold, or its subject may not come in.
            Unavailable: Keycloak's signing keys are not available.
        """
        peeked = peek(text)
        if peeked is None or peeked.get("iss") != self._settings.oidc_issuer:
            return None
        if not self._provider.is_for_us(peeked):
            if lenient:
                return None
            raise Unauthenticated(
                "This access token is for another audience (aud). Expected among it: "
                f"'{self._settings.oidc_client_id}'; add an audience mapper to the client that fetches it."
            )
        try:
            claims = self._provider.verify(text)
        except TokenInvalid as error:
            raise Unauthenticated(f"This access token is not valid: {error}.") from None
        except ProviderDown:
            raise Unavailable(
                f"{self._settings.provider_name} does not answer, so no access token can be checked. Try again soon."
            ) from None
        # Keycloak's ID and logout tokens name our client, too, and travel through browsers.
        ours = claims.get("typ") == "Bearer" and self._provider.is_for_us(claims)
        if not ours or not isinstance(claims.get("sub"), str):
            raise Unauthenticated("This token is not an access token. Expected a token of typ 'Bearer'.")
        return self._standing(claims)

    def _standing(self, claims: Mapping[str, Any]) -> AccountState:
        verdict = admit([claims], self._settings)
        if isinstance(verdict, Denial):
            _logger.warning("a token of '%s' is refused: %s", verdict.account, verdict.reason)
            raise Unauthenticated(f"'{verdict.account}' may not use this server. {verdict.reason}{_advice(verdict)}")
        known = self._people.standing(verdict.issuer, verdict.subject)
        if known is None:
            try:
                self._people.log_in(verdict, Actor(verdict.username, int(self._clock()), "bearer token"))
            except Blocked:
                raise Unauthenticated(f"An administrator has blocked the account '{verdict.username}'.") from None
            except NameTaken as error:
                provider = self._settings.provider_name
                raise Unauthenticated(
                    words.no_login_by_name(error.name, provider, kept=error.kept, bound=error.bound)
                ) from None
            known = self._people.standing(verdict.issuer, verdict.subject)
            if known is None:
                raise Unauthenticated("This account has just been deleted.")
        return known


def _advice(denial: Denial) -> str:
    if not denial.unsaid:
        return ""
    claims = " or ".join(f"'{path}'" for path in denial.unsaid)
    return (
        f" The token does not carry the claim {claims}, and this server reads groups only from it. Add the claim "
        "to access tokens in the identity provider, or use an access key."
    )
