"""Every route of the installed MLflow, found in its route tables, refuses an anonymous caller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import mlflow.server
import mlflow.server.auth as auth
import pytest
from mlflow.server import app as flask_app

from mlflow_prokube_auth.mlflow_auth import public
from mlflow_prokube_auth.mlflow_auth.public import PUBLIC as TABLE

from ..support.demo import Demo
from ..support.matrix import MATRIX, SKILLS, result
from ..support.personas import owned_things
from ..support.processes import free_port
from ..support.releases import HAS_SKILLS
from ..support.routes import METHODS, concrete, engine_routes, fastapi_routes, flask_routes
from ..support.world import running_world

# Capability discovery before login, by MLflow's decision.
SERVER_INFO = {"/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"}
PUBLIC = {
    "/health",  # probes
    "/static-files/<path:path>",  # the UI's own code
    *SERVER_INFO,
}
# What no route has, in the spelling of methods that servers treat in their own ways.
ODD_METHODS = ("TRACE", "PROPFIND", "get", "FOO")
GUNICORN = ("--gunicorn-opts", "--log-level info")
# Server -> options of `mlflow server`, and the prefix that its routes have.
SERVERS: dict[str, tuple[tuple[str, ...], str]] = {
    "uvicorn": ((), ""),
    "uvicorn under /mlflow": ((), "/mlflow"),
    "gunicorn under /mlflow": (GUNICORN, "/mlflow"),
    "uvicorn under /metrics": ((), "/metrics"),
    # MLflow's engine serves whatever begins like these to anybody; such a server starts in this test alone.
    "uvicorn under /health-mlflow": ((), "/health-mlflow"),
    "gunicorn under /static-ui": (GUNICORN, "/static-ui"),
}


@dataclass(frozen=True)
class Place:
    """Where a server is, the prefix of its routes, and what one of its users owns."""

    url: str
    prefix: str
    things: dict[str, str]

    @property
    def addresses(self) -> set[str]:
        """With the prefix and without: some of MLflow's routes are served at both."""
        return {self.url + self.prefix, self.url}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server of its own, but without a prefix: that is the demo's."""
    options, prefix = SERVERS[request.param]
    if not prefix:
        demo: Demo = request.getfixturevalue("demo")
        yield Place(demo.url, prefix, things_of(demo.url, demo.auth("alice")))
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options += ("--static-prefix", prefix)
    directory = tmp_path_factory.mktemp("walk")
    with running_world(directory, url + prefix, port, *options, module="tests.support.any_prefix") as world:
        browser, _ = world.log_in("alice@example.com")
        key = world.make_key(browser).json()["access_key"]
        yield Place(url, prefix, things_of(url + prefix, ("alice@example.com", key)))


def things_of(url: str, auth: tuple[str, str]) -> dict[str, str]:
    with httpx.Client(base_url=url, auth=auth, timeout=60) as owner:
        return owned_things(owner)


def is_refused(method: str, answer: httpx.Response) -> bool:
    """A body cannot come with HEAD."""
    if answer.status_code != 401 or answer.headers.get("www-authenticate"):
        return False
    return method == "HEAD" or answer.json()["error_code"] == "UNAUTHENTICATED"


def is_nowhere(answer: httpx.Response) -> bool:
    """No route matched; what a handler does not find, it says with an ``error_code``."""
    return answer.status_code in (404, 405) and "error_code" not in answer.text


def test_no_route_answers_an_anonymous_caller(server: Place) -> None:
    from_tables = flask_routes() | fastapi_routes()
    assert len(from_tables) > 500
    native = {path for _, path in fastapi_routes()}
    families = ["/mlflow-artifacts/artifacts/", "/v1/traces", "/gateway/", "/jobs", "/assistant/", "mcp"]
    for family in (*families, *(["/skills/"] if HAS_SKILLS else [])):
        assert any(family in path for path in native), f"the walk no longer sees {family}"
    prefix = server.prefix
    in_flask, walked = flask_routes(), from_tables | engine_routes()
    if not prefix:  # also what is no route, by the methods that none has
        walked |= {(method, path) for _, path in from_tables for method in METHODS}
    else:  # what a prefix could open, it opens for these as well
        walked = {(method, path) for method, path in walked & from_tables if method not in ("HEAD", "OPTIONS")}
    open_routes = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for method, path in sorted(walked):
            if path in PUBLIC:
                continue
            body: dict[str, str] | None = None if method in ("GET", "HEAD", "OPTIONS") else {}
            for place in {prefix, ""}:
                answer = client.request(method, place + concrete(path), json=body)
                # With a prefix, FastAPI's own routes are partly under it, partly without, and Flask's under it alone.
                exists = (method, path) in (in_flask if prefix else from_tables) and place == prefix
                if not is_refused(method, answer) and (exists or not is_nowhere(answer)):
                    open_routes.append((method, place + path, answer.status_code))
    assert open_routes == []


def test_no_operation_of_the_matrix_is_for_an_anonymous_caller(server: Place) -> None:
    rows = (*MATRIX, *SKILLS)
    for address in server.addresses:
        with httpx.Client(base_url=address, timeout=60) as nobody:
            found = {row.operation: result(row, nobody, server.things) for row in rows}
        assert (address, found) == (address, {row.operation: row.expected.split()[0] for row in rows})


def test_what_is_public_is_served_to_an_anonymous_caller(server: Place) -> None:
    code = sorted((Path(mlflow.server.__file__).parent / "js" / "build" / "static" / "js").glob("main.*.js"))[0]
    with httpx.Client(base_url=server.url + server.prefix, timeout=60) as nobody:
        for path in ("/health", f"/static-files/static/js/{code.name}", *sorted(SERVER_INFO)):
            assert (path, nobody.get(path).status_code) == (path, 200)


def test_no_odd_method_answers_an_anonymous_caller(server: Place) -> None:
    with httpx.Client(base_url=server.url + server.prefix, timeout=60) as client:
        for path in ("/api/2.0/mlflow/experiments/search", "/graphql", "/api/2.0/mlflow-artifacts/artifacts/1"):
            for method in ODD_METHODS:
                answer = client.send(client.build_request(method, path))
                assert is_refused(method, answer) or answer.status_code in (400, 405, 501), (method, path, answer.text)


def test_the_engine_decides_on_each_route_of_fastapis_own() -> None:
    undecided = {
        path for method, path in fastapi_routes()
        if path not in PUBLIC and auth._find_fastapi_validator(concrete(path), method) is None
    }  # fmt: skip
    assert undecided == set()


def test_no_route_is_a_websocket_which_nobody_would_authenticate() -> None:
    assert [path for method, path in fastapi_routes() if method == "WEBSOCKET"] == []


def test_the_table_of_public_routes_is_this_files_and_names_routes_of_mlflows() -> None:
    assert set(TABLE) == PUBLIC
    assert {path for _, path in flask_routes() | fastapi_routes()} > PUBLIC


@pytest.mark.parametrize(
    ("path", "is_public"),
    [
        ("/health", True), ("/static-files/main.js", True), ("/api/3.0/mlflow/server-info", True),
        ("/health/", False), ("/health/x", False), ("/healthz", False), ("/static/x", False), ("/static-ui/x", False),
        ("/favicon.ico", False), ("/version", False), ("/api/2.0/mlflow/server-info", False), ("/x/health", False),
        ("/x/mlflow/server-info", False), ("/health/../api/2.0/mlflow/experiments/get", False),
    ],
)  # fmt: skip
def test_a_path_is_public_by_its_route_alone(monkeypatch: pytest.MonkeyPatch, path: str, is_public: bool) -> None:
    monkeypatch.setattr(auth, "is_unprotected_route", auth.is_unprotected_route)  # to have it back afterwards
    public.install("")
    with flask_app.test_request_context(path):
        assert auth.is_unprotected_route(path) is is_public


@pytest.mark.parametrize(
    ("path", "is_public"),
    [
        ("/static-ui/health", True), ("/static-ui/ajax-api/3.0/mlflow/server-info", True), ("/health", False),
        ("/static-ui/gateway/x/mlflow/invocations", False), ("/static-ui/v1/traces", False), ("/static-ui", False),
        ("/static-uihealth", False), ("/static-ui/static-files/main.js", False),  # Flask serves it, and is asked
    ],
)  # fmt: skip
def test_fastapis_own_routes_are_public_by_their_whole_path_alone(
    monkeypatch: pytest.MonkeyPatch, path: str, is_public: bool
) -> None:
    monkeypatch.setattr(auth, "is_unprotected_route", auth.is_unprotected_route)
    public.install("/static-ui")
    assert auth.is_unprotected_route(path) is is_public


def test_our_own_routes_are_few_and_known(demo: Demo) -> None:
    with httpx.Client(base_url=demo.url, timeout=60) as client:
        for method, path, expected in (
            ("GET", "/prokube-auth/health", 200),
            ("GET", "/prokube-auth/ready", 200),
            ("GET", "/prokube-auth/login", 200),
            ("GET", "/prokube-auth/login/local", 404),
            ("POST", "/prokube-auth/login/local", 404),
            ("GET", "/prokube-auth/logged-out", 200),
            ("GET", "/prokube-auth/assets/any/style.css", 200),
            ("GET", "/prokube-auth/assets/any/../context.py", 401),
            ("GET", "/prokube-auth/assets/any/..%2Fcontext.py", 401),
            ("GET", "/prokube-auth/api/openapi.json", 401),
            ("GET", "/prokube-auth/api/me", 401),
            ("GET", "/prokube-auth/api/permissions", 401),
            ("POST", "/prokube-auth/api/access-key", 401),
            ("DELETE", "/prokube-auth/api/access-key", 401),
            ("GET", "/prokube-auth/logout", 302),
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
