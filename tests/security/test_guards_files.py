"""Allowed locations of experiments, and the files of models' versions from before this plugin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from ..support.processes import free_port
from ..support.tenants import API, API3, SECRET, Tenant, new, refused
from ..support.world import World, running_world

ALICE, BOB, ADMIN = "alice@example.com", "bob@example.com", "admin@example.com"
OUTSIDE = "s3://somebody/bucket/model"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory, port = tmp_path_factory.mktemp("files"), free_port()
    allowed = f"file://{directory}/teams, s3://bucket/teams/"
    with running_world(directory, f"http://127.0.0.1:{port}", port, ARTIFACT_LOCATIONS=allowed) as running:
        yield running


@pytest.fixture(scope="module")
def tenants(world: World) -> Iterator[dict[str, Tenant]]:
    made = {}
    for email in (ALICE, BOB, ADMIN):
        browser, _ = world.log_in(email)
        key = world.make_key(browser).json()["access_key"]
        made[email] = Tenant(base_url=world.url, auth=(email, key), timeout=60)
    yield made
    for client in made.values():
        client.close()


def create(client: Tenant, location: str) -> httpx.Response:
    return client.post(f"{API}/experiments/create", json={"name": new("e"), "artifact_location": location})


def test_people_choose_a_location_below_an_allowed_prefix(world: World, tenants: dict[str, Tenant]) -> None:
    bob, teams = tenants[BOB], f"file://{world.directory}/teams"
    made = create(bob, f"{teams}/bob")
    assert made.status_code == 200, made.text
    run_id = bob.run(made.json()["experiment_id"])
    query = {"run_uuid": run_id, "path": "note.txt"}
    assert bob.post("/ajax-api/2.0/mlflow/upload-artifact", params=query, content=b"hello").status_code == 200
    assert (world.directory / "teams" / "bob" / run_id / "artifacts" / "note.txt").read_bytes() == b"hello"
    assert bob.get("/get-artifact", params={"run_id": run_id, "path": "note.txt"}).content == b"hello"
    assert create(bob, "s3://bucket/teams/bob").status_code == 200


@pytest.mark.parametrize(
    "location",
    [
        "{teams}x", "{teams}/../outside", "{teams}/%2e%2e/outside", "{teams}//x", "{teams}/a/./b", "{teams}/a?b=c",
        "{teams}/a#b", "S3://bucket/teams/a", "s3://bucket/teamsx", "s3://bucket", "/etc", "mlflow-artifacts:/1",
    ],
)  # fmt: skip
def test_everything_else_is_refused(world: World, tenants: dict[str, Tenant], location: str) -> None:
    answer = create(tenants[BOB], location.format(teams=f"file://{world.directory}/teams"))
    assert answer.status_code in (400, 403), answer.text
    if answer.status_code == 403:
        assert "Allowed are locations below file://" in refused(answer)


def test_nobody_settles_at_above_or_below_others_artifacts(world: World, tenants: dict[str, Tenant]) -> None:
    alice, bob, place = tenants[ALICE], tenants[BOB], f"s3://bucket/teams/{new('a')}"
    assert create(alice, f"{place}/deep/hers/").status_code == 200
    for location in (f"{place}/deep/hers", f"{place}/deep/hers/", f"{place}/deep/hers/in/it", f"{place}/deep", place):
        assert "Other artifacts are" in refused(create(bob, location))
        assert create(alice, location).status_code == 200
    assert create(bob, f"{place}2").status_code == 200


# Versions


def registered(client: Tenant, name: str, source: str, run_id: str = "") -> str:
    client.made(f"{API}/registered-models/create", {"name": name})
    more = {"run_id": run_id} if run_id else {}
    made = client.made(f"{API}/model-versions/create", {"name": name, "source": source, **more})
    return str(made["model_version"]["version"])


def old_version(world: World, name: str, source: str, run_id: str | None = None) -> str:
    """A row as a server without this plugin may have written it."""
    with sqlite3.connect(world.directory / "mlflow.db", timeout=20) as connection:
        connection.execute(
            "INSERT INTO model_versions (workspace, name, version, creation_time, current_stage, source, "
            "storage_location, run_id, status) VALUES ('default', ?, 7, 1700000000000, 'None', ?, ?, ?, 'READY')",
            (name, source, source, run_id),
        )
    return "7"


def read(client: Tenant, name: str, version: str, path: str = "traces.json", **more: str) -> httpx.Response:
    query = {"name": name, "version": version, "path": path}
    return client.get("/model-versions/get-artifact", params={**query, **more})


def test_a_version_from_before_this_plugin_opens_nothing(world: World, tenants: dict[str, Tenant]) -> None:
    alice, bob, admin = tenants[ALICE], tenants[BOB], tenants[ADMIN]
    hers = alice.experiment()
    her_run = alice.run(hers)
    source = alice.file(hers, her_run, "traces.json")
    local = f"file://{world.directory}/artifacts/{hers}/{her_run}/artifacts"
    for run_id in (None, her_run, bob.run(bob.experiment())):
        for place in (source, local, OUTSIDE):
            mine = new("m")
            bob.made(f"{API}/registered-models/create", {"name": mine})
            version = old_version(world, mine, place, run_id)
            assert "register it again" in refused(read(bob, mine, version))
            if place != OUTSIDE:
                assert SECRET not in read(bob, mine, version).content
                assert admin.get(f"{API}/model-versions/get", params={"name": mine, "version": version}).is_success


def test_who_may_read_the_source_reads_an_old_version(world: World, tenants: dict[str, Tenant]) -> None:
    alice, admin = tenants[ALICE], tenants[ADMIN]
    hers = alice.experiment()
    her_run = alice.run(hers)
    source, name = alice.file(hers, her_run, "traces.json"), new("m")
    alice.made(f"{API}/registered-models/create", {"name": name})
    version = old_version(world, name, source, her_run)
    assert read(alice, name, version).content == SECRET
    assert read(admin, name, version).content == SECRET


@pytest.mark.parametrize("where", ["served", "own location"])
def test_readers_of_a_model_go_on_reading_its_versions(world: World, tenants: dict[str, Tenant], where: str) -> None:
    alice, bob = tenants[ALICE], tenants[BOB]
    name, folder = new("m"), f"file://{world.directory}/teams/{new('alice')}"
    hers = alice.experiment(**({"artifact_location": folder} if where == "own location" else {}))
    her_run = alice.run(hers)
    for file in ("traces.json", "MLmodel"):
        if where == "served":
            source = alice.file(hers, her_run, f"model/{file}") + "/model"
        else:
            query = {"run_uuid": her_run, "path": f"model/{file}"}
            assert alice.post("/ajax-api/2.0/mlflow/upload-artifact", params=query, content=SECRET).is_success
            source = f"{folder}/{her_run}/artifacts/model"
    version = registered(alice, name, source, her_run)
    assert read(bob, name, version).status_code == 403
    grant = {"username": BOB, "resource_type": "registered_model", "resource_id": name, "permission": "READ"}
    assert alice.post(f"{API3}/users/permissions/grant", json=grant).is_success
    assert read(bob, name, version).content == SECRET
    copy = new("copy")
    copied = registered(bob, copy, f"models:/{name}/{version}")
    assert read(bob, copy, copied).content == SECRET
    assert alice.post(f"{API3}/users/permissions/revoke", json=grant).is_success
    assert read(bob, name, version).status_code == 403
    assert "register it again" in refused(read(bob, copy, copied))


@pytest.mark.parametrize("number", ["7.0", " 7", "07", "+7", "7 ", "7e0", "", "x", "-7"])
def test_a_versions_number_is_read_in_one_way(world: World, tenants: dict[str, Tenant], number: str) -> None:
    bob, mine = tenants[BOB], new("m")
    bob.made(f"{API}/registered-models/create", {"name": mine})
    old_version(world, mine, OUTSIDE)
    assert ("expected a number" if number == "" else "in digits 0 to 9") in refused(read(bob, mine, number), 400)


def test_a_version_is_asked_for_in_the_query_alone(world: World, tenants: dict[str, Tenant]) -> None:
    alice, bob, mine = tenants[ALICE], tenants[BOB], new("m")
    hers = alice.experiment()
    source = alice.file(hers, alice.run(hers), "traces.json")
    run_id = bob.run(experiment_id := bob.experiment())
    version = registered(bob, mine, bob.file(experiment_id, run_id, "traces.json", b"MINE"), run_id)
    old = old_version(world, mine, source)
    query = {"name": mine, "version": old, "path": "traces.json"}
    answer = bob.request("GET", "/model-versions/get-artifact", params=query, json={"name": mine, "version": version})
    assert SECRET not in answer.content
    assert read(bob, mine, version).content == b"MINE"
