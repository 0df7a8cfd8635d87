"""What a session keeps of its login, encrypted: Keycloak's tokens, and which claims there were."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from .token_cipher import TokenCipher


@dataclass(frozen=True)
class Kept:
    """The tokens as they came; of ``claims`` those that decide and were there, None in sessions of earlier versions."""

    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    claims: frozenset[str] | None

    def sealed(self, box: TokenCipher) -> str:
        """As text that only :func:`opened` reads."""
        claims: Iterable[str] | None = None if self.claims is None else sorted(self.claims)
        return box.seal(json.dumps({"refresh_token": self.refresh_token, "id_token": self.id_token, "claims": claims}))


def opened(box: TokenCipher, sealed: str | None) -> Kept | None:
    """The opposite; None where there is nothing or the key is another."""
    text = box.open(sealed) if sealed else None
    if text is None:
        return None
    found = json.loads(text)
    claims = found.get("claims")
    return Kept(found.get("refresh_token"), found.get("id_token"), None if claims is None else frozenset(claims))
