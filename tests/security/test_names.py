"""Names and ids that are taken, trashed or free again: whoever gets one gets nothing of others with it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest

from ..support.demo import Demo

API = "/api/2.0/mlflow"
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]


@pytest.fixture
def clients(demo: Demo) -> Iterator[dict[str, httpx.Client]]:
    made = {
        who: httpx.Client(base_url=demo.url + API, auth=demo.auth(who), timeout=60) for who in ("alice", "bob", "admin")
    }
    yield made
    for client in made.values():
        client.close()


def unique() -> str:
    return f"n{uuid.uuid4().hex[:8]}"


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def create(client: httpx.Client, kind: str, name: str) -> httpx.Response:
    if kind == "experiment":
        return client.post("/experiments/create", json={"name": name})
    return client.post("/registered-models/create", json={"name": name, "tags": PROMPT if kind == "prompt" else []})


def rename(client: httpx.Client, kind: str, name: str, new: str) -> httpx.Response:
    if kind != "experiment":
        return client.post("/registered-models/rename", json={"name": name, "new_name": new})
    found = ok(client.get("/experiments/get-by-name", params={"experiment_name": name}))["experiment"]
    return client.post("/experiments/update", json={"experiment_id": found["experiment_id"], "new_name": new})


KINDS = ("model", "prompt")
PAIRS = [*product(KINDS, KINDS), ("experiment", "experiment")]


@pytest.mark.parametrize("kind", KINDS)
def test_what_roles_grant_and_deny_goes_along_with_a_rename(
    demo: Demo, clients: dict[str, httpx.Client], kind: str
) -> None:
    """MLflow 3.18 refuses to rename what a role names; here that would be every model that is shared with a team."""
    old, new = unique(), unique()
    ok(create(clients["alice"], kind, old))
    resource = "registered_model" if kind == "model" else "prompt"
    share = {"kind": resource, "id": old, "user": "bob@example.com", "level": "EDIT"}
    api3 = f"{demo.url}/api/3.0/mlflow"
    assert clients["alice"].post(f"{demo.url}/prokube-auth/api/sharing", json=share).is_success

    def seen(name: str) -> int:
        return clients["bob"].get("/registered-models/get", params={"name": name}).status_code

    assert seen(old) == 200
    role = ok(clients["admin"].post(f"{api3}/roles/create", json={"name": unique(), "workspace": "default"}))["role"]
    denial = {"role_id": role["id"], "resource_type": resource, "resource_pattern": old, "permission": "DENY"}
    ok(clients["admin"].post(f"{api3}/roles/permissions/add", json=denial))
    ok(clients["admin"].post(f"{api3}/roles/assign", json={"username": "bob@example.com", "role_id": role["id"]}))
    assert seen(old) == 403
    ok(rename(clients["alice"], kind, old, new))
    assert seen(new) == 403
    held = ok(clients["admin"].get(f"{api3}/roles/permissions/list", params={"role_id": role["id"]}))
    assert [each["resource_pattern"] for each in held["role_permissions"]] == [new]
    ok(
        clients["admin"].request(
            "DELETE", f"{api3}/roles/unassign", json={"username": "bob@example.com", "role_id": role["id"]}
        )
    )
    assert seen(new) == 200


@pytest.mark.parametrize(("theirs", "mine"), PAIRS, ids=["/".join(pair) for pair in PAIRS])
def test_a_taken_name_is_refused_in_the_same_words_whatever_bears_it(
    clients: dict[str, httpx.Client], theirs: str, mine: str
) -> None:
    taken, own = unique(), unique()
    ok(create(clients["alice"], theirs, taken))
    ok(create(clients["bob"], mine, own))
    kind = "experiment" if mine == "experiment" else "model or prompt"
    for refused in (create(clients["bob"], mine, taken), rename(clients["bob"], mine, own, taken)):
        assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
        assert refused.json()["message"] == (
            f"The {kind} name '{taken}' is already taken and you may not access it. Choose a different name, for "
            f"example with your team as prefix ('<team>-{taken}'), or ask the MLflow admin for access."
        )
    again = create(clients["alice"], mine, taken)
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert again.json()["message"] == f"The {kind} name '{taken}' already exists."


def test_a_trashed_name_is_refused_to_others_on_create_and_rename_and_told_to_its_owner(
    clients: dict[str, httpx.Client],
) -> None:
    trashed, own, other = unique(), unique(), unique()
    experiment_id = ok(create(clients["alice"], "experiment", trashed))["experiment_id"]
    ok(clients["alice"].post("/experiments/delete", json={"experiment_id": experiment_id}))
    ok(create(clients["bob"], "experiment", own))
    ok(create(clients["alice"], "experiment", other))
    for refused in (
        create(clients["bob"], "experiment", trashed),
        rename(clients["bob"], "experiment", own, trashed),
        clients["bob"].get("/experiments/get-by-name", params={"experiment_name": trashed}),
    ):
        assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
        assert "trash" not in refused.json()["message"]
    for told in (
        create(clients["alice"], "experiment", trashed),
        rename(clients["alice"], "experiment", other, trashed),
    ):
        assert f'restore_experiment("{experiment_id}")' in told.json()["message"]


def test_an_id_that_sqlite_gives_out_again_opens_nothing_to_those_who_had_the_last_one(
    demo: Demo, clients: dict[str, httpx.Client]
) -> None:
    alice, bob, admin = (clients[who] for who in ("alice", "bob", "admin"))
    gone = ok(create(alice, "experiment", unique()))["experiment_id"]
    scorer = {"experiment_id": gone, "name": "judge", "serialized_scorer": "{}"}
    shared = {"kind": "experiment", "id": gone, "user": "bob@example.com", "level": "MANAGE"}
    assert httpx.post(f"{demo.url}/prokube-auth/api/sharing", json=shared, auth=demo.auth("alice")).is_success
    alice.post(f"{demo.url}/api/3.0/mlflow/scorers/register", json=scorer)
    ok(alice.post("/experiments/delete", json={"experiment_id": gone}))
    database = f"sqlite:///{demo.directory}/data/mlflow.db"
    collect = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", database, "--experiment-ids", gone]
    subprocess.run([*collect, "--tracking-uri", database], check=True, capture_output=True, timeout=180)
    new = ok(create(admin, "experiment", unique()))["experiment_id"]
    assert new == gone, "this database gives an id once: the test proves nothing here"
    for client in (alice, bob):
        assert client.get("/experiments/get", params={"experiment_id": new}).status_code == 403
    ok(admin.get("/experiments/get", params={"experiment_id": new}))
