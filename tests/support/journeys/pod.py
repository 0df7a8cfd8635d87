"""A training in a pod: it logs, waits for a line on its input, in which its token is replaced, and logs on.

The argument is the experiment's name. The output is a line for each stage, then what the server has at the end.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from mlflow import MlflowClient


def log_on(run_id: str, stage: int) -> None:
    mlflow.log_metric("loss", 1 / stage, step=stage)
    mlflow.log_param(f"stage-{stage}", stage)
    for step in range(10):
        mlflow.log_metric("later", step, step=10 * stage + step, synchronous=False)
    mlflow.flush_async_logging()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{stage}.txt").write_text("x" * stage)
        mlflow.log_artifacts(folder, "stages")
        got = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/stages/{stage}.txt", dst_path=folder)
        assert Path(got).read_text() == "x" * stage
    with mlflow.start_span(f"stage-{stage}"):
        pass
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()


def main(name: str) -> None:
    mlflow.set_experiment(name)
    with mlflow.start_run() as run:
        for stage in (1, 2, 3):
            log_on(run.info.run_id, stage)
            print(f"stage {stage}", flush=True)
            sys.stdin.readline()
    client = MlflowClient()
    ended = client.get_run(run.info.run_id)
    traces = client.search_traces([run.info.experiment_id])
    found = {
        "params": ended.data.params,
        "metrics": len(client.get_metric_history(run.info.run_id, "later")),
        "artifacts": [file.path for file in client.list_artifacts(run.info.run_id, "stages")],
        "traces": len(traces),
        "status": ended.info.status,
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
