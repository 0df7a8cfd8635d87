"""What alice logs with the stock client, for the initializer to bring; prints what a test needs to know of it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

X = np.arange(10.0).reshape(-1, 1)
SPOKEN = "Wetter + 50% Größe"
ODD_FILES = {"a b.txt": b"1", "50%.txt": b"2", "plus+equals=.txt": b"3", "grün.txt": b"4", "empty": b""}


def fitted(factor: float) -> LinearRegression:
    return LinearRegression().fit(X, factor * X[:, 0])


def main() -> None:
    client, found = MlflowClient(), {}
    mlflow.set_experiment("weather")
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Version 1 as the client's defaults have it: a logged model, saved by skops.
        mlflow.sklearn.log_model(fitted(2), name="model", registered_model_name="weather")
        # Version 2: a folder of the run's artifacts, pickled, as older clients log.
        mlflow.sklearn.save_model(fitted(3), str(folder / "old"), serialization_format="cloudpickle")
        (folder / "old" / "odd").mkdir()
        for file, content in ODD_FILES.items():
            (folder / "old" / "odd" / file).write_bytes(content)
        mlflow.log_artifacts(str(folder / "old"), "nested/old")
        client.create_model_version("weather", f"{run.info.artifact_uri}/nested/old", run_id=run.info.run_id)
        (folder / "one.bin").write_bytes(b"one file")
        mlflow.log_artifact(str(folder / "one.bin"))
        client.create_registered_model(SPOKEN)
        client.create_model_version(SPOKEN, f"{run.info.artifact_uri}/nested/old", run_id=run.info.run_id)
        # Not a model at all.
        mlflow.log_artifact(str(folder / "one.bin"), "bare")
        client.create_registered_model("bare")
        client.create_model_version("bare", f"{run.info.artifact_uri}/bare", run_id=run.info.run_id)
        # Its files are going to vanish.
        mlflow.log_artifacts(str(folder / "old"), "gone")
        client.create_registered_model("gone")
        client.create_model_version("gone", f"{run.info.artifact_uri}/gone", run_id=run.info.run_id)
        # One to break off within.
        mlflow.log_artifact(str(folder / "old" / "MLmodel"), "large")
        client.create_registered_model("large")
        client.create_model_version("large", f"{run.info.artifact_uri}/large", run_id=run.info.run_id)
        found["run_id"], found["experiment_id"] = run.info.run_id, run.info.experiment_id
    client.set_registered_model_alias("weather", "champion", "1")
    client.set_registered_model_alias("weather", "Staging", "1")
    client.set_registered_model_alias("weather", "3", "1")
    client.transition_model_version_stage("weather", "2", "Staging")
    client.transition_model_version_stage("weather", "1", "Production")
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    main()
