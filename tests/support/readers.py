"""Alice's models on a server, and who else reads their files."""

from __future__ import annotations

import base64
import http.client
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from .journeys import found_by, ran
from .processes import free_port
from .world import ADMIN, ALICE, BOB, PREFIX, Place, running_world, with_keys

API, API3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
ARTIFACTS = "mlflow-artifacts/artifacts"
# Werkzeug redirects double slashes to single ones; what is no route is 404, to everybody.
REFUSED = (308, 400, 403, 404)
GRANTS = f"{API3}/users/permissions"


@dataclass
class Model:
    """A model of alice's with one version, and what lies beside its files."""

    name: str
    experiment_id: str
    run_id: str
    root: str
    version: str = "1"

    @property
    def uri(self) -> str:
        return f"mlflow-artifacts:/{self.root}"


@dataclass
class LoggedModel:
    """A logged model of alice's, with files in it."""

    id: str
    experiment_id: str
    run_id: str
    root: str


@dataclass
class Served:
    """A server, and where it serves artifacts."""

    place: Place
    bases: list[str]

    def client(self, email: str) -> httpx.Client:
        return self.place.client(email)

    def get(self, email: str, path: str, root: str = "") -> int:
        with self.client(email) as client:
            return client.get(f"{root or self.bases[0]}/{ARTIFACTS}/{path}").status_code

    def raw(self, email: str, base: str, rest: str) -> int:
        """What exactly this request line is answered with; other clients tidy paths up."""
        parts = urlsplit(f"{base}/{ARTIFACTS}")
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        connection.putrequest("GET", f"{parts.path}{rest}")
        pair = f"{email}:{self.place.keys[email]}".encode()
        connection.putheader("Authorization", f"Basic {base64.b64encode(pair).decode()}")
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    def list(self, email: str, path: str) -> int:
        with self.client(email) as client:
            return client.get(f"{self.bases[0]}/{ARTIFACTS}", params={"path": path}).status_code

    def grant(self, name: str, level: str = "READ", to: str = BOB, by: str = ALICE, kind: str = "") -> None:
        body = {"username": to, "resource_type": kind or "registered_model", "resource_id": name}
        with self.client(by) as client:
            answer = client.post(f"{GRANTS}/grant", json={**body, "permission": level})
        assert answer.is_success, answer.text

    def share_prompt(self, name: str) -> None:
        """By a role: MLflow's grants to one user know no prompts."""
        with httpx.Client(base_url=self.place.world.url + API3, auth=(ADMIN, self.place.keys[ADMIN])) as admin:
            role = admin.post("/roles/create", json={"name": name, "workspace": "default"}).json()["role"]["id"]
            read = {"role_id": role, "resource_type": "prompt", "resource_pattern": name, "permission": "READ"}
            assert admin.post("/roles/permissions/add", json=read).is_success
            assert admin.post("/roles/assign", json={"role_id": role, "username": BOB}).is_success

    def revoke(self, name: str, kind: str = "registered_model", by: str = ALICE) -> None:
        with self.client(by) as client:
            body = {"username": BOB, "resource_type": kind, "resource_id": name}
            answer = client.post(f"{GRANTS}/revoke", json=body)
        assert answer.is_success, answer.text

    def model(self, owner: str = ALICE) -> Model:
        """A registered model whose version is a folder of a run; files lie in it and beside it."""
        name = f"m{uuid.uuid4().hex[:8]}"
        with self.client(owner) as client:
            made = client.post(f"{API}/experiments/create", json={"name": name})
            experiment_id = made.json()["experiment_id"]
            run = client.post(f"{API}/runs/create", json={"experiment_id": experiment_id}).json()["run"]["info"]
            folder = f"{experiment_id}/{run['run_id']}/artifacts"
            for file in ("model/MLmodel", "model/data/weights.bin", "model2/MLmodel", "note.txt"):
                put = client.put(f"{self.bases[0]}/{ARTIFACTS}/{folder}/{file}", content=file.encode())
                assert put.is_success, put.text
            assert client.post(f"{API}/registered-models/create", json={"name": name}).is_success
            model = Model(name, experiment_id, run["run_id"], f"{folder}/model")
            answer = self.version(owner, name, model.uri, run_id=model.run_id)
            assert answer.status_code == 200, answer.text
        return model

    def logged_model(self, owner: str = ALICE) -> LoggedModel:
        """With a run, a metric, a parameter and a tag; a folder in it is a model of its own."""
        with self.client(owner) as client:
            name = f"e{uuid.uuid4().hex[:8]}"
            experiment_id = client.post(f"{API}/experiments/create", json={"name": name}).json()["experiment_id"]
            run = client.post(f"{API}/runs/create", json={"experiment_id": experiment_id}).json()["run"]["info"][
                "run_id"
            ]
            body: dict[str, Any] = {
                "experiment_id": experiment_id, "name": "model", "source_run_id": run,
                "params": [{"key": "depth", "value": "3"}], "tags": [{"key": "note", "value": "hidden"}],
            }  # fmt: skip
            made = client.post(f"{API}/logged-models", json=body)
            assert made.is_success, made.text
            model = LoggedModel(made.json()["model"]["info"]["model_id"], experiment_id, run, "")
            model.root = f"{experiment_id}/models/{model.id}/artifacts"
            for file in ("MLmodel", "data/MLmodel", "data/weights.bin"):
                put = client.put(f"{self.bases[0]}/{ARTIFACTS}/{model.root}/{file}", content=file.encode())
                assert put.is_success, put.text
            metric = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "model_id": model.id}
            assert client.post(f"{API}/runs/log-metric", json=metric).is_success
        return model

    def empty(self, owner: str = BOB) -> str:
        name = f"m{uuid.uuid4().hex[:8]}"
        with self.client(owner) as client:
            assert client.post(f"{API}/registered-models/create", json={"name": name}).is_success
        return name

    def version(self, owner: str, name: str, source: str, **more: Any) -> httpx.Response:
        with self.client(owner) as client:
            return client.post(f"{API}/model-versions/create", json={"name": name, "source": source, **more})

    def old_version(self, name: str, model: Model, run_id: str | None = None, number: int = 1) -> None:
        """A row as a server without this plugin may have written it."""
        self.place.world.sql(
            "INSERT INTO model_versions (workspace, name, version, creation_time, current_stage, source, "
            "storage_location, run_id, status) VALUES ('default', ?, ?, 1700000000000, 'None', ?, ?, ?, 'READY')",
            name, number, model.uri, model.uri, run_id,
        )  # fmt: skip


def reads(served: Served, model: Model, email: str = BOB) -> list[int]:
    return [served.list(email, model.root), served.get(email, f"{model.root}/MLmodel")]


def journey(served: Served, what: str, prefix: str, email: str) -> dict[str, Any]:
    credentials = {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": served.place.keys[email]}
    return found_by(ran("model_owner_and_reader.py", [what, prefix], served.place.world.url, credentials))


SERVERS = {"uvicorn": ("",), "gunicorn": (PREFIX, "--gunicorn-opts", "", "--static-prefix", PREFIX)}


@pytest.fixture(scope="module", params=list(SERVERS))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """FastAPI's way of serving files, and Flask's."""
    port, (prefix, *options) = free_port(), SERVERS[request.param]
    url = f"http://127.0.0.1:{port}{prefix}"
    with running_world(tmp_path_factory.mktemp(request.param), url, port, *options) as world:
        httpx.get(f"{url}/health", timeout=180)  # gunicorn takes connections before it can answer them
        yield Served(with_keys(world), [f"{url}/api/2.0"])
