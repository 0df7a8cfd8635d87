"""Keys and signatures of the demo provider."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

ALGORITHM = "RS256"
RSA_BITS = 2048


class SigningKeys:
    """RSA keys; the newest signs, the older ones stay published so that their tokens still verify."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: list[RSAKey] = []
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        key = RSAKey.generate_key(RSA_BITS, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        with self._lock:
            self._keys = [key, *self._keys]

    def sign(self, claims: Mapping[str, Any], typ: str = "JWT") -> str:
        """A signed token. It names its key: with two keys published a verifier needs the ``kid``."""
        key = self._keys[0]
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": typ}, dict(claims), key)

    def verify(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that one of these keys signed, expired or not; otherwise None."""
        try:
            return dict(jwt.decode(token, KeySet([*self._keys]), algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError):
            return None

    def published(self) -> dict[str, Any]:
        """The JWKS document, newest key first."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}


def unsigned(claims: Mapping[str, Any]) -> str:
    """A token with ``alg: none``, which every relying party must refuse (RFC 8725, section 3.2)."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, dict(claims)))
    return ".".join(base64url(part) for part in parts) + "."


def base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
