"""The server's calls to its own gateway on behalf of whoever is calling it.

A guardrail that rewrites what it has found asks an endpoint of the same gateway, with the caller's ``Authorization``
(mlflow/gateway/guardrails.py). That header ends at the outermost layer, so the server writes one of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import re

# As long as a call of the gateway may take (MLFLOW_GATEWAY_ROUTE_TIMEOUT_SECONDS is 300 by default), twice.
VALID_SECONDS = 600
_FORM = re.compile(r"pkd_([0-9]{1,18})_([0-9]{1,18})_([0-9a-f]{64})")


class Delegation:
    """Makes and reads what stands for a user on the gateway's routes, for minutes."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.new(secret_key.encode(), b"gateway-delegation", hashlib.sha256).digest()

    def make(self, user_id: int, now: int) -> str:
        """The value for a user, from ``now`` on (UTC seconds)."""
        expires = now + VALID_SECONDS
        return f"pkd_{user_id}_{expires}_{self._sign(user_id, expires)}"

    def read(self, text: str, now: int) -> int | None:
        """The user's id; None where the server did not write it, or too long ago."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        user_id, expires = int(match.group(1)), int(match.group(2))
        if not hmac.compare_digest(self._sign(user_id, expires), match.group(3)) or expires <= now:
            return None
        return user_id

    def _sign(self, user_id: int, expires: int) -> str:
        return hmac.new(self._key, f"{user_id}:{expires}".encode(), hashlib.sha256).hexdigest()
