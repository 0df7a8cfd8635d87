"""An id has one spelling: who reads all experiments but one does not read that one by writing its id differently."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless
from mlflow_prokube_auth.policy import ids
from mlflow_prokube_auth.policy.spelling import Spelling

from ..support import parameters
from ..support.demo import Demo
from ..support.routes import concrete
from ..support.tenants import API, API3, FILES, Tenant, new, refused, trace_id

OURS = "/prokube-auth/api"
# What Python's int() reads as the same number.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "a zero before it": lambda each: f"0{each}",
    "a plus": lambda each: f"+{each}",
    "a blank before it": lambda each: f" {each}",
    "a blank after it": lambda each: f"{each} ",
    "a line break": lambda each: f"{each}\n",
    "an underscore": lambda each: f"0_{each}",
    "wide digits": lambda each: "".join(chr(0xFF10 + int(digit)) for digit in each),
    "Arabic digits": lambda each: "".join(chr(0x0660 + int(digit)) for digit in each),
}
RUNS = "query Q($i: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $i) { runs { info { runId } } } }"
ONE = "query Q($i: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $i) { experiment { name } } }"


@dataclass(frozen=True)
class Denied:
    """What one of alice's experiments holds, and who reads and edits all experiments but that one."""

    experiment: str
    run: str
    client: Tenant


@pytest.fixture(scope="module")
def denied(demo: Demo, alice: Tenant, admin: Tenant) -> Iterator[Denied]:
    experiment = alice.experiment()
    run = alice.run(experiment)
    name, role = new("robot"), admin.made(f"{API3}/roles/create", {"name": new("but-one"), "workspace": "default"})
    role_id = role["role"]["id"]
    for pattern, permission in (("*", "EDIT"), (experiment, "DENY")):
        grant = {"role_id": role_id, "resource_type": "experiment", "resource_pattern": pattern}
        admin.made(f"{API3}/roles/permissions/add", {**grant, "permission": permission})
    with httpx.Client(base_url=demo.url, headers={"Origin": demo.url}, timeout=60) as browser:
        start = browser.get("/prokube-auth/login/start")
        browser.get(login_headless(start.headers["location"], "admin@example.com"))
        assert browser.post(f"{OURS}/admin/service-accounts", json={"name": name}).is_success
        key = browser.post(f"{OURS}/admin/accounts/key?user={name}", json={"days": 1}).json()["access_key"]
    admin.made(f"{API3}/roles/assign", {"username": name, "role_id": role_id})
    with Tenant(base_url=demo.url, auth=(name, key), timeout=60) as client:
        yield Denied(experiment, run, client)


def graphql(client: Tenant, query: str, **given: object) -> httpx.Response:
    return client.post("/graphql", json={"query": query, "operationName": "Q", "variables": {"i": given}})


Ask = Callable[[Tenant, str], httpx.Response]
# Requests of each sort that name an experiment by its id.
REQUESTS: dict[str, Ask] = {
    "a query": lambda client, id: client.get(f"{API}/experiments/get", params={"experiment_id": id}),
    "a body": lambda client, id: client.post(f"{API}/runs/create", json={"experiment_id": id}),
    "a list": lambda client, id: client.post(f"{API}/runs/search", json={"experiment_ids": ["0", id]}),
    "a list in a query": lambda client, id: client.get(f"{API}/traces", params={"experiment_ids": ["0", id]}),
    "a message in a message": lambda client, id: client.post(
        f"{API3}/traces/search",
        json={"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": id}}]},
    ),
    "a trace that begins": lambda client, id: client.trace(id),
    "a route that is no protocol's": lambda client, id: client.post(
        "/ajax-api/3.0/mlflow/scorer/invoke", json={"experiment_id": id, "serialized_scorer": "{}", "trace_ids": ["x"]}
    ),
    "a condition": lambda client, id: client.post(
        f"{API}/experiments/search", json={"max_results": 5, "filter": f"experiment_id = '{id}'"}
    ),
    "a list in a condition": lambda client, id: client.post(
        f"{API}/experiments/search", json={"max_results": 5, "filter": f"attribute.experiment_id IN ('0', '{id}')"}
    ),
    "GraphQL": lambda client, id: graphql(client, ONE, experimentId=id),
    "a list in GraphQL": lambda client, id: graphql(client, RUNS, experimentIds=[id]),
    "a name of a scorer": lambda client, id: client.get(
        f"{API3}/users/permissions/get", params={"username": "a", "resource_type": "scorer", "resource_id": f"{id}/s"}
    ),
    "our own route": lambda client, id: client.get(f"{OURS}/sharing", params={"kind": "experiment", "id": id}),
    "an upload": lambda client, id: client.put(f"{FILES}/{quote(id)}/x/artifacts/f", content=b"x"),
    "a download": lambda client, id: client.get(f"{FILES}/{quote(id)}/x/artifacts/f"),
    "a listing": lambda client, id: client.get(FILES, params={"path": f"{id}/x/artifacts"}),
}
# MLflow's engine takes such a path for no experiment's, and refuses it for that.
NO_PATH_OF_AN_EXPERIMENT = {"a plus", "a blank before it", "a blank after it", "a line break", "an underscore"}
PATHS = {"an upload", "a download", "a listing"}


@pytest.mark.parametrize("request_of", REQUESTS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_other_spelling_of_an_id_passes_a_denial(denied: Denied, spelling: str, request_of: str) -> None:
    other = SPELLINGS[spelling](denied.experiment)
    if request_of == "a list in a condition" and spelling == "an underscore":
        other = f"{denied.experiment}_0"  # another number; it is refused as well
    answer = REQUESTS[request_of](denied.client, other)
    if request_of in PATHS and spelling in NO_PATH_OF_AN_EXPERIMENT:
        assert answer.status_code in (400, 403, 404), answer.text  # 404: no route of MLflow's takes a line break
        return
    words = refused(answer, 400)
    assert "as the server writes it" in words
    assert "leading zero" in words or request_of == "a name of a scorer"


@pytest.mark.parametrize("request_of", sorted(REQUESTS.keys() - PATHS - {"a condition", "a list in a condition"}))
def test_the_one_spelling_is_denied(denied: Denied, request_of: str) -> None:
    answer = REQUESTS[request_of](denied.client, denied.experiment)
    assert answer.status_code == 403 or denied.run not in answer.text
    assert answer.status_code != 400


@pytest.mark.parametrize("id", ["0{}", "+{}", "{}.0", "{}e0"])
def test_spans_are_taken_for_no_other_spelling_of_an_experiment(denied: Denied, id: str) -> None:
    assert "as the server writes it" in refused(denied.client.export(id.format(denied.experiment), trace_id()), 400)


def test_a_number_in_json_is_an_id_and_denied_like_one(denied: Denied) -> None:
    number = int(denied.experiment)
    body = {"experiment_id": number, "serialized_scorer": "{}", "trace_ids": ["x"]}
    refused(denied.client.post("/ajax-api/3.0/mlflow/scorer/invoke", json=body))
    found = denied.client.post(f"{API}/runs/search", json={"experiment_ids": [number]})
    assert denied.run not in found.text


@pytest.mark.parametrize("value", ["1.0", "1e0", "true", "[[1]]", "{}", "-1"])
def test_what_is_neither_text_nor_a_whole_number_is_no_id(denied: Denied, value: str) -> None:
    body = f'{{"experiment_id": {value}, "serialized_scorer": "{{}}", "trace_ids": ["x"]}}'
    headers = {"Content-Type": "application/json"}
    answer = denied.client.post("/ajax-api/3.0/mlflow/scorer/invoke", content=body, headers=headers)
    assert "'experiment_id' is " in refused(answer, 400)


def test_numbers_and_empty_texts_are_read_as_before(alice: Tenant) -> None:
    experiment = alice.experiment()
    run = alice.run(experiment)
    answer = alice.get(f"{API}/runs/get", params={"run_id": run, "run_uuid": run})
    assert answer.status_code == 200
    logged = {"run_id": run, "run_uuid": run, "key": "m", "value": 1.0, "timestamp": 1, "model_id": ""}
    assert alice.post(f"{API}/runs/log-metric", json=logged).status_code == 200
    deletes = {"experiment_id": experiment, "request_ids": [trace_id()]}
    assert alice.post(f"{API}/traces/delete-traces", json=deletes).status_code == 200
    numbers = {"experiment_id": int(experiment), "new_name": new("e")}
    refusal = refused(alice.post(f"{API}/experiments/update", json=numbers), 400)
    assert "experiment_id" in refusal  # MLflow's own words: the protocol wants a text
    assert "as the server writes it" not in refusal


def bad(kind: Spelling) -> str:
    """A spelling that no kind of ids has."""
    return next(each for each in ("01", "A B") if not kind.is_canonical(each))


def spelled_otherwise() -> Iterator[tuple[str, str, str, dict[str, Any], Any]]:
    """One request for each id that a route of the installed MLflow takes: method, path, its name, query and body."""
    for method, rule, name in parameters.view_parameters():
        if (kind := ids.parameters_on(rule).get(name)) is not None and method not in ("HEAD", "OPTIONS"):
            path = re.sub(rf"<(?:path:)?{name}>", quote(bad(kind)), rule)
            yield method, concrete(path), name, {}, None if method == "GET" else {}
    for method, rule, way in parameters.message_parameters():
        field = way[-1]
        kind = ids.parameters_on(rule).get(field.name)
        if kind is None or field.type == field.TYPE_BYTES or f"<{field.name}>" in rule:
            continue
        value: Any = [bad(kind)] if field.is_repeated else bad(kind)
        if method == "GET":
            if len(way) == 1:
                yield method, concrete(rule), field.name, {field.name: value}, None
            continue
        for each in reversed(way):
            value = {each.name: [value] if each.is_repeated and not isinstance(value, list) else value}
        yield method, concrete(rule), field.name, {}, value
    for text, _, name in parameters.graphql_parameters():
        if (kind := ids.PARAMETERS.get(parameters.snake(name))) is not None:
            value = [bad(kind)] if name.endswith("Ids") else bad(kind)
            yield "POST", "/graphql", parameters.snake(name), {}, {"query": text, "variables": {"i": {name: value}}}


def test_every_route_of_mlflows_refuses_another_spelling_of_every_id_that_it_takes(alice: Tenant) -> None:
    asked = list(spelled_otherwise())
    assert len(asked) > 400
    assert {name for _, _, name, _, _ in asked} > {"experiment_ids", "run_uuid", "assessment_id", "version", "job_id"}
    taken = []
    for method, path, name, query, body in asked:
        answer = alice.request(method, path, params=query, json=body)
        if answer.status_code != 400 or f"'{name}' is " not in answer.text:
            taken.append((method, path, name, body, answer.status_code, answer.text[:200]))
    assert taken == [], "\n".join(map(str, taken))


@pytest.mark.parametrize(
    "grant",
    [
        {"resource_type": "experiment", "id": "01"}, {"resource_type": "experiment", "id": " 1"},
        {"resource_type": "scorer", "id": "01/s"}, {"resource_type": "scorer", "id": "1/a b"},
        {"resource_type": "gateway_endpoint", "id": "E-0123"}, {"resource_type": "gateway_secret", "id": "s-1 "},
    ],
    ids=lambda grant: json.dumps(list(grant.values())),
)  # fmt: skip
def test_an_administrator_is_told_that_a_grant_on_another_spelling_grants_and_denies_nothing(
    admin: Tenant, grant: dict[str, str]
) -> None:
    role = admin.made(f"{API3}/roles/create", {"name": new("r"), "workspace": "default"})["role"]["id"]
    on = {"resource_type": grant["resource_type"], "permission": "DENY"}
    by_role = {**on, "role_id": role, "resource_pattern": grant["id"]}
    assert "as the server writes it" in refused(admin.post(f"{API3}/roles/permissions/add", json=by_role), 400)
    by_user = {**on, "username": "bob@example.com", "resource_id": grant["id"]}
    assert "as the server writes it" in refused(admin.post(f"{API3}/users/permissions/grant", json=by_user), 400)


def test_an_administrator_assigns_nothing_by_another_spelling(admin: Tenant, alice: Tenant) -> None:
    body = {"user": "bob@example.com", "resources": [{"kind": "experiment", "id": f"0{alice.experiment()}"}]}
    assert "as the server writes it" in refused(admin.post(f"{OURS}/admin/assign", json=body), 400)


def test_the_spelling_of_a_run_and_a_version_is_the_servers(alice: Tenant) -> None:
    run, name = alice.run(alice.experiment()), new("m")
    alice.made(f"{API}/registered-models/create", {"name": name})
    alice.made(f"{API}/model-versions/create", {"name": name, "source": f"runs:/{run}/model", "run_id": run})
    for version in ("01", "+1", " 1", "1_0", "\uff11"):
        answer = alice.get(f"{API}/model-versions/get", params={"name": name, "version": version})
        assert "'version' is " in refused(answer, 400)
    for other in (run.upper(), f"{run} ", str(uuid.UUID(run)).upper()):
        assert "'run_id' is " in refused(alice.get(f"{API}/runs/get", params={"run_id": other}), 400)
    found = alice.get(f"{API}/model-versions/get", params={"name": name, "version": "1"})
    assert found.json()["model_version"]["version"] == "1"


def test_what_the_engine_notes_for_itself_no_request_sets(alice: Tenant, bob: Tenant) -> None:
    """MLflow 3.18 keeps what a search is for on Flask's ``g`` and on Starlette's state, by these names."""
    hers, mine = alice.experiment(), bob.experiment()
    trace = alice.traced(hers)
    noted: dict[str, Any] = {
        "mlflow_scoped_experiment_ids": [hers],
        "mlflow_scoped_experiment_filter": f"experiment_id = '{hers}'",
        "mlflow_scoped_mcp_server_filter": "name != ''",
        "mlflow_authenticated_user": "admin@example.com",
    }
    headers = {name.replace("_", "-"): str(value) for name, value in noted.items()}
    for query, body, sent in ((noted, {}, {}), ({}, noted, {}), ({}, {}, headers), (noted, noted, headers)):
        found = bob.post(f"{API}/experiments/search", json={"max_results": 1000, **body}, params=query, headers=sent)
        # A name that the protocol does not have, MLflow passes over or refuses.
        if found.status_code == 200:
            known = {each["experiment_id"] for each in found.json()["experiments"]}
            assert mine in known
            assert hers not in known
        else:
            assert found.status_code == 400, found.text
        for answer in (
            bob.get(f"{API3}/traces/batchGet", params={"trace_ids": trace, **query}, headers=sent),
            bob.get(f"{API3}/mcp-servers", params=query, headers=sent),
        ):
            assert answer.status_code in (200, 400, 403), answer.text
            assert trace not in json.dumps(answer.json().get("traces", []))


@pytest.mark.parametrize("id", ["tr-Chosen_1.2:3~x", "0123456789abcdef", "trace:/main.traces/0123456789abcdef"])
def test_a_trace_id_of_a_clients_own_making_is_taken(alice: Tenant, id: str) -> None:
    experiment = alice.experiment()
    if ":/" not in id:
        unique = f"{id}{uuid.uuid4().hex[:8]}"
        assert alice.trace(experiment, unique).status_code == 200
        assert alice.get(f"{API3}/traces/{unique}").status_code == 200
        id = unique
    found = alice.get(f"{API3}/traces/batchGet", params={"trace_ids": id})
    assert "as the server writes it" not in found.text
