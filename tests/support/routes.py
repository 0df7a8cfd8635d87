"""The route tables of the installed MLflow: what exists, from its own mouth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlflow.server import app as flask_app
from mlflow.server.auth import routes as auth_routes
from mlflow.server.fastapi_app import create_fastapi_app
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def flask_routes() -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in flask_app.url_map.iter_rules()
        for method in METHODS
        if method in (rule.methods or ())
    }


def native_routes() -> Iterator[tuple[str, BaseRoute]]:
    """The routes that FastAPI serves itself, each with the prefix of its router."""
    waiting = [("", route) for route in create_fastapi_app(flask_app).routes]
    while waiting:
        prefix, route = waiting.pop()
        if isinstance(route, (Route, WebSocketRoute)):
            yield prefix, route
        elif not isinstance(route, Mount):  # newer FastAPI keeps an included router whole, under a prefix
            inner = route.original_router.routes
            prefix += route.include_context.prefix
            waiting.extend((prefix, each) for each in inner)


def fastapi_routes() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for prefix, route in native_routes():
        if isinstance(route, Route):
            found |= {(method, prefix + route.path) for method in route.methods or () if method in METHODS}
        elif isinstance(route, WebSocketRoute):
            found.add(("WEBSOCKET", prefix + route.path))
    return found


def engine_routes() -> set[tuple[str, str]]:
    """What the engine itself adds in ``create_app``, which the tables of a bare MLflow do not hold."""
    paths = {value for name, value in vars(auth_routes).items() if name.isupper() and isinstance(value, str)}
    return {(method, path) for path in paths for method in METHODS}


def concrete(path: str) -> str:
    """A path that a rule or route matches."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "1", path)
