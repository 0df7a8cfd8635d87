"""Experiments whose artifacts are at a location of their own: a path is judged by whose recorded location holds it."""

from __future__ import annotations

import time
import uuid

import pytest

from ..support.journeys import found_by, ran
from ..support.readers import API, API3, ARTIFACTS, REFUSED, Served
from ..support.world import ADMIN, ALICE, BOB


def new() -> str:
    return f"e{uuid.uuid4().hex[:8]}"


def experiment(served: Served, location: str = "", level: str = "MANAGE", to: str = ALICE) -> str:
    """One that an administrator made and shares; its id."""
    with served.client(ADMIN) as admin:
        more = {"artifact_location": location} if location else {}
        made = admin.post(f"{API}/experiments/create", json={"name": new(), **more})
        assert made.is_success, made.text
    experiment_id = str(made.json()["experiment_id"])
    served.grant(experiment_id, level, to, by=ADMIN, kind="experiment")
    return experiment_id


def statuses(served: Served, email: str, path: str) -> list[int]:
    """Of an upload, a download and a listing."""
    with served.client(email) as client:
        file = f"{served.bases[0]}/{ARTIFACTS}/{path}/file"
        put = client.put(file, content=b"x").status_code
        return [put, client.get(file).status_code, served.list(email, path)]


@pytest.mark.parametrize("location", ["mlflow-artifacts:/{}", "mlflow-artifacts:/{}/below/", "mlflow-artifacts:///{}"])
def test_who_may_use_the_experiment_uses_its_files_and_nobody_else_does(served: Served, location: str) -> None:
    place = location.format(new())
    experiment_id = experiment(served, place)
    root = place.removeprefix("mlflow-artifacts:").strip("/")
    path = f"{root}/{'a' * 32}/artifacts"
    assert statuses(served, BOB, path) == [403, 403, 403]
    assert statuses(served, ALICE, path) == [200, 200, 200]
    assert statuses(served, BOB, path) == [403, 403, 403]
    served.grant(experiment_id, by=ADMIN, kind="experiment")
    assert statuses(served, BOB, path) == [403, 200, 200]
    assert (served.list(BOB, root), served.list(ALICE, root)) == (200, 200)
    # The id in a path says nothing where the record says otherwise, nor does what is above or beside the place.
    for beside in (experiment_id, f"{experiment_id}/{'a' * 32}/artifacts", f"{root}2", f"{root}x/y", root[:-1]):
        assert (beside, statuses(served, ALICE, beside)) == (beside, [403, 403, 403])
    with served.client(BOB) as bob:
        assert bob.delete(f"{served.bases[0]}/{ARTIFACTS}/{path}/file").status_code == 403
    with served.client(ALICE) as alice:
        assert alice.delete(f"{served.bases[0]}/{ARTIFACTS}/{path}/file").status_code == 200


def test_the_stock_client_logs_and_loads_there_and_readers_of_the_model_load_it(served: Served) -> None:
    name = new()
    with served.client(ADMIN) as admin:
        made = admin.post(
            f"{API}/experiments/create",
            json={"name": f"{name}-experiment", "artifact_location": f"mlflow-artifacts:/team/{name}"},
        )
    served.grant(str(made.json()["experiment_id"]), "EDIT", ALICE, by=ADMIN, kind="experiment")

    def keys(email: str) -> dict[str, str]:
        return {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": served.place.keys[email]}

    url = served.place.world.url
    owned = found_by(ran("source_by_run.py", ["own", name], url, keys(ALICE)))
    for model in (f"{name}-logged", f"{name}-folder"):
        served.grant(model)
    assert found_by(ran("source_by_run.py", ["read", name], url, keys(BOB))) == owned
    assert served.list(BOB, f"team/{name}") == 403


def test_a_place_that_two_claim_is_nobodys(served: Served) -> None:
    outer, inner = new(), new()
    experiment(served, f"mlflow-artifacts:/{outer}")
    run = f"{'b' * 32}/artifacts"
    assert statuses(served, ALICE, f"{outer}/{run}") == [200, 200, 200]
    experiment(served, f"mlflow-artifacts:/{outer}/{inner}", to=BOB)
    for email in (ALICE, BOB):
        for path in (f"{outer}/{inner}", f"{outer}/{inner}/{run}", f"{outer}//{inner}/{run}", f"{outer}/./{inner}/x"):
            assert (email, path, set(statuses(served, email, path)) <= set(REFUSED)) == (email, path, True)
        # What is above takes in what is below.
        assert served.list(email, outer) == 403
        with served.client(email) as client:
            assert client.delete(f"{served.bases[0]}/{ARTIFACTS}/{outer}").status_code == 403
    assert statuses(served, ALICE, f"{outer}/{run}") == [200, 200, 200]
    experiment(served, f"mlflow-artifacts:/{outer}", to=BOB)
    for email in (ALICE, BOB):
        assert statuses(served, email, f"{outer}/{run}") == [403, 403, 403]


def test_a_place_with_anothers_id_is_whose_record_says_so(served: Served) -> None:
    own = experiment(served)
    taken = str(int(own) + 1000)
    experiment(served, f"mlflow-artifacts:/{taken}", to=BOB)
    path = f"{taken}/{'c' * 32}/artifacts"
    # Such a place, which looks like another experiment's, is known to each worker after a while.
    while statuses(served, BOB, path)[0] == 403:
        time.sleep(0.5)
    assert statuses(served, BOB, path) == [200, 200, 200]
    assert statuses(served, ALICE, path) == [403, 403, 403]
    # By the time somebody else has that id, it is nobody's.
    served.place.world.sql(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, workspace) "
        "VALUES (?, ?, ?, 'active', 'default')",
        int(taken), new(), f"mlflow-artifacts:/{taken}",
    )  # fmt: skip
    served.grant(taken, "MANAGE", ALICE, by=ADMIN, kind="experiment")
    for email in (ALICE, BOB):
        assert statuses(served, email, path) == [403, 403, 403]
    # What is by its id stays so.
    assert statuses(served, ALICE, f"{own}/{'c' * 32}/artifacts") == [200, 200, 200]


@pytest.mark.parametrize("trick", ["{}/../{}", "{}/%2e%2e/{}", "{}//{}", "x/../{1}", "./{1}", "{1}\\..\\{0}", "%2f{1}"])
def test_no_spelling_leads_from_ones_own_place_to_anothers(served: Served, trick: str) -> None:
    mine, theirs, run = new(), new(), f"{'d' * 32}/artifacts"
    experiment(served, f"mlflow-artifacts:/{mine}")
    experiment(served, f"mlflow-artifacts:/{theirs}", to=BOB)
    assert statuses(served, BOB, f"{theirs}/{run}") == [200, 200, 200]
    path = trick.format(mine, theirs)
    assert served.raw(ALICE, served.bases[0], f"/{path}/{run}/file") in (*REFUSED, 308)
    assert served.raw(ALICE, served.bases[0], f"?path={path}/{run}") in REFUSED


def test_denied_runs_and_a_denied_experiment_are_denied_there(served: Served) -> None:
    """The last test: what it denies to bob holds everywhere."""
    place, run = new(), f"{'e' * 32}/artifacts"
    experiment_id = experiment(served, f"mlflow-artifacts:/{place}")
    assert statuses(served, ALICE, f"{place}/{run}") == [200, 200, 200]
    served.grant(experiment_id, to=BOB, kind="experiment")
    assert statuses(served, BOB, f"{place}/{run}") == [403, 200, 200]
    assert served.list(BOB, place) == 200
    with served.client(ADMIN) as admin:
        role = admin.post(f"{API3}/roles/create", json={"name": new(), "workspace": "default"}).json()["role"]["id"]
        deny = {"role_id": role, "resource_type": "run", "resource_pattern": "*", "permission": "DENY"}
        assert admin.post(f"{API3}/roles/permissions/add", json=deny).is_success
        assert admin.post(f"{API3}/roles/assign", json={"role_id": role, "username": BOB}).is_success
    assert statuses(served, BOB, f"{place}/{run}") == [403, 403, 403]
    # The listing would name the runs.
    assert served.list(BOB, place) == 403
    served.revoke(experiment_id, kind="experiment")
    served.grant(experiment_id, "DENY", by=ADMIN, kind="experiment")
    assert (served.list(BOB, place), served.list(BOB, f"{place}/traces/tr-1/artifacts")) == (403, 403)
