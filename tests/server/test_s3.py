"""Artifacts on a real S3 server: what the proxied and the presigned routes give to whom, and where everything lands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow.server import app as flask_app

from ..support.readers import Model, journey, reads
from ..support.s3_world import (
    API,
    APIS,
    BUCKET,
    STEPS,
    TEAMS,
    Store,
    all_asked,
    all_steps,
    asks,
    at,
    initializer,
    large_files,
    leaks_nothing,
    mpu,
    running_store,
    untidied,
)
from ..support.world import ADMIN, ALICE, BOB

# Ways out of a folder, as a path in a body or, encoded once more, in an address.
EVIL = (
    "../note.txt", "a/../../note.txt", "%2e%2e/note.txt", "..%2fnote.txt", "%252e%252e/note.txt", "%252e%252e%252fx",
    "/etc/passwd", "%2fetc/passwd", "..", "..\\note.txt", "a/..%5c../x", "file:///etc/passwd", "#/../x",
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("s3")) as running:
        yield running


def test_a_day_with_the_stock_client_and_a_reader_of_the_model_alone(store: Store, tmp_path: Path) -> None:
    served = store.served
    prefix = f"t{os.urandom(4).hex()}"
    before = set(store.objects())
    found = journey(served, "own", prefix, ALICE)
    with store.client(BOB) as bob:
        answer = bob.get(f"{API}/model-versions/get", params={"name": f"{prefix}-model", "version": "1"})
        assert answer.status_code == 403
    served.grant(f"{prefix}-model")
    served.share_prompt(f"{prefix}-prompt")
    seen = journey(served, "read", prefix, BOB)
    assert seen["predictions"] == [8.0] * 5
    assert {"MLmodel", "requirements.txt"} <= set(seen["downloaded"])
    assert "403" in seen["refused"][0] or "PERMISSION_DENIED" in seen["refused"][0]
    brought = initializer(store, f"mlflow://models/{prefix}-model@champion", tmp_path / "models", BOB)
    assert brought.code == 0, brought.lines
    assert {"MLmodel", "model.skops", "model.joblib"} <= set(brought.files())
    new = set(store.objects()) - before
    home = f"root/{found['experiment_id']}/"
    assert {key for key in new if not key.startswith(home)} == set()
    tiers = {f"{found['run_id']}/artifacts", *(f"models/{found[key]}" for key in ("model_id", "sibling_id"))}
    assert {tier for tier in tiers if any(key.startswith(home + tier + "/") for key in new)} == tiers


def test_large_files_go_in_parts_past_the_server_and_their_readers_get_them_so(store: Store) -> None:
    name = f"e-{os.urandom(6).hex()}"
    made = large_files(store, "upload", name, ALICE)
    key = f"root/{made['experiment_id']}/{made['run_id']}/artifacts/in parts/weights.bin"
    head = store.minio.client.head_object(Bucket=BUCKET, Key=key)
    # How S3 marks what came in three parts.
    assert head["ETag"].strip('"').endswith("-3")
    assert store.minio.unfinished(BUCKET, key) == []
    with pytest.raises(AssertionError, match=r"403|PERMISSION_DENIED"):
        large_files(store, "download", made["run_id"], BOB)
    store.served.grant(made["experiment_id"], kind="experiment")
    log = store.served.place.world.log
    asked = log.read_text().count("/mlflow-artifacts/presigned/")
    got = large_files(store, "download", made["run_id"], BOB)
    assert got == {"files": ["in parts", "note.txt"], "digest": made["digest"]}
    assert log.read_text().count("/mlflow-artifacts/presigned/") > asked


def test_these_are_all_the_routes_of_mlflow_that_give_addresses() -> None:
    rules = {rule.rule for rule in flask_app.url_map.iter_rules() if re.search(r"presign|/mpu/|multipart", rule.rule)}
    proxied = [f"mlflow-artifacts/mpu/{step}/<path:artifact_path>" for step in STEPS]
    by_id = [f"mlflow/artifacts/presigned-{kind}-url" for kind in ("upload", "download")]
    routes = [*proxied, "mlflow-artifacts/presigned/<path:artifact_path>", *by_id]
    assert rules == {f"{api}/{route}" for api in APIS for route in routes}


# Proxied artifacts


def test_nobody_else_begins_completes_or_ends_an_upload_in_parts(store: Store) -> None:
    experiment, run_id, root = store.run_at()
    folder = f"{experiment}/{run_id}/artifacts"
    key = f"{root}/x.bin"
    with store.client(ALICE) as alice:
        begun = mpu(alice, APIS[0], "create", folder, path="x.bin", num_parts=1).json()
        (part,) = begun["credentials"]
        assert at(part["url"], store.minio) == key
        put = httpx.put(part["url"], content=b"hers")
        assert put.status_code == 200, put.text
        parts = [{"part_number": 1, "etag": put.headers["etag"]}]
    body = {"path": "x.bin", "upload_id": begun["upload_id"]}
    assert all_steps(store, None, folder, parts=parts, **body) == {401}
    assert all_steps(store, BOB, folder, parts=parts, **body) == {403}
    store.served.grant(experiment, kind="experiment")
    assert all_steps(store, BOB, folder, parts=parts, **body) == {403}
    assert store.minio.unfinished(BUCKET, key) == [begun["upload_id"]]
    assert key not in store.objects()
    with store.client(ALICE) as alice:
        assert mpu(alice, APIS[1], "complete", folder, parts=parts, **body).status_code == 200
        assert alice.get(f"{APIS[0]}/mlflow-artifacts/artifacts/{folder}/x.bin").content == b"hers"
        again = mpu(alice, APIS[0], "create", folder, path="x.bin", num_parts=1).json()["upload_id"]
        assert mpu(alice, APIS[0], "abort", folder, path="x.bin", upload_id=again).status_code == 200
    assert store.minio.unfinished(BUCKET, key) == []


def test_a_reader_of_the_run_gets_addresses_to_read_and_a_stranger_none(store: Store) -> None:
    experiment, run_id, root = store.run_at()
    folder = f"{experiment}/{run_id}/artifacts"
    with store.client(ALICE) as alice:
        alice.put(f"{APIS[0]}/mlflow-artifacts/artifacts/{folder}/note.txt", content=b"hello")
    addresses = [f"{api}/mlflow-artifacts/presigned/{folder}/note.txt" for api in APIS]
    for who, status in ((None, 401), (BOB, 403)):
        with store.client(who) as other:
            for address in addresses:
                answer = other.get(address)
                assert (who, address, answer.status_code) == (who, address, status)
                assert "X-Amz" not in answer.text
    store.served.grant(experiment, kind="experiment")
    for who in (ALICE, BOB, ADMIN):
        with store.client(who) as reader:
            for address in addresses:
                answer = reader.get(address).json()
                assert at(answer["url"], store.minio) == f"{root}/note.txt"
                assert httpx.get(answer["url"]).content == b"hello"
                # It reads, and does nothing else, with that file and no other.
                assert httpx.put(answer["url"], content=b"mine").status_code == 403
                assert httpx.get(answer["url"].replace("note.txt", "note.txt2", 1)).status_code == 403
    store.served.revoke(experiment, kind="experiment")
    with store.client(BOB) as bob:
        assert [bob.get(address).status_code for address in addresses] == [403, 403]


def test_a_reader_of_the_model_alone_gets_the_files_of_its_version_and_no_others(store: Store) -> None:
    model = store.served.model()
    beside = model.root.removesuffix("/model")
    assert reads(store.served, model) == [403, 403]
    store.served.grant(model.name)
    assert reads(store.served, model) == [200, 200]
    with store.client(BOB) as bob:
        for api in APIS:
            for file in ("MLmodel", "data/weights.bin"):
                got = bob.get(f"{api}/mlflow-artifacts/presigned/{model.root}/{file}").json()
                assert at(got["url"], store.minio) == f"root/{model.root}/{file}"
                assert httpx.get(got["url"]).content == f"model/{file}".encode()
            for path in (f"{beside}/note.txt", f"{beside}/model2/MLmodel", f"{beside}/{model.version}", beside):
                answer = bob.get(f"{api}/mlflow-artifacts/presigned/{path}")
                assert (path, answer.status_code, "X-Amz" in answer.text) == (path, 403, False)
            for step in STEPS:
                body = {"path": "MLmodel", "num_parts": 1, "upload_id": "x", "parts": []}
                assert mpu(bob, api, step, model.root, **body).status_code == 403
        listed = bob.get(f"{APIS[0]}/mlflow-artifacts/artifacts", params={"path": model.root}).json()["files"]
        assert {file["path"] for file in listed} == {"MLmodel", "data"}
    store.served.revoke(model.name)
    with store.client(BOB) as bob:
        assert bob.get(f"{APIS[0]}/mlflow-artifacts/presigned/{model.root}/MLmodel").status_code == 403


def test_no_path_leads_out_of_what_was_authorized(store: Store) -> None:
    theirs: Model = store.served.model()
    with store.client(BOB) as bob:
        made = bob.post(f"{API}/experiments/create", json={"name": f"e-{os.urandom(6).hex()}"}).json()
        own = made["experiment_id"]
        run = bob.post(f"{API}/runs/create", json={"experiment_id": own}).json()["run"]["info"]["run_id"]
    folder, victim, before = f"{own}/{run}/artifacts", f"{theirs.root}/MLmodel", store.objects()
    out = f"../../../{victim}"
    ways = (*EVIL, out, out.replace("..", "%2e%2e"), out.replace("/", "%2f"), out.replace("..", "%252e%252e"))
    for api in APIS:
        for way in (each.replace("\\", "%5c").replace("#", "%23") for each in ways):
            for kind in ("presigned", "mpu/create", "mpu/complete", "mpu/abort"):
                for start in (f"{folder}/", f"{own}/", ""):
                    path = f"{api}/mlflow-artifacts/{kind}/{start}{way}"
                    body = {"path": "x", "num_parts": 1, "upload_id": "x", "parts": []}
                    text = untidied(store, "GET" if kind == "presigned" else "POST", path, body)
                    assert "X-Amz" not in text, (path, text)
        # The name of a file that is uploaded in parts: only its last segment counts, below the path authorized.
        with store.client(BOB) as bob:
            for way in (*EVIL, out, victim, f"/{victim}"):
                answer = mpu(bob, api, "create", folder, path=way, num_parts=1)
                # MinIO takes no dots for a name.
                assert answer.status_code in (200, 400, 500), answer.text
                for part in answer.json()["credentials"] if answer.is_success else ():
                    assert at(part["url"], store.minio).startswith(f"root/{folder}/"), way
    with store.client(ALICE) as alice:
        assert alice.get(f"{APIS[0]}/mlflow-artifacts/artifacts/{victim}").content == b"model/MLmodel"
    assert store.objects() == before


# Experiments whose artifacts people's own place holds: addresses by the id of a run or of a logged model


@pytest.fixture(scope="module")
def placed(store: Store) -> tuple[str, str, str]:
    """Alice's run with artifacts below the allowed place."""
    found = store.run_at(f"{TEAMS}/alice")
    store.minio.client.put_object(Bucket=BUCKET, Key=f"{found[2]}/note.txt", Body=b"hello")
    return found


def test_an_owner_writes_and_reads_by_presigned_addresses(store: Store, placed: tuple[str, str, str]) -> None:
    _, run_id, root = placed
    for api in APIS:
        with store.client(ALICE) as alice:
            up = asks(alice, api, "upload", run_id=run_id, path="deep/a.txt").json()
            assert at(up["presigned_url"], store.minio) == f"{root}/deep/a.txt"
            put = httpx.put(up["presigned_url"], content=api.encode(), headers=up["headers"])
            assert put.status_code == 200, put.text
            down = asks(alice, api, "download", run_id=run_id, path="deep/a.txt", expiration=60).json()
            assert httpx.get(down["presigned_url"]).content == api.encode()
            made = alice.post(f"{API}/logged-models", json={"experiment_id": placed[0], "name": "m"}).json()
            model_id = made["model"]["info"]["model_id"]
            up = asks(alice, api, "upload", model_id=model_id, path="MLmodel").json()
            assert at(up["presigned_url"], store.minio) == f"teams/alice/models/{model_id}/artifacts/MLmodel"


def test_a_stranger_gets_no_address_and_a_reader_none_to_write(store: Store, placed: tuple[str, str, str]) -> None:
    experiment, run_id, root = placed
    before = store.objects()
    with store.client(ALICE) as alice:
        made = alice.post(f"{API}/logged-models", json={"experiment_id": experiment, "name": "m"}).json()
    model_id = made["model"]["info"]["model_id"]
    read, note = ("download", {"run_id": run_id, "path": "note.txt"}), f"{root}/note.txt"
    write = [
        ("upload", {"run_id": run_id, "path": "evil.txt"}),
        ("upload", {"model_id": model_id, "path": "evil.txt"}),
        # Twins of an id, and two at once.
        ("upload", {"runId": run_id, "path": "evil.txt"}),
        ("upload", {"modelId": model_id, "path": "evil.txt"}),
        ("upload", {"run_id": run_id, "model_id": model_id, "path": "evil.txt"}),
        ("download", {"runId": run_id, "path": "note.txt"}),
    ]
    assert all_asked(store, None, [read, *write]) == {401}
    assert all_asked(store, BOB, [read]) == {403}
    assert all_asked(store, BOB, write) == {400, 403}
    store.served.grant(experiment, kind="experiment")
    with store.client(BOB) as bob:
        for api in APIS:
            answer = asks(bob, api, read[0], **read[1]).json()
            assert at(answer["presigned_url"], store.minio) == note
    assert all_asked(store, BOB, write) == {400, 403}
    store.served.revoke(experiment, kind="experiment")
    assert all_asked(store, BOB, [read]) == {403}
    assert store.objects() == before


def test_a_path_in_the_body_stays_below_the_run(store: Store, placed: tuple[str, str, str]) -> None:
    _, run_id, root = placed
    other = store.run_at(f"{TEAMS}/alice")[1]
    ways = (*EVIL, f"../../{other}/artifacts/x", f"..%2f..%2f{other}%2fartifacts%2fx", "s3://bucket/root/1/x")
    with store.client(ALICE) as alice:
        for api in APIS:
            for way in ways:
                for kind in ("upload", "download"):
                    answer = asks(alice, api, kind, run_id=run_id, path=way)
                    if answer.status_code == 200:
                        key = at(answer.json()["presigned_url"], store.minio)
                        assert key.startswith(f"{root}/"), (way, key)
                        assert ".." not in key.split("/"), (way, key)
                    else:
                        assert "X-Amz" not in answer.text


@pytest.mark.parametrize("expiration", [3601, "86400", "6e5", 604800.0, 604800, -1, 0, "x", True, [60]])
def test_nobody_asks_for_an_address_that_outlives_them(
    store: Store, placed: tuple[str, str, str], expiration: Any
) -> None:
    for who in (ALICE, ADMIN):
        with store.client(who) as client:
            for api in APIS:
                for kind in ("upload", "download"):
                    answer = asks(client, api, kind, run_id=placed[1], path="note.txt", expiration=expiration)
                    assert (api, kind, answer.status_code) == (api, kind, 400), answer.text
                    assert "X-Amz" not in answer.text


def test_deleting_a_folder_leaves_its_neighbours(store: Store) -> None:
    experiment, run_id, root = store.run_at()
    folder = f"{APIS[0]}/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts"
    with store.client(ALICE) as alice:
        for file in ("a/x.txt", "ab/x.txt", "a.txt"):
            assert alice.put(f"{folder}/{file}", content=b"x").is_success
    store.served.grant(experiment, kind="experiment")
    with store.client(BOB) as bob:
        assert bob.delete(f"{folder}/a").status_code == 403
    with store.client(ALICE) as alice:
        assert alice.delete(f"{folder}/a").is_success
    assert [key for key in store.objects() if key.startswith(root)] == [f"{root}/a.txt", f"{root}/ab/x.txt"]


def test_a_name_with_spaces_and_signs_is_kept(store: Store) -> None:
    experiment, run_id, root = store.run_at()
    content = os.urandom(300_000)
    path = f"{APIS[0]}/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts/ü & +.bin"
    with store.client(ALICE) as alice:
        assert alice.put(path, content=content).is_success
        assert alice.get(path).content == content
    kept = store.minio.client.get_object(Bucket=BUCKET, Key=f"{root}/ü & +.bin")["Body"].read()
    assert kept == content


# What is left at the end


def test_the_secret_of_the_store_leaves_the_server_by_no_way(store: Store) -> None:
    with store.client(ADMIN) as admin:
        for path in ("/", "/version", "/health", "/prokube-auth/permissions", "/prokube-auth/admin"):
            admin.get(path)
        # Errors of the store, told as MLflow tells them.
        experiment, run_id, _ = store.run_at()
        missing = f"{experiment}/{run_id}/artifacts/missing.txt"
        for address in (f"artifacts/{missing}", f"presigned/{missing}"):
            assert not admin.get(f"{APIS[0]}/mlflow-artifacts/{address}").is_success
        answer = mpu(admin, APIS[0], "complete", missing, path="x", upload_id="x", parts=[])
        assert not answer.is_success
    said = "\n".join(store.said)
    assert store.minio.key_id in said  # It is part of a presigned address: what is kept here is what was told.
    leaks_nothing(said + store.served.place.world.log.read_text(), store.minio)


def test_everything_lies_below_an_experiment_of_whoever_wrote_it(store: Store) -> None:
    rows = store.served.place.world.rows("SELECT experiment_id FROM experiments")
    own = {f"root/{row[0]}" for row in rows} | {"teams/alice"}
    places = {re.sub(r"\A((?:root|teams)/[^/]+)/.*", r"\1", key) for key in store.objects()}
    assert places - own == set()
    assert "teams/alice" in places
    # No file of these tests is on the server's own disk.
    assert not (store.served.place.world.directory / "artifacts").exists()
