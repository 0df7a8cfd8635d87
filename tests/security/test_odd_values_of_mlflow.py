"""Values of another kind, size or form than MLflow expects: told in JSON as 400, never as MLflow's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..support.processes import free_port, running_mlflow
from ..support.tenants import API, API3, Tenant, new, refused
from ..support.world import ADMIN, ALICE, Place, running_world, with_keys

ARTIFACTS = "/api/2.0/mlflow-artifacts"
ODD: tuple[Any, ...] = ([], {}, "..", "a\x01\x1b", 10**30, -1, "1e400", [[]])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("odd"), f"http://127.0.0.1:{port}", port) as world:
        yield with_keys(world)


@pytest.fixture(scope="module", params=[ALICE, ADMIN])
def owner(place: Place, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    auth = (request.param, place.keys[request.param])
    with Tenant(base_url=place.world.url, auth=auth, timeout=60) as client:
        yield client


def in_json(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/json"), (answer.request.url, answer.text)
    told = answer.json()
    assert answer.status_code < 400 or (told["error_code"] and told["message"]), answer.text
    return str(told.get("error_code", ""))


def test_no_value_of_a_body_makes_mlflow_answer_with_its_page(owner: Tenant) -> None:
    experiment_id = owner.experiment()
    run_id = owner.run(experiment_id)
    trace_id = owner.traced(experiment_id)
    mpu = f"{ARTIFACTS}/mpu/create/{experiment_id}/{run_id}/artifacts/f"
    bodies: tuple[tuple[str, str, dict[str, Any], str], ...] = (
        ("POST", f"{API}/experiments/search", {}, "max_results"),
        ("POST", f"{API}/experiments/search", {}, "view_type"),
        ("POST", f"{API}/runs/search", {"experiment_ids": [experiment_id]}, "max_results"),
        ("POST", f"{API}/runs/update", {"run_id": run_id}, "end_time"),
        ("POST", f"{API}/runs/log-metric", {"run_id": run_id, "key": "k", "timestamp": 1}, "value"),
        ("POST", f"{API}/logged-models/search", {"experiment_ids": [experiment_id]}, "max_results"),
        ("POST", f"{API}/logged-models/search", {"experiment_ids": [experiment_id]}, "page_token"),
        ("POST", f"{API}/traces/delete-traces", {"experiment_id": experiment_id}, "max_traces"),
        ("PATCH", f"{API3}/traces/{trace_id}/tags", {"key": "k"}, "value"),
        ("POST", f"{API3}/datasets/create", {"experiment_ids": [experiment_id], "name": new("d")}, "tags"),
        ("POST", f"{API3}/review-queues/create", {"experiment_id": experiment_id, "name": "q"}, "created_by"),
        ("POST", mpu, {"path": "f"}, "num_parts"),
        ("POST", mpu, {"num_parts": 1}, "path"),
    )
    for method, path, body, parameter in bodies:
        for odd in ODD:
            answer = owner.request(method, path, json={**body, parameter: odd})
            # What MLflow's store has caught itself it tells as INTERNAL_ERROR, as it does without this plugin.
            told = answer.status_code < 500 or in_json(answer) == "NOT_IMPLEMENTED" or "error_class" in answer.json()
            assert in_json(answer) is not None, answer.text
            assert told, (path, parameter, odd, answer.text)


def test_an_error_that_nobody_caught_is_told_without_its_words(owner: Tenant) -> None:
    odd: Any
    for odd in ([], {}):
        message = refused(owner.post(f"{API}/experiments/search", json={"max_results": odd}), 400)
        assert message.startswith("MLflow could not read a value of this request (TypeError).")


def test_a_file_name_is_none_that_walks_up(owner: Tenant) -> None:
    experiment_id = owner.experiment()
    path = f"{ARTIFACTS}/mpu/create/{experiment_id}/{owner.run(experiment_id)}/artifacts/f"
    names: tuple[Any, ...] = ("..", "../f", "a/../../f", "a\x00b", {})
    for name in names:
        assert "'path'" in refused(owner.post(path, json={"path": name, "num_parts": 1}), 400)
    assert in_json(owner.post(path, json={"path": "f", "num_parts": 1})) == "NOT_IMPLEMENTED"


def test_what_mlflow_says_with_a_page_or_nothing_is_said_in_json(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paths = ("/get-artifact", f"{API}/unified-traces", f"{API3}/workspaces", "/model-versions/get-artifact?name=a")
    port = free_port()
    with running_mlflow(tmp_path_factory.mktemp("plain"), port, app=None), place.client(ADMIN) as admin:
        for path in paths:
            theirs, answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30), admin.get(path)
            assert answer.status_code in (theirs.status_code, 400), (path, theirs.text, answer.text)
            assert in_json(answer)


def test_a_browser_gets_our_page_where_mlflow_has_its_own(place: Place) -> None:
    browser, _ = place.world.log_in(ADMIN)
    answer = browser.get("/get-artifact")
    assert answer.status_code == 400
    assert "Back to MLflow" in answer.text
