"""Tokens of trusted issuers: a workload logs in with what its platform gives it, and is a service account.

Nothing is remembered of a token: signature, claims, bindings and the account's standing are checked with each request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import logs
from ..errors import AccountOut, Unauthenticated, Unavailable
from ..model import AccountState, Actor
from ..plain import escaped
from ..policy import words
from ..policy.workloads import matches
from ..settings import Settings
from ..store.access_keys import LAST_USE_SECONDS
from ..store.new_accounts import SERVICE_ISSUER
from ..store.people import People
from ..store.workloads import Binding, Workloads
from .authenticators import Recently, roles_of
from .caller import Identity
from .faults import ProviderDown, TokenInvalid
from .issuer_keys import ALGORITHMS, IssuerKeys
from .presented import Presented
from .recheck import AccountRevalidator
from .tokens import check_times, peek, signed_claims

_logger = logs.logger(__name__)
# Characters of a token; those of platforms have some 1,000 to 3,000.
LONGEST_TOKEN = 16_384
LONGEST_LIFE = 24 * 3600
# RFC 7519, section 5.1; RFC 9068, section 2.1; JWT-SVID, section 2.1.
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt", "jose"})
# Claims of ID tokens of a login in a browser, and of logout tokens (OpenID Connect Core 1.0, section 2; Back-Channel
# Logout 1.0, section 2.4).
_OF_LOGINS = ("nonce", "at_hash", "c_hash", "events")


class TrustedTokens:
    """Answers whose a token is: the claims of a valid one."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        grace = settings.outage_grace_seconds
        self._keys = {each.url: IssuerKeys(each, grace, clock) for each in settings.trusted_issuers}
        self._audiences = settings.trust.audiences
        self._clock = clock

    def __call__(self, text: str, lenient: bool) -> Mapping[str, Any] | None:
        """The claims of a token, None for one of another issuer; ``lenient`` where a session came along, as well.

        Raises:
            Unauthenticated: it does not hold.
            Unavailable: the issuer's keys are not available.
        """
        peeked = peek(text) if self._keys else None
        issuer = peeked.get("iss") if peeked is not None else None
        keys = self._keys.get(issuer) if isinstance(issuer, str) else None
        if peeked is None or keys is None:
            return None
        if not audiences_of(peeked) & set(self._audiences):
            if lenient:
                return None
            names = " or ".join(f"'{each}'" for each in self._audiences)
            raise Unauthenticated(f"This token is for another audience (aud). Expected among it: {names}.")
        try:
            return self._verified(text, keys, str(issuer))
        except TokenInvalid as error:
            raise Unauthenticated(f"This token of {issuer} is not valid: {error}.") from None
        except ProviderDown:
            raise Unavailable(
                f"The signing keys of {issuer} are not available, so no token of it can be checked. Try again soon."
            ) from None

    def _verified(self, text: str, keys: IssuerKeys, issuer: str) -> Mapping[str, Any]:
        if len(text) > LONGEST_TOKEN:
            raise TokenInvalid(f"it has {len(text)} characters, expected at most {LONGEST_TOKEN}")
        claims = signed_claims(text, keys.keys_with, ALGORITHMS, _TYPES)
        if claims.get("iss") != issuer:
            raise TokenInvalid(f"it was not issued by {issuer}")
        check_times(claims, self._clock())
        seconds = claims["exp"] - claims["iat"]
        if seconds > LONGEST_LIFE:
            raise TokenInvalid(f"it lives {seconds / 3600:.1f} hours, expected at most {LONGEST_LIFE // 3600}")
        # Keycloak's ID, refresh and logout tokens say what they are in a claim.
        found = [name for name in _OF_LOGINS if name in claims]
        if found or claims.get("typ") not in (None, "Bearer"):
            what = f"the claim '{found[0]}'" if found else f"the typ {claims['typ']!r:.20}"
            raise TokenInvalid(f"it has {what}, so it is no access token of a workload")
        return claims


class WorkloadTokens:
    """A token of a trusted issuer, as Bearer: the service account that is bound to it."""

    def __init__(
        self,
        tokens: TrustedTokens,
        audiences: Sequence[str],
        workloads: Workloads,
        people: People,
        revalidator: AccountRevalidator,
        recently: Recently,
        contact: str,
    ) -> None:
        """``audiences`` name this server, ``contact`` is whom to ask."""
        self._tokens = tokens
        self._audiences = frozenset(audiences)
        self._workloads = workloads
        self._people = people
        self._revalidator = revalidator
        self._recently = recently
        self._contact = contact

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`authenticators.Authenticator`."""
        if given.scheme != "bearer":
            return None
        claims = self._tokens(given.credentials, lenient=bool(given.session_id))
        if claims is None:
            return None
        now = int(time.time())
        binding = self._binding(claims, now)
        standing = self._standing(binding)
        person = self._revalidator.for_standing(standing)
        actor = Actor(person.username, now, given.facts.client, person.user_id)
        subject = escaped(str(claims.get("sub", "")), 255)
        self._recently.note(
            f"workload:{binding.id}", now, LAST_USE_SECONDS, lambda: self._workloads.used(binding, subject, actor)
        )
        return Identity(person, "workload", roles=roles_of(standing, person), header=given.header)

    def _standing(self, binding: Binding) -> AccountState:
        standing = self._people.standing_of(binding.user_id)
        if standing is None or standing.issuer != SERVICE_ISSUER:
            raise AccountOut(f"The service account of this token may no longer use this server. Ask {self._contact}.")
        return standing

    def _binding(self, claims: Mapping[str, Any], now: int) -> Binding:
        """The binding of the one account that the token is.

        Raises:
            Unauthenticated: it is none, or could be one of several.
        """
        issuer, audiences = str(claims["iss"]), audiences_of(claims) & self._audiences
        found = [
            each
            for each in self._workloads.of_issuer(issuer)
            if each.audience in audiences and matches(each.claims, claims)
        ]
        in_force = [each for each in found if each.expires_at is None or each.expires_at > now]
        who = f"the issuer '{issuer}' and the subject '{escaped(str(claims.get('sub', '')), 100)}'"
        if len({each.user_id for each in in_force}) > 1:
            names = ", ".join(sorted({each.username for each in in_force}))
            _logger.warning("a token of %s is refused: it matches several accounts: %s", who, names)
            raise Unauthenticated(
                f"This token, of {who}, matches more than one service account, so it is refused. Ask {self._contact} "
                "to change their bindings."
            )
        if in_force:
            return in_force[0]
        if found and found[0].expires_at is not None:
            ended = words.moment(found[0].expires_at)
            raise Unauthenticated(f"The binding of this token, of {who}, expired on {ended}. Ask {self._contact}.")
        _logger.warning("a token of %s is refused: it matches no account", who)
        raise Unauthenticated(
            f"No service account is bound to this token, of {who}. Ask {self._contact} to bind one to it."
        )


def audiences_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The audiences of a token (RFC 7519, section 4.1.3)."""
    audience = claims.get("aud")
    return frozenset(each for each in (audience if isinstance(audience, list) else [audience]) if isinstance(each, str))
