"""Every route of the installed MLflow, found in its route tables, refuses an anonymous caller."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ..conftest import Demo, free_port
from ..server.world import running_world
from .routes import METHODS, concrete, engine_routes, fastapi_routes, flask_routes

PUBLIC = {
    "/health",  # probes
    "/static-files/<path:path>",  # the UI's own code
    "/api/3.0/mlflow/server-info",  # capability discovery before login, by MLflow's decision
    "/ajax-api/3.0/mlflow/server-info",
}
# What no route has, in the spelling of methods that servers treat in their own ways.
ODD_METHODS = ("TRACE", "PROPFIND", "get", "FOO")
# Server -> options of `mlflow server`, and the prefix that its routes have.
SERVERS = {
    "uvicorn": ((), ""),
    "uvicorn with a prefix": (("--static-prefix", "/mlflow"), "/mlflow"),
    "gunicorn with a prefix": (("--static-prefix", "/mlflow", "--gunicorn-opts", "--log-level info"), "/mlflow"),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where a server is, and the prefix of its routes."""
    options, prefix = SERVERS[request.param]
    if not options:
        yield request.getfixturevalue("demo").url, prefix
        return
    port = free_port()
    with running_world(tmp_path_factory.mktemp("walk"), f"http://127.0.0.1:{port}{prefix}", port, *options):
        yield f"http://127.0.0.1:{port}", prefix


def is_refused(method: str, answer: httpx.Response) -> bool:
    """A body cannot come with HEAD."""
    if answer.status_code != 401 or answer.headers.get("www-authenticate"):
        return False
    return method == "HEAD" or answer.json()["error_code"] == "UNAUTHENTICATED"


def is_nowhere(answer: httpx.Response) -> bool:
    """No route matched; what a handler does not find, it says with an ``error_code``."""
    return answer.status_code in (404, 405) and "error_code" not in answer.text


def test_no_route_answers_an_anonymous_caller(server: tuple[str, str]) -> None:
    from_tables = flask_routes() | fastapi_routes()
    assert len(from_tables) > 500
    native = {path for _, path in fastapi_routes()}
    for family in ("/mlflow-artifacts/artifacts/", "/v1/traces", "/gateway/", "/jobs", "/assistant/", "mcp"):
        assert any(family in path for path in native), f"the walk no longer sees {family}"
    url, prefix = server
    in_flask, walked = flask_routes(), from_tables | engine_routes()
    if not prefix:  # also what is no route, by the methods that none has
        walked |= {(method, path) for _, path in from_tables for method in METHODS}
    else:  # what a prefix could open, it opens for these as well
        walked = {(method, path) for method, path in walked & from_tables if method not in ("HEAD", "OPTIONS")}
    open_routes = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for method, path in sorted(walked):
            if path in PUBLIC:
                continue
            body = None if method in ("GET", "HEAD", "OPTIONS") else {}
            for place in {prefix, ""}:
                answer = client.request(method, place + concrete(path), json=body)
                # With a prefix, FastAPI's own routes are partly under it, partly without, and Flask's under it alone.
                exists = (method, path) in (in_flask if prefix else from_tables) and place == prefix
                if not is_refused(method, answer) and (exists or not is_nowhere(answer)):
                    open_routes.append((method, place + path, answer.status_code))
    assert open_routes == []


def test_no_odd_method_answers_an_anonymous_caller(server: tuple[str, str]) -> None:
    url, prefix = server
    with httpx.Client(base_url=url, timeout=60) as client:
        for path in ("/api/2.0/mlflow/experiments/search", "/graphql", "/api/2.0/mlflow-artifacts/artifacts/1"):
            for method in ODD_METHODS:
                answer = client.send(httpx.Request(method, f"{url}{prefix}{path}"))
                assert is_refused(method, answer) or answer.status_code in (400, 405, 501), (method, path, answer.text)


def test_no_route_is_a_websocket_which_nobody_would_authenticate() -> None:
    assert [path for method, path in fastapi_routes() if method == "WEBSOCKET"] == []


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
