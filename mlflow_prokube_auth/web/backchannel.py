"""Back-channel logout: the provider says that a session, or all of a person's, is over.

OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.8. The request carries no credential but its token.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask import Response

from .. import api_models as takes
from .. import logs
from ..errors import BadRequest, Unavailable
from ..identity.caller import actor_named
from ..identity.faults import ProviderDown, TokenInvalid
from ..store import audit
from .context import Web

_logger = logs.logger(__name__)

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_TOKEN = 16_384
# A token without ``exp`` is remembered, and taken, for so long after its ``iat``.
LIFE_SECONDS = 300


def logout(web: Web, body: takes.LogoutToken) -> Any:
    """End what the token names; 200 also where nothing was left to end."""
    token = body.logout_token
    if not token or len(token) > LONGEST_TOKEN:
        raise BadRequest("Expected one logout_token in the form.")
    try:
        claims = web.provider.verify(token)
        _check(web, claims)
    except TokenInvalid as error:
        _logger.warning("back-channel logout refused: %s", error)
        raise BadRequest(f"The logout token is not valid: {error}.") from None
    except ProviderDown:
        name = web.settings.provider_name
        raise Unavailable(f"{name} did not return its signing keys, so no logout token can be verified.") from None
    now = int(time.time())
    sessions = web.services.sessions
    if not sessions.claim_once(str(claims["jti"])[:255], now, now + LIFE_SECONDS):
        raise BadRequest("This logout token was already used.")
    subject, sid = claims.get("sub"), claims.get("sid")
    ended = sessions.end_of(web.settings.oidc_issuer, subject, sid)
    if subject is not None:
        web.services.people.ask_soon(web.settings.oidc_issuer, subject)
    with web.services.database.write() as connection:
        audit.record(connection, "logout.backchannel", actor_named("keycloak"), target=str(subject), ended=ended)
    response = Response(status=200)
    response.headers["Cache-Control"] = "no-store"
    return response


def _check(web: Web, claims: Mapping[str, Any]) -> None:
    if not web.provider.is_for_us(claims):
        raise TokenInvalid("its audience is another client")
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        raise TokenInvalid("it names no back-channel logout event")
    if "nonce" in claims:
        raise TokenInvalid("it has a nonce, as ID tokens have")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenInvalid("it has no jti")
    named = [claims[name] for name in ("sub", "sid") if name in claims]
    if not named or not all(isinstance(value, str) and value for value in named):
        raise TokenInvalid("it names neither a subject nor a session")
    if claims["iat"] + LIFE_SECONDS < time.time():
        raise TokenInvalid("it is too old")
