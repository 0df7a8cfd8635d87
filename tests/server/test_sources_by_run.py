"""A version whose source is ``runs:/<run id>/<path>`` counts like any other, and opens nothing else."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from ..support.journeys import found_by, ran
from ..support.kserve.initializer import Done, clean_environment, run
from ..support.processes import free_port
from ..support.readers import API, ARTIFACTS, Model, Served, reads
from ..support.world import ADMIN, ALICE, BOB, running_world, with_keys

GET = "/model-versions/get-artifact"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_world(tmp_path_factory.mktemp("sources"), url, port) as world:
        yield Served(with_keys(world), [f"{url}/api/2.0"])


def by_run(served: Served, owner: str = ALICE, path: str = "model") -> Model:
    """A model of the owner's whose one version has such a source; files lie in its folder and beside it."""
    model = served.model(owner)
    with served.client(owner) as client:
        body = {"name": model.name, "version": "1"}
        assert client.request("DELETE", f"{API}/model-versions/delete", json=body).is_success
    answer = served.version(owner, model.name, f"runs:/{model.run_id}/{path}", run_id=model.run_id)
    assert answer.status_code == 200, answer.text
    model.version = str(answer.json()["model_version"]["version"])
    return model


def logged(served: Served, model: Model, name: str, owner: str = ALICE, **more: Any) -> str:
    """A logged model of the run's, with a file MLmodel; where it is."""
    with served.client(owner) as client:
        body = {"experiment_id": model.experiment_id, "name": name, "source_run_id": model.run_id, **more}
        made = client.post(f"{API}/logged-models", json=body)
        assert made.is_success, made.text
        root = str(made.json()["model"]["info"]["artifact_uri"]).removeprefix("mlflow-artifacts:/")
        assert client.put(f"{served.bases[0]}/{ARTIFACTS}/{root}/MLmodel", content=root.encode()).is_success
    return root


def download_uri(served: Served, model: Model, email: str = BOB) -> str:
    with served.client(email) as client:
        params = {"name": model.name, "version": model.version}
        return str(client.get(f"{API}/model-versions/get-download-uri", params=params).json()["artifact_uri"])


def by_model(served: Served, model: Model, path: str, email: str = BOB) -> int:
    with served.client(email) as client:
        params = {"name": model.name, "version": model.version, "path": path}
        return client.get(GET, params=params).status_code


def test_a_reader_loads_it_as_its_owner_does_and_the_storage_initializer_brings_it(
    served: Served, tmp_path: Path
) -> None:
    prefix, url = f"t{uuid.uuid4().hex[:8]}", served.place.world.url

    def keys(email: str) -> dict[str, str]:
        return {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": served.place.keys[email]}

    owned = found_by(ran("source_by_run.py", ["own", prefix], url, keys(ALICE)))
    for name in (f"{prefix}-logged", f"{prefix}-folder"):
        served.grant(name)
    assert found_by(ran("source_by_run.py", ["read", prefix], url, keys(BOB))) == owned
    for name in (f"{prefix}-logged", f"{prefix}-folder"):
        for email in (ALICE, BOB):
            log, folder = io.StringIO(), tmp_path / name / email
            with mock.patch.dict(os.environ, clean_environment(MLFLOW_TRACKING_URI=url, **keys(email)), clear=True):
                code = run([f"mlflow://models/{name}/1", str(folder)], os.environ, log)
            done = Done(code, log.getvalue().splitlines(), folder)
            assert code == 0, done.lines
            assert "MLmodel" in done.files()


def test_it_opens_its_folder_and_nothing_beside_it(served: Served) -> None:
    model = by_run(served)
    assert reads(served, model) == [403, 403]
    served.grant(model.name)
    assert reads(served, model) == [200, 200]
    assert (by_model(served, model, "MLmodel"), by_model(served, model, "data/weights.bin")) == (200, 200)
    run = model.root.removesuffix("/model")
    for path in (f"{run}/note.txt", f"{run}/model2/MLmodel", run, f"{run}/mode"):
        assert (path, served.get(BOB, path)) == (path, 403)
        assert (path, served.list(BOB, path)) == (path, 403)
    assert by_model(served, model, "../note.txt") == 400
    with served.client(BOB) as bob:
        assert bob.get(f"{API}/runs/get", params={"run_id": model.run_id}).status_code == 403
    assert download_uri(served, model) == model.uri
    served.revoke(model.name)
    assert reads(served, model) == [403, 403]


def test_a_copy_of_it_is_a_version_like_any_other(served: Served) -> None:
    model, name = by_run(served), served.empty()
    served.grant(model.name)
    assert served.version(BOB, name, f"models:/{model.name}/{model.version}").is_success
    with served.client(BOB) as bob:
        found = bob.get(f"{API}/model-versions/get-download-uri", params={"name": name, "version": "1"}).json()
    assert found["artifact_uri"] == model.uri
    served.revoke(model.name)
    assert reads(served, model) == [403, 403]


@pytest.mark.parametrize("path", ["", "/", "//", "model/..", "model/../note.txt", ".", "./", "%2e%2e", "model?x", "?x"])
def test_a_source_that_is_no_folder_of_the_run_opens_nothing(served: Served, path: str) -> None:
    model = served.model()
    name = served.empty(ALICE)
    with served.client(ALICE) as alice:
        run = model.root.removesuffix("/model")
        assert alice.put(f"{served.bases[0]}/{ARTIFACTS}/{run}/MLmodel", content=b"root").is_success
    served.version(ALICE, name, f"runs:/{model.run_id}/{path}", run_id=model.run_id)
    served.version(ALICE, name, f"runs:/{model.run_id}", run_id=model.run_id)
    served.grant(name)
    for file in ("note.txt", "MLmodel", "model2/MLmodel", "model/MLmodel"):
        assert served.get(BOB, f"{run}/{file}") == 403
    for version in ("1", "2"):
        assert by_model(served, Model(name, "", "", "", version), "note.txt") in (400, 403, 404)


def test_nobody_reads_anothers_run_by_such_a_source(served: Served) -> None:
    theirs, own = served.model(), served.model(BOB)
    for more in ({}, {"run_id": theirs.run_id}, {"run_id": own.run_id}, {"run_id": ""}):
        for source in (
            f"runs:/{theirs.run_id}/model", f"runs:///{theirs.run_id}/model", f"RUNS:/{theirs.run_id}/model",
            f"runs:/{own.run_id}/../{theirs.run_id}/model", f"runs:/{own.run_id}/%2e%2e/{theirs.run_id}/model",
            f"runs://x/{theirs.run_id}/model",
        ):  # fmt: skip
            assert (source, served.version(BOB, own.name, source, **more).status_code in (400, 403)) == (source, True)
    # A row as another server may have written it.
    served.place.world.sql(
        "INSERT INTO model_versions (workspace, name, version, creation_time, current_stage, source, "
        "storage_location, run_id, status) VALUES ('default', ?, 9, 1700000000000, 'None', ?, ?, ?, 'READY')",
        own.name, f"runs:/{theirs.run_id}/model", f"runs:/{theirs.run_id}/model", theirs.run_id,
    )  # fmt: skip
    assert reads(served, theirs) == [403, 403]
    assert by_model(served, Model(own.name, "", "", "", "9"), "MLmodel") == 403


def test_a_model_of_another_run_or_experiment_is_not_meant_by_its_name(served: Served) -> None:
    """Whoever reads a run may name it as the source of their model, with any name, in an experiment of their own."""
    model, own = by_run(served), served.model(BOB)
    served.grant(model.name)
    served.grant(model.experiment_id, kind="experiment")
    foreign = Model("", own.experiment_id, model.run_id, "")
    root = logged(served, foreign, "model", BOB)
    assert download_uri(served, model) == model.uri
    served.revoke(model.experiment_id, kind="experiment")
    assert reads(served, model) == [200, 200]
    with served.client(ALICE) as alice:
        assert alice.get(f"{served.bases[0]}/{ARTIFACTS}/{root}/MLmodel").status_code == 403


def test_what_is_logged_after_it_never_becomes_the_version(served: Served) -> None:
    model = served.model()
    first = logged(served, model, "net")
    answer = served.version(ALICE, model.name, f"runs:/{model.run_id}/net", run_id=model.run_id)
    model.version = str(answer.json()["model_version"]["version"])
    served.grant(model.name)
    second = logged(served, model, "net")
    assert download_uri(served, model) == f"mlflow-artifacts:/{first}"
    assert (served.get(BOB, f"{first}/MLmodel"), served.get(BOB, f"{second}/MLmodel")) == (200, 403)
    with served.client(ALICE) as alice:
        assert alice.delete(f"{API}/logged-models/{first.split('/')[2]}").is_success
    assert (served.get(BOB, f"{first}/MLmodel"), served.get(BOB, f"{second}/MLmodel")) == (403, 403)


def test_an_editor_of_the_runs_experiment_leads_it_to_nothing_else_of_its_creators(served: Served) -> None:
    """Bob may change alice's shared experiment; her other experiment, which he may not read, stays closed."""
    shared, secret = served.model(), served.model()
    served.grant(shared.experiment_id, "EDIT", kind="experiment")
    source = f"runs:/{shared.run_id}/later"
    with served.client(ALICE) as alice:
        folder = f"{shared.root.removesuffix('/model')}/later"
        assert alice.put(f"{served.bases[0]}/{ARTIFACTS}/{folder}/MLmodel", content=b"x").is_success
    answer = served.version(ALICE, shared.name, source, run_id=shared.run_id)
    shared.version = str(answer.json()["model_version"]["version"])
    served.grant(shared.name)
    target = logged(served, secret, "later")
    with served.client(BOB) as bob:
        models = [{"model_id": target.split("/")[2], "step": 0}]
        bob.post(f"{API}/runs/outputs", json={"run_id": shared.run_id, "models": models})
    logged(served, shared, "later", BOB)
    assert served.get(BOB, f"{target}/MLmodel") == 403
    assert download_uri(served, shared) == f"mlflow-artifacts:/{folder}"
    assert by_model(served, shared, "MLmodel") == 200
    served.grant(secret.experiment_id, "DENY", by=ADMIN, kind="experiment")


def test_a_withdrawn_creator_opens_it_to_nobody(served: Served) -> None:
    model, name = served.model(), served.empty()
    served.grant(model.experiment_id, kind="experiment")
    answer = served.version(BOB, name, f"runs:/{model.run_id}/model", run_id=model.run_id)
    assert answer.is_success, answer.text
    assert reads(served, model) == [200, 200]
    served.revoke(model.experiment_id, kind="experiment")
    assert reads(served, model) == [403, 403]
    found: httpx.Response
    with served.client(BOB) as bob:
        found = bob.get(GET, params={"name": name, "version": "1", "path": "MLmodel"})
    assert found.status_code == 403
