"""Jobs: whose rights they have, and who may look at one, cancel it and delete it."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..support.personas import PEOPLE, PROMPT, Cast, cast_of, ok
from ..support.processes import free_port
from ..support.tenants import refused
from ..support.upstream import PRIVATE_UPSTREAMS, Upstream, make_endpoint
from ..support.world import running_world

INVOKE = "/ajax-api/3.0/mlflow/scorer/invoke"
JUDGE = {
    "name": "polite", "aggregations": [], "is_session_level_scorer": False, "timeout": 0, "mlflow_version": "3.17.2",
    "serialization_version": 1,
    "instructions_judge_pydantic_data": {
        "instructions": "Is {{ outputs }} polite?", "model": "gateway:/e-openai",
        "feedback_value_type": {"title": "Result", "type": "string"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Cast]:
    port = free_port()
    environment = {**PRIVATE_UPSTREAMS, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"}
    folder = tmp_path_factory.mktemp("judges")
    with (
        running_world(
            folder, f"http://127.0.0.1:{port}", port, users=PEOPLE, environment=environment, command=True
        ) as world,
        cast_of(world) as made,
    ):
        admin = made.client("admin", "basic")
        assert admin is not None
        make_endpoint(admin, "openai", upstream.url)
        yield made


def a_trace(client: httpx.Client, name: str) -> tuple[str, str]:
    """A new experiment and a trace in it, with a question and an answer."""
    experiment = ok(client.post("/api/2.0/mlflow/experiments/create", json={"name": name}))["experiment_id"]
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = secrets.token_bytes(16), secrets.token_bytes(8), "span"
    span.start_time_unix_nano = time.time_ns()
    span.end_time_unix_nano = span.start_time_unix_nano + 1000
    for key, value in (("mlflow.spanInputs", '"hello"'), ("mlflow.spanOutputs", '"dear sir"')):
        attribute = span.attributes.add()
        attribute.key, attribute.value.string_value = key, value
    kind = {"Content-Type": "application/x-protobuf", "X-Mlflow-Experiment-Id": experiment}
    ok(client.post("/v1/traces", content=message.SerializeToString(), headers=kind))
    return experiment, f"tr-{span.trace_id.hex()}"


def run_judge(client: httpx.Client, name: str, **headers: str) -> dict[str, Any]:
    """Start the judge's job; what the job was given."""
    experiment, trace_id = a_trace(client, name)
    body = {"experiment_id": experiment, "serialized_scorer": json.dumps(JUDGE), "trace_ids": [trace_id]}
    return ok(client.post(INVOKE, json=body, headers=headers))["jobs"][0]  # type: ignore[no-any-return]


def finished(cast: Cast, job_id: str) -> tuple[str, str, str]:
    """Whom a job was started for, how it ended, and what it said, once it has ended."""
    deadline = time.monotonic() + 120
    while True:
        row = cast.world.rows("SELECT status, result, creator FROM jobs WHERE id = ?", job_id)[0]
        if str(row[0]) not in ("0", "1") or time.monotonic() > deadline:
            return str(row[2]), str(row[0]), str(row[1])
        time.sleep(0.3)


@pytest.mark.parametrize("credential", ["session", "bearer"])
def test_a_judge_calls_the_gateway_as_who_started_it(cast: Cast, upstream: Upstream, credential: str) -> None:
    client = cast.client("read", credential)
    assert client is not None
    upstream.seen.clear()
    job = run_judge(client, f"judged-{credential}")
    username, status, said = finished(cast, job["job_id"])
    assert username == "read@example.com"
    assert "dear sir" in said, (status, said)
    assert len(upstream.seen) == 1
    params = cast.world.rows("SELECT params FROM jobs WHERE id = ?", job["job_id"])[0][0]
    assert json.loads(params)["username"] == username


OPTIMIZATIONS = "mlflow/prompt-optimization/jobs"
APIS = ("api", "ajax-api")
Job = dict[str, Any]


@pytest.fixture(scope="module")
def optimization(cast: Cast) -> Job:
    """An optimization of the owner's prompt, in an experiment that is shared for reading and for changing."""
    owner = client_of(cast, "owner")
    experiment = ok(owner.post("/api/2.0/mlflow/experiments/create", json={"name": "optimizing"}))["experiment_id"]
    for whom, level in (("read", "READ"), ("edit", "EDIT"), ("manage", "MANAGE")):
        share = {"kind": "experiment", "id": experiment, "user": f"{whom}@example.com", "level": level}
        ok(owner.post("/prokube-auth/api/sharing", json=share))
    ok(owner.post("/api/2.0/mlflow/registered-models/create", json={"name": "slogan", "tags": PROMPT[:1]}))
    return {"experiment_id": experiment, "job_id": optimize(owner, experiment)}


def client_of(cast: Cast, who: str) -> httpx.Client:
    client = cast.client(who, "basic")
    assert client is not None
    return client


def optimize(client: httpx.Client, experiment: str) -> str:
    """Start an optimization, which soon fails: there is no such version and no provider."""
    options = json.dumps({"reflection_model": "openai:/x"})
    config = {"optimizer_type": "OPTIMIZER_TYPE_METAPROMPT", "optimizer_config_json": options}
    body = {"experiment_id": experiment, "source_prompt_uri": "prompts:/slogan/1", "config": config}
    return str(ok(client.post(f"/api/3.0/{OPTIMIZATIONS}", json=body))["job"]["job_id"])


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("who", ["owner", "read", "edit", "manage", "admin"])
def test_who_may_read_an_experiment_sees_an_optimization_in_it(
    cast: Cast, optimization: Job, who: str, api: str
) -> None:
    client = client_of(cast, who)
    seen = ok(client.get(f"/{api}/3.0/{OPTIMIZATIONS}/{optimization['job_id']}"))["job"]
    assert (seen["job_id"], seen["experiment_id"]) == (optimization["job_id"], optimization["experiment_id"])
    found = ok(client.post(f"/{api}/3.0/{OPTIMIZATIONS}/search", json={"experiment_id": seen["experiment_id"]}))
    assert optimization["job_id"] in [job["job_id"] for job in found["jobs"]]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("who", "method", "more"),
    [("stranger", "GET", ""), ("stranger", "POST", "/cancel"), ("stranger", "DELETE", ""),
     ("read", "POST", "/cancel"), ("read", "DELETE", ""), ("edit", "DELETE", "")],
)  # fmt: skip
def test_an_optimization_is_refused_to_whom_its_experiment_is(
    cast: Cast, optimization: Job, who: str, method: str, more: str, api: str
) -> None:
    client, job = client_of(cast, who), optimization["job_id"]
    words = refused(client.request(method, f"/{api}/3.0/{OPTIMIZATIONS}/{job}{more}"))
    nobodys = job[:-8] + ("0" * 8)
    assert refused(client.request(method, f"/{api}/3.0/{OPTIMIZATIONS}/{nobodys}{more}")) == words.replace(job, nobodys)


def test_who_may_change_an_experiment_cancels_an_optimization_in_it(cast: Cast, optimization: Job) -> None:
    job = optimize(client_of(cast, "owner"), optimization["experiment_id"])
    answer = client_of(cast, "edit").post(f"/api/3.0/{OPTIMIZATIONS}/{job}/cancel", json={})
    # It has failed, or it is cancelled: MLflow says which.
    assert answer.status_code in (200, 400), answer.text
    assert "PERMISSION_DENIED" not in answer.text


def test_the_owner_deletes_an_optimization(cast: Cast, optimization: Job) -> None:
    owner = client_of(cast, "owner")
    job = optimize(owner, optimization["experiment_id"])
    finished(cast, job)
    ok(owner.delete(f"/api/3.0/{OPTIMIZATIONS}/{job}"))
    assert cast.world.rows("SELECT id FROM jobs WHERE id = ?", job) == []
    refused(owner.get(f"/api/3.0/{OPTIMIZATIONS}/{job}"))


@pytest.mark.parametrize(("method", "more"), [("GET", ""), ("POST", "/cancel"), ("DELETE", "")])
def test_no_other_job_is_had_as_an_optimization(cast: Cast, optimization: Job, method: str, more: str) -> None:
    """Those have no experiment: whoever started one has it alone."""
    owner = client_of(cast, "owner")
    job = run_judge(owner, f"judged-{uuid.uuid4().hex}")
    experiment = cast.world.rows("SELECT params FROM jobs WHERE id = ?", job["job_id"])[0][0]
    share = {"kind": "experiment", "id": json.loads(experiment)["experiment_id"], "user": "manage@example.com"}
    ok(owner.post("/prokube-auth/api/sharing", json={**share, "level": "MANAGE"}))
    for who in ("manage", "owner"):
        refused(client_of(cast, who).request(method, f"/api/3.0/{OPTIMIZATIONS}/{job['job_id']}{more}"))
    assert ok(owner.get(f"/ajax-api/3.0/jobs/{job['job_id']}"))["creator"] == "owner@example.com"
    assert client_of(cast, "manage").get(f"/ajax-api/3.0/jobs/{job['job_id']}").status_code == 403


def test_the_processes_of_jobs_have_none_of_our_secrets(cast: Cast) -> None:
    """Those that run now: the runner, and a consumer for each kind of job."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
            if b"_job_runner" in command or b"huey_consumer" in command:
                found.append(environment.split(b"\0"))
    ours = [each for each in found if f"MLFLOW_SERVER_PID={server_pid(cast)}".encode() in each]
    assert ours, "no job process was found: the test proves nothing"
    for variables in ours:
        names = {each.partition(b"=")[0].decode() for each in variables}
        assert not [name for name in names if name.startswith(("PROKUBE_AUTH_", "MLFLOW_FLASK_SERVER_SECRET_KEY"))]


def server_pid(cast: Cast) -> int:
    """The process that ``mlflow server`` started, which its job processes watch."""
    children = Path(f"/proc/{cast.world.pid}/task/{cast.world.pid}/children").read_text().split()
    return next(int(each) for each in children if b"uvicorn" in Path(f"/proc/{each}/cmdline").read_bytes())
