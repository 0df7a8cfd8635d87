"""Two ordinary users and what they own, for attacks of the one on the other."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .demo import Demo

API, API3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
SECRET = b'{"spans": "SECRET"}'


def new(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def trace_id() -> str:
    return f"tr-{secrets.token_hex(16)}"


class Tenant(httpx.Client):
    """A user's client, with the few things that attacks need."""

    def made(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def experiment(self, **more: Any) -> str:
        return str(self.made(f"{API}/experiments/create", {"name": new("e"), **more})["experiment_id"])

    def run(self, experiment_id: str) -> str:
        made = self.made(f"{API}/runs/create", {"experiment_id": experiment_id})
        return str(made["run"]["info"]["run_id"])

    def file(self, experiment_id: str, run_id: str, name: str, content: bytes = SECRET) -> str:
        """A file among a run's artifacts; where they are."""
        root = f"{experiment_id}/{run_id}/artifacts"
        assert self.put(f"{FILES}/{root}/{name}", content=content).status_code == 200
        return f"mlflow-artifacts:/{root}"

    def trace(self, experiment_id: str, id: str = "", **more: Any) -> httpx.Response:
        """A trace as clients of version 3 begin one."""
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
        info = {"trace_id": id or trace_id(), "trace_location": place, "request_time": "2025-01-01T00:00:00Z"}
        return self.post(f"{API3}/traces", json={"trace": {"trace_info": {**info, "state": "OK", **more}}})

    def traced(self, experiment_id: str) -> str:
        id = trace_id()
        assert self.trace(experiment_id, id).status_code == 200
        return id

    def export(
        self,
        experiment_id: str,
        id: str,
        attributes: dict[str, str] | None = None,
        name: str = "span",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One span by OTLP."""
        message = ExportTraceServiceRequest()
        span = message.resource_spans.add().scope_spans.add().spans.add()
        span.trace_id, span.span_id, span.name = bytes.fromhex(id[3:]), secrets.token_bytes(8), name
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1000
        for key, value in (attributes or {}).items():
            attribute = span.attributes.add()
            attribute.key, attribute.value.string_value = key, value
        kind = {"Content-Type": "application/x-protobuf", "X-Mlflow-Experiment-Id": experiment_id}
        return self.post("/v1/traces", content=message.SerializeToString(), headers={**kind, **(headers or {})})

    def spans(self, id: str) -> list[str]:
        found = self.get(f"{API3}/traces/get", params={"trace_id": id})
        assert found.status_code == 200, found.text
        return [span["name"] for span in found.json()["trace"].get("spans", [])]

    def trace_file(self, id: str) -> bytes:
        return self.get("/ajax-api/3.0/mlflow/get-trace-artifact", params={"request_id": id}).content

    def assessment(self, id: str) -> str:
        body = {"assessment_name": "n", "source": HUMAN, "feedback": {"value": "GOOD"}}
        made = self.made(f"{API3}/traces/{id}/assessments", {"assessment": body})
        return str(made["assessment"]["assessment_id"])


HUMAN = {"source_type": "HUMAN", "source_id": "me"}


def refused(answer: httpx.Response, status: int = 403) -> str:
    """The words of a refusal in JSON, as MLflow's client understands it."""
    code = {400: "INVALID_PARAMETER_VALUE", 403: "PERMISSION_DENIED"}[status]
    assert (answer.status_code, answer.json().get("error_code")) == (status, code), answer.text
    return str(answer.json()["message"])


@pytest.fixture(scope="module")
def alice(demo: Demo) -> Iterator[Tenant]:
    with Tenant(base_url=demo.url, auth=demo.auth("alice"), timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def bob(demo: Demo) -> Iterator[Tenant]:
    with Tenant(base_url=demo.url, auth=demo.auth("bob"), timeout=60) as client:
        yield client
