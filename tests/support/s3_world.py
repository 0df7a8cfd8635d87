"""A server whose artifacts are on a real S3 server, and what tests of it ask."""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from .journeys import found_by, ran
from .kserve.initializer import Done, clean_environment, finished, start
from .minio import Minio, running_minio
from .processes import free_port
from .readers import Served
from .world import ALICE, BOB, running_world, with_keys

API = "/api/2.0/mlflow"
APIS = ("/api/2.0", "/ajax-api/2.0")
BUCKET = "bucket"
TEAMS = f"s3://{BUCKET}/teams"
STEPS = ("create", "complete", "abort")
PARTS = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(6 * 1024**2),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * 1024**2),
    "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": str(6 * 1024**2),
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(4 * 1024**2),
}


@dataclass
class Store:
    """A server, the S3 server behind it, and all that the server ever answered to these tests."""

    served: Served
    minio: Minio
    said: list[str] = field(default_factory=list, repr=False)

    def client(self, email: str | None) -> httpx.Client:
        client = self.served.place.client(email)
        client.event_hooks["response"] = [self._keep]
        return client

    def _keep(self, answer: httpx.Response) -> None:
        answer.read()
        self.said += [answer.text, *map(str, answer.headers.raw)]

    def objects(self) -> list[str]:
        return self.minio.keys(BUCKET)

    def run_at(self, location: str = "") -> tuple[str, str, str]:
        """An experiment and a run of alice's: their ids, and where the run's artifacts are in the bucket."""
        with self.client(ALICE) as alice:
            body = {"name": f"e-{os.urandom(6).hex()}"} | ({"artifact_location": location} if location else {})
            made = alice.post(f"{API}/experiments/create", json=body)
            assert made.status_code == 200, made.text
            experiment_id = made.json()["experiment_id"]
            run = alice.post(f"{API}/runs/create", json={"experiment_id": experiment_id}).json()["run"]["info"]
        tail = f"{run['run_id']}/artifacts"
        root = f"{location.removeprefix(f's3://{BUCKET}/')}/{tail}" if location else f"root/{experiment_id}/{tail}"
        return experiment_id, run["run_id"], root


@contextmanager
def running_store(directory: Path) -> Iterator[Store]:
    """A server whose artifacts are on an S3 server; its log is looked through at the end."""
    port = free_port()
    with running_minio(directory / "minio", free_port()) as minio:
        minio.client.create_bucket(Bucket=BUCKET)
        options = ("--serve-artifacts", "--artifacts-destination", f"s3://{BUCKET}/root")
        url = f"http://127.0.0.1:{port}"
        with running_world(
            directory, url, port, *options, environment=minio.environment, ARTIFACT_LOCATIONS=f"{TEAMS}/"
        ) as world:
            yield Store(Served(with_keys(world), [f"{url}{api}" for api in APIS]), minio)
            leaks_nothing(world.log.read_text(), minio)


def leaks_nothing(text: str, minio: Minio) -> None:
    assert minio.secret not in text, "the secret key of the store was told"


def at(address: str, minio: Minio) -> str:
    """The key that an address of the store names, which is presigned for a short time."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == minio.url
    assert 0 < int(parse_qs(parts.query)["X-Amz-Expires"][0]) <= 3600
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    assert bucket == BUCKET
    return key


def large_files(store: Store, what: str, argument: str, email: str) -> dict[str, Any]:
    """Run s3_journey.py as a process of its own, which knows nothing of the store."""
    credentials = {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": store.served.place.keys[email]}
    done = ran("s3_journey.py", [what, argument], store.served.place.world.url, {**PARTS, **credentials})
    leaks_nothing(done.stdout + done.stderr, store.minio)
    return found_by(done)


def initializer(store: Store, uri: str, folder: Path, email: str) -> Done:
    """What KServe's storage initializer brings, which knows nothing of the store either."""
    environment = clean_environment(
        MLFLOW_TRACKING_URI=store.served.place.world.url,
        MLFLOW_TRACKING_USERNAME=email,
        MLFLOW_TRACKING_PASSWORD=store.served.place.keys[email],
    )
    done = finished(start(environment, uri, str(folder)), folder)
    leaks_nothing("\n".join(done.lines), store.minio)
    return done


def mpu(client: httpx.Client, api: str, step: str, folder: str, **body: Any) -> httpx.Response:
    return client.post(f"{api}/mlflow-artifacts/mpu/{step}/{folder}", json=body)


def all_steps(store: Store, who: str | None, folder: str, **body: Any) -> set[int]:
    """What each step of an upload in parts is answered with, below both prefixes."""
    with store.client(who) as client:
        answers = [mpu(client, api, step, folder, num_parts=1, **body) for api in APIS for step in STEPS]
    assert not any("X-Amz" in answer.text for answer in answers)
    return {answer.status_code for answer in answers}


def untidied(store: Store, verb: str, path: str, body: Mapping[str, Any]) -> str:
    """What bob's request for exactly this path is answered with; other clients resolve dots."""
    connection = http.client.HTTPConnection(urlsplit(store.served.place.world.url).netloc, timeout=60)
    content = json.dumps(body) if verb == "POST" else None
    pair = base64.b64encode(f"{BOB}:{store.served.place.keys[BOB]}".encode()).decode()
    kind = {"Content-Type": "application/json"} if content else {}
    connection.request(verb, path, content, {"Authorization": f"Basic {pair}", **kind})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def asks(client: httpx.Client, api: str, kind: str, **body: Any) -> httpx.Response:
    return client.post(f"{api}/mlflow/artifacts/presigned-{kind}-url", json=body)


def all_asked(store: Store, who: str | None, bodies: list[tuple[str, dict[str, str]]]) -> set[int]:
    """What these requests are answered with, below both prefixes, none of them with an address."""
    with store.client(who) as client:
        answers = [asks(client, api, kind, **body) for api in APIS for kind, body in bodies]
    assert not any("X-Amz" in answer.text for answer in answers)
    return {answer.status_code for answer in answers}
