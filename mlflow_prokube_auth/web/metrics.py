"""What Prometheus scrapes, with a token of its own: whoever scrapes is no user of MLflow."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Response

from ..errors import NotFound, Unauthenticated
from ..identity.caller import CALLER
from ..metrics import exposition
from .context import Web


def metrics(web: Web) -> Any:
    """All metrics; not there unless a token is set."""
    expected = web.settings.metrics_token
    if expected is None:
        raise NotFound("Metrics are off. PROKUBE_AUTH_METRICS_TOKEN turns them on.")
    caller = CALLER.get()  # credentials end before the request gets here
    scheme, _, given = (caller.facts.headers.get("authorization", "") if caller is not None else "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), expected.get_secret_value().encode())
    if scheme.lower() != "bearer" or not right:
        raise Unauthenticated("Expected the server's PROKUBE_AUTH_METRICS_TOKEN as Bearer token.")
    body, media_type = exposition(web.services.database)
    return Response(body, content_type=media_type, headers={"Cache-Control": "no-store"})
