"""The paths that decisions are made on are those that routes match on: without static prefix and root path."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlflow_prokube_auth.identity.caller import CALLER
from mlflow_prokube_auth.identity.middleware import AsgiIdentity
from mlflow_prokube_auth.prefix import without


@pytest.mark.parametrize(
    ("path", "rest"),
    [("/mlflow/health", "/health"), ("/mlflow", "/mlflow"), ("/mlflow-x/health", "/mlflow-x/health"), ("/x", "/x")],
)
def test_a_prefix_is_taken_off_by_whole_segments(path: str, rest: str) -> None:
    assert without(path, "/mlflow") == rest
    assert without(path, "") == path


def test_a_root_path_makes_no_route_one_of_the_gateways_where_the_servers_own_token_counts() -> None:
    seen = []

    async def app(*_: Any) -> None:
        caller = CALLER.get()
        assert caller is not None
        seen.append(caller.facts.path)

    identity = AsgiIdentity(app, lambda facts: None, lambda scope: False, lambda facts, status, text: text, "/mlflow")
    scope = {"type": "http", "method": "GET", "headers": [], "path": "/gateway/mlflow/version", "root_path": "/gateway"}
    with ThreadPoolExecutor(1) as pool:  # the main thread's event loop may be a browser's
        pool.submit(lambda: asyncio.run(identity(scope, None, None))).result()  # type: ignore[arg-type]  # unused
    assert seen == ["/version"]
