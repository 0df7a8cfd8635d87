"""Searches in several experiments find what the caller may read, as the search for experiments does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import mlflow
import pytest
from mlflow.genai import datasets
from mlflow.server.handlers import get_endpoints

from mlflow_prokube_auth.mlflow_auth.several import SEARCHES

from ..support.processes import free_port
from ..support.tenants import API, API3, Tenant, new
from ..support.world import ADMIN, ALICE, BOB, Place, running_world, with_keys

GONE = "999999"
COUNT = {"view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}]}
# The engine filters what these find, or they are no searches.
OTHERS = {
    "runs/search", "logged-models/search", "traces/batchGet", "traces/batchGetInfos", "unified-traces", "scorers/list",
    "datasets/create", "datasets/<dataset_id>/add-experiments", "datasets/<dataset_id>/remove-experiments",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("several"), f"http://127.0.0.1:{port}", port) as world:
        yield with_keys(world)


def tenant(place: Place, email: str) -> Tenant:
    return Tenant(base_url=place.world.url, auth=(email, place.keys[email]), timeout=60)


@pytest.fixture(scope="module")
def alice(place: Place) -> Iterator[Tenant]:
    with tenant(place, ALICE) as client:
        yield client


@pytest.fixture(scope="module")
def bob(place: Place) -> Iterator[Tenant]:
    with tenant(place, BOB) as client:
        yield client


class Mine:
    """An experiment with one of each thing that searches find."""

    def __init__(self, owner: Tenant) -> None:
        self.id = owner.experiment()
        self.run = owner.run(self.id)
        self.trace = owner.traced(self.id)
        made = owner.made(f"{API}/logged-models", {"experiment_id": self.id, "name": "m"})
        self.model = made["model"]["info"]["model_id"]
        self.dataset = dataset(owner, self.id)
        self.input = new("input")
        logged = {"name": self.input, "digest": "d", "source_type": "local", "source": "{}"}
        sent = {"run_id": self.run, "datasets": [{"dataset": logged, "tags": []}]}
        owner.made(f"{API}/runs/log-inputs", sent)


def dataset(owner: Tenant, *experiment_ids: str) -> str:
    name = new("dataset")
    owner.made(f"{API3}/datasets/create", {"name": name, "experiment_ids": list(experiment_ids)})
    return name


@pytest.fixture(scope="module")
def theirs(alice: Tenant) -> Mine:
    return Mine(alice)


@pytest.fixture(scope="module")
def mine(bob: Tenant) -> Mine:
    return Mine(bob)


def locations(ids: list[str], experiment: str = "mlflow_experiment") -> list[dict[str, Any]]:
    return [{"type": "MLFLOW_EXPERIMENT", experiment: {"experiment_id": each}} for each in ids]


def found(client: httpx.Client, ids: list[str], **more: Any) -> dict[str, Any]:
    """What each search finds in these experiments."""

    def post(path: str, **body: Any) -> Any:
        answer = client.post(path, json={**body, **more})
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    got = client.get(f"{API}/traces", params={"experiment_ids": ids})
    assert got.status_code == 200, got.text
    points = post(f"{API3}/traces/metrics", experiment_ids=ids, **COUNT).get("data_points", [])
    listed = client.get(f"{API3}/datasets/search", params={"experiment_ids": ids})
    assert listed.status_code == 200, listed.text
    spelled = post(f"{API3}/traces/search", locations=locations(ids, "mlflowExperiment"))
    inputs = post("/ajax-api/2.0/mlflow/experiments/search-datasets", experiment_ids=ids)
    traces = post(f"{API3}/traces/search", locations=locations(ids))
    models = post(f"{API}/logged-models/search", experiment_ids=ids)
    searched = post(f"{API3}/datasets/search", experiment_ids=ids)
    return {
        "runs": [each["info"]["run_id"] for each in post(f"{API}/runs/search", experiment_ids=ids).get("runs", [])],
        "traces": [each["trace_id"] for each in traces.get("traces", [])],
        "spelled": [each["trace_id"] for each in spelled.get("traces", [])],
        "old traces": [each["request_id"] for each in got.json().get("traces", [])],
        "counted": sum(point["values"]["COUNT"] for point in points),
        "models": [each["info"]["model_id"] for each in models.get("models", [])],
        "inputs": [each["name"] for each in inputs.get("dataset_summaries", [])],
        "datasets": [each["name"] for each in searched.get("datasets", [])],
        "listed": [each["name"] for each in listed.json().get("datasets", [])],
    }


def all_of(one: Mine) -> dict[str, Any]:
    return {
        "runs": [one.run], "traces": [one.trace], "spelled": [one.trace], "old traces": [one.trace], "counted": 1,
        "models": [one.model], "inputs": [one.input], "datasets": [one.dataset], "listed": [one.dataset],
    }  # fmt: skip


NOTHING = {
    "runs": [], "traces": [], "spelled": [], "old traces": [], "counted": 0, "models": [], "inputs": [],
    "datasets": [], "listed": [],
}  # fmt: skip


def test_a_search_leaves_out_what_one_may_not_read(bob: Tenant, mine: Mine, theirs: Mine) -> None:
    assert found(bob, [mine.id]) == all_of(mine)
    for ids in ([mine.id, theirs.id], [theirs.id, mine.id, GONE], [mine.id, GONE], ["0", mine.id]):
        assert found(bob, ids) == all_of(mine), ids


def test_where_none_is_left_a_search_finds_nothing(bob: Tenant, mine: Mine, theirs: Mine) -> None:
    for ids in ([theirs.id], [GONE], [theirs.id, GONE], ["0"]):
        assert found(bob, ids) == NOTHING, ids


def test_a_search_in_no_experiment_finds_nothing(bob: Tenant, mine: Mine) -> None:
    # What MLflow's page of judges sends before it knows its experiment.
    newest = {"locations": [], "max_results": 1, "order_by": ["timestamp DESC"]}
    for route, asked in (("traces/search", newest), ("traces/metrics", {"experiment_ids": [], **COUNT})):
        answer = bob.post(f"{API3}/{route}", json=asked)
        assert (answer.status_code, answer.json()) == (200, {}), route
        parameter = next(iter(asked))
        named = bob.post(f"{API3}/{route}", json={key: value for key, value in asked.items() if key != parameter})
        assert named.status_code != 200, route


def test_an_unreadable_experiment_is_told_like_a_missing_one(bob: Tenant, mine: Mine, theirs: Mine) -> None:
    correlation = {"filter_string1": "trace.status = 'OK'", "filter_string2": "trace.status = 'OK'"}
    for ids in ([], [mine.id]):
        answers = [
            bob.post(
                f"{API3}/traces/calculate-filter-correlation", json={"experiment_ids": [*ids, each], **correlation}
            )
            for each in (theirs.id, GONE)
        ]
        assert {answer.status_code for answer in answers} == {200 if ids else 403}
        assert answers[0].text.replace(f"'{theirs.id}'", "ID") == answers[1].text.replace(f"'{GONE}'", "ID")
        if ids:
            assert answers[0].json()["total_count"] == 1


def test_who_may_read_both_finds_both(place: Place, bob: Tenant, mine: Mine, theirs: Mine) -> None:
    with tenant(place, ADMIN) as admin:
        both = found(admin, [mine.id, theirs.id])
    assert {key: len(value) if isinstance(value, list) else value for key, value in both.items()} == {
        **dict.fromkeys(NOTHING, 2)
    }


def test_datasets_are_found_without_naming_an_experiment(bob: Tenant, mine: Mine, theirs: Mine) -> None:
    def names(**asked: Any) -> list[str]:
        by_post = bob.post(f"{API3}/datasets/search", json=asked)
        by_get = bob.get(f"{API3}/datasets/search", params=asked)
        assert (by_post.status_code, by_get.status_code) == (200, 200), by_post.text
        assert by_post.json() == by_get.json()
        return [each["name"] for each in by_post.json().get("datasets", [])]

    assert names() == [mine.dataset]
    assert names(filter_string=f"name = '{mine.dataset}'") == [mine.dataset]
    assert names(filter_string=f"name = '{theirs.dataset}'") == []


def test_the_stock_client_finds_its_datasets_by_name(
    place: Place, mine: Mine, theirs: Mine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", BOB)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", place.keys[BOB])
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(place.world.url)
    try:
        assert [each.name for each in datasets.search_datasets()] == [mine.dataset]
        assert datasets.get_dataset(name=mine.dataset).name == mine.dataset
        with pytest.raises(mlflow.MlflowException, match="not found"):
            datasets.get_dataset(name=theirs.dataset)
        runs = mlflow.search_runs(experiment_ids=[mine.id, theirs.id], output_format="list")
        assert [run.info.run_id for run in runs] == [mine.run]
    finally:
        mlflow.set_tracking_uri(before)


def test_every_search_in_several_experiments_of_this_release_is_known() -> None:
    named = {
        path.split("mlflow/", 1)[1]
        for path, message, _ in get_endpoints(lambda message: message)
        for field in getattr(getattr(message, "DESCRIPTOR", None), "fields", ())
        if field.name in ("experiment_ids", "locations")
    }
    assert named == {route for _, route in SEARCHES} | OTHERS
