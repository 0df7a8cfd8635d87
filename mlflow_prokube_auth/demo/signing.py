"""Keys and signatures of the demo provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ALGORITHM = "RS256"


class SigningKeys:
    """RSA keys; the newest signs, the older ones stay published so that their tokens still verify."""

    def __init__(self) -> None:
        self._keys: list[RSAKey] = []
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        self._keys = [key, *self._keys]

    @property
    def signing(self) -> KeySet:
        """The newest key. In a set of one, since joserfc writes the ``kid`` only of a key that it took from a set."""
        return KeySet([self._keys[0]])

    @property
    def verifying(self) -> KeySet:
        """All keys, newest first, with their private halves."""
        return KeySet([*self._keys])

    def sign(self, claims: Mapping[str, Any], typ: str = "JWT") -> str:
        """A signed token."""
        return jwt.encode({"alg": ALGORITHM, "typ": typ}, dict(claims), self.signing)
