"""What a data scientist does with the stock client, as a program of its own (one process, one user)."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression


def main(prefix: str) -> None:
    experiment = mlflow.set_experiment(f"{prefix}-experiment")
    x = np.arange(10.0).reshape(-1, 1)
    with mlflow.start_run() as run:
        mlflow.log_param("alpha", 1)
        mlflow.log_metric("loss", 0.5)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "note.txt").write_text("hello")
            mlflow.log_artifact(str(Path(folder) / "note.txt"))
        mlflow.log_input(mlflow.data.from_pandas(pd.DataFrame({"x": x[:, 0]}), name="points"))
        model = LinearRegression().fit(x, 2 * x[:, 0])
        mlflow.sklearn.log_model(model, name="model", registered_model_name=f"{prefix}-model")
    client = MlflowClient()
    client.set_registered_model_alias(f"{prefix}-model", "champion", "1")
    loaded = mlflow.sklearn.load_model(f"models:/{prefix}-model@champion")
    mlflow.genai.register_prompt(name=f"{prefix}-prompt", template="Say {{word}}")
    prompt = mlflow.genai.load_prompt(f"prompts:/{prefix}-prompt/1")

    @mlflow.trace
    def add(a: int, b: int) -> int:
        return a + b

    add(1, 2)
    mlflow.flush_trace_async_logging()
    traces = client.search_traces([experiment.experiment_id])
    print(
        json.dumps(
            {
                "experiment_id": experiment.experiment_id,
                "run_id": run.info.run_id,
                "artifacts": [file.path for file in client.list_artifacts(run.info.run_id)],
                "prediction": round(float(loaded.predict([[4.0]])[0]), 3),
                "prompt": prompt.template,
                "traces": len(traces),
                "datasets": len(client.get_run(run.info.run_id).inputs.dataset_inputs),
            }
        )
    )


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    main(sys.argv[1])
