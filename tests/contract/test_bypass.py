"""The shortcut past the engine's FastAPI middleware: for Flask's routes alone, and only where nothing guards them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mlflow.server import app as flask_app
from mlflow.server.auth import add_fastapi_permission_middleware
from mlflow.server.fastapi_app import create_fastapi_app
from starlette.middleware.base import BaseHTTPMiddleware

from mlflow_prokube_auth.mlflow_auth import bypass


@pytest.fixture
def app() -> Any:
    """MLflow's FastAPI application, with the engine's middleware outermost."""
    made = create_fastapi_app(flask_app)
    add_fastapi_permission_middleware(made)
    return made


def scope(path: str, method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "path": path, "root_path": "", "method": method, "headers": [], "query_string": b""}


FLASKS = [
    ("/api/2.0/mlflow/experiments/get", "GET"),
    ("/ajax-api/2.0/mlflow/runs/search", "POST"),
    ("/graphql", "POST"),
    ("/", "GET"),
    ("/x" * 2000, "GET"),
]
GUARDED = [
    ("/v1/traces", "POST"),
    ("/gateway/e/mlflow/invocations", "POST"),
    ("/ajax-api/3.0/jobs/", "POST"),
    ("/ajax-api/3.0/mlflow/assistant/status", "GET"),
    ("/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/f", "GET"),
    ("/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/f", "PUT"),
    ("/ajax-api/3.0/mlflow/mcp-servers", "GET"),
    ("/gateway/" + "x" * 1000, "POST"),
]


@pytest.mark.parametrize(
    ("path", "method", "past"), [*((*each, True) for each in FLASKS), *((*each, False) for each in GUARDED)]
)
def test_only_what_the_engine_would_pass_on_goes_past_it(app: Any, path: str, method: str, past: bool) -> None:
    is_native = bypass.native_route_matcher(app)
    assert bypass.take_flask_past(app, is_native)
    shortcut = next(each for each in app.user_middleware if each.cls is bypass.Shortcut)
    ways: list[str] = []

    async def inner(*_: Any) -> None:
        ways.append("past")

    made = shortcut.cls(inner, **shortcut.kwargs)

    async def guarded(*_: Any) -> None:
        ways.append("guarded")

    made._guarded = guarded
    for _ in range(2):  # the second time out of what is kept
        with ThreadPoolExecutor(1) as thread:  # a browser test before may have left a loop running in this one
            thread.submit(asyncio.run, made(scope(path, method), None, None)).result()
    assert ways == ["past" if past else "guarded"] * 2


def test_an_engine_without_that_middleware_is_noticed(app: Any) -> None:
    app.user_middleware = [each for each in app.user_middleware if each.cls is not BaseHTTPMiddleware]
    assert not bypass.take_flask_past(app, bypass.native_route_matcher(app))
