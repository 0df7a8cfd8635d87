"""The way to those of FastAPI's own routes that carry files and spans: no middleware copies what they carry.

A ``BaseHTTPMiddleware`` of Starlette's runs the route in a task beside it and hands each chunk of a file through a
stream, up or down. MLflow has three of them around each route, the engine's among them, so that what they call may
look at an answer before it leaves. For the routes of :data:`ENDPOINTS` none of them does. Each is still asked, in
MLflow's order; the route, once it is called, answers the server directly. A refused request never gets there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount

from ..identity.middleware import Asgi, Message, Receive, Scope, Send
from .bypass import Shortcut, on_scope

# What serves these routes: module and name of MLflow's function. The engine neither filters their answers nor does
# anything after them (FASTAPI_ENDPOINT_RESPONSE_FILTERS, FASTAPI_AFTER_REQUEST_HANDLERS in mlflow/server/auth).
ENDPOINTS = frozenset(
    {
        "mlflow.server.artifact_router.download_artifact",
        "mlflow.server.artifact_router.upload_artifact",
        "mlflow.server.otel_api.export_traces",
    }
)


def route_matcher(app: Any) -> Callable[[Scope], bool]:
    """Whether the first route that takes a request leads to :data:`ENDPOINTS` alone."""
    routes = [(route, _is_direct(route)) for route in app.routes if not isinstance(route, Mount)]

    def match(path: str, root_path: str, method: str) -> bool:
        scope = {"type": "http", "path": path, "root_path": root_path, "method": method, "headers": []}
        return next((is_direct for route, is_direct in routes if route.matches(scope)[0] == Match.FULL), False)

    return on_scope(match)


def _is_direct(route: Any) -> bool:
    """Whether a route leads to these endpoints alone; FastAPI keeps a router that was included as one route."""
    router = getattr(route, "original_router", None)
    if router is not None:
        return bool(router.routes) and all(map(_is_direct, router.routes))
    endpoint = getattr(route, "endpoint", None)
    return f"{getattr(endpoint, '__module__', '')}.{getattr(endpoint, '__name__', '')}" in ENDPOINTS


def take(app: Any, layers: Iterable[str], name: Callable[[Any], str]) -> None:
    """Put :class:`Direct` around those middlewares of an application that ``layers`` holds, by ``name``."""
    is_direct, passed = route_matcher(app), frozenset(layers)
    for position, each in enumerate(app.user_middleware):
        dispatch = each.kwargs.get("dispatch")
        if each.cls in (BaseHTTPMiddleware, Shortcut) and name(dispatch) in passed:
            app.user_middleware[position] = Middleware(Direct, dispatch=dispatch, usual=each, is_direct=is_direct)


class Direct:
    """A middleware of MLflow's (``usual``) that decides on such a request, and sees nothing of its answer."""

    def __init__(self, app: Asgi, dispatch: Any, usual: Any, is_direct: Callable[[Scope], bool]) -> None:
        self._app = app
        self._dispatch = dispatch
        self._usual: Asgi = usual.cls(app, *usual.args, **usual.kwargs)
        self._is_direct = is_direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not self._is_direct(scope):
            await self._usual(scope, receive, send)
            return
        asked = _Asked(scope, receive)

        async def call_next(request: Request) -> Response:
            await self._app(scope, asked.rest(receive), send)
            return _SENT

        answer: Callable[[Scope, Receive, Send], Awaitable[None]] = await self._dispatch(asked, call_next)
        await answer(scope, receive, send)


class _Asked(Request):
    """The request as a middleware sees it; where that reads the body, the route gets the same one."""

    _whole: bytes | None = None

    async def body(self) -> bytes:
        """All of it."""
        if self._whole is None:
            self._whole = await super().body()
        return self._whole

    def rest(self, receive: Receive) -> Receive:
        """What the route receives."""
        whole = self._whole
        if whole is None:
            return receive
        waiting: list[Message] = [{"type": "http.request", "body": whole, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        return replay


class _Sent(Response):
    """What has been answered already. It has no headers and no body, so a middleware that would change it fails."""

    def __init__(self) -> None:
        pass

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing is left to send."""


_SENT = _Sent()
