"""An owner registers versions by their run, and a reader loads them; one process, one user."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression


def own(prefix: str) -> dict[str, Any]:
    mlflow.set_experiment(f"{prefix}-experiment")
    x = np.arange(10.0).reshape(-1, 1)
    fitted, client = LinearRegression().fit(x, 2 * x[:, 0]), MlflowClient()
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        mlflow.sklearn.log_model(fitted, name="logged")
        mlflow.sklearn.save_model(fitted, str(Path(folder) / "old"))
        mlflow.log_artifacts(str(Path(folder) / "old"), "nested/folder")
    for name, path in (("logged", "logged"), ("folder", "nested/folder")):
        client.create_registered_model(f"{prefix}-{name}")
        client.create_model_version(f"{prefix}-{name}", f"runs:/{run.info.run_id}/{path}", run_id=run.info.run_id)
    return read(prefix)


def read(prefix: str) -> dict[str, Any]:
    found = {}
    for name in ("logged", "folder"):
        uri = f"models:/{prefix}-{name}/1"
        folder = Path(mlflow.artifacts.download_artifacts(uri))
        files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        predicted = mlflow.pyfunc.load_model(uri).predict(np.array([[4.0]]))
        found[name] = {
            "files": files,
            "predicted": round(float(predicted[0]), 3),
            "flavors": sorted(mlflow.models.get_model_info(uri).flavors),
        }
    return found


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    print(json.dumps({"own": own, "read": read}[sys.argv[1]](sys.argv[2])))
