"""What a model's owner and one of its readers do with the stock client; one process, one user."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models.cli import generate_dockerfile
from sklearn.linear_model import LinearRegression


def own(prefix: str) -> dict[str, Any]:
    experiment = mlflow.set_experiment(f"{prefix}-experiment")
    x = np.arange(10.0).reshape(-1, 1)
    fitted, client = LinearRegression().fit(x, 2 * x[:, 0]), MlflowClient()
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "note.txt").write_text("hello")
        mlflow.log_artifact(str(Path(folder) / "note.txt"))
        more: dict[str, Any] = {"params": {"depth": 3}, "tags": {"note": "hidden"}}
        logged = mlflow.sklearn.log_model(fitted, name="model", registered_model_name=f"{prefix}-model", **more)
        mlflow.log_metric("loss", 0.5, model_id=logged.model_id)
        sibling = mlflow.sklearn.log_model(fitted, name="sibling")
        mlflow.sklearn.save_model(fitted, str(Path(folder) / "old"))
        mlflow.log_artifacts(str(Path(folder) / "old"), "old")
    source = f"{run.info.artifact_uri}/old"
    client.create_model_version(f"{prefix}-model", source, run_id=run.info.run_id)
    client.set_registered_model_alias(f"{prefix}-model", "champion", "1")
    tags = {"team": "weather"}
    mlflow.genai.register_prompt(name=f"{prefix}-prompt", template="Say {{word}}", tags=tags)
    # The client has put its own tag into ``tags`` and sends it once more, now to a prompt that exists.
    mlflow.genai.register_prompt(name=f"{prefix}-prompt", template="Shout {{word}}", tags=tags)
    return {
        "experiment_id": experiment.experiment_id,
        "run_id": run.info.run_id,
        "model_id": logged.model_id,
        "sibling_id": sibling.model_id,
    }


def read(prefix: str) -> dict[str, Any]:
    client, name = MlflowClient(), f"{prefix}-model"
    predictions = []
    for uri in (f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/2", f"models:/{name}/latest"):
        predictions.append(round(float(mlflow.sklearn.load_model(uri).predict([[4.0]])[0]), 3))
    predictions.append(round(float(mlflow.pyfunc.load_model(f"models:/{name}/1").predict(np.array([[4.0]]))[0]), 3))
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1"))
    refused = []
    run_id = client.get_model_version(name, "1").run_id
    try:
        mlflow.artifacts.download_artifacts(f"runs:/{run_id}/note.txt")
    except (MlflowException, OSError) as error:
        refused.append(str(error))
    info = mlflow.models.get_model_info(f"models:/{name}/1")
    described = mlflow.get_logged_model(info.model_id)
    table = pd.DataFrame({"x": [1.0, 2.0], "y": [2.0, 4.0]})
    mlflow.set_experiment(f"{prefix}-readers-own")
    with mlflow.start_run():
        options: dict[str, Any] = {"targets": "y", "model_type": "regressor"}
        scores = mlflow.models.evaluate(f"models:/{name}/1", table, **options).metrics
    with tempfile.TemporaryDirectory() as place:
        answers = Path(place) / "answers.json"
        (Path(place) / "input.csv").write_text("x\n4.0\n")
        mlflow.models.predict(
            f"models:/{name}/1", input_path=f"{place}/input.csv", content_type="csv", output_path=str(answers),
            env_manager="local",
        )  # fmt: skip
        predicted = json.loads(answers.read_text())["predictions"]
        arguments = ["-m", f"models:/{name}/1", "-d", f"{place}/image", "--env-manager", "local"]
        generate_dockerfile.main(arguments, standalone_mode=False)
        image = sorted(file.name for file in Path(place, "image").iterdir())
        requirements = Path(mlflow.pyfunc.get_model_dependencies(f"models:/{name}/1")).name
    return {
        "predictions": predictions,
        "info": [info.model_id, described.name, described.status.value, described.params, described.tags],
        "flavors": sorted(info.flavors),
        "beside": [described.source_run_id, described.metrics],
        "score": round(scores["mean_absolute_error"], 3),
        "predicted": [round(float(each), 3) for each in predicted],
        "image": image,
        "requirements": requirements,
        "downloaded": sorted(file.name for file in folder.iterdir()),
        "listed": sorted(file.path for file in mlflow.artifacts.list_artifacts(f"models:/{name}/1")),
        "prompts": [mlflow.genai.load_prompt(f"prompts:/{prefix}-prompt/{version}").template for version in (1, 2)],
        "refused": refused,
    }


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    print(json.dumps({"own": own, "read": read}[sys.argv[1]](sys.argv[2])))
