"""The storage initializer as KServe runs it, and a server with alice's models."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from unittest import mock

import httpx

from mlflow_prokube_auth.kserve import main
from mlflow_prokube_auth.kserve.finish import finish

from ..forked import fork_server
from ..processes import free_port
from ..world import ALICE, BOB, Place, World, running_world, with_keys
from .owner import SPOKEN

SCRIPT = Path(sys.executable).with_name("mlflow-storage-initializer")


def run(arguments: Sequence[str], environ: Mapping[str, str], log: TextIO) -> int:
    """Both programs of the initializer in this process, where its memory and environment are of no interest."""
    return main.run(arguments, environ, log, finish)


def clean_environment(**settings: str) -> dict[str, str]:
    """What a container has: nothing of this machine's MLflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "STORAGE_"))}
    return {**kept, "HOME": "/nonexistent", **settings}


@dataclass
class Done:
    """An initializer that has ended."""

    code: int
    lines: list[str]
    folder: Path

    @property
    def reason(self) -> str:
        """What a pod's status shows."""
        return self.lines[-1]

    def files(self) -> dict[str, bytes]:
        """All that is in the folder but the record."""
        found = {str(file.relative_to(self.folder)): file for file in self.folder.rglob("*") if file.is_file()}
        return {name: file.read_bytes() for name, file in found.items() if name != ".mlflow-storage-initializer.json"}


@dataclass
class Served:
    """A server with alice's models."""

    place: Place
    run_id: str
    experiment_id: str

    @property
    def world(self) -> World:
        return self.place.world

    def artifacts(self, path: str) -> Path:
        """Where the server keeps what the run has at a path."""
        return self.world.directory / "artifacts" / self.experiment_id / self.run_id / "artifacts" / path

    def environment(self, email: str = BOB, **settings: str) -> dict[str, str]:
        credentials = {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": self.place.keys[email]}
        return clean_environment(**{"MLFLOW_TRACKING_URI": self.world.url, **credentials, **settings})

    def bring(self, uri: str, folder: Path, email: str = BOB, **settings: str) -> Done:
        """Run the initializer in this process: importing MLflow takes seconds, each time."""
        log, environment = io.StringIO(), self.environment(email, **settings)
        with mock.patch.dict(os.environ, environment, clear=True):
            code = run([uri, str(folder)], os.environ, log)
        return Done(code, log.getvalue().splitlines(), folder)


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Run the initializer as KServe does."""
    return subprocess.Popen(
        [str(SCRIPT), *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finished(process: subprocess.Popen[str], folder: Path) -> Done:
    said, _ = process.communicate(timeout=180)
    return Done(process.returncode, said.splitlines(), folder)


@contextmanager
def serving(directory: Path, prefix: str, *options: str) -> Iterator[Served]:
    """A server with alice's models."""
    port = free_port()
    with running_world(directory, f"http://127.0.0.1:{port}{prefix}", port, *options) as world:
        httpx.get(f"{world.url}/health", timeout=180)  # gunicorn takes connections before it can answer them
        place = with_keys(world)
        owner = clean_environment(
            MLFLOW_TRACKING_URI=world.url,
            MLFLOW_TRACKING_USERNAME=ALICE,
            MLFLOW_TRACKING_PASSWORD=place.keys[ALICE],
            MLFLOW_DISABLE_TELEMETRY="true",
        )
        done = fork_server().run("tests.support.kserve.owner", [], owner, Path(__file__).parents[3], 300)
        assert done.returncode == 0, done.stderr[-4000:]
        facts = json.loads(done.stdout.strip().splitlines()[-1])
        with httpx.Client(base_url=world.url, auth=(ALICE, place.keys[ALICE]), timeout=30) as alice:
            for name in ("weather", SPOKEN, "bare", "gone", "large"):
                grant = {"username": BOB, "resource_type": "registered_model", "resource_id": name}
                answer = alice.post("/api/3.0/mlflow/users/permissions/grant", json={**grant, "permission": "READ"})
                assert answer.is_success, answer.text
        yield Served(place, facts["run_id"], facts["experiment_id"])
