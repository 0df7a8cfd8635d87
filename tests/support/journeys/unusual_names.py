"""An owner logs a model with files of unusual names; they and a reader bring it; one process, one user."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

from tests.support.unusual_names import UNUSUAL_NAMES


def own(name: str) -> dict[str, Any]:
    """In a run's folder, as older clients log, and as a logged model."""
    experiment, client = mlflow.set_experiment(name), MlflowClient()
    client.create_registered_model(name)
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / "model"
        for below in ("files", "folders;\u202f\\"):
            (folder / below).mkdir(parents=True)
        (folder / "MLmodel").write_text("flavors: {}\n")
        for each in UNUSUAL_NAMES.values():
            (folder / "files" / each).write_text(each)
        (folder / "folders;\u202f\\" / "file").write_text("inside")
        mlflow.log_artifacts(str(folder), "model")
        logged = mlflow.create_external_model(name="model")
        client.log_model_artifacts(logged.model_id, str(folder))
    client.create_model_version(name, f"{run.info.artifact_uri}/model", run_id=run.info.run_id)
    client.create_model_version(name, f"models:/{logged.model_id}", model_id=logged.model_id)
    return {"experiment_id": experiment.experiment_id, "run_id": run.info.run_id, **bring(name)}


def bring(name: str) -> dict[str, Any]:
    """What comes of each version."""
    found = {}
    for version in ("1", "2"):
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))
        files = (path for path in folder.rglob("*") if path.is_file() and path.name != "registered_model_meta")
        found[version] = {str(path.relative_to(folder)): path.read_text() for path in files}
    return {"brought": found}


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    print(json.dumps({"own": own, "read": bring}[sys.argv[1]](sys.argv[2])))
