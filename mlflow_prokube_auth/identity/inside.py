"""What of a request's credentials goes inside: nothing that MLflow could read in another way, or hand on.

MLflow's handlers read ``Authorization`` for themselves (a judge's job runs as whom it names), and its gateway forwards
headers to upstreams that belong to users. So credentials end at the outermost layer. Inside, ``Authorization`` names
the account that was identified, without a secret, or is absent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from .caller import Identity

RawHeaders = list[tuple[bytes, bytes]]

AUTHORIZATION = "authorization"
# The gateway's own header: a coding agent sends the key of its provider in Authorization (mlflow/gateway/constants.py).
GATEWAY_AUTHORIZATION = "x-mlflow-authorization"
# Of MLflow 3.18, whose Assistant lets its tools name a user by it, ahead of any authorization function
# (mlflow/tracking/request_auth/assistant_delegation_request_auth_provider.py).
ASSISTANT_DELEGATION = "x-mlflow-assistant-delegation"
CREDENTIAL_HEADERS = (AUTHORIZATION, GATEWAY_AUTHORIZATION, "proxy-authorization", ASSISTANT_DELEGATION)
_CREDENTIALS = frozenset(name.encode() for name in CREDENTIAL_HEADERS)
# What proxies in front of a server add, which tells an upstream who is calling, or lets it call as them.
PROXY_HEADERS = re.compile(
    r"forwarded|x-forwarded-.*|x-auth-request-.*|x-amzn-oidc-.*|x-goog-iap-.*|x-goog-authenticated-.*|cf-access-.*|"
    r"x-ms-client-principal.*|x-ms-token-.*|x-envoy-.*|kubeflow-.*|x-remote-.*|remote-.*|x-real-ip|true-client-ip"
)
OUR_KEY = "pkt_"


def is_gateway(path: str) -> bool:
    """Whether a path without the static prefix is the gateway's: the choice of headers, not a permission."""
    return path.startswith("/gateway/")


def named(identity: Identity) -> str:
    """The header that names an account and proves nothing (RFC 7617, with an empty password)."""
    return "Basic " + base64.b64encode(f"{identity.person.username}:".encode()).decode()


def for_flask(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The headers of a request to Flask, whose caller is asked for later; our pages read the session's cookie."""
    # WSGI knows no difference between "-" and "_".
    return [(name, value) for name, value in headers if name.lower().replace(b"_", b"-") not in _CREDENTIALS]


def for_native(headers: Iterable[tuple[bytes, bytes]], identity: Identity | None) -> RawHeaders:
    """The headers of a request to one of FastAPI's own routes, none of which reads a cookie."""
    kept = [(name, value) for name, value in for_flask(headers) if name.lower() != b"cookie"]
    return kept if identity is None else [*kept, (AUTHORIZATION.encode(), named(identity).encode())]


def for_gateway(headers: Iterable[tuple[bytes, bytes]], identity: Identity | None) -> RawHeaders:
    """The headers of a request to the gateway, which hands them on.

    Of ``Authorization`` an upstream gets what the caller meant for it: there is one where the gateway's own header
    named the caller, and it holds no credential of ours.
    """
    upstreams_own = identity is not None and identity.header == GATEWAY_AUTHORIZATION
    kept, headers = [], list(headers)
    ours = _credentials(headers, identity.header) if identity is not None else frozenset()
    for name, value in headers:
        lower = name.decode("latin-1").lower().replace("_", "-")
        if lower == "cookie" or PROXY_HEADERS.fullmatch(lower):
            continue
        if lower in CREDENTIAL_HEADERS and not (lower == AUTHORIZATION and upstreams_own):
            continue
        text = value.decode("latin-1")
        if _holds_our_key(text) or any(each in text for each in ours):
            continue
        kept.append((name, value))
    return kept


def _credentials(headers: RawHeaders, header: str) -> frozenset[str]:
    """What proved who is calling, without its scheme: no upstream gets it in another header either."""
    if header not in CREDENTIAL_HEADERS:  # cookies never go on
        return frozenset()
    values = (value.decode("latin-1") for name, value in headers if name.decode("latin-1").lower() == header)
    return frozenset(filter(None, (value.strip().partition(" ")[2].strip() for value in values)))


def _holds_our_key(value: str) -> bool:
    """Whether an access key stands in a header, plain or as Basic credentials."""
    if OUR_KEY in value:
        return True
    scheme, _, credentials = value.strip().partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        return OUR_KEY in base64.b64decode(credentials.strip() + "==").decode("latin-1")
    except ValueError:
        return True  # what cannot be read is not handed on
