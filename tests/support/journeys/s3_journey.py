"""What people do with large files and the stock client: they go in parts, past the server to its store."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

# MLflow's smallest store takes parts of 5 MiB and more; the last one may be smaller.
SIZE = 11 * 1024**2


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def upload(experiment: str) -> dict[str, Any]:
    mlflow.set_experiment(experiment)
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "weights.bin"
        large.write_bytes(os.urandom(SIZE))
        mlflow.log_artifact(str(large), "in parts")
        (Path(folder) / "note.txt").write_text("hello")
        mlflow.log_artifact(str(Path(folder) / "note.txt"))
        found = digest(str(large))
    return {"run_id": run.info.run_id, "experiment_id": run.info.experiment_id, "digest": found}


def download(run_id: str) -> dict[str, Any]:
    files = [file.path for file in MlflowClient().list_artifacts(run_id)]
    path = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/in parts/weights.bin")
    return {"files": sorted(files), "digest": digest(path)}


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    print(json.dumps({"upload": upload, "download": download}[sys.argv[1]](sys.argv[2])))
