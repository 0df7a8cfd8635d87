"""An issuer of workloads' tokens: keys, a discovery document and a JWK Set, served by the test itself."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from mlflow_prokube_auth.identity.issuer_keys import ALGORITHMS

from .peer import Peer

DISCOVERY, JWKS = "/.well-known/openid-configuration", "/jwks"
TRAINER = "system:serviceaccount:team-a:trainer"


class TestIssuer:
    """What Kubernetes, GitHub and others are, with one RSA key at first."""

    __test__ = False

    def __init__(self, peer: Peer, audience: str) -> None:
        self.peer, self.audience = peer, audience
        self.url = peer.url
        self.keys: list[RSAKey | ECKey | OKPKey] = [_first_key()]
        self.publish()

    @staticmethod
    def new_key(kid: str, bits: int = 2048) -> RSAKey:
        private = rsa.generate_private_key(65537, bits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a key that is too short
            return RSAKey.import_key(
                private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), {"use": "sig", "kid": kid}
            )

    def documents(self) -> dict[str, Any]:
        return {
            DISCOVERY: {"issuer": self.url, "jwks_uri": f"{self.peer.url}{JWKS}"},
            JWKS: {"keys": [key.as_dict(private=False) for key in self.keys]},
        }

    def publish(self) -> None:
        """Serve the keys as they are now."""
        for path, document in self.documents().items():
            self.peer.answers[path] = (200, json.dumps(document))

    def fail(self) -> None:
        """Answer nothing but errors from now on."""
        for path in self.documents():
            self.peer.answers[path] = (503, "")

    @property
    def fetches(self) -> int:
        """How often the keys were fetched."""
        return self.peer.asked.count(JWKS)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a pod's token; a change to None takes one away."""
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": [self.audience], "sub": TRAINER, "iat": now, "nbf": now, "exp": now + 3600,
            **changes,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: Any = None, alg: Any = "RS256", header: Any = None, **changes: Any) -> str:
        """A signed token with these changes of its claims, by the first key."""
        key = key or self.keys[0]
        head = {"alg": alg, "kid": key.kid, **(header or {})}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EdDSA, which RFC 9864 calls Ed25519
            return jwt.encode(
                head, self.claims(**changes), KeySet([key]), algorithms=[*ALGORITHMS, "HS256", "none", alg]
            )


@cache
def _first_key() -> RSAKey:
    return TestIssuer.new_key("one")


@contextmanager
def running_issuer(audience: str) -> Iterator[TestIssuer]:
    with Peer() as peer:
        thread = Thread(target=peer.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield TestIssuer(peer, audience)
        finally:
            if peer.hung is not None:
                peer.hung.set()
            peer.shutdown()
            thread.join()
