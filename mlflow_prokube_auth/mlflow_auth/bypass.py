"""Flask's requests, taken past the engine's FastAPI middleware exactly where it would only pass them on.

The engine guards FastAPI's own routes with a ``BaseHTTPMiddleware`` (``add_fastapi_permission_middleware`` in
mlflow/server/auth), which costs each request tasks and streams, also where it looks at the path and does nothing:
Flask's own hooks decide there.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any

import mlflow.server.auth as auth
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Match, Mount

from ..identity.bounds import METHODS

DISPATCH = "fastapi_permission_middleware"
# What routes match on; paths that are longer than any of MLflow's are matched each time.
_KEPT, _LONGEST = 4096, 300

Scope = MutableMapping[str, Any]


def native_route_matcher(app: Any) -> Callable[[Scope], bool]:
    """Whether a request is served by FastAPI itself rather than by Flask (a table, not a path prefix)."""
    routes = [route for route in app.routes if not isinstance(route, Mount)]

    def match(path: str, root_path: str, method: str) -> bool:
        scope = {"type": "http", "path": path, "root_path": root_path, "method": method, "headers": []}
        return any(route.matches(scope)[0] != Match.NONE for route in routes)

    return on_scope(match)


def only_passed_on(is_native: Callable[[Scope], bool]) -> Callable[[Scope], bool]:
    """Whether the engine's middleware does nothing but pass a request on to Flask."""

    def unguarded(path: str, root_path: str, method: str) -> bool:
        return auth._find_fastapi_validator(path, method) is None

    is_unguarded = on_scope(unguarded)
    return lambda scope: is_unguarded(scope) and not is_native(scope)


def take_flask_past(app: Any, is_native: Callable[[Scope], bool]) -> bool:
    """Put the shortcut around the engine's middleware; whether that was found."""
    for position, each in enumerate(app.user_middleware):
        dispatch = each.kwargs.get("dispatch")
        if each.cls is BaseHTTPMiddleware and getattr(dispatch, "__name__", "") == DISPATCH:
            app.user_middleware[position] = Middleware(
                Shortcut, dispatch=dispatch, only_passed_on=only_passed_on(is_native)
            )
            return True
    return False


def on_scope(question: Callable[[str, str, str], bool]) -> Callable[[Scope], bool]:
    """A question on path, root path and method, whose answers for short paths are kept: they never change.

    For methods that routes have alone: strangers may think of any number of others, and long ones.
    """
    kept = lru_cache(maxsize=_KEPT)(question)

    def ask(scope: Scope) -> bool:
        path, root_path, method = scope["path"], scope.get("root_path", ""), scope["method"]
        short = method in METHODS and len(path) + len(root_path) <= _LONGEST
        return (kept if short else question)(path, root_path, method)

    return ask


class Shortcut:
    """The engine's middleware, but where it would only pass a request on."""

    def __init__(self, app: Any, dispatch: Any, only_passed_on: Callable[[Scope], bool]) -> None:
        self._app = app
        self._guarded = BaseHTTPMiddleware(app, dispatch=dispatch)
        self._only_passed_on = only_passed_on

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one connection."""
        past = scope["type"] == "http" and self._only_passed_on(scope)
        await (self._app if past else self._guarded)(scope, receive, send)
