"""Encryption at rest of what sessions hold of Keycloak's tokens (Fernet, key derived from ``SECRET_KEY``)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken


class SecretBox:
    """Seals and opens short texts."""

    def __init__(self, secret_key: str) -> None:
        key = hmac.new(secret_key.encode(), b"session-tokens", hashlib.sha256).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def __repr__(self) -> str:
        return "SecretBox(...)"

    def seal(self, text: str) -> str:
        """Encrypt and authenticate."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str | None:
        """The text, or None where it was sealed with another key or changed."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None
