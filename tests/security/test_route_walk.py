"""Every route of the installed MLflow, found in its route tables, refuses an anonymous caller."""

from __future__ import annotations

import re

import httpx
from mlflow.server import app as flask_app
from mlflow.server.auth import routes as auth_routes
from mlflow.server.fastapi_app import create_fastapi_app
from starlette.routing import Mount, Route

from ..conftest import Demo

PUBLIC = {
    "/health",  # probes
    "/static-files/<path:path>",  # the UI's own code
    "/api/3.0/mlflow/server-info",  # capability discovery before login, by MLflow's decision
    "/ajax-api/3.0/mlflow/server-info",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def flask_routes() -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in flask_app.url_map.iter_rules()
        for method in METHODS
        if method in (rule.methods or ())
    }


def fastapi_routes() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    waiting = [("", route) for route in create_fastapi_app(flask_app).routes]
    while waiting:
        prefix, route = waiting.pop()
        if isinstance(route, Route):
            found |= {(method, prefix + route.path) for method in route.methods or () if method in METHODS}
        elif not isinstance(route, Mount):  # newer FastAPI keeps an included router whole, under a prefix
            inner = route.original_router.routes  # type: ignore[attr-defined]  # no public name for it
            prefix += route.include_context.prefix  # type: ignore[attr-defined]  # likewise
            waiting.extend((prefix, each) for each in inner)
    return found


def engine_routes() -> set[tuple[str, str]]:
    paths = {value for name, value in vars(auth_routes).items() if name.isupper() and isinstance(value, str)}
    return {(method, path) for path in paths for method in METHODS}


def concrete(path: str) -> str:
    return re.sub(r"<[^>]*>|\{[^}]*\}", "1", path)


def test_no_route_answers_an_anonymous_caller(demo: Demo) -> None:
    from_tables = flask_routes() | fastapi_routes()
    assert len(from_tables) > 250
    native = {path for _, path in fastapi_routes()}
    for family in ("/mlflow-artifacts/artifacts/", "/v1/traces", "/gateway/", "/jobs", "/assistant/", "mcp"):
        assert any(family in path for path in native), f"the walk no longer sees {family}"
    open_routes = []
    with httpx.Client(base_url=demo.url, timeout=60) as client:
        for method, path in sorted(from_tables | engine_routes()):
            if path in PUBLIC:
                continue
            answer = client.request(method, concrete(path), json={} if method != "GET" else None)
            refused = answer.status_code == 401 and answer.json()["error_code"] == "UNAUTHENTICATED"
            no_such_route = answer.status_code in (404, 405) and (method, path) not in from_tables
            if not refused and not no_such_route:
                open_routes.append((method, path, answer.status_code))
    assert open_routes == []


def test_nothing_hides_below_the_prefixes_that_the_engine_lets_pass() -> None:
    below = {
        path for _, path in flask_routes() | fastapi_routes() if path.startswith(("/static", "/health", "/favicon"))
    }
    assert below == {"/health", "/static-files/<path:path>"}


def test_our_own_routes_are_few_and_known(demo: Demo) -> None:
    with httpx.Client(base_url=demo.url, timeout=60) as client:
        for method, path, expected in (
            ("GET", "/prokube-auth/health", 200),
            ("GET", "/prokube-auth/ready", 200),
            ("GET", "/prokube-auth/login", 200),
            ("GET", "/prokube-auth/login/local", 404),
            ("POST", "/prokube-auth/login/local", 404),
            ("GET", "/prokube-auth/logged-out", 200),
            ("GET", "/prokube-auth/assets/style.css", 200),
            ("GET", "/prokube-auth/assets/../context.py", 401),
            ("GET", "/prokube-auth/assets/..%2Fcontext.py", 401),
            ("GET", "/prokube-auth/api/openapi.json", 401),
            ("GET", "/prokube-auth/api/me", 401),
            ("GET", "/prokube-auth/api/permissions", 401),
            ("POST", "/prokube-auth/api/access-key", 401),
            ("DELETE", "/prokube-auth/api/access-key", 401),
            ("GET", "/prokube-auth/logout", 401),
            ("POST", "/prokube-auth/logout", 401),
            ("GET", "/prokube-auth/cli", 400),
            ("GET", "/prokube-auth/api/cli", 200),
            ("POST", "/prokube-auth/api/cli/consent", 401),
            ("POST", "/prokube-auth/api/cli/token", 400),
            ("GET", "/prokube-auth/permissions", 302),
            ("GET", "/prokube-auth/admin", 302),
            ("GET", "/prokube-auth/admin/audit", 302),
            ("GET", "/prokube-auth/api/admin/users", 401),
            ("GET", "/prokube-auth/callback?code=x&state=y", 400),
        ):
            answer = client.request(method, path)
            assert (method, path, answer.status_code) == (method, path, expected)
