"""Who may read a registered model lists and downloads the files of its versions, and nothing beside them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from ..support.long_forms import LONG_FORM
from ..support.processes import free_port
from ..support.readers import API, ARTIFACTS, REFUSED, Served, journey, reads
from ..support.world import ADMIN, ALICE, BOB, PREFIX, running_world, with_keys

IS_PROMPT = "mlflow.prompt.is_prompt"


SERVERS = {"uvicorn": (), "gunicorn": ("--gunicorn-opts", ""), "static-prefix": ("--static-prefix", PREFIX)}


@pytest.fixture(
    scope="module",
    params=["uvicorn", "gunicorn", pytest.param("static-prefix", marks=LONG_FORM)],
)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Each way in which MLflow serves artifacts."""
    port, prefixed = free_port(), request.param == "static-prefix"
    root = f"http://127.0.0.1:{port}"
    url = root + PREFIX if prefixed else root
    with running_world(tmp_path_factory.mktemp(request.param), url, port, *SERVERS[request.param]) as world:
        bases = [f"{base}{api}" for base in dict.fromkeys((url, root)) for api in ("/api/2.0", "/ajax-api/2.0")]
        httpx.get(f"{url}/health", timeout=180)  # gunicorn takes connections before it can answer them
        yield Served(with_keys(world), bases)


def test_a_reader_uses_the_stock_client_as_an_owner_does(served: Served) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    found = journey(served, "own", prefix, ALICE)
    served.grant(f"{prefix}-model")
    served.share_prompt(f"{prefix}-prompt")
    seen = journey(served, "read", prefix, BOB)
    assert seen["predictions"] == [8.0] * 5
    assert {"MLmodel", "requirements.txt", "python_env.yaml"} <= set(seen["downloaded"])
    assert set(seen["listed"]) <= set(seen["downloaded"])
    assert "MLmodel" in seen["listed"]
    assert seen["info"] == [found["model_id"], "model", "READY", {"depth": "3"}, {}]
    assert (seen["flavors"], seen["beside"]) == (["python_function", "sklearn"], ["", []])
    assert (seen["score"], seen["predicted"]) == (0.0, [8.0])
    assert {"Dockerfile", "model_dir"} <= set(seen["image"])
    assert seen["requirements"] == "requirements.txt"
    assert seen["prompts"] == ["Say {{word}}", "Shout {{word}}"]
    assert "403" in seen["refused"][0] or "PERMISSION_DENIED" in seen["refused"][0]

    experiment, run = found["experiment_id"], found["run_id"]
    for model, allowed in ((found["model_id"], True), (found["sibling_id"], False)):
        root = f"{experiment}/models/{model}/artifacts"
        assert (served.list(BOB, root), served.get(BOB, f"{root}/MLmodel")) == ((200, 200) if allowed else (403, 403))
    gets = [
        ("runs/get", {"run_id": run}),
        ("artifacts/list", {"run_id": run}),
        ("experiments/get", {"experiment_id": experiment}),
        (f"logged-models/{found['sibling_id']}", {}),
        (f"logged-models/{found['sibling_id']}/artifacts/directories", {}),
    ]
    with served.client(BOB) as bob:
        for path, params in gets:
            assert (path, bob.get(f"{API}/{path}", params=params).status_code) == (path, 403)
    with served.client(ALICE) as alice:
        whole = alice.get(f"{API}/logged-models/{found['model_id']}").json()["model"]
    assert (whole["info"]["source_run_id"], whole["data"]["metrics"][0]["run_id"]) == (run, run)
    assert {metric["key"] for metric in whole["data"]["metrics"]} == {"loss"}  # an evaluation by bob adds nothing
    served.revoke(f"{prefix}-model")
    root = f"{experiment}/models/{found['model_id']}/artifacts"
    assert (served.list(BOB, root), served.get(BOB, f"{root}/MLmodel")) == (403, 403)
    with served.client(BOB) as bob:
        assert bob.get(f"{API}/logged-models/{found['model_id']}").status_code == 403


def test_the_logged_model_of_a_version_is_read_as_far_as_it_is_the_versions(served: Served) -> None:
    """By its id: the record of it, without the run, metrics and tags, and its files; nothing is written."""
    logged, sibling = served.logged_model(), served.logged_model()
    name = served.empty(ALICE)
    record, directories = f"logged-models/{logged.id}", f"logged-models/{logged.id}/artifacts/directories"
    files = f"/ajax-api/2.0/mlflow/logged-models/{logged.id}/artifacts/files"
    with served.client(BOB) as bob:

        def seen() -> list[int]:
            return [
                bob.get(f"{API}/{record}").status_code,
                bob.get(f"{API}/{directories}").status_code,
                bob.get(f"{API}/{directories}", params={"artifact_directory_path": "data"}).status_code,
                bob.get(files, params={"artifact_file_path": "data/weights.bin"}).status_code,
            ]

        served.grant(name)
        assert seen() == [403] * 4
        # A version of a folder in it opens that folder and no record.
        folder = f"mlflow-artifacts:/{logged.root}/data"
        assert served.version(ALICE, name, folder, model_id=logged.id).is_success
        assert seen() == [403, 403, 200, 200]
        assert served.version(ALICE, name, f"models:/{logged.id}", model_id=logged.id).is_success
        assert seen() == [200] * 4
        answer = bob.get(f"{API}/{record}").json()["model"]
        assert set(answer) == {"info", "data"}
        assert answer["info"]["model_id"] == logged.id
        assert not {"source_run_id", "tags"} & set(answer["info"])
        assert answer["data"] == {"params": [{"key": "depth", "value": "3"}]}
        assert bob.get(f"{API}/{record}", params={"allow_deleted": "true"}).status_code == 200
        listed = bob.get(f"{API}/{directories}", params={"artifact_directory_path": "data"}).json()["files"]
        assert {file["path"] for file in listed} == {"data/MLmodel", "data/weights.bin"}
        for path in ("..", "data/../..", "%2e%2e", "data/%2e%2e/..", "..\\..", "/", "data//", "./data"):
            for address, parameter in ((f"{API}/{directories}", "artifact_directory_path"),
                                       (files, "artifact_file_path")):  # fmt: skip
                assert (path, bob.get(address, params={parameter: path}).status_code in (400, 403)) == (path, True)
        for other in (f"{record}/params", f"{record}/tags", record):
            assert bob.post(f"{API}/{other}", json={"params": [], "tags": []}).status_code in (403, 404, 405)
            assert bob.patch(f"{API}/{other}", json={"tags": [], "status": 2}).status_code in (403, 404, 405)
            assert bob.delete(f"{API}/{other}").status_code in (403, 404, 405)
        beside = f"logged-models/{sibling.id}"
        assert bob.get(f"{API}/{beside}", params={"model_id": logged.id}).status_code in (400, 403)
        assert bob.get(f"{API}/logged-models/m-{'0' * 32}").status_code == 403
        served.grant(logged.experiment_id, "DENY", by=ADMIN, kind="experiment")
        assert seen() == [403] * 4


def test_nobody_reads_a_logged_model_by_a_version_of_their_own(served: Served) -> None:
    logged, name = served.logged_model(), served.empty()
    own = served.logged_model(BOB)
    for more in ({}, {"model_id": logged.id}, {"model_id": own.id}, {"run_id": logged.run_id}):
        for source in (f"models:/{logged.id}", f"mlflow-artifacts:/{logged.root}", f"mlflow-artifacts:/{own.root}/.."):
            assert served.version(BOB, name, source, **more).status_code in (400, 403)
    served.place.world.sql(
        "INSERT INTO model_versions (workspace, name, version, creation_time, current_stage, source, "
        "storage_location, run_id, status) VALUES ('default', ?, 7, 1700000000000, 'None', ?, ?, NULL, 'READY')",
        name, f"models:/{logged.id}", f"mlflow-artifacts:/{logged.root}",
    )  # fmt: skip
    with served.client(BOB) as bob:
        assert bob.get(f"{API}/logged-models/{logged.id}").status_code == 403
        assert bob.get(f"{API}/logged-models/{logged.id}/artifacts/directories").status_code == 403


def test_read_opens_the_root_of_the_version_and_nothing_beside_it(served: Served) -> None:
    model = served.model()
    assert reads(served, model) == [403, 403]
    served.grant(model.name)
    run = model.root.removesuffix("/model")
    beside = (f"{run}2/model/MLmodel", f"{run}/note.txt", f"{run}/model2/MLmodel", f"{run}/mode", run)
    for base in served.bases:
        assert served.get(BOB, f"{model.root}/MLmodel", base) == 200, base
        assert served.get(BOB, f"{model.root}/data/weights.bin", base) == 200, base
        for path in beside:
            assert (base, path, served.get(BOB, path, base)) == (base, path, 403)
            assert served.get(BOB, path, base) == 403
    for path, files in ((model.root, {"MLmodel", "data"}), (f"{model.root}/data", {"weights.bin"})):
        with served.client(BOB) as bob:
            for api in ("/api/2.0", "/ajax-api/2.0"):
                answer = bob.get(f"{api}/{ARTIFACTS}", params={"path": path})
                assert {file["path"] for file in answer.json()["files"]} == files
    for path in ("", model.experiment_id, f"{model.experiment_id}/{model.run_id}", run, f"{run}/model2", f"{run}/mod"):
        assert (path, served.list(BOB, path)) == (path, 403)
    with served.client(BOB) as bob:
        assert bob.get(f"{API}/runs/get", params={"run_id": model.run_id}).status_code == 403
        answer = bob.get(f"/api/2.0/{ARTIFACTS.replace('artifacts/artifacts', 'x')}", params={"path": model.root})
        assert answer.status_code in (403, 404)


def test_read_is_no_right_to_write_or_delete(served: Served) -> None:
    model = served.model()
    served.grant(model.name, "MANAGE")
    file = f"{model.root}/MLmodel"
    with served.client(BOB) as bob:
        for base in served.bases:
            for method in ("PUT", "DELETE"):
                answer = bob.request(method, f"{base}/{ARTIFACTS}/{file}", content=b"" if method == "PUT" else None)
                assert (base, method, answer.status_code in (403, 404)) == (base, method, True)
            for step in ("create", "complete", "abort"):
                body = {"path": file, "num_parts": 1, "upload_id": "1", "parts": []}
                answer = bob.post(f"{base}/mlflow-artifacts/mpu/{step}/{model.root}", json=body)
                assert (base, step, answer.status_code in (403, 404)) == (base, step, True)
    with served.client(ALICE) as alice:
        assert alice.get(f"{served.bases[0]}/{ARTIFACTS}/{file}").content == b"model/MLmodel"


def test_a_presigned_download_is_asked_for_like_a_download(served: Served) -> None:
    model = served.model()
    served.grant(model.name)
    for api in ("/api/2.0", "/ajax-api/2.0"):
        with served.client(BOB) as bob:
            allowed = bob.get(f"{api}/mlflow-artifacts/presigned/{model.root}/MLmodel")
            refused = bob.get(f"{api}/mlflow-artifacts/presigned/{model.root}2/MLmodel")
        # Files on a disk have no presigned address: MLflow's own answer to who may ask is 501.
        assert (allowed.status_code, refused.status_code) == (501, 403)


def test_a_path_that_can_be_read_in_two_ways_is_refused(served: Served) -> None:
    model = served.model()
    served.grant(model.name)
    root, note = model.root, f"{model.root}/../note.txt"
    evil = [
        note, f"{root}/data/../../note.txt", f"{root}/%2e%2e/note.txt", f"{root}/%252e%252e/note.txt",
        f"{root}/..%2fnote.txt", f"{root}%2f..%2fnote.txt", f"{root}/..%5cnote.txt", f"{root}/%5c..%5cnote.txt",
        f"{root}/%2fetc/passwd", f"{root}/..;/note.txt", f"{root}/%2e./note.txt", f"{root}%00/../note.txt",
        f"./{root}/MLmodel", f"{root}//MLmodel", f"/{root}/MLmodel", f"{root}/./MLmodel", f"{root}/MLmodel/",
        f"{root}%252fMLmodel", f"{root}/MLmodel%2523", f"{root}%23/../note.txt", f"{root}2/MLmodel",
        f"file:///{root}/MLmodel", f"workspaces/default/{root}/MLmodel",
    ]  # fmt: skip
    for base in served.bases:
        for path in evil:
            assert (base, path, served.raw(BOB, base, f"/{path}") in REFUSED) == (base, path, True)
        for path in (f"{root}/..", f"{root}/%2e%2e", f"{root}/%252e%252e", f"{root}/", f"/{root}", f"{root}%5c"):
            assert (base, path, served.raw(BOB, base, f"?path={path}") in REFUSED) == (base, path, True)
        assert served.raw(BOB, base, f"/{root}/MLmodel") == 200
    with served.client(BOB) as bob:
        for path in (f"{root}/..", f"{root}/../", "..", f"{root}%2f..", f"{root}/%2e%2e", f"{root}\\..", f"{root}/#"):
            answer = bob.get(f"{served.bases[0]}/{ARTIFACTS}", params={"path": path})
            assert (path, answer.status_code) == (path, 403)
        for query in (f"path={root}&path={root}/..", f"path={root}/..&path={root}"):
            answer = bob.get(f"{served.bases[0]}/{ARTIFACTS}?{query}")
            assert "note.txt" not in answer.text
        # What the path names is served, whatever the query says.
        answer = bob.get(f"{served.bases[0]}/{ARTIFACTS}/{root}2/MLmodel", params={"path": root})
        assert answer.status_code == 403
        assert bob.get(f"{served.bases[0]}/{ARTIFACTS}/", params={"path": root}).status_code in (403, 404)


def test_a_withdrawn_grant_a_deleted_version_and_a_deleted_model_end_it(served: Served) -> None:
    for end in ("revoke", "DENY", "experiment", "version", "model"):
        model = served.model()
        served.grant(model.name)
        assert reads(served, model) == [200, 200]
        with served.client(ALICE) as alice:
            if end == "revoke":
                served.revoke(model.name)
            elif end == "DENY":
                served.revoke(model.name)
                served.grant(model.name, "DENY", by=ADMIN)
            elif end == "experiment":
                served.grant(model.experiment_id, "DENY", by=ADMIN, kind="experiment")
            elif end == "version":
                body = {"name": model.name, "version": "1"}
                assert alice.request("DELETE", f"{API}/model-versions/delete", json=body).is_success
            else:
                body = {"name": model.name}
                assert alice.request("DELETE", f"{API}/registered-models/delete", json=body).is_success
        assert (end, reads(served, model)) == (end, [403, 403])


def test_a_renamed_model_keeps_its_readers(served: Served) -> None:
    model = served.model()
    served.grant(model.name)
    with served.client(ALICE) as alice:
        body = {"name": model.name, "new_name": f"{model.name}-2"}
        assert alice.post(f"{API}/registered-models/rename", json=body).is_success
    assert reads(served, model) == [200, 200]


def test_nobody_makes_a_version_of_what_they_may_not_read(served: Served) -> None:
    theirs, own = served.model(), served.model(BOB)
    disk = served.place.world.directory / "artifacts" / theirs.root
    ids: tuple[dict[str, str], ...] = ({}, {"run_id": own.run_id}, {"run_id": theirs.run_id}, {"run_id": ""})
    sources = (
        theirs.uri, f"mlflow-artifacts:///{theirs.root}", f"mlflow-artifacts://x/{theirs.root}", str(disk),
        f"file://{disk}", f"file://localhost{disk}", f"file://x{disk}", f"s3://bucket/{theirs.root}",
        f"runs:/{theirs.run_id}/model", f"{own.uri}/../../../../{theirs.root}", f"models:/{theirs.name}/1",
        f"{own.uri}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/{theirs.root}",
    )  # fmt: skip
    for more in ids:
        for source in sources:
            answer = served.version(BOB, own.name, source, **more)
            assert (source, more, answer.status_code in (400, 403)) == (source, more, True), answer.text
    assert reads(served, theirs) == [403, 403]
    answer = served.version(BOB, own.name, own.uri, run_id=own.run_id)
    assert answer.status_code == 200
    # What exists is not pointed elsewhere: an update takes a description and nothing else.
    with served.client(BOB) as bob:
        body = {"name": own.name, "version": "1", "source": theirs.uri, "storage_location": theirs.uri}
        bob.patch(f"{API}/model-versions/update", json={**body, "description": "x"})
        uri = bob.get(f"{API}/model-versions/get-download-uri", params={"name": own.name, "version": "1"})
    assert uri.json()["artifact_uri"] == own.uri
    assert reads(served, theirs) == [403, 403]


def test_a_version_of_unknown_origin_opens_nothing_and_neither_do_its_copies(served: Served) -> None:
    theirs, name = served.model(), served.empty()
    served.old_version(name, theirs, theirs.run_id)
    served.old_version(name, theirs, None, number=2)
    assert reads(served, theirs) == [403, 403]
    for number in ("1", "2"):
        copy = served.empty()
        assert served.version(BOB, copy, f"models:/{name}/{number}").status_code in (200, 400)
        assert reads(served, theirs) == [403, 403]
    with served.client(BOB) as bob:
        body = {"name": name, "new_name": f"{name}-2"}
        assert bob.post(f"{API}/registered-models/rename", json=body).is_success
    served.grant(f"{name}-2", "MANAGE", to=ALICE, by=BOB)
    assert reads(served, theirs) == [403, 403]
    # That its owner registers the same files changes nothing for others.
    assert served.version(ALICE, theirs.name, theirs.uri, run_id=theirs.run_id).is_success
    assert reads(served, theirs) == [403, 403]
    # Whoever may read the files can register such a version again; then it counts.
    copy = served.empty(ALICE)
    served.old_version(copy, theirs, theirs.run_id)
    served.grant(copy)
    assert reads(served, theirs) == [403, 403]
    assert served.version(ALICE, copy, f"models:/{copy}/1").is_success
    assert reads(served, theirs) == [200, 200]


def test_a_copy_by_a_reader_is_a_version_of_its_own_and_one_by_anybody_else_is_refused(served: Served) -> None:
    theirs, copy = served.model(), served.empty()
    assert served.version(BOB, copy, f"models:/{theirs.name}/1").status_code == 403
    served.grant(theirs.name)
    assert served.version(BOB, copy, f"models:/{theirs.name}/1").status_code == 200
    assert reads(served, theirs) == [200, 200]
    run = theirs.root.removesuffix("/model")
    assert served.get(BOB, f"{run}/note.txt") == 403


def test_only_administrators_turn_a_model_into_a_prompt_or_back(served: Served) -> None:
    model = served.model()
    served.grant(model.name, "EDIT")
    prompt = f"p{uuid.uuid4().hex[:8]}"
    with served.client(ALICE) as alice:
        tags = [{"key": IS_PROMPT, "value": "true"}]
        assert alice.post(f"{API}/registered-models/create", json={"name": prompt, "tags": tags}).is_success
    for email in (ALICE, BOB):
        with served.client(email) as client:
            for family, more in (("registered-models", {}), ("model-versions", {"version": "1"})):
                for value in ("true", "True", "false", ""):
                    body = {"name": model.name, "key": IS_PROMPT, "value": value, **more}
                    answer = client.post(f"{API}/{family}/set-tag", json=body)
                    assert (family, value, answer.status_code) == (family, value, 403)
                body = {"name": model.name, "key": IS_PROMPT, **more}
                assert client.request("DELETE", f"{API}/{family}/delete-tag", json=body).status_code == 403
            answer = client.post(
                f"{API}/registered-models/set-tag", json={"name": model.name, "key": "stage", "value": "x"}
            )
            assert answer.status_code == 200
            assert client.get(f"{API}/registered-models/get", params={"name": model.name}).status_code == 200
    with served.client(ALICE) as alice:
        answer = alice.request("DELETE", f"{API}/registered-models/delete-tag?name={prompt}&key={IS_PROMPT}")
        assert answer.status_code in (400, 403)
        body = {"name": prompt, "key": IS_PROMPT, "value": "false"}
        assert alice.post(f"{API}/registered-models/set-tag", json=body).status_code == 403
        assert alice.post(f"{API}/registered-models/set-tag", json={**body, "value": "true"}).status_code == 200
        assert alice.get(f"{API}/registered-models/get", params={"name": prompt}).status_code == 200
    with served.client(ADMIN) as admin:
        body = {"name": model.name, "key": IS_PROMPT, "value": "true"}
        assert admin.post(f"{API}/registered-models/set-tag", json=body).status_code == 200
        body.pop("value")
        assert admin.request("DELETE", f"{API}/registered-models/delete-tag", json=body).status_code == 200
