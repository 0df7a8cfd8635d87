"""MLServer, which KServe runs for ``modelFormat: mlflow`` and, by its v2 protocol, for ``modelFormat: sklearn``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from ..environments import mlserver_python
from ..processes import await_start, free_port

RUNTIMES = {"mlflow": "mlserver_mlflow.MLflowRuntime", "sklearn": "mlserver_sklearn.SKLearnModel"}


@contextmanager
def running_mlserver(directory: Path, models: Mapping[str, tuple[str, Path]]) -> Iterator[str]:
    """MLServer with these models, each a runtime and a folder; yields its address."""
    python = mlserver_python()
    port = free_port()
    # With worker processes, MLServer 1.7.1 fails on today's uvloop.
    settings = {"parallel_workers": 0, "host": "127.0.0.1", "http_port": port, "grpc_port": free_port()}
    (directory / "settings.json").write_text(json.dumps({**settings, "metrics_port": free_port()}))
    for name, (runtime, folder) in models.items():
        (directory / name).mkdir()
        facts = {"name": name, "implementation": RUNTIMES[runtime], "parameters": {"uri": str(folder)}}
        (directory / name / "model-settings.json").write_text(json.dumps(facts))
    url, log = f"http://127.0.0.1:{port}", directory / "mlserver.log"
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MLFLOW_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python.with_name("mlserver")), "start", str(directory)], stdout=output, stderr=subprocess.STDOUT,
            env={**environment, "MLFLOW_DISABLE_TELEMETRY": "true"}, cwd=directory,
        )  # fmt: skip

    def is_ready() -> bool:
        with suppress(httpx.HTTPError):
            return all(httpx.get(f"{url}/v2/models/{name}/ready").status_code == 200 for name in models)
        return False

    try:
        await_start(process, log, 180, is_ready)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def predict(url: str, name: str, value: float) -> float:
    """What a model says of one number, asked as KServe's clients ask."""
    given = {"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [value]}
    # To the runtime of MLflow, inputs are else a dictionary.
    request = {"parameters": {"content_type": "np"}, "inputs": [given]}
    answer = httpx.post(f"{url}/v2/models/{name}/infer", json=request, timeout=60)
    assert answer.status_code == 200, answer.text
    return round(float(answer.json()["outputs"][0]["data"][0]), 3)
