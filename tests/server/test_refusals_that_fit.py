"""Refusals speak of what was refused, and tell nothing else."""

from __future__ import annotations

from typing import Any

import httpx

from ..support.tenants import API, Tenant, new, refused

MISSING_RUN, MISSING_MODEL = "0" * 32, f"m-{'0' * 32}"
ASK = "Ask the MLflow admin for access."


def model(owner: Tenant) -> str:
    name = new("model")
    owner.made(f"{API}/registered-models/create", {"name": name})
    return name


def version(owner: Tenant, name: str) -> None:
    run_id = owner.run(owner.experiment())
    owner.made(f"{API}/model-versions/create", {"name": name, "source": f"runs:/{run_id}/model", "run_id": run_id})


def logged_model(owner: Tenant) -> str:
    made = owner.made(f"{API}/logged-models", {"experiment_id": owner.experiment(), "name": "m"})
    return str(made["model"]["info"]["model_id"])


def register(client: Tenant, name: str, **source: Any) -> httpx.Response:
    return client.post(f"{API}/model-versions/create", json={"name": name, **source})


def test_a_version_from_an_unreadable_source_blames_the_source(alice: Tenant, bob: Tenant) -> None:
    hidden, mine = model(alice), model(bob)
    version(alice, hidden)
    run_id, model_id = alice.run(alice.experiment()), logged_model(alice)
    for theirs, gone in ((run_id, MISSING_RUN), (model_id, MISSING_MODEL), (f"models:/{hidden}/1", "models:/gone/1")):
        said = []
        for each in (theirs, gone):
            if each.startswith("models:/"):
                kind, source = "source", {"source": each}
            elif each.startswith("m-"):
                kind, source = "logged model", {"source": f"models:/{each}", "model_id": each}
            else:
                kind, source = "run", {"source": f"runs:/{each}/model", "run_id": each}
            message = refused(register(bob, mine, **source))
            assert message == f"The {kind} '{each}' does not exist or you may not read it. {ASK}"
            said.append(message.replace(each, "ID"))
        assert said[0] == said[1]
    message = refused(register(bob, mine, source=f"models:/{model_id}"))
    assert message == f"The source 'models:/{model_id}' does not exist or you may not read it. {ASK}"


def test_a_version_of_anothers_model_blames_the_model(alice: Tenant, bob: Tenant) -> None:
    for name in (model(alice), "gone"):
        for run_id in (bob.run(bob.experiment()), alice.run(alice.experiment()), MISSING_RUN):
            message = refused(register(bob, name, source=f"runs:/{run_id}/model", run_id=run_id))
            assert message.startswith(f"The model or prompt '{name}' does not exist or you may not change it.")


def test_a_reader_of_a_model_is_told_what_they_may_not_change(alice: Tenant, bob: Tenant) -> None:
    name = model(alice)
    version(alice, name)
    share = {"kind": "registered_model", "id": name, "level": "READ", "user": "bob@example.com"}
    assert alice.post("/prokube-auth/api/sharing", json=share).is_success
    alias = f"{API}/registered-models/alias"
    assert bob.get(f"{API}/model-versions/get", params={"name": name, "version": "1"}).status_code == 200
    edit, manage = (f"You have READ on the model '{name}', and this needs {level}." for level in ("EDIT", "MANAGE"))
    for told, answer in (
        (edit, bob.post(alias, json={"name": name, "alias": "champion", "version": "1"})),
        (manage, bob.request("DELETE", alias, json={"name": name, "alias": "champion"})),
        (edit, bob.post(f"{API}/registered-models/set-tag", json={"name": name, "key": "a", "value": "b"})),
        (edit, bob.post(f"{API}/model-versions/create", json={"name": name, "source": "models:/gone/1"})),
    ):
        assert refused(answer).startswith(told)


def test_reads_by_post_are_told_as_reads(alice: Tenant, bob: Tenant) -> None:
    hidden = alice.experiment()
    answers = (
        bob.post("/api/3.0/mlflow/traces/batchGetInfos", json={"trace_ids": [alice.traced(hidden)]}),
        bob.post(f"{API}/artifacts/presigned-download-url", json={"run_id": alice.run(hidden), "path": "a"}),
        bob.post("/api/3.0/mlflow/issues/search", json={"experiment_id": hidden}),
    )  # fmt: skip
    for answer in answers:
        assert "does not exist or you may not read it" in refused(answer)
