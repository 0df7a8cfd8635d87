"""What docs/kserve.md and the command's help say of the storage initializer is what it does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from mlflow_prokube_auth.kfp import SECRET_NAME, VARIABLES
from mlflow_prokube_auth.kserve.failures import Exit
from mlflow_prokube_auth.kserve.main import USAGE
from mlflow_prokube_auth.kserve.options import JOBLIB, Options
from mlflow_prokube_auth.kserve.uris import FORMS

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "kserve.md").read_text()
NUMBERS = {
    f"STORAGE_INITIALIZER_{name.upper()}": getattr(Options(""), name)
    for name in ("parallel", "retry_seconds", "timeout_seconds")
}


def test_all_exit_codes_are_explained() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE)} == set(Exit)


def test_settings_have_the_documented_defaults() -> None:
    found = re.findall(r"^\| `(STORAGE_INITIALIZER_\w+)` \| (\d+) \|", DOCUMENT, re.MULTILINE)
    assert {name: int(default) for name, default in found} == NUMBERS
    said = dict(re.findall(r"(STORAGE_INITIALIZER_\w+)=(\w+)", USAGE))
    assert said == {**{name: str(default) for name, default in NUMBERS.items()}, "STORAGE_INITIALIZER_JOBLIB": "auto"}
    assert tuple(re.findall(r"^\| `(auto|require|off)`", DOCUMENT, re.MULTILINE)) == JOBLIB


def test_all_forms_of_addresses_are_in_the_help_and_in_the_document() -> None:
    assert [form for form in FORMS if form not in USAGE] == []
    for form in FORMS:
        assert f"`{form.replace('<alias or stage>', '<word>')}`" in DOCUMENT


def test_the_manifests_fit_the_secret_that_the_pages_snippet_makes() -> None:
    service, container = (
        yaml.safe_load(re.sub("^   ", "", block, flags=re.MULTILINE) if block.startswith("   ") else block)
        for block in re.findall(r"^ *```yaml\n(.*?)^ *```", DOCUMENT, re.MULTILINE | re.DOTALL)
    )
    assert service["spec"]["predictor"]["model"]["storageUri"] == "mlflow://models/iris@champion"
    spec = container["spec"]["container"]
    keys = {variable["name"]: variable["valueFrom"]["secretKeyRef"] for variable in spec["env"]}
    assert keys == {name: {"name": SECRET_NAME, "key": name} for name in VARIABLES}
    assert (spec["name"], "args" in spec) == ("storage-initializer", False)
    snippet = (ROOT / "mlflow_prokube_auth" / "web" / "assets" / "key.js").read_text()
    assert f"kubectl create secret generic {SECRET_NAME}" in snippet
