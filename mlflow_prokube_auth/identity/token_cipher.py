"""Encryption at rest of what sessions hold of Keycloak's tokens (Fernet, key derived from ``SECRET_KEY``)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class TokenCipher:
    """Seals with the present key and opens with the one before it, too."""

    def __init__(self, secret_key: str, previous: str | None = None) -> None:
        self._fernet = MultiFernet([_fernet(key) for key in (secret_key, previous) if key])

    def __repr__(self) -> str:
        return "TokenCipher(...)"

    def seal(self, text: str) -> str:
        """Encrypt and authenticate."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str | None:
        """The text, or None where it was sealed with another key or changed."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None


def _fernet(secret_key: str) -> Fernet:
    key = hmac.new(secret_key.encode(), b"session-tokens", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))
