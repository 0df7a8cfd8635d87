"""What MLflow's engine leaves open: one attack after the other, by bob on alice, most seen to work without a guard."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from mlflow.version import VERSION
from packaging.version import Version

from ..support.tenants import API, API3, HUMAN, SECRET, Tenant, new, refused, trace_id

LOCATION, SPANS_AT, ARCHIVE = "mlflow.artifactLocation", "mlflow.trace.spansLocation", "mlflow.trace.archiveLocation"
AJAX = "/ajax-api/2.0/mlflow"


@pytest.fixture(scope="module")
def hers(alice: Tenant) -> str:
    return alice.experiment()


@pytest.fixture(scope="module")
def his(bob: Tenant) -> str:
    return bob.experiment()


@pytest.fixture(scope="module")
def her_run(alice: Tenant, hers: str) -> str:
    return alice.run(hers)


@pytest.fixture(scope="module")
def his_run(bob: Tenant, his: str) -> str:
    return bob.run(his)


@pytest.fixture(scope="module")
def her_files(alice: Tenant, hers: str, her_run: str) -> str:
    return alice.file(hers, her_run, "traces.json")


# Trace storage


@pytest.mark.parametrize("key", [LOCATION, "MLFLOW.ArtifactLocation", f" {LOCATION} ", SPANS_AT, ARCHIVE])
@pytest.mark.parametrize("api", ["/api/2.0", "/api/3.0", "/ajax-api/2.0", "/ajax-api/3.0"])
def test_nobody_points_a_trace_to_other_files_by_a_tag(
    bob: Tenant, his: str, her_files: str, api: str, key: str
) -> None:
    mine = bob.traced(his)
    answer = bob.patch(f"{api}/mlflow/traces/{mine}/tags", json={"key": key, "value": her_files})
    assert "the server sets it" in refused(answer)
    assert SECRET not in bob.trace_file(mine)


@pytest.mark.parametrize("more", [{}, {"trace": {}}, {"trace": None}], ids=["plain", "version 3", "null"])
def test_nobody_points_a_trace_to_other_files_when_it_ends(
    bob: Tenant, his: str, her_files: str, more: dict[str, Any]
) -> None:
    begun = bob.made(f"{API}/traces", {"experiment_id": his, "timestamp_ms": 1})
    mine = begun["trace_info"]["request_id"]
    tags = [{"key": LOCATION, "value": her_files}]
    answer = bob.patch(f"{API}/traces/{mine}", json={"timestamp_ms": 2, "status": "OK", "tags": tags, **more})
    refused(answer)
    assert SECRET not in bob.trace_file(mine)
    begins = bob.post(f"{API}/traces", json={"experiment_id": his, "timestamp_ms": 1, "tags": tags, **more})
    refused(begins)


def test_a_client_from_before_version_3_ends_a_trace_with_the_tags_that_it_was_told(bob: Tenant, his: str) -> None:
    begun = bob.made(f"{API}/traces", {"experiment_id": his, "timestamp_ms": 1})["trace_info"]
    assert [tag["key"] for tag in begun["tags"]] == [LOCATION]
    body = {"timestamp_ms": 2, "status": "OK", "tags": [*begun["tags"], {"key": "mine", "value": "1"}]}
    assert bob.patch(f"{API}/traces/{begun['request_id']}", json=body).status_code == 200


def test_the_location_of_another_trace_is_none_of_ones_own(alice: Tenant, bob: Tenant, hers: str, his: str) -> None:
    theirs, mine = alice.traced(hers), bob.traced(his)
    value = alice.get(f"{API3}/traces/{theirs}").json()["trace"]["trace_info"]["tags"][LOCATION]
    for body in ({}, {"trace_id": theirs}, {"request_id": theirs}):
        answer = bob.patch(f"{API}/traces/{mine}/tags", json={"key": LOCATION, "value": value, **body})
        assert answer.status_code in (400, 403), answer.text
    tags = [{"key": LOCATION, "value": value}]
    begins = {"experiment_id": his, "request_id": theirs, "timestamp_ms": 1, "tags": tags}
    refused(bob.post(f"{API}/traces", json=begins))


@pytest.mark.parametrize(
    "tags",
    [{LOCATION: "x"}, {SPANS_AT: "ARCHIVE_REPO", ARCHIVE: "x"}, {ARCHIVE: "x"}],
    ids=["files", "both", "archive"],
)
@pytest.mark.parametrize("spelling", ["trace_info", "traceInfo"])
def test_nobody_points_a_trace_to_other_files_when_it_begins(
    bob: Tenant, his: str, her_files: str, tags: dict[str, str], spelling: str
) -> None:
    mine = trace_id()
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": his}}
    info = {"trace_id": mine, "trace_location": place, "request_time": "2025-01-01T00:00:00Z", "state": "OK"}
    tags = {key: her_files if value == "x" else value for key, value in tags.items()}
    refused(bob.post(f"{API3}/traces", json={"trace": {spelling: {**info, "tags": tags}}}))
    assert bob.get(f"{API3}/traces/{mine}").status_code == 403


@pytest.mark.parametrize("key", [LOCATION, SPANS_AT, ARCHIVE])
def test_nobody_points_a_trace_to_other_files_by_a_span(bob: Tenant, his: str, her_files: str, key: str) -> None:
    mine = trace_id()
    attributes = {f"mlflow.traceTag.{LOCATION}": her_files, f"mlflow.traceTag.{key}": "ARTIFACT_REPO"}
    assert "the server sets it" in refused(bob.export(his, mine, attributes))
    assert bob.get(f"{API3}/traces/{mine}").status_code == 403


@pytest.mark.parametrize(
    "form", ["../../{e}/{r}", "..%2f..%2f{e}%2f{r}", "..%252f{r}", "..\\{r}", "..", "a/b", "{r}\n"]
)
def test_a_traces_id_is_no_path(bob: Tenant, admin: Tenant, his: str, hers: str, her_run: str, form: str) -> None:
    bad = form.format(e=hers, r=her_run)
    assert "Expected an id" in refused(bob.trace(his, bad), 400)
    refused(admin.trace(his, bad), 400)


# Other people's traces


def test_a_trace_cannot_be_taken_over_by_its_id(alice: Tenant, bob: Tenant, hers: str, his: str) -> None:
    theirs = trace_id()
    assert alice.export(hers, theirs, name="SECRET").status_code == 200
    assert "does not exist or you may not change it" in refused(bob.trace(his, theirs))
    assert bob.get(f"{API3}/traces/get", params={"trace_id": theirs}).status_code == 403
    assert alice.spans(theirs) == ["SECRET"]
    assert alice.trace(hers, theirs).status_code == 200


@pytest.mark.parametrize("encoding", ["protobuf", "json", "gzip"])
def test_spans_go_to_ones_own_traces_alone(alice: Tenant, bob: Tenant, hers: str, his: str, encoding: str) -> None:
    theirs = alice.traced(hers)
    assert alice.export(hers, theirs, name="HERS").status_code == 200
    refused(sent(bob, his, theirs, encoding))
    assert alice.spans(theirs) == ["HERS"]
    assert sent(alice, hers, theirs, encoding).status_code == 200
    assert sorted(alice.spans(theirs)) == ["HERS", "MORE"]


def sent(client: Tenant, experiment_id: str, id: str, encoding: str) -> httpx.Response:
    span = {"traceId": id[3:], "spanId": "00f067aa0ba902b7", "name": "MORE", "startTimeUnixNano": "1000000"}
    spans = [{**span, "endTimeUnixNano": "2000000"}]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Mlflow-Experiment-Id": experiment_id}
    if encoding == "protobuf":
        return client.export(experiment_id, id, name="MORE")
    if encoding == "gzip":
        body, headers["Content-Encoding"] = gzip.compress(body), "GZIP"
    return client.post("/v1/traces", content=body, headers=headers)


def test_a_run_of_another_gets_no_traces_by_otlp(
    alice: Tenant, bob: Tenant, hers: str, his: str, her_run: str, his_run: str
) -> None:
    refused(bob.export(his, trace_id(), headers={"X-Mlflow-Run-Id": her_run}))
    twice = [("X-Mlflow-Experiment-Id", his), ("X-Mlflow-Run-Id", his_run), ("X-Mlflow-Run-Id", her_run)]
    kind = [("Content-Type", "application/x-protobuf")]
    assert bob.post("/v1/traces", content=b"", headers=[*kind, *twice]).status_code == 400
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": hers}}
    found = alice.made(f"{API3}/traces/search", {"locations": [place], "filter": f"run_id = '{her_run}'"})
    assert found.get("traces", []) == []
    assert bob.export(his, trace_id(), headers={"X-Mlflow-Run-Id": his_run}).status_code == 200


@pytest.mark.parametrize("there", [True, False], ids=["trace is there", "trace is new"])
def test_an_assessment_of_another_trace_stays_there(
    alice: Tenant, bob: Tenant, hers: str, his: str, there: bool
) -> None:
    theirs = alice.traced(hers)
    assessment_id = alice.assessment(theirs)
    mine = bob.traced(his) if there else trace_id()
    moment = "2025-01-01T00:00:00Z"
    evil = {"assessment_id": assessment_id, "assessment_name": "n", "source": HUMAN, "feedback": {"value": "EVIL"}}
    refused(bob.trace(his, mine, assessments=[{**evil, "create_time": moment, "last_update_time": moment}]))
    kept = alice.get(f"{API3}/traces/{theirs}/assessments/{assessment_id}")
    assert kept.json()["assessment"]["feedback"]["value"] == "GOOD"


# Two readings of one request


def graphql(client: Tenant, field: str, selection: str, kind: str, given: dict[str, Any]) -> httpx.Response:
    query = f"query($i: {kind}!) {{ {field}(input: $i) {{ {selection} }} }}"
    return client.post("/graphql", json={"query": query, "variables": {"i": given}})


@pytest.mark.parametrize(
    ("field", "selection", "kind"),
    [
        ("mlflowListArtifacts", "rootUri", "MlflowListArtifactsInput"),
        ("mlflowGetRun", "run { info { runId } }", "MlflowGetRunInput"),
    ],
)
def test_graphql_takes_one_id_of_a_run(
    bob: Tenant, admin: Tenant, her_run: str, his_run: str, field: str, selection: str, kind: str
) -> None:
    for one, other in ((his_run, her_run), (her_run, his_run), ("", her_run)):
        for client in (bob, admin):
            answer = graphql(client, field, selection, kind, {"runId": one, "runUuid": other})
            assert "have two values" in refused(answer, 400)
    same = graphql(bob, field, selection, kind, {"runId": his_run, "runUuid": his_run})
    assert same.status_code == 200
    assert same.json()["data"][field] is not None


def test_an_upload_goes_to_the_run_that_was_authorized(
    alice: Tenant, bob: Tenant, admin: Tenant, her_run: str, his_run: str
) -> None:
    query = {"run_id": his_run, "run_uuid": her_run, "path": "evil.txt"}
    for client in (bob, admin):
        assert "two values" in refused(client.post(f"{AJAX}/upload-artifact", params=query, content=b"EVIL"), 400)
    listed = alice.get(f"{API}/artifacts/list", params={"run_id": her_run})
    assert "evil.txt" not in listed.text
    same = {"run_id": his_run, "run_uuid": his_run, "path": "fine.txt"}
    assert bob.post(f"{AJAX}/upload-artifact", params=same, content=b"x").status_code == 200


@pytest.mark.parametrize("path", ["/get-artifact", f"{API}/artifacts/list", f"{API}/runs/get"])
def test_a_run_is_read_by_one_id(bob: Tenant, her_run: str, his_run: str, path: str) -> None:
    for one, other in ((his_run, her_run), (her_run, his_run)):
        refused(bob.get(path, params={"run_id": one, "run_uuid": other, "path": "x"}), 400)


def test_a_run_is_changed_by_one_id(bob: Tenant, her_run: str, his_run: str) -> None:
    for path, more in (("set-tag", {"key": "k", "value": "v"}), ("log-parameter", {"key": "k", "value": "v"})):
        for body in ({"run_id": his_run, "run_uuid": her_run}, {"run_id": her_run, "run_uuid": his_run}):
            refused(bob.post(f"{API}/runs/{path}", json={**body, **more}), 400)


def test_a_get_reads_its_query_alone(alice: Tenant, bob: Tenant, hers: str, his: str) -> None:
    name = new("d")
    alice.made(f"{API3}/datasets/create", {"name": name, "experiment_ids": [hers]})
    query, body = {"experiment_ids": [hers]}, {"experiment_ids": [his]}
    for api in ("/api/3.0", "/ajax-api/3.0"):
        answer = bob.request("GET", f"{api}/mlflow/datasets/search", params=query, json=body)
        assert "has a body" in refused(answer, 400)
    assert bob.get(f"{API3}/datasets/search", params=body).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/traces", {"trace": {"trace_info": {"traceId": "../x"}}}),
        ("/traces", {"trace": {"traceInfo": {"traceLocation": {"mlflowExperiment": {"experimentId": "1"}}}}}),
        ("/traces/batchGetInfos", {"traceIds": ["tr-1"]}),
    ],
)
def test_an_id_is_spelt_in_one_way_at_any_depth(bob: Tenant, path: str, body: dict[str, Any]) -> None:
    assert "Expected the spelling" in refused(bob.post(API3 + path, json=body), 400)


# Locations


@pytest.mark.parametrize(
    "location",
    [
        "file:///tmp/evil", "/etc", "mlflow-artifacts:/{hers}", "mlflow-artifacts:/{hers}/{run}/artifacts",
        "mlflow-artifacts:/", "s3://bucket/{hers}", "http://127.0.0.1:1/x", "./evil", "sftp://host/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("spelling", ["artifact_location", "artifactLocation"])
def test_nobody_chooses_where_an_experiment_is_kept(
    bob: Tenant, hers: str, her_run: str, location: str, spelling: str
) -> None:
    for api in ("/api/2.0", "/ajax-api/2.0"):
        body = {"name": new("e"), spelling: location.format(hers=hers, run=her_run)}
        answer = bob.post(f"{api}/mlflow/experiments/create", json=body)
        assert "Leave artifact_location out" in refused(answer)
        assert bob.post(f"{API}/experiments/create", json={"name": body["name"]}).status_code == 200


def test_an_administrator_chooses_where_an_experiment_is_kept(admin: Tenant) -> None:
    assert admin.experiment(artifact_location=f"mlflow-artifacts:/{new('place')}")


ESCAPES = (
    "..%2f{hers}%2f{run}%2fartifacts%2ftraces.json", "%2e%2e/{hers}/{run}/artifacts/traces.json",
    "%252e%252e%252f{hers}%252f{run}%252fartifacts%252ftraces.json", "./{hers}/{run}/artifacts/traces.json",
    "{his}/../{hers}/{run}/artifacts/traces.json", "{his}%2f..%2f{hers}%2f{run}%2fartifacts%2ftraces.json",
    "{his}/%2e%2e/{hers}/{run}/artifacts/traces.json", "{his}/%252e%252e/{hers}/{run}/artifacts/traces.json",
    "%2531/{run}/artifacts/traces.json", "/{hers}/{run}/artifacts/traces.json", "{hers}%2f{run}/artifacts/traces.json",
    "{his}/..%5c{hers}/{run}/artifacts/traces.json", "{hers}/{run}/artifacts/traces.json",
)  # fmt: skip


@pytest.mark.parametrize("form", ESCAPES)
@pytest.mark.parametrize("api", ["/api/2.0", "/ajax-api/2.0"])
def test_a_path_leads_to_ones_own_artifacts_alone(
    bob: Tenant, hers: str, his: str, her_run: str, her_files: str, api: str, form: str
) -> None:
    path = form.format(hers=hers, his=his, run=her_run)
    url = httpx.URL(str(bob.base_url).rstrip("/") + f"{api}/mlflow-artifacts/artifacts/", raw_path=None)
    raw = f"{url.raw_path.decode()}{path}".encode()
    others = ("mpu/create", "mpu/complete", "mpu/abort", "presigned")
    asked = [(method, raw) for method in ("GET", "PUT", "DELETE")]
    asked += [("GET" if other == "presigned" else "POST", raw.replace(b"/artifacts/", f"/{other}/".encode(), 1))
              for other in others]  # fmt: skip
    for method, target in asked:
        answer = bob.send(bob.build_request(method, url.copy_with(raw_path=target), content=b"EVIL"))
        assert answer.status_code in (308, 400, 403, 404), (method, target, answer.text)
        assert SECRET not in answer.content
    assert SECRET not in bob.get(f"{api}/mlflow-artifacts/artifacts", params={"path": path}).content


# References


def test_prompts_that_one_may_not_read_are_linked_to_no_trace(alice: Tenant, bob: Tenant, his: str) -> None:
    prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    hers, mine = new("p"), bob.traced(his)
    alice.made(f"{API}/registered-models/create", {"name": hers, "tags": [prompt]})
    own = new("p")
    bob.made(f"{API}/registered-models/create", {"name": own, "tags": [prompt]})
    for spelling in ("prompt_versions", "promptVersions"):
        body = {"trace_id": mine, spelling: [{"name": own, "version": "1"}, {"name": hers, "version": "1"}]}
        assert "may not read" in refused(bob.post(f"{API}/traces/link-prompts", json=body))
    elsewhere = {"name": new("of another registry"), "version": "1"}
    fine = {"trace_id": mine, "prompt_versions": [{"name": own, "version": "1"}, elsewhere]}
    assert bob.post(f"{API}/traces/link-prompts", json=fine).status_code == 200


def test_a_run_has_no_parent_that_one_may_not_read(bob: Tenant, his: str, her_run: str, his_run: str) -> None:
    def answers(parent: str) -> list[int]:
        tag = {"key": "mlflow.parentRunId", "value": parent}
        return [
            bob.post(f"{API}/runs/set-tag", json={"run_id": his_run, **tag}).status_code,
            bob.post(f"{API}/runs/log-batch", json={"run_id": his_run, "tags": [tag]}).status_code,
            bob.post(f"{API}/runs/create", json={"experiment_id": his, "tags": [tag]}).status_code,
        ]

    assert answers(her_run) == [403, 403, 403]
    assert answers(bob.run(his)) == [200, 200, 200]
    assert answers("0" * 32) == [200, 200, 200]  # a run that is gone


def test_a_trace_comes_from_no_run_or_model_that_one_may_not_read(
    alice: Tenant, bob: Tenant, hers: str, his: str, her_run: str, his_run: str
) -> None:
    made = alice.made(f"{API}/logged-models", {"experiment_id": hers, "name": "m"})
    model = made["model"]["info"]["model_id"]
    begun = bob.made(f"{API}/traces", {"experiment_id": his, "timestamp_ms": 1})["trace_info"]["request_id"]
    for key, value in (("mlflow.sourceRun", her_run), ("mlflow.modelId", model)):
        assert "may not read" in refused(bob.trace(his, trace_metadata={key: value}))
        body = {"timestamp_ms": 2, "status": "OK", "request_metadata": [{"key": key, "value": value}]}
        refused(bob.patch(f"{API}/traces/{begun}", json=body))
        refused(bob.post(f"{API}/traces", json={"experiment_id": his, **body}))
    assert bob.trace(his, trace_metadata={"mlflow.sourceRun": his_run}).status_code == 200


def test_an_issue_comes_from_no_run_that_one_may_not_read(bob: Tenant, his: str, her_run: str, his_run: str) -> None:
    body = {"experiment_id": his, "name": "n", "description": "d"}
    for run_id in (her_run, "0" * 32):
        refused(bob.post(f"{API3}/issues", json={**body, "source_run_id": run_id}))
    assert bob.post(f"{API3}/issues", json={**body, "source_run_id": his_run}).status_code == 200


def test_an_endpoint_writes_its_traces_to_no_experiment_that_one_may_not_change(bob: Tenant, hers: str) -> None:
    body = {"name": new("ep"), "usage_tracking": True, "model_configs": []}
    answer = bob.post(f"{API3}/gateway/endpoints/create", json={**body, "experiment_id": hers})
    assert "may not change" in refused(answer)


def test_a_scorer_asks_no_endpoint_that_one_may_not_use(bob: Tenant, his: str) -> None:
    def register(model: str) -> httpx.Response:
        judge = {"instructions": "Is {{ outputs }} fine?", "model": model}
        scorer = {"name": "fine", "instructions_judge_pydantic_data": judge, "serialization_version": 1}
        body = {"experiment_id": his, "name": "fine", "serialized_scorer": json.dumps(scorer)}
        return bob.post(f"{API3}/scorers/register", json=body)

    assert "does not exist or you may not use it" in refused(register(f"gateway:/{new('none')}"))
    assert register("openai:/gpt-4o-mini").status_code == 200


SCHEDULE = "mlflow.issueDetection.schedule"


def scheduled(**model: Any) -> str:
    return json.dumps({"version": 1, "cadence": "daily", "timezone": "UTC", "paused": False, "model": model})


def test_a_schedule_runs_with_no_secret_and_no_endpoint_that_its_writer_may_not_use(
    alice: Tenant, bob: Tenant, admin: Tenant, his: str
) -> None:
    """MLflow runs it by itself. Nobody else's secret, nor one that is gone, nor an endpoint under another word."""
    body = {"secret_name": new("s"), "provider": "openai", "secret_value": {"api_key": "hers"}}
    secret = alice.made(f"{API3}/gateway/secrets/create", body)["secret"]["secret_id"]
    openai = {"provider": "openai", "model": "gpt-5"}
    hers, gone = scheduled(**openai, secretId=secret), scheduled(**openai, secretId="s-" + "0" * 32)
    unknown, disguised = scheduled(endpointName=new("none")), scheduled(provider="gateway", model="hers")

    def tag(client: Tenant, value: Any, key: str = SCHEDULE, api: str = API) -> httpx.Response:
        body = {"experiment_id": his, "key": key, "value": value}
        return client.post(f"{api}/experiments/set-experiment-tag", json=body)

    def create(client: Tenant, value: str) -> httpx.Response:
        tags = [{"key": "mine", "value": "1"}, {"key": SCHEDULE, "value": value}]
        return client.post(f"{API}/experiments/create", json={"name": new("e"), "tags": tags})

    for value in (hers, gone, unknown):
        for answer in (tag(bob, value), tag(bob, value, SCHEDULE.upper()), tag(bob, value, api=AJAX)):
            assert "does not exist or you may not use it" in refused(answer)
        assert "does not exist or you may not use it" in refused(create(bob, value))
    for value in (disguised, "{", "[]", '{"model": "gateway:/hers"}'):
        for answer in (tag(bob, value), create(bob, value)):
            assert "schedule" in refused(answer, 400)
    # Anything else than a text is none.
    assert tag(bob, {"version": 1}).status_code == 400
    found = bob.get(f"{API}/experiments/get", params={"experiment_id": his}).json()["experiment"]
    assert SCHEDULE not in json.dumps(found)
    assert tag(bob, scheduled(**openai)).status_code == 200
    share = {"kind": "gateway_secret", "id": secret, "user": "bob@example.com", "level": "USE"}
    assert alice.post("/prokube-auth/api/sharing", json=share).is_success
    assert tag(bob, hers).status_code == 200
    assert create(alice, hers).status_code == 200
    assert tag(bob, "").status_code == 200
    removal = {"experiment_id": his, "key": SCHEDULE}
    assert bob.post(f"{API}/experiments/delete-experiment-tag", json=removal).status_code == 200
    assert tag(admin, hers).status_code == 200


@pytest.mark.skipif(Version(VERSION) < Version("3.18.dev0"), reason="MLflow 3.18 has the route first")
def test_when_a_schedule_runs_next_only_administrators_have_worked_out_at_once(
    alice: Tenant, bob: Tenant, admin: Tenant, hers: str
) -> None:
    """The engine has no check for it, so it refuses; the schedule runs all the same."""
    path, body = "/ajax-api/3.0/mlflow/issues/schedule/state", {"experiment_id": hers}
    for who in (alice, bob):
        refused(who.post(path, json=body))
    assert admin.post(path, json=body).json() == {"next_fire_time_ms": None}


def test_an_assessment_names_no_run_and_no_issue_that_one_may_not_read(
    alice: Tenant, bob: Tenant, hers: str, his: str
) -> None:
    her_run, trace = alice.run(hers), bob.traced(his)
    issue = alice.made(f"{API3}/issues", {"experiment_id": hers, "name": "hers", "description": "d"})["issue"]
    source = {"source_type": "HUMAN", "source_id": "bob"}
    noting = {"assessment_name": "a", "source": source, "feedback": {"value": 1},
              "metadata": {"mlflow.assessment.sourceRunId": her_run}}  # fmt: skip
    about = {"assessment_name": issue["issue_id"], "source": source, "issue": {"issue_name": "hers"}}
    for assessment in (noting, about):
        answer = bob.post(f"{API3}/traces/{trace}/assessments", json={"assessment": assessment})
        assert "may not read" in refused(answer)
    own = {**noting, "metadata": {"mlflow.assessment.sourceRunId": bob.run(his)}}
    assert bob.post(f"{API3}/traces/{trace}/assessments", json={"assessment": own}).status_code == 200


def test_a_run_of_the_prompt_lab_names_no_parent_that_one_may_not_read(
    alice: Tenant, bob: Tenant, hers: str, his: str
) -> None:
    body = {"experiment_id": his, "tags": [{"key": "mlflow.parentRunId", "value": alice.run(hers)}]}
    assert "may not read" in refused(bob.post("/ajax-api/2.0/mlflow/runs/create-promptlab-run", json=body))


@pytest.mark.parametrize("what", ["get?budget_policy_id=x", "list", "windows"])
def test_budgets_are_for_administrators(bob: Tenant, what: str) -> None:
    assert "Budgets show the limits and spending of other users" in refused(bob.get(f"{API3}/gateway/budgets/{what}"))


HOSTS = ("api_base", "base_url", "API-Base", "extra_headers", "model_list")


@pytest.mark.parametrize("option", HOSTS)
@pytest.mark.parametrize("how", ["register", "invoke", "optimize"])
def test_nobody_chooses_the_host_that_the_server_sends_its_keys_to(
    bob: Tenant, his: str, option: str, how: str
) -> None:
    options = {"temperature": 0, "nested": [{"more": json.dumps({option: "https://evil.example"})}]}
    judge = {"instructions": "Is {{ outputs }} fine?", "model": "openai:/gpt-4o-mini", "inference_params": options}
    scorer = {"name": "fine", "instructions_judge_pydantic_data": judge, "serialization_version": 1}
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "register": (f"{API3}/scorers/register",
                     {"experiment_id": his, "name": "fine", "serialized_scorer": json.dumps(scorer)}),
        "invoke": ("/ajax-api/3.0/mlflow/scorer/invoke",
                   {"experiment_id": his, "serialized_scorer": json.dumps(scorer), "trace_ids": ["tr-1"]}),
        "optimize": (f"{API3}/prompt-optimization/jobs",
                     {"experiment_id": his, "source_prompt_uri": "prompts:/none/1",
                      "config": {"optimizer_type": "OPTIMIZER_TYPE_GEPA",
                                 "optimizer_config_json": json.dumps({"model": "openai:/x", "kwargs": options})}}),
    }  # fmt: skip
    answer = bob.post(bodies[how][0], json=bodies[how][1])
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text
    assert "chooses where the server sends its own keys" in answer.json()["message"]


def test_where_a_secret_is_sent_changes_who_manages_it_or_sets_it_anew(alice: Tenant, bob: Tenant) -> None:
    body = {"secret_name": new("s"), "provider": "openai", "secret_value": {"api_key": "hers"}}
    secret = alice.made(f"{API3}/gateway/secrets/create", body)["secret"]["secret_id"]
    share = {"kind": "gateway_secret", "id": secret, "user": "bob@example.com", "level": "EDIT"}
    assert alice.post("/prokube-auth/api/sharing", json=share).is_success
    update = {"secret_id": secret, "auth_config": {"api_base": " "}}  # back to the default
    assert "and this needs MANAGE" in refused(bob.post(f"{API3}/gateway/secrets/update", json=update))
    assert "needs MANAGE" in refused(bob.post(f"{API3}/gateway/secrets/update", json={**update, "secret_value": {}}))
    anew = {**update, "secret_value": {"api_key": "his"}}
    assert bob.post(f"{API3}/gateway/secrets/update", json=anew).status_code == 200
    assert alice.post(f"{API3}/gateway/secrets/update", json=update).status_code == 200


def test_an_optimization_writes_to_no_prompt_that_one_may_only_read(alice: Tenant, bob: Tenant, his: str) -> None:
    prompt = new("p")
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    alice.made(f"{API}/registered-models/create", {"name": prompt, "tags": tags})
    share = {"kind": "prompt", "id": prompt, "user": "bob@example.com", "level": "READ"}
    assert alice.post("/prokube-auth/api/sharing", json=share).is_success
    body = {
        "experiment_id": his, "source_prompt_uri": f"prompts:/{prompt}/1",
        "config": {"optimizer_type": "OPTIMIZER_TYPE_GEPA"},
    }  # fmt: skip
    assert "and this needs EDIT" in refused(bob.post(f"{API3}/prompt-optimization/jobs", json=body))


def test_the_experiment_of_an_endpoints_calls_belongs_to_who_made_the_endpoint(alice: Tenant, bob: Tenant) -> None:
    def models(who: Tenant) -> list[dict[str, str]]:
        body = {"secret_name": new("s"), "provider": "openai", "secret_value": {"api_key": "x"}}
        secret = who.made(f"{API3}/gateway/secrets/create", body)["secret"]["secret_id"]
        body = {"name": new("d"), "secret_id": secret, "provider": "openai", "model_name": "m"}
        made = who.made(f"{API3}/gateway/model-definitions/create", body)["model_definition"]
        return [{"model_definition_id": made["model_definition_id"], "linkage_type": "PRIMARY"}]

    def experiment(who: Tenant, name: str) -> httpx.Response:
        return who.get(f"{API}/experiments/get-by-name", params={"experiment_name": f"gateway/{name}"})

    create, squatted, own = f"{API3}/gateway/endpoints/create", new("ep"), new("ep")
    alice.made(f"{API}/experiments/create", {"name": f"gateway/{squatted}"})
    his = models(bob)
    answer = bob.post(create, json={"name": squatted, "model_configs": his})
    assert "which you may not change" in refused(answer)
    off = bob.made(create, {"name": squatted, "model_configs": his, "usage_tracking": False})["endpoint"]
    update = {"endpoint_id": off["endpoint_id"], "usage_tracking": True}
    assert "which you may not change" in refused(bob.post(f"{API3}/gateway/endpoints/update", json=update))
    bob.made(create, {"name": own, "model_configs": his})
    assert experiment(bob, own).status_code == 200
    assert experiment(alice, own).status_code == 403
    shared = {"kind": "experiment", "id": experiment(bob, own).json()["experiment"]["experiment_id"],
              "user": "alice@example.com", "level": "READ"}  # fmt: skip
    assert bob.post("/prokube-auth/api/sharing", json=shared).is_success, "he does not manage it"


def test_a_version_creates_no_mcp_server_past_the_rules_on_names(alice: Tenant, bob: Tenant) -> None:
    name = f"io.example/{new('server')}"
    body = {"version": "1.0.0", "server_json": {"name": name, "version": "1.0.0", "description": "x"}}
    first = alice.post(f"{API3}/mcp-servers/{name}/versions", json=body)
    assert first.status_code == 200, first.text
    again = alice.post(f"{API3}/mcp-servers", json={"name": name})
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    refused(bob.post(f"{API3}/mcp-servers", json={"name": name}))
    refused(bob.post(f"{API3}/mcp-servers/{name}/versions", json={**body, "version": "2.0.0"}))


@pytest.mark.parametrize("what", ["prompt", "dataset", "endpoint"])
def test_an_optimization_reads_nothing_that_one_may_not_read(
    alice: Tenant, bob: Tenant, hers: str, his: str, what: str
) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    hers_, own = new("p"), new("p")
    alice.made(f"{API}/registered-models/create", {"name": hers_, "tags": tags})
    bob.made(f"{API}/registered-models/create", {"name": own, "tags": tags})
    dataset = alice.made(f"{API3}/datasets/create", {"name": new("d"), "experiment_ids": [hers]})["dataset"]
    config: dict[str, Any] = {"optimizer_type": "OPTIMIZER_TYPE_GEPA"}
    if what == "dataset":
        config["dataset_id"] = dataset["dataset_id"]
    elif what == "endpoint":
        config["optimizer_config_json"] = json.dumps({"reflection_model": f"gateway:/{new('none')}"})
    uri = f"prompts:/{hers_ if what == 'prompt' else own}/1"
    body = {"experiment_id": his, "source_prompt_uri": uri, "config": config}
    answer = bob.post(f"{API3}/prompt-optimization/jobs", json=body)
    refused(answer)
    runs = bob.made(f"{API}/runs/search", {"experiment_ids": [his], "max_results": 1000})
    assert "optimize_prompt" not in json.dumps(runs)


# What is closed


@pytest.mark.parametrize("path", ["/ajax-api/3.0/jobs/", "/ajax-api/3.0/jobs"])
def test_only_administrators_submit_jobs(bob: Tenant, admin: Tenant, path: str) -> None:
    body = {"job_name": "invoke_scorer", "params": {}}
    if path.endswith("/"):
        assert "administrators" in refused(bob.post(path, json=body))
    else:  # no route at all
        assert bob.post(path, json=body).status_code == 404
    # With a slash it is the route: MLflow answers itself, that parameters are missing or that no jobs run here.
    assert admin.post(path, json=body).status_code in ((400, 500) if path.endswith("/") else (404,))
    assert bob.post("/ajax-api/3.0/jobs/search", json={}).json() == {"jobs": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "config"), ("PUT", "config"), ("GET", "providers"), ("GET", "providers/x/models"),
        ("GET", "providers/x/health"), ("POST", "message"), ("GET", "sessions/x/stream"), ("PATCH", "sessions/x"),
        ("POST", "sessions/x/permission"), ("POST", "sessions/x/tool-result"), ("POST", "skills/install"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("forwarded", [None, "127.0.0.1", "203.0.113.9"])
def test_the_assistant_is_for_administrators(bob: Tenant, method: str, path: str, forwarded: str | None) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = bob.request(method, f"/ajax-api/3.0/mlflow/assistant/{path}", headers=headers)
    assert "administrators" in refused(answer)


def test_administrators_reach_the_assistant(admin: Tenant) -> None:
    assert admin.get("/ajax-api/3.0/mlflow/assistant/config").status_code == 200


def test_nobody_makes_demo_data_that_is_nobodys(bob: Tenant, admin: Tenant) -> None:
    assert "would have no owner" in refused(
        bob.post("/ajax-api/3.0/mlflow/demo/generate", json={"features": ["traces"]})
    )
    found = admin.get(f"{API}/experiments/get-by-name", params={"experiment_name": "MLflow Demo"})
    assert found.status_code == 404


def test_the_server_evaluates_for_nobody(bob: Tenant, admin: Tenant, his: str) -> None:
    mine = bob.traced(his)
    body = {"experiment_id": his, "trace_ids": [mine], "serialized_scorers": ["{}"]}
    for client in (bob, admin):
        answer = client.post("/ajax-api/3.0/mlflow/genai/evaluate/invoke", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "FEATURE_DISABLED")
        assert "mlflow.genai.evaluate()" in answer.json()["message"]
