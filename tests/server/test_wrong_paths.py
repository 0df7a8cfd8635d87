"""A tracking URI with a wrong path, routes of another release, methods that a route does not take."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import mlflow
import pytest
from mlflow.exceptions import MlflowException

from ..support.processes import free_port, running_mlflow
from ..support.world import ADMIN, ALICE, BOB, PREFIX, Place, running_world, with_keys

API = "/api/2.0/mlflow"
CREATE, LIST, BY_NAME = f"{API}/experiments/create", f"{API}/experiments/list", f"{API}/experiments/get-by-name"
# Families of paths that MLflow's engine tells by how they begin.
NOWHERE = (
    "/nowhere", LIST, f"/api/2.0/preview{LIST.removeprefix('/api/2.0')}", f"{API}/traces/a/b/c/d", f"{API}/datasets/",
    "/api/2.0/mlflow-artifacts/nowhere", "/gateway/a/b/c", "/v1/other", "/ajax-api/3.0/jobs/a/b/c",
    "/ajax-api/3.0/mlflow/assistant/none", "/prokube-auth/none", "/prokube-auth/api/none",
)  # fmt: skip


@pytest.fixture(scope="module", params=["", PREFIX])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port = free_port()
    options = ("--static-prefix", request.param) if request.param else ()
    with running_world(
        tmp_path_factory.mktemp("paths"), f"http://127.0.0.1:{port}{request.param}", port, *options
    ) as w:
        yield with_keys(w)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with running_mlflow(tmp_path_factory.mktemp("plain"), port, app=None):
        yield f"http://127.0.0.1:{port}"


def wrong_bases(place: Place) -> list[str]:
    """Without the prefix where there is one, with one where there is none, and with it twice."""
    twice = f"{place.world.url}{PREFIX}"
    return [twice, place.world.origin] if place.world.url != place.world.origin else [twice]


def told(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    return str(answer.json()["message"])


@pytest.mark.parametrize("email", [ALICE, ADMIN])
def test_a_wrong_base_is_told_with_the_right_one(place: Place, email: str) -> None:
    for base in wrong_bases(place):
        with place.client(email, base) as client:
            for answer in (
                client.get(BY_NAME, params={"experiment_name": "brand new"}),
                client.post(CREATE, json={"name": "brand new"}),
                client.get(f"{API}/registered-models/get", params={"name": "brand new"}),
            ):
                message = told(answer, 404, "ENDPOINT_NOT_FOUND")
                assert f"Its tracking URI is {place.world.url} : check MLFLOW_TRACKING_URI." in message
                assert "taken" not in message


def test_the_client_reads_no_name_out_of_a_wrong_base(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ALICE)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", place.keys[ALICE])
    before = mlflow.get_tracking_uri()
    try:
        for base in wrong_bases(place):
            mlflow.set_tracking_uri(base)
            with pytest.raises(MlflowException, match="tracking URI is") as raised:
                mlflow.set_experiment(f"brand-new-{uuid.uuid4().hex[:8]}")
            assert raised.value.error_code == "ENDPOINT_NOT_FOUND"
    finally:
        mlflow.set_tracking_uri(before)


@pytest.mark.parametrize("email", [ALICE, ADMIN])
def test_what_is_nowhere_is_told_so_and_never_as_a_denial(place: Place, email: str) -> None:
    with place.client(email) as client:
        for path in NOWHERE:
            assert f"'{httpx.URL(place.world.url).path.rstrip('/')}{path}'" in told(
                client.get(path), 404, "ENDPOINT_NOT_FOUND"
            )


def test_what_needs_a_login_is_no_map_of_routes(place: Place) -> None:
    with place.client(None) as nobody:
        answers = [nobody.request(method, path) for path in (*NOWHERE, CREATE) for method in ("GET", "POST", "PATCH")]
        answers += [httpx.get(base + BY_NAME) for base in wrong_bases(place)]
        assert {(answer.status_code, answer.json()["error_code"]) for answer in answers} == {(401, "UNAUTHENTICATED")}
        assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("email", [BOB, ADMIN])
def test_another_method_is_told_with_those_that_the_route_takes(place: Place, plain: str, email: str) -> None:
    with place.client(email) as client:
        for method, path in (("PATCH", CREATE), ("GET", CREATE), ("PUT", "/prokube-auth/api/me")):
            answer = client.request(method, path)
            assert f"not {method}" in told(answer, 405, "BAD_REQUEST")
            if not path.startswith("/prokube-auth"):
                theirs = httpx.request(method, plain + path)
                assert theirs.status_code == 405
                allowed = set(theirs.headers["allow"].split(", ")) - {"OPTIONS"}
                assert set(answer.headers["allow"].split(", ")) == allowed


def test_paths_are_nowhere_as_they_are_on_plain_mlflow(place: Place, plain: str) -> None:
    with place.client(ALICE) as client:
        for path in NOWHERE:
            assert (client.get(path).status_code, httpx.get(plain + path).status_code) == (404, 404), path


def test_a_browser_gets_a_page(place: Place) -> None:
    browser, _ = place.world.log_in(ALICE)
    answer = browser.get("/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in answer.text
    scripted = browser.get(LIST, headers={"Accept": "application/json", "Sec-Fetch-Mode": "cors"})
    assert scripted.json()["error_code"] == "ENDPOINT_NOT_FOUND"
