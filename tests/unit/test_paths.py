"""The paths that decisions are made on are those that routes match on: without static prefix and root path."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.wrappers import Request

from mlflow_prokube_auth.identity.caller import CALLER
from mlflow_prokube_auth.identity.middleware import AsgiIdentity, WsgiIdentity
from mlflow_prokube_auth.identity.pace import PATH
from mlflow_prokube_auth.prefix import without


@pytest.mark.parametrize(
    ("path", "rest"),
    [("/mlflow/health", "/health"), ("/mlflow", "/mlflow"), ("/mlflow-x/health", "/mlflow-x/health"), ("/x", "/x")],
)
def test_a_prefix_is_taken_off_by_whole_segments(path: str, rest: str) -> None:
    assert without(path, "/mlflow") == rest
    assert without(path, "") == path


def path_by_asgi(path: str, root_path: str = "") -> str:
    """The path that decisions are made on, under uvicorn; the static prefix is /mlflow."""
    seen: list[str] = []

    async def app(*_: Any) -> None:
        caller = CALLER.get()
        assert caller is not None
        seen.append(caller.facts.path)

    identity = AsgiIdentity(app, lambda facts: None, lambda scope: False, lambda facts, status, text: text, "/mlflow")
    scope = {"type": "http", "method": "GET", "headers": [], "path": path, "root_path": root_path}
    with ThreadPoolExecutor(1) as pool:  # the main thread's event loop may be a browser's
        pool.submit(lambda: asyncio.run(identity(scope, None, None))).result()  # type: ignore[arg-type]  # unused
    return seen[0]


def path_by_wsgi(path: str) -> str:
    """The same under gunicorn."""
    seen: list[str] = []

    def app(*_: Any) -> list[bytes]:
        caller = CALLER.get()
        assert caller is not None
        seen.append(caller.facts.path)
        return []

    WsgiIdentity(app, lambda facts: None, "/mlflow")({"REQUEST_METHOD": "GET", "PATH_INFO": path}, None)
    return seen[0]


def test_a_root_path_makes_no_route_one_of_the_gateways_where_the_servers_own_token_counts() -> None:
    assert path_by_asgi("/gateway/mlflow/version", "/gateway") == "/version"


@pytest.mark.parametrize("begin", ["/", "", "//", "///"])
@pytest.mark.parametrize("prefix", ["", "mlflow/"])
def test_slashes_before_a_path_are_one_as_flask_reads_them(begin: str, prefix: str) -> None:
    """Else the local login, asked for by //, would be answered without its pace, and tell which names exist."""
    path = begin + prefix + PATH[1:]
    assert Request({"REQUEST_METHOD": "GET", "PATH_INFO": path}).path == f"/{prefix}{PATH[1:]}"
    assert path_by_asgi(path) == PATH
    assert path_by_wsgi(path) == PATH
