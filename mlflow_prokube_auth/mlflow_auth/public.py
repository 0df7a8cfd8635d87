"""What MLflow serves to anybody: a table of exact routes.

MLflow's own answer goes by how a path begins, the static prefix included, so that a prefix such as ``/health-mlflow``
would make all of Flask's routes public. Here a path is public by the very route that serves it.
"""

from __future__ import annotations

from flask import has_request_context, request

from . import seams

# MLflow's rule without the static prefix -> why it needs no login.
PUBLIC = {
    "/health": "probes ask it",
    "/static-files/<path:path>": "the UI's own code, which is the same for everybody",
    "/api/3.0/mlflow/server-info": "clients ask what the server can do before they log in",
    "/ajax-api/3.0/mlflow/server-info": "so does the UI",
}


def install(prefix: str) -> None:
    """Answer the engine's question for public routes from the table; ``prefix`` is the static one."""
    rules = frozenset(prefix + rule for rule in PUBLIC)

    def is_unprotected_route(path: str) -> bool:
        if has_request_context():
            return request.url_rule is not None and request.url_rule.rule in rules
        # FastAPI's own public routes have no parameters. A path of Flask's goes on to Flask, which asks once more.
        return path in rules

    seams.replace(seams.AUTH, "is_unprotected_route", is_unprotected_route)
