"""What probes ask: whether the process answers, and whether it can work. Public, and without anything secret."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from ..errors import Unavailable
from ..store.database import DATABASE_DOWN, SchemaOutdated, check_schema, head_revision, is_writable
from .context import Web


def health(web: Web) -> Any:
    """The process answers; nothing else is asked, so that a database that is away restarts no server."""
    response = jsonify(status="ok")
    response.headers["Cache-Control"] = "no-store"
    return response


def ready(web: Web) -> Any:
    """The database answers and its tables are those of this version; else 503 with the reason.

    A database that takes no writes is told, and serves reads.
    """
    engine = web.services.database.engine
    try:
        check_schema(engine)
        writable = is_writable(engine)
    except SchemaOutdated as error:
        raise Unavailable(f"Not ready: {error}.") from None
    except DATABASE_DOWN as error:
        raise Unavailable(f"Not ready: the auth database does not answer ({type(error).__name__}).") from None
    response = jsonify(status="ready", schema=head_revision(), writable=writable)
    response.headers["Cache-Control"] = "no-store"
    return response
