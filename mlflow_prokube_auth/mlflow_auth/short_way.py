"""The short way to Flask: past those of MLflow's middlewares that do nothing for its requests.

MLflow passes each request of Flask's through two ``BaseHTTPMiddleware`` (workspaces, the gateway's time) and a bridge
that sends each message through an unbounded stream (``create_fastapi_app`` in mlflow/server/fastapi_app.py). Those that
check hosts and origins and write headers stay, in MLflow's order and with MLflow's arguments. Which workspace is meant,
Flask's own hook finds (``workspace_before_request_handler``).

FastAPI's own routes, whatever the engine guards, and the paths that a middleware acts on take MLflow's way. So does
everything where the middlewares are not exactly those that are expected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from mlflow.utils.workspace_context import clear_server_request_workspace
from mlflow.version import VERSION
from starlette.routing import Mount

from .. import logs
from ..identity.middleware import Asgi, Receive, Scope, Send
from ..wsgi_bridge import WsgiBridge
from . import direct
from .bypass import on_scope

_logger = logs.logger(__name__)

FASTAPI_APP = "mlflow.server.fastapi_app"
SECURITY = "mlflow.server.fastapi_security"
WORKSPACE_HOOK = "mlflow.server.workspace_helpers.workspace_before_request_handler"


@dataclass(frozen=True)
class Layer:
    """One that is expected around Flask: module and name of a class, or of what a ``BaseHTTPMiddleware`` calls.

    ``kept`` is on the short way, too; of the others, requests whose path begins with one of ``acts_on``, below the
    static prefix, take MLflow's way. ``optional`` are those that MLflow leaves out by its settings. ``direct`` ones
    look at no answer of the routes of :mod:`.direct`.
    """

    module: str
    name: str
    kept: bool = False
    optional: bool = False
    direct: bool = False
    acts_on: tuple[str, ...] = ()
    releases: str = ""

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


# Outermost first.
LAYERS: tuple[Layer, ...] = (
    # Asked for each request: only what it would pass on takes the short way.
    Layer("mlflow.server.auth", "fastapi_permission_middleware", direct=True),
    Layer(FASTAPI_APP, "artifact_transfer_middleware", direct=True, acts_on=("/ajax-api/2.0/mlflow/upload-artifact",),
          releases=">=3.18"),
    Layer(FASTAPI_APP, "gateway_timing_middleware", direct=True, acts_on=("/gateway/",)),
    # Flask's hook does the same, where this has not.
    Layer(FASTAPI_APP, "workspace_context_middleware", direct=True),
    Layer(SECURITY, "HostValidationMiddleware", kept=True, optional=True),
    Layer("starlette.middleware.cors", "CORSMiddleware", kept=True),
    Layer(SECURITY, "CORSBlockingMiddleware", kept=True, optional=True),
    Layer(SECURITY, "SecurityHeadersMiddleware", kept=True),
    # The bridge, mounted behind all routes; ours takes its place.
    Layer(FASTAPI_APP, "_EfficientWSGIMiddleware"),
)  # fmt: skip


def expected(version: str) -> list[Layer]:
    """Those of a release."""
    from packaging.specifiers import SpecifierSet

    return [layer for layer in LAYERS if not layer.releases or SpecifierSet(layer.releases).contains(version, True)]


def found(made: Any) -> list[str]:
    """What MLflow's application has around Flask, as :class:`Layer` writes it, outermost first."""
    layers = [_name(each.kwargs.get("dispatch") or each.cls) for each in made.user_middleware]
    mounts = [route for route in made.routes if isinstance(route, Mount)]
    return [*layers, *(f"{_name(type(mount.app))}{mount.path}" for mount in mounts)]


def _name(what: Any) -> str:
    return f"{what.__module__}.{getattr(what, '__name__', type(what).__name__)}"


class ShortWay:
    """An ASGI application: Flask's requests go to Flask, all else to ``otherwise``."""

    def __init__(self, flask: Asgi, otherwise: Asgi, is_short: Callable[[Scope], bool]) -> None:
        self._flask = flask
        self._otherwise = otherwise
        self._is_short = is_short

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and self._is_short(scope):
            clear_server_request_workspace()
            await self._flask(scope, receive, send)
        else:
            await self._otherwise(scope, receive, send)


def take(
    made: Any, flask_app: Flask, otherwise: Asgi, only_passed_on: Callable[[Scope], bool], static_prefix: str
) -> Asgi:
    """The short way beside ``otherwise``, which leads to MLflow's application; only the latter, and a line in the log,
    where that has other middlewares than this version knows."""
    known = expected(VERSION)
    present = found(made)
    usual = [layer for layer in known if not layer.optional or str(layer) in present]
    if present != list(map(str, usual)) or not _is_plain(made, flask_app):
        _logger.warning(
            "MLflow %s has other middlewares than this version knows, so requests to Flask use MLflow's own "
            "middlewares, which need more time and memory. Expected %s; found %s",
            VERSION, ", ".join(map(str, known)), ", ".join(present),
        )  # fmt: skip
        return otherwise
    kept = {str(layer) for layer in known if layer.kept}
    way: Asgi = WsgiBridge(flask_app)
    for each in reversed(made.user_middleware):
        if _name(each.cls) in kept:
            way = each.cls(way, *each.args, **each.kwargs)
    direct.take(made, [str(layer) for layer in known if layer.direct], _name)
    acted_on = tuple(static_prefix + begin for layer in known for begin in layer.acts_on)
    ours = on_scope(lambda path, root_path, method: not path.startswith(acted_on))
    return ShortWay(way, otherwise, lambda scope: ours(scope) and only_passed_on(scope))


def _is_plain(made: Any, flask_app: Flask) -> bool:
    """Whether the mount is Flask's, behind all routes, Flask finds workspaces itself, and FastAPI bounds no body."""
    mounted = getattr(made.routes[-1], "app", None)
    finds_workspaces = WORKSPACE_HOOK in map(_name, flask_app.before_request_funcs.get(None, ()))
    bound = getattr(made, "max_body_size", None)
    return getattr(mounted, "app", None) is flask_app and finds_workspaces and bound is None
