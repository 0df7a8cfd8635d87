"""What a request presents: its ``Authorization``, its session cookie, and where a browser says that it comes from."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from ..errors import CrossSiteRequest
from .caller import RequestFacts
from .inside import AUTHORIZATION, GATEWAY_AUTHORIZATION, is_gateway

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,128})")


@dataclass(frozen=True)
class Presented:
    """A request with its credentials, read once for all authenticators."""

    facts: RequestFacts
    # The header of the credentials, in lower case: on the gateway's routes it may be MLflow's own.
    header: str
    # In lower case; empty where the header is absent.
    scheme: str
    credentials: str = field(repr=False)
    # Empty where there is no cookie of ours.
    session_id: str
    session_secret: str = field(repr=False)

    def basic(self) -> tuple[str, str] | None:
        """User name and password (RFC 7617, in UTF-8); None where the credentials hold none."""
        try:
            name, colon, password = base64.b64decode(self.credentials, validate=True).decode().partition(":")
        except ValueError:  # no base64, no ASCII or no UTF-8
            return None
        return (name, password) if colon else None


def presented(facts: RequestFacts, cookie_name: str) -> Presented:
    """Read a request's credentials; ``cookie_name`` is that of our session."""
    header = AUTHORIZATION
    if is_gateway(facts.path) and facts.headers.get(GATEWAY_AUTHORIZATION):
        header = GATEWAY_AUTHORIZATION
    scheme, _, credentials = facts.headers.get(header, "").strip().partition(" ")
    session = session_cookie(facts.headers.get("cookie", ""), cookie_name)
    return Presented(facts, header, scheme.lower(), credentials.strip(), *session)


def session_cookie(header: str, name: str) -> tuple[str, str]:
    """Session id and secret in a ``Cookie`` header; empty strings where there are none.

    Of several the first counts: browsers send the one with the longest path first (RFC 6265, section 5.4).
    """
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            match = _COOKIE.fullmatch(value.strip('"'))
            return (match.group(1), match.group(2)) if match else ("", "")
    return ("", "")


def same_origin(facts: RequestFacts, ours: str) -> bool:
    """Whether the browser says that our own pages sent this (Fetch Metadata, RFC 6454)."""
    origin = facts.headers.get("origin")
    if origin is not None:
        return origin.lower() == ours
    return facts.headers.get("sec-fetch-site") == "same-origin"


def cross_site(ours: str) -> CrossSiteRequest:
    """The refusal of a write that our own pages did not send."""
    return CrossSiteRequest(
        f"This write came from another site, or the browser did not send its origin. Expected the origin {ours}."
    )
