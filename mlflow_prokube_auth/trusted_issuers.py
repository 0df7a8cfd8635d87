"""Which issuers' tokens may stand for service accounts, and what names this server in them.

The settings hold these values; ``identity/`` verifies tokens by them, and administrators bind accounts within them.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LONGEST = 255
# What Kubernetes' API server takes for its own: with such a token anybody whom it is shown could act there.
_API_SERVER = re.compile(r"(https?://)?kubernetes(\.default(\.svc(\.[A-Za-z0-9.-]+)?)?)?(:\d+)?/?", re.IGNORECASE)
_ITEM = "expected https://issuer or https://issuer=/path/to/jwks.json"
# What a private key holds beside the public one (RFC 7518, section 6), and a symmetric one.
_SECRET_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True)
class TrustedIssuer:
    """An issuer, exactly as in ``iss``; with the file of its keys where the server cannot, or shall not, ask it."""

    url: str
    jwks_file: str | None = None

    @property
    def discovery_url(self) -> str:
        """Where its discovery document is (OpenID Connect Discovery 1.0, section 4.1)."""
        return f"{self.url.rstrip('/')}/.well-known/openid-configuration"


@dataclass(frozen=True)
class Trust:
    """What an administrator may bind service accounts to: issuers, and audiences, of which the first is the default."""

    issuers: tuple[str, ...]
    audiences: tuple[str, ...]


def parse(words: Sequence[str]) -> tuple[TrustedIssuer, ...]:
    """The issuers of a setting's items.

    Raises:
        ValueError: one cannot be used: what was found, and what is expected.
    """
    issuers = tuple(_issuer(word) for word in words)
    urls = [issuer.url for issuer in issuers]
    twice = next((url for url in urls if urls.count(url) > 1), None)
    if twice is not None:
        raise ValueError(f"expected each issuer once, instead of '{twice}' twice")
    return issuers


def _issuer(word: str) -> TrustedIssuer:
    url, equals, path = word.partition("=")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment or len(url) > LONGEST:
        raise ValueError(_ITEM if "@" in word else f"{_ITEM} instead of '{word}'")  # it may hold a password
    if equals:
        if not path.startswith("/"):
            raise ValueError(f"{_ITEM}, with an absolute path, instead of '{word}'")
        read_keys(path)
    elif parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(f"expected https, or a file of keys such as {url}=/path/to/jwks.json, instead of '{word}'")
    return TrustedIssuer(url, path or None)


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_keys(path: str) -> list[Any]:
    """The keys in a file (JWK Set, RFC 7517, section 5).

    Raises:
        ValueError: it cannot be read, or holds no public keys.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"expected a JWK Set in '{path}', which cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise ValueError(f"expected a JWK Set in '{path}', which is no JSON") from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) and "kty" in key for key in keys):
        raise ValueError(f"expected a JWK Set, {{\"keys\": [...]}}, in '{path}', which has no keys")
    if any(_SECRET_PARTS & set(key) for key in keys):
        raise ValueError(f"expected public keys alone in '{path}', which has a private or symmetric key")
    return keys


def refuse_login_issuer(issuers: Sequence[TrustedIssuer], login: str | None) -> None:
    """Refuse the issuer with which people log in: its tokens are theirs.

    Raises:
        ValueError: it is among them.
    """
    if login is not None and any(issuer.url.rstrip("/") == login.rstrip("/") for issuer in issuers):
        raise ValueError(
            f"expected other issuers than '{login}', which is PROKUBE_AUTH_OIDC_ISSUER: its tokens are for people"
        )


def check_audiences(audiences: Sequence[str], issuers: Sequence[TrustedIssuer]) -> None:
    """Refuse audiences that do not name this server.

    Raises:
        ValueError: one names an API server, or an issuer.
    """
    urls = {issuer.url.rstrip("/") for issuer in issuers}
    for audience in audiences:
        if _API_SERVER.fullmatch(audience):
            raise ValueError(f"expected names of this server; '{audience}' is an audience of Kubernetes' API server")
        if audience.rstrip("/") in urls:
            raise ValueError(f"expected names of this server; '{audience}' is an issuer")
        if len(audience) > LONGEST or not audience.isprintable():
            raise ValueError(f"expected names of at most {LONGEST} printable characters")
