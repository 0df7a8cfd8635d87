"""What MLflow 3.18 writes into a search for experiments is left to SQL where that narrows, and looked at again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import mlflow.server.auth as auth
import pytest
from flask import Response, g
from mlflow.server import app as flask_app
from mlflow.version import VERSION
from packaging.version import Version

from mlflow_prokube_auth.errors import Unavailable
from mlflow_prokube_auth.mlflow_auth import scopes, seams

since_3_18 = pytest.mark.skipif(Version(VERSION) < Version("3.18.dev0"), reason="MLflow 3.18 has scopes first")
SEARCH = "/api/2.0/mlflow/experiments/search"


@pytest.fixture
def request_context() -> Iterator[None]:
    with flask_app.test_request_context(SEARCH, method="POST", json={}):
        yield


def answer(*ids: str, status: int = 200, **more: Any) -> Response:
    body = {"experiments": [{"experiment_id": each, "name": f"n{each}"} for each in ids], **more}
    return Response(json.dumps(body), status, content_type="application/json")


@since_3_18
@pytest.mark.parametrize("narrowed", [True, False])
def test_the_engines_own_scope_stays_where_nothing_narrows(
    monkeypatch: pytest.MonkeyPatch, request_context: None, narrowed: bool
) -> None:
    asked: list[str] = []
    routes = [route for route, each in auth.REQUEST_SCOPE_HANDLERS.items() if "experiments/search" in route[0]]
    assert len(routes) == 4  # GET and POST, below both prefixes
    mlflows = {
        route: (lambda: asked.append("engine")) if route in routes else each
        for route, each in auth.REQUEST_SCOPE_HANDLERS.items()
    }
    monkeypatch.setattr(auth, "REQUEST_SCOPE_HANDLERS", mlflows)
    monkeypatch.setattr(auth, "_scope_experiment_search_query", mlflows[routes[0]])
    monkeypatch.setattr(seams, "_originals", {})

    def narrow(route: str) -> bool:
        asked.append(route)
        return narrowed

    for route in routes[1:]:
        mlflows[route] = mlflows[routes[0]]
    scopes.install(narrow)
    auth.REQUEST_SCOPE_HANDLERS[routes[0]]()
    assert asked == (["experiments/search"] if narrowed else ["experiments/search", "engine"])
    assert g.get("prokube_found_is_checked", False) is narrowed
    others = {route: each for route, each in auth.REQUEST_SCOPE_HANDLERS.items() if route not in routes}
    assert others == {route: each for route, each in mlflows.items() if route not in routes}
    assert others


def test_what_the_engine_would_not_show_does_not_leave(monkeypatch: pytest.MonkeyPatch, request_context: None) -> None:
    monkeypatch.setattr(auth, "_role_based_read_predicate", lambda username, kind: lambda id: (kind, id) != KEPT)
    g.prokube_found_is_checked = True
    body = scopes.check_found(answer("1", "2", "3", next_page_token="t")).get_json()
    assert [each["experiment_id"] for each in body["experiments"]] == ["1", "3"]
    assert body["next_page_token"] == "t"
    # It is asked for once, for that answer.
    assert len(scopes.check_found(answer("1", "2")).get_json()["experiments"]) == 2


KEPT = ("experiment", "2")


def test_nothing_leaves_that_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch, request_context: None) -> None:
    def fails(username: str, kind: str) -> Any:
        raise RuntimeError

    monkeypatch.setattr(auth, "_role_based_read_predicate", fails)
    g.prokube_found_is_checked = True
    with pytest.raises(Unavailable):
        scopes.check_found(answer("1"))
    g.prokube_found_is_checked = True
    with pytest.raises(Unavailable):
        scopes.check_found(Response("[]", content_type="application/json"))
    g.prokube_found_is_checked = True
    refused = answer(status=400)
    assert scopes.check_found(refused) is refused
