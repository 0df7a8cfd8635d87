"""The short way to Flask: around the middlewares that MLflow is known to have, and around no others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mlflow.server import app as flask_app
from mlflow.server.auth import add_fastapi_permission_middleware
from mlflow.server.fastapi_app import create_fastapi_app
from starlette.middleware.gzip import GZipMiddleware

from mlflow_prokube_auth.mlflow_auth import bypass, short_way
from mlflow_prokube_auth.wsgi_bridge import WsgiBridge

from ..support.releases import HAS_SKILLS
from .test_bypass import FLASKS, GUARDED, scope

HOSTS, ORIGINS = "MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"


def make() -> Any:
    """MLflow's application as ``mlflow_auth/install.py`` leaves it."""
    made = create_fastapi_app(flask_app)
    add_fastapi_permission_middleware(made)
    assert bypass.take_flask_past(made, bypass.native_route_matcher(made))
    return made


async def otherwise(scope: Any, receive: Any, send: Any) -> None:
    """MLflow's own way."""
    scope["ways"].append("MLflow's")


def take(made: Any, prefix: str = "") -> Any:
    return short_way.take(made, flask_app, otherwise, bypass.only_passed_on(bypass.native_route_matcher(made)), prefix)


@pytest.mark.parametrize(
    "environment",
    [{}, {HOSTS: "*"}, {ORIGINS: "*"}, {HOSTS: "*", ORIGINS: "*"}, {ORIGINS: "http://friend.test"}],
    ids=str,
)
def test_the_installed_mlflow_has_the_middlewares_that_are_known(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = make()
    way = take(made)
    assert isinstance(way, short_way.ShortWay)
    kept, inner = [], way._flask
    while not isinstance(inner, WsgiBridge):
        kept.append(type(inner).__name__)
        inner = inner.app  # type: ignore[attr-defined]  # each of these has one
    expected = ["HostValidationMiddleware", "CORSMiddleware", "CORSBlockingMiddleware", "SecurityHeadersMiddleware"]
    if environment.get(HOSTS) == "*":
        expected.remove("HostValidationMiddleware")
    if environment.get(ORIGINS) == "*":
        expected.remove("CORSBlockingMiddleware")
    assert kept == expected


def _swap(made: Any) -> None:
    made.user_middleware[-1], made.user_middleware[-2] = made.user_middleware[-2:]


def _another_mount(made: Any) -> None:
    made.mount("/more", lambda *_: None)


def _route_behind(made: Any) -> None:
    made.add_api_route("/late", lambda: None)


def _another_flask(made: Any) -> None:
    made.routes[-1].app.app = object()


def _bounded(made: Any) -> None:
    made.max_body_size = 1000


CHANGES: dict[str, Callable[[Any], Any]] = {
    "one more outermost": lambda made: made.add_middleware(GZipMiddleware),
    "one more innermost": lambda made: made.user_middleware.append(made.user_middleware[-1]),
    "another order": _swap,
    "no security headers": lambda made: made.user_middleware.pop(),
    "no engine": lambda made: made.user_middleware.pop(0),
    "another mount": _another_mount,
    "a route behind Flask": _route_behind,
    "another Flask": _another_flask,
    "a bound on bodies": _bounded,
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_middlewares_take_the_short_way_out_with_one_line(change: str, caplog: pytest.LogCaptureFixture) -> None:
    made = make()
    CHANGES[change](made)
    with caplog.at_level(logging.WARNING):
        assert take(made) is otherwise
    lines = [record.getMessage() for record in caplog.records if record.name == short_way.__name__]
    assert [line.split(",")[0].split(" has ")[1] for line in lines] == ["other middlewares than this version knows"]


def test_flask_without_its_hook_for_workspaces_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make()
    monkeypatch.setitem(flask_app.before_request_funcs, None, [])
    assert take(made) is otherwise


UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"
ELSEWHERE = [*GUARDED, *([(UPLOAD, "POST"), (UPLOAD + "/", "POST")] if HAS_SKILLS else []), ("/gateway/", "GET")]


@pytest.mark.parametrize(
    ("path", "method", "way"),
    [*((*each, "short") for each in FLASKS), *((*each, "MLflow's") for each in ELSEWHERE)],
)
def test_only_what_no_middleware_acts_on_takes_the_short_way(path: str, method: str, way: str) -> None:
    assert ways_of(take(make()), scope(path, method)) == [way]


def test_paths_below_a_prefix_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    way = take(make(), "/mlflow")
    assert ways_of(way, scope("/mlflow/gateway/x")) == ["MLflow's"]
    assert ways_of(way, scope("/mlflow/api/2.0/mlflow/experiments/get")) == ["short"]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_what_is_no_request_goes_to_mlflow(kind: str) -> None:
    assert ways_of(take(make()), {"type": kind, "path": "/"}) == ["MLflow's"]


def ways_of(way: Any, request: dict[str, Any]) -> list[str]:
    ways: list[str] = []

    async def flask(*_: Any) -> None:
        ways.append("short")

    way._flask = flask
    with ThreadPoolExecutor(1) as thread:  # a browser test before may have left a loop running in this one
        thread.submit(asyncio.run, way({**request, "ways": ways}, None, None)).result()
    return ways
