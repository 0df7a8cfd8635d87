"""JSON Web Tokens: whose one claims to be, whether its signature is valid, and whether its times hold.

The issuer, the audience and the kind of token are the caller's to check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from .failures import CLOCKS
from .faults import TokenInvalid

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
LEEWAY_SECONDS = 60
LATEST_TIME = 10**12
# A person in hundreds of groups has an access token of some 30 KB; uvicorn takes headers of 64 KiB.
LONGEST_TOKEN = 65_536


def peek(text: str) -> Mapping[str, Any] | None:
    """The claims, unverified; only to tell whose token this is."""
    if len(text) > LONGEST_TOKEN or text.count(".") != 2:
        return None
    try:
        payload = jws.extract_compact(text.encode()).payload
        claims = json.loads(payload)
    except (JoseError, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def signed_claims(
    token: str,
    keys_with: Callable[[str], KeySet],
    algorithms: Collection[str] = ALGORITHMS,
    types: Collection[str] | None = None,
) -> dict[str, Any]:
    """The claims under a valid signature; nothing else of them is checked.

    Args:
        token: the token.
        keys_with: the keys of the issuer, with the one of that id among them.
        algorithms: those that are accepted.
        types: what the header ``typ``, where there is one, may be, in lower case; None for anything.

    Raises:
        TokenInvalid: there is no such signature.
    """
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError) as error:
        raise TokenInvalid(f"it is no signed JWT ({type(error).__name__})") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in algorithms:
        raise TokenInvalid(f"its alg is {str(algorithm)[:20]!r}, expected one of {', '.join(algorithms)}")
    kind = header.get("typ")
    if types is not None and kind is not None and str(kind).lower() not in types:
        raise TokenInvalid(f"its typ is {str(kind)[:20]!r}, expected one of {', '.join(sorted(types))}, or none")
    if not isinstance(key_id, str):
        raise TokenInvalid("it names no key (kid)")
    try:
        decoded = jwt.decode(token, keys_with(key_id), algorithms=algorithms)
    except (JoseError, ValueError) as error:
        raise TokenInvalid(f"its signature is not valid ({type(error).__name__})") from None
    return dict(decoded.claims)


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """``exp``, ``iat`` and, where it is there, ``nbf`` at ``now`` (UTC seconds), with a leeway for clocks.

    Raises:
        TokenInvalid: one does not hold, or is missing.
    """
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
