"""The signing keys of one trusted issuer: out of its discovery document, or out of a file.

No request waits for the network while keys are known: they are refreshed every ten minutes by one request, for an
unknown key id at most once in ten seconds. Where the issuer does not answer, known keys serve on for a bounded time.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from .. import logs, trusted_issuers
from ..trusted_issuers import TrustedIssuer
from . import fetching
from .faults import ProviderDown, TokenInvalid
from .kept_document import KeptDocument

_logger = logs.logger(__name__)
ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
]  # fmt: skip
TIMEOUT_SECONDS = 5
LARGEST_DOCUMENT = 2**20
KEYS_SECONDS = 600
# For key ids that nobody knows, and after an answer that did not come.
COOLDOWN_SECONDS = 10
_KEY_TYPES = ("RSA", "EC", "OKP")
# NIST SP 800-131A; RFC 7518, section 3.3.
_SMALLEST_RSA_BITS = 2048


class IssuerKeys:
    """The keys of an issuer, shared by all threads of a process."""

    def __init__(self, issuer: TrustedIssuer, grace_seconds: int, clock: Callable[[], float] = time.time) -> None:
        """``grace_seconds``: for so long keys serve on that cannot be refreshed."""
        self._issuer = issuer
        self._longest = KEYS_SECONDS + grace_seconds
        self._keys = KeptDocument(self._fetch, clock, old_will_do=True, retry_seconds=COOLDOWN_SECONDS)

    def keys_with(self, key_id: str) -> KeySet:
        """The keys, with the one of that id among them.

        Raises:
            TokenInvalid: the issuer has no such key.
            ProviderDown: it is not known which keys the issuer has.
        """
        keys: KeySet = self._keys.get(KEYS_SECONDS)
        if not _has(keys, key_id):
            keys = self._keys.get(COOLDOWN_SECONDS)
        if self._keys.age > self._longest:
            raise ProviderDown("the keys have not been refreshed for too long")
        if _has(keys, key_id):
            return keys
        if self._keys.is_failing:
            raise ProviderDown("it names an unknown key, and the keys cannot be refreshed")
        raise TokenInvalid("it names a key that the issuer does not have")

    def number(self) -> int:
        """How many usable keys there are.

        Raises:
            ProviderDown: it is not known.
        """
        return len(self._keys.get(KEYS_SECONDS).keys)

    def _fetch(self) -> KeySet:
        try:
            return self._fetched()
        except ProviderDown as error:
            _logger.warning("the keys of the trusted issuer %s are not available: %s", self._issuer.url, error)
            raise

    def _fetched(self) -> KeySet:
        if self._issuer.jwks_file is not None:
            try:
                return _usable(trusted_issuers.read_keys(self._issuer.jwks_file))
            except ValueError as error:
                raise ProviderDown(str(error)) from None
        document = _json(self._issuer.discovery_url)
        found = document.get("issuer")
        # OpenID Connect Discovery 1.0, section 4.3: exactly.
        if found != self._issuer.url:
            raise ProviderDown(f"{self._issuer.discovery_url} names the issuer {found!r:.200}")
        return _usable(_json(self._keys_url(document)).get("keys"))

    def _keys_url(self, document: dict[str, Any]) -> str:
        url = document.get("jwks_uri")
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
        except ValueError:
            parts = None
        secure = parts is not None and parts.scheme == "https" and bool(parts.hostname)
        local = parts is not None and parts.scheme == "http" and trusted_issuers.is_loopback(parts.hostname or "")
        if not isinstance(url, str) or not (secure or (local and self._issuer.url.startswith("http:"))):
            raise ProviderDown(f"{self._issuer.discovery_url} names the jwks_uri {url!r:.200}, expected an https URL")
        return url


def _json(url: str) -> dict[str, Any]:
    try:
        answer = fetching.get(url, None, TIMEOUT_SECONDS, LARGEST_DOCUMENT)
        if answer.status_code != 200:
            raise ProviderDown(f"{url} answers {answer.status_code}")
        found = answer.json()
    except (requests.RequestException, ValueError, RecursionError) as error:
        raise ProviderDown(f"{url}: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise ProviderDown(f"{url} is not a JSON object")
    return found


def _usable(found: Any) -> KeySet:
    """The public keys that may sign; others are left out, so that one of them takes no other away."""
    keys = []
    for each in found if isinstance(found, list) else []:
        try:
            if each["kty"] in _KEY_TYPES and each.get("use", "sig") == "sig" and isinstance(each["kid"], str):
                if each["kty"] == "RSA" and _bits(each["n"]) < _SMALLEST_RSA_BITS:
                    continue
                keys.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    if not keys:
        raise ProviderDown("the issuer has no key that signs and has an id (kid)")
    return KeySet(keys)


def _bits(number: str) -> int:
    """How long a number of a key is (RFC 7518, section 2: Base64urlUInt)."""
    return int.from_bytes(base64.urlsafe_b64decode(number + "=="), "big").bit_length()


def _has(keys: KeySet, key_id: str) -> bool:
    return any(key.kid == key_id for key in keys)
