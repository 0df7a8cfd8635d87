"""A judge's job calls the gateway as whoever started it, whose session or access key named them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..support.personas import PEOPLE, Cast, cast_of, ok
from ..support.processes import free_port
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
        running_world(folder, f"http://127.0.0.1:{port}", port, users=PEOPLE, environment=environment) as world,
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
        row = cast.world.rows("SELECT status, params, result, creator FROM jobs WHERE id = ?", job_id)[0]
        if str(row[0]) not in ("0", "1") or time.monotonic() > deadline:
            username = json.loads(row[1])["username"]
            assert username == row[3]
            return username, str(row[0]), str(row[2])
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
    for environment in ours:
        names = {each.partition(b"=")[0].decode() for each in environment}
        assert not [name for name in names if name.startswith(("PROKUBE_AUTH_", "MLFLOW_FLASK_SERVER_SECRET_KEY"))]


def server_pid(cast: Cast) -> int:
    """The process that ``mlflow server`` started, which its job processes watch."""
    children = Path(f"/proc/{cast.world.pid}/task/{cast.world.pid}/children").read_text().split()
    return next(int(each) for each in children if b"uvicorn" in Path(f"/proc/{each}/cmdline").read_bytes())
