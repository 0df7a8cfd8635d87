"""Pipelines with the real Kubeflow SDK: what is compiled, and the examples run against the demo server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ..support.demo import Demo
from ..support.environments import pipelines_python
from ..support.kserve.initializer import clean_environment

ROOT = Path(__file__).parents[2]
VARIABLES = ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME"]


@pytest.fixture(scope="module")
def python() -> Path:
    return pipelines_python()


def ran(python: Path, folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    path = f"{python.parent}:{os.environ['PATH']}"
    environment = clean_environment(PATH=path, PYTHONPATH=str(ROOT), HOME=str(folder), **settings)
    return subprocess.run(
        [str(python), *arguments], env=environment, capture_output=True, text=True, cwd=folder, timeout=400, check=False
    )


def credentials(demo: Demo) -> dict[str, str]:
    name, key = demo.auth("alice")
    return {
        "MLFLOW_TRACKING_URI": demo.url,
        "MLFLOW_TRACKING_USERNAME": name,
        "MLFLOW_TRACKING_PASSWORD": key,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def secrets_of(folder: Path, file: str) -> dict[str, dict[str, Any]]:
    """What each step gets from secrets, by variable: the secret's name and the key."""
    for document in yaml.safe_load_all((folder / file).read_text()):
        executors = (document.get("platforms") or {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors")
        if executors:
            return {
                name: {
                    pair["envVar"]: (secret["secretName"], pair["secretKey"])
                    for secret in spec["secretAsEnv"]
                    for pair in secret["keyToEnv"]
                }
                for name, spec in executors.items()
            }
    return {}


def test_the_example_compiles_to_steps_that_get_the_secret_and_no_key(python: Path, tmp_path: Path) -> None:
    done = ran(python, tmp_path, str(ROOT / "examples" / "pipeline.py"), MLFLOW_TRACKING_PASSWORD="pkt_of-the-author")
    assert done.returncode == 0, done.stderr
    expected = {name: ("mlflow-credentials", name) for name in VARIABLES}
    assert secrets_of(tmp_path, "pipeline.yaml") == {"exec-promote": expected, "exec-train": expected}
    assert "pkt_" not in (tmp_path / "pipeline.yaml").read_text()


PROGRAM = """
from kfp import compiler, dsl
from mlflow_prokube_auth.kfp import add_mlflow_env_vars_to_tasks

@dsl.component(base_image="python:3.12")
def step(): pass

@dsl.pipeline(name="one")
def one():
    plain, other = step(), step()
    add_mlflow_env_vars_to_tasks(other, secret_name="of-my-team")
    try:
        add_mlflow_env_vars_to_tasks([plain, "plain"])
    except TypeError as error:
        print(error)

compiler.Compiler().compile(one, "one.yaml")
"""


def test_only_the_tasks_that_are_named_get_it_and_another_secret_can_be_named(python: Path, tmp_path: Path) -> None:
    # The SDK reads the source of a step from a file.
    (tmp_path / "one.py").write_text(PROGRAM)
    done = ran(python, tmp_path, "one.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "expected tasks of a pipeline, as calling a component returns, found str"
    assert secrets_of(tmp_path, "one.yaml") == {"exec-step-2": {name: ("of-my-team", name) for name in VARIABLES}}


def test_the_documents_example_compiles(python: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "pipelines.md").read_text()
    (program,) = re.findall(r"^ +```python\n(.*?)^ +```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text(textwrap.dedent(program))
    done = ran(python, tmp_path, "example.py")
    assert done.returncode == 0, done.stderr
    assert secrets_of(tmp_path, "example.yaml") == {
        "exec-log-something": {name: ("mlflow-credentials", name) for name in VARIABLES}
    }


IDENTITY = """
from kfp import compiler, dsl
from mlflow_prokube_auth.kfp import add_mlflow_workload_identity_to_tasks as add

@dsl.component(base_image="python:3.12")
def step(): pass

@dsl.pipeline(name="one")
def one():
    plain, other = step(), step()
    add(other, "https://mlflow.example.com")
    for tasks, uri in (([plain, "plain"], "https://mlflow.example.com"), (plain, "mlflow.example.com"),
                       (plain, "https://alice:pkt_x@mlflow.example.com")):
        try:
            add(tasks, uri)
        except (TypeError, ValueError) as error:
            print(error)

compiler.Compiler().compile(one, "one.yaml")
"""


def compiled(folder: Path, file: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline, and what Kubernetes gets of it."""
    pipeline, platform = yaml.safe_load_all((folder / file).read_text())
    return pipeline, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def variables_of(pipeline: dict[str, Any], executor: str) -> dict[str, str]:
    container = pipeline["deploymentSpec"]["executors"][executor]["container"]
    return {each["name"]: each["value"] for each in container.get("env", [])}


BY_IDENTITY = {
    "MLFLOW_TRACKING_URI": "https://mlflow.example.com",
    "MLFLOW_TRACKING_AUTH": "prokube-token-file",
    "MLFLOW_TRACKING_TOKEN_FILE": "/var/run/secrets/mlflow/token",
}


def test_a_step_without_a_secret_gets_the_label_and_the_variables(python: Path, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(IDENTITY)
    done = ran(python, tmp_path, "one.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "expected tasks of a pipeline, as calling a component returns, found str",
        "tracking_uri: expected the http(s) address of the MLflow server, such as https://mlflow.example.com",
        "tracking_uri: found credentials in it, which the compiled pipeline would show; expected none",
    ]
    pipeline, executors = compiled(tmp_path, "one.yaml")
    assert executors == {"exec-step-2": {"podMetadata": {"labels": {"mlflow-workload-identity": "true"}}}}
    assert variables_of(pipeline, "exec-step-2") == BY_IDENTITY
    assert variables_of(pipeline, "exec-step") == {}


def test_kfp_has_no_projected_volume_of_its_own_yet(python: Path, tmp_path: Path) -> None:
    """Where it has one, the PodDefault of deploy/kubernetes/workload-identity is needed no more."""
    program = (
        "from kfp import kubernetes\n"
        "from kfp.kubernetes import kubernetes_executor_config_pb2 as pb\n"
        "fields = pb.KubernetesExecutorConfig.DESCRIPTOR.fields_by_name\n"
        "names = [*dir(kubernetes), *pb.DESCRIPTOR.message_types_by_name, *fields]\n"
        "assert 'secret_as_volume' in names\n"
        "print([name for name in names if 'project' in name.lower() or 'token' in name.lower()])"
    )
    done = ran(python, tmp_path, "-c", program)
    assert done.stdout == "[]\n", done.stderr


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kfp", None)
    from mlflow_prokube_auth.kfp import add_mlflow_env_vars_to_tasks

    with pytest.raises(ImportError, match=r"^kfp is missing: pip install 'mlflow-prokube-auth\[kfp\]'"):
        add_mlflow_env_vars_to_tasks([])


def test_the_example_pipeline_runs_against_the_demo(python: Path, tmp_path: Path, demo: Demo) -> None:
    program = ROOT / "tests" / "support" / "kserve" / "run_pipeline.py"
    done = ran(python, tmp_path, str(program), str(tmp_path), **credentials(demo))
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    assert 0.8 <= json.loads(done.stdout.strip().splitlines()[-1]) <= 1
    with httpx.Client(base_url=demo.url, auth=demo.auth("alice"), timeout=30) as alice:
        query = {"name": "pipeline-iris", "alias": "champion"}
        answer = alice.get("/api/2.0/mlflow/registered-models/alias", params=query)
    assert answer.json()["model_version"]["version"] == "1"


NOTEBOOK = """
import json, sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
print(json.dumps([[output.get("data", {}).get("text/plain") for output in cell.outputs]
                  for cell in book.cells if cell.cell_type == "code"]))
"""


def test_the_example_notebook_runs_against_the_demo(python: Path, tmp_path: Path, demo: Demo) -> None:
    shutil.copy(ROOT / "examples" / "notebook.ipynb", tmp_path)
    done = ran(python, tmp_path, "-c", NOTEBOOK, "notebook.ipynb", **credentials(demo))
    assert done.returncode == 0, done.stderr[-4000:]
    outputs = json.loads(done.stdout.strip().splitlines()[-1])
    assert repr(demo.url) in outputs[0]
    assert "array([0, 0, 0])" in outputs[2]
    expected = {name: ("mlflow-credentials", name) for name in VARIABLES}
    assert secrets_of(tmp_path, "judge_iris.yaml") == {"exec-judge": expected}
    service = yaml.safe_load((tmp_path / "inference-service.yaml").read_text())
    assert service["spec"]["predictor"]["model"]["storageUri"] == "mlflow://models/alice-iris@champion"


def test_the_example_notebook_holds_no_output_and_no_key() -> None:
    book = json.loads((ROOT / "examples" / "notebook.ipynb").read_text())
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert [cell["execution_count"] for cell in code] == [None] * len(code)
