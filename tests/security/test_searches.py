"""Searches say nothing of what the searcher may not read: neither rows, nor that there are more, nor how many."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import flask
import httpx
import pytest

from ..support.demo import Demo

API = "/api/2.0/mlflow"


@pytest.fixture
def alice(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url + API, auth=demo.auth("alice"), timeout=60) as client:
        yield client


@pytest.fixture
def bob(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url + API, auth=demo.auth("bob"), timeout=60) as client:
        yield client


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def experiment(client: httpx.Client, name: str) -> str:
    return str(ok(client.post("/experiments/create", json={"name": name}))["experiment_id"])


def model(client: httpx.Client, name: str) -> None:
    ok(client.post("/registered-models/create", json={"name": name}))


def version(client: httpx.Client, name: str) -> None:
    run = ok(client.post("/runs/create", json={"experiment_id": experiment(client, f"of-{name}")}))["run"]["info"]
    model(client, name)
    body = {"name": name, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
    ok(client.post("/model-versions/create", json=body))


def mcp_server(client: httpx.Client, name: str) -> None:
    ok(client.post(f"{native(client)}/mcp-servers", json={"name": name}))


def native(client: httpx.Client) -> str:
    """Where FastAPI itself serves."""
    return str(client.base_url).rstrip("/").replace("/2.0/", "/3.0/")


# What makes a row of that name, where it is searched, and where its name stands in the answer.
Search = tuple[Callable[[httpx.Client, str], object], str, str, str]
SEARCHES: dict[str, Search] = {
    "experiments": (experiment, "POST", "/experiments/search", "experiments"),
    "models": (model, "GET", "/registered-models/search", "registered_models"),
    "versions": (version, "GET", "/model-versions/search", "model_versions"),
    "MCP servers": (mcp_server, "GET", "", "mcp_servers"),
}


def search(client: httpx.Client, kind: str, prefix: str, size: int, token: str = "") -> httpx.Response:
    _, method, path, _ = SEARCHES[kind]
    asked: dict[str, Any] = {
        "filter": f"name LIKE '{prefix}%'", "max_results": size, "order_by": ["name ASC"], "page_token": token,
    }  # fmt: skip
    if not path:
        path, asked["filter_string"] = f"{native(client)}/mcp-servers", asked.pop("filter")
    return client.post(path, json=asked) if method == "POST" else client.get(path, params=asked)


def prefix_of(kind: str) -> str:
    """The beginning of names that nobody has."""
    return f"{'com.acme/' if kind == 'MCP servers' else ''}s{uuid.uuid4().hex[:8]}-"


def names(kind: str, answer: Any) -> list[str]:
    return [row["name"] for row in answer.get(SEARCHES[kind][3], [])]


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_page_token_says_nothing_of_rows_that_are_not_ones_own(
    alice: httpx.Client, bob: httpx.Client, kind: str
) -> None:
    make, prefix = SEARCHES[kind][0], prefix_of(kind)
    for number in (1, 3, 4):
        make(alice, f"{prefix}{number}")
    nothing = ok(search(bob, kind, prefix, 1))
    assert not any(nothing.values()), nothing
    make(bob, f"{prefix}0")
    first = ok(search(bob, kind, prefix, 1))
    assert names(kind, first) == [f"{prefix}0"]
    assert not first.get("next_page_token")
    make(bob, f"{prefix}2")
    first = ok(search(bob, kind, prefix, 1))
    last = ok(search(bob, kind, prefix, 1, first["next_page_token"]))
    assert (names(kind, first), names(kind, last)) == ([f"{prefix}0"], [f"{prefix}2"])
    assert not last.get("next_page_token")
    # The token counts what the caller may read and nothing beside it.
    assert json.loads(base64.b64decode(first["next_page_token"])) == {"offset": 1}


@pytest.mark.parametrize("kind", ["experiments", "models", "MCP servers"])
def test_all_of_ones_own_is_found_page_by_page_and_the_administrator_finds_everything(
    demo: Demo, alice: httpx.Client, bob: httpx.Client, kind: str
) -> None:
    make, prefix = SEARCHES[kind][0], prefix_of(kind)
    for number in range(7):
        make(alice if number % 3 == 1 else bob, f"{prefix}{number}")
    with httpx.Client(base_url=demo.url + API, auth=demo.auth("admin"), timeout=60) as admin:
        for client, expected in ((bob, [0, 2, 3, 5, 6]), (alice, [1, 4]), (admin, [0, 1, 2, 3, 4, 5, 6])):
            for size in (1, 2, 100):
                found: list[str] = []
                token = ""
                for _ in range(10):
                    answer = ok(search(client, kind, prefix, size, token))
                    found += names(kind, answer)
                    token = answer.get("next_page_token") or ""
                    if not token:
                        break
                assert (size, found) == (size, [f"{prefix}{number}" for number in expected])


def test_a_search_for_logged_models_counts_only_those_in_readable_experiments(
    alice: httpx.Client, bob: httpx.Client
) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"
    theirs, mine = experiment(alice, name), experiment(bob, f"{name}-b")
    ok(alice.post("/logged-models", json={"experiment_id": theirs, "name": name}))
    for _ in range(2):
        ok(bob.post("/logged-models", json={"experiment_id": mine, "name": name}))
    seen = []
    token = ""
    for _ in range(2):
        asked = {"experiment_ids": [theirs, mine, "987654321"], "max_results": 1, "page_token": token}
        page = ok(bob.post("/logged-models/search", json=asked))
        seen += [each["info"]["experiment_id"] for each in page["models"]]
        token = page.get("next_page_token", "")
    assert (seen, token) == ([mine, mine], "")
    assert ok(bob.post("/logged-models/search", json={"experiment_ids": [theirs], "max_results": 1})) == {}


def test_the_filter_of_experiments_shows_nothing_when_the_engine_fails_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow.server.auth as auth

    from mlflow_prokube_auth.mlflow_auth.install import _closed

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the store is not there")

    monkeypatch.setattr(auth, "sender_is_admin", lambda: False)
    monkeypatch.setattr(auth, "authenticate_request", fail)
    with flask.Flask("test").test_request_context("/"):
        assert auth.filter_experiment_ids(["1"]) == ["1"], "MLflow's own is closed: ours can go"
        assert _closed(auth.filter_experiment_ids)(["1"]) == []
    assert _closed(auth.filter_experiment_ids)(["1"]) == []
