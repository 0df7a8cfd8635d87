"""The manifests and scripts of ``docs/workloads.md`` and ``deploy/kubernetes/workload-identity``.

What is no part of Kubernetes itself is checked against the fields that its project documents, written down here by
hand: Argo's (Workflow), Kubeflow's (PodDefault) and KServe's (InferenceService). Their volumes and containers are
checked as those of a pod.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import pytest
import yaml

from mlflow_prokube_auth.kfp import IDENTITY_LABEL
from mlflow_prokube_auth.token_file import DEFAULT_PATH, PROVIDER

from .test_kubernetes import DEPLOY, KUBERNETES, ROOT, build, one, undocumented

SERVER = "https://mlflow.example.com"
DOCUMENT = (ROOT / "docs" / "workloads.md").read_text()
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)]
POD, WORKFLOW, SERVICE, GITHUB, GITLAB = BLOCKS
POD_DEFAULT = yaml.safe_load((DEPLOY / "workload-identity" / "pod-default.yaml").read_text())
VOLUME = {
    "name": "mlflow-token",
    "projected": {
        "sources": [{"serviceAccountToken": {"audience": SERVER, "expirationSeconds": 3600, "path": "token"}}]
    },
}
MOUNT = {"name": "mlflow-token", "mountPath": "/var/run/secrets/mlflow", "readOnly": True}
CLIENT = {"MLFLOW_TRACKING_URI": SERVER, "MLFLOW_TRACKING_AUTH": PROVIDER}
# As DOCUMENTED in test_kubernetes.py.
WORKFLOW_FIELDS = {
    "entrypoint": str,
    "serviceAccountName": str,
    "volumes": [dict],
    "templates": [{"name": str, "container": dict}],
}
POD_DEFAULT_FIELDS = {"desc": str, "selector": {"matchLabels": dict}, "volumes": [dict], "volumeMounts": [dict]}
SERVICE_FIELDS = {
    "predictor": {
        "serviceAccountName": str,
        "volumes": [dict],
        "model": {"modelFormat": {"name": str}, "protocolVersion": str, "storageUri": str},
    }
}


def checked(containers: list[dict[str, Any]], volumes: list[dict[str, Any]]) -> None:
    """As Kubernetes sees them in the end: a pod."""
    spec = {"containers": [{"name": "x", **each} for each in containers], "volumes": volumes}
    for version in KUBERNETES:
        kubernetes_validate.validate(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}, version, strict=True
        )


def variables_of(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field_of_the_pod(version: str) -> None:
    kubernetes_validate.validate(POD, version, strict=True)
    assert POD["spec"]["volumes"] == [VOLUME]
    (container,) = POD["spec"]["containers"]
    assert (container["volumeMounts"], variables_of(container)) == ([MOUNT], CLIENT)
    assert f"{MOUNT['mountPath']}/token" == DEFAULT_PATH


def test_argo_documents_every_field_of_the_workflow() -> None:
    assert (WORKFLOW["apiVersion"], WORKFLOW["kind"]) == ("argoproj.io/v1alpha1", "Workflow")
    assert undocumented(WORKFLOW["spec"], WORKFLOW_FIELDS) == []
    (template,) = WORKFLOW["spec"]["templates"]
    assert template["name"] == WORKFLOW["spec"]["entrypoint"]
    container = template["container"]
    assert (container["volumeMounts"], variables_of(container)) == ([MOUNT], CLIENT)
    assert WORKFLOW["spec"]["volumes"] == [VOLUME]
    checked([container], WORKFLOW["spec"]["volumes"])


def test_kubeflow_documents_every_field_of_the_pod_default_and_steps_have_its_label() -> None:
    assert (POD_DEFAULT["apiVersion"], POD_DEFAULT["kind"]) == ("kubeflow.org/v1alpha1", "PodDefault")
    spec = POD_DEFAULT["spec"]
    assert undocumented(spec, POD_DEFAULT_FIELDS) == []
    assert spec["selector"]["matchLabels"] == dict([IDENTITY_LABEL])
    assert (spec["volumes"], spec["volumeMounts"]) == ([VOLUME], [MOUNT])
    checked([{"image": "x", "volumeMounts": spec["volumeMounts"]}], spec["volumes"])


def test_the_model_brings_the_volume_that_the_storage_initializer_mounts() -> None:
    assert undocumented(SERVICE["spec"], SERVICE_FIELDS) == []
    assert SERVICE["spec"]["predictor"]["volumes"] == [VOLUME]
    built = build("workload-identity")
    assert [item["kind"] for item in built] == ["ClusterStorageContainer"] * 2
    container = one(built, "ClusterStorageContainer")["spec"]["container"]
    assert container["volumeMounts"] == [MOUNT]
    assert variables_of(container) == {"MLFLOW_TRACKING_URI": SERVER, "MLFLOW_TRACKING_TOKEN_FILE": DEFAULT_PATH}
    checked([container], [VOLUME])
    # The cache's download jobs have no such volume.
    cache, with_keys = (
        one(items, "ClusterStorageContainer", "mlflow-local-model") for items in (built, build("kserve"))
    )
    assert cache == with_keys


def test_no_secret_stands_on_the_page() -> None:
    assert not re.search(r"secretKeyRef|secretName|pkt_|\$\{\{ *secrets", DOCUMENT)
    assert GITLAB["train"]["id_tokens"] == {"MLFLOW_TRACKING_TOKEN": {"aud": SERVER}}
    assert GITHUB["permissions"] == {"contents": "read", "id-token": "write"}
    assert GITHUB["jobs"]["train"]["env"] == CLIENT


class Issuer(http.server.BaseHTTPRequestHandler):
    """Answers as GitHub's endpoint for a job's token."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.asked.append((self.headers["Authorization"], query["audience"][0]))
        body = json.dumps({"count": 1, "value": f"token-{len(self.asked)}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def issuer() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Issuer,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/token?api-version=2.0", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_script_of_the_ci_job_renews_its_token(issuer: tuple[str, list[tuple[str, str]]], tmp_path: Path) -> None:
    url, asked = issuer
    # The training: it sees two tokens, and ends with a code of its own.
    (tmp_path / "train.py").write_text(
        "import os, sys, time\n"
        "from mlflow_prokube_auth.token_file import TokenFile\n"
        "file = TokenFile(os.environ['MLFLOW_TRACKING_TOKEN_FILE'])\n"
        "seen, first = [], file.read()\n"
        "while file.read() == first: time.sleep(0.05)\n"
        "print(first, file.read(), oct(os.stat(file.path).st_mode & 0o777))\n"
        "sys.exit(7)\n"
    )
    (script,) = [step["run"] for step in GITHUB["jobs"]["train"]["steps"] if "renew()" in step.get("run", "")]
    environment = {
        **GITHUB["jobs"]["train"]["env"], "PYTHONPATH": str(ROOT), "RUNNER_TEMP": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
    }  # fmt: skip
    # As GitHub runs it: bash -e, here with a faster loop.
    assert "sleep 120" in script
    done = subprocess.run(
        ["bash", "-e", "-c", script.replace("sleep 120", "sleep 1")], env=environment, cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == "token-1 token-2 0o600\n"
    assert set(asked) == {("Bearer of-the-job", SERVER)}
