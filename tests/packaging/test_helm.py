"""The Helm chart in ``deploy/helm``: rendered by the real Helm, and compared with what kustomize makes of the base."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import mlflow_prokube_auth
from mlflow_prokube_auth.settings import PREFIX, SECRETS, load

from ..support.golang import HELM, go_program
from .test_kubernetes import KUBERNETES, Manifest, build, containers, one

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
# As in the base's settings.env.
NEEDED = {
    "PROKUBE_AUTH_OIDC_ISSUER": "https://keycloak.example.com/realms/prokube",
    "PROKUBE_AUTH_EXTERNAL_URL": "https://mlflow.example.com",
    "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow",
}
OF_HELM = {"app.kubernetes.io/managed-by", "app.kubernetes.io/version"}


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([go_program(*HELM), *arguments], capture_output=True, text=True, check=False)


def rendered(
    tmp_path: Path, values: Mapping[str, Any] | None = None, chart: Path = CHART, needed: bool = True
) -> list[Manifest]:
    done = template(tmp_path, values or {}, chart, needed)
    assert (done.returncode, without_notes(done.stderr)) == (0, "")
    return [made for made in yaml.safe_load_all(done.stdout) if made]


def template(
    tmp_path: Path, values: Mapping[str, Any], chart: Path = CHART, needed: bool = True
) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "values.yaml"
    settings = {**(NEEDED if needed else {}), **values.get("settings", {})}
    file.write_text(yaml.safe_dump({**values, "settings": settings}))
    return helm("template", "any-release", chart, "--namespace", "mlflow", "--values", file, "--kube-version", "1.31")


def without_notes(stderr: str) -> str:
    """Without what Helm says of each link."""
    return "".join(line for line in stderr.splitlines(True) if "found symbolic link in path" not in line)


def without_what_is_helms(made: Manifest) -> Manifest:
    """An object as the base has it: by other names and marks, nothing else differs."""
    made["metadata"]["labels"] = {
        name: value for name, value in made["metadata"].get("labels", {}).items() if name not in OF_HELM
    }
    if made["kind"] == "ConfigMap":
        made["metadata"]["name"] = "mlflow-settings"
    if made["kind"] == "Job":
        made["metadata"]["name"] = made["metadata"]["name"].removesuffix("-1")
    for pod in [made["spec"]["template"]] if made["kind"] in ("Deployment", "Job") else []:
        pod["metadata"]["annotations"].pop("checksum/settings", None)
        for container in pod["spec"]["containers"]:
            container.pop("imagePullPolicy", None)
            for source in container.get("envFrom", ()):
                if "configMapRef" in source:
                    source["configMapRef"]["name"] = "mlflow-settings"
    return {**made, "metadata": {name: value for name, value in made["metadata"].items() if value}}


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(made["kind"], made["metadata"]["name"]): made for made in map(without_what_is_helms, manifests)}


def test_it_makes_the_objects_of_the_base(tmp_path: Path) -> None:
    expected = by_name(build("base"))
    del expected["Namespace", "mlflow"]  # helm install --create-namespace
    found = by_name(rendered(tmp_path))
    assert found.keys() == expected.keys()
    for name, made in expected.items():
        assert found[name] == made, name


def test_it_makes_the_objects_for_kserve(tmp_path: Path) -> None:
    found = by_name(rendered(tmp_path, {"kserve": {"enabled": True}}))
    for name, made in by_name(build("kserve")).items():
        assert found[name] == made, name


def test_a_package_of_it_makes_the_same(tmp_path: Path) -> None:
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    values = {"kserve": {"enabled": True}}
    assert rendered(tmp_path, values, package) == rendered(tmp_path, values)


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field(version: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "ingress": {"enabled": True, "className": "nginx", "annotations": {"a": "b"}, "tlsSecret": "certificate"},
        "image": {"pullSecrets": [{"name": "registry"}]},
        "pod": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}]},
        "serviceAccount": {"annotations": {"a": "b"}},
    }
    made = rendered(tmp_path, values)
    assert "Ingress" in {each["kind"] for each in made}
    for each in made:
        kubernetes_validate.validate(each, version, strict=True)


def test_lint_finds_nothing(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"settings": NEEDED}))
    done = helm("lint", CHART, "--strict", "--values", values, "--kube-version", "1.31")
    assert done.returncode == 0, done.stdout


# Values, the kind and name of an object, and what it then has at a path.
CHANGES: dict[str, tuple[dict[str, Any], tuple[str, str], tuple[str | int, ...], Any]] = {
    "image": ({"image": {"repository": "r.example.com/m", "tag": "7"}}, ("Deployment", "mlflow"),
              ("spec", "template", "spec", "containers", 0, "image"), "r.example.com/m:7"),
    "image of the job": ({"image": {"repository": "r.example.com/m"}}, ("Job", "mlflow-db-upgrade"),
                         ("spec", "template", "spec", "containers", 0, "image"), "r.example.com/m:0.1.0"),
    "pull secrets": ({"image": {"pullSecrets": [{"name": "r"}]}}, ("Job", "mlflow-db-upgrade"),
                     ("spec", "template", "spec", "imagePullSecrets"), [{"name": "r"}]),
    "a setting": ({"settings": {"PROKUBE_AUTH_SESSION_IDLE_SECONDS": 3600}}, ("ConfigMap", "mlflow-settings"),
                  ("data", "PROKUBE_AUTH_SESSION_IDLE_SECONDS"), "3600"),
    "a setting that is a word": ({"settings": {"PROKUBE_AUTH_REQUIRE_VERIFIED_EMAIL": False}},
                                 ("ConfigMap", "mlflow-settings"),
                                 ("data", "PROKUBE_AUTH_REQUIRE_VERIFIED_EMAIL"), "false"),
    "the Secret": ({"secrets": {"server": "other"}}, ("Deployment", "mlflow"),
                   ("spec", "template", "spec", "volumes", 1, "secret", "secretName"), "other"),
    "the Secret of the job": ({"secrets": {"server": "other"}}, ("Job", "mlflow-db-upgrade"),
                              ("spec", "template", "spec", "containers", 0, "env", 0, "valueFrom", "secretKeyRef",
                               "name"), "other"),
    "the Secret of the bucket": ({"secrets": {"s3": "other"}}, ("Deployment", "mlflow"),
                                 ("spec", "template", "spec", "containers", 0, "envFrom", 1, "secretRef", "name"),
                                 "other"),
    "workers": ({"workers": 2}, ("Deployment", "mlflow"),
                ("spec", "template", "spec", "containers", 0, "args", -1), "2"),
    "resources": ({"resources": {"limits": {"memory": "8Gi"}}}, ("Deployment", "mlflow"),
                  ("spec", "template", "spec", "containers", 0, "resources", "limits", "memory"), "8Gi"),
    "temporary files": ({"temporaryFiles": "1Ti"}, ("Deployment", "mlflow"),
                        ("spec", "template", "spec", "volumes", 0, "emptyDir", "sizeLimit"), "1Ti"),
    "replicas": ({"autoscaling": {"maxReplicas": 9}}, ("HorizontalPodAutoscaler", "mlflow"),
                 ("spec", "maxReplicas"), 9),
    "the account": ({"serviceAccount": {"annotations": {"role": "r"}}}, ("ServiceAccount", "mlflow"),
                    ("metadata", "annotations", "role"), "r"),
    "an annotation": ({"pod": {"annotations": {"a": "b"}}}, ("Deployment", "mlflow"),
                      ("spec", "template", "metadata", "annotations", "a"), "b"),
    "a label": ({"pod": {"labels": {"team": "a"}}}, ("Deployment", "mlflow"),
                ("spec", "template", "metadata", "labels", "team"), "a"),
    "the nodes": ({"pod": {"nodeSelector": {"disk": "ssd"}}}, ("Deployment", "mlflow"),
                  ("spec", "template", "spec", "nodeSelector"), {"disk": "ssd"}),
    "the ports": ({"networkPolicy": {"egressPorts": [443]}}, ("NetworkPolicy", "mlflow"),
                  ("spec", "egress", 1, "ports"), [{"protocol": "TCP", "port": 443}]),
    "the host": ({"ingress": {"enabled": True}}, ("Ingress", "mlflow"),
                 ("spec", "rules", 0, "host"), "mlflow.example.com"),
    "the certificate": ({"ingress": {"enabled": True, "tlsSecret": "c"}}, ("Ingress", "mlflow"),
                        ("spec", "tls", 0), {"hosts": ["mlflow.example.com"], "secretName": "c"}),
    "the initializer": ({"kserve": {"enabled": True, "image": {"tag": "7"}}}, ("ClusterStorageContainer", "mlflow"),
                        ("spec", "container", "image"), "mlflow-storage-initializer:7"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_value_changes_what_it_says(change: str, tmp_path: Path) -> None:
    values, name, path, expected = CHANGES[change]
    found: Any = by_name(rendered(tmp_path, values))[name]
    for step in path:
        found = found[step]
    assert found == expected


def test_without_a_network_policy_there_is_none(tmp_path: Path) -> None:
    made = rendered(tmp_path, {"networkPolicy": {"enabled": False}})
    assert "NetworkPolicy" not in {each["kind"] for each in made}


def test_a_label_of_the_pods_takes_the_place_of_none_that_the_service_selects(tmp_path: Path) -> None:
    made = rendered(tmp_path, {"pod": {"labels": {"app.kubernetes.io/name": "other"}}})
    labels = one(made, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert one(made, "Service")["spec"]["selector"].items() <= labels.items()


def test_a_changed_setting_rolls_the_pods(tmp_path: Path) -> None:
    def checksum(values: dict[str, Any]) -> str:
        annotations = one(rendered(tmp_path, values), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/settings"])

    assert checksum({}) == checksum({}) != checksum({"settings": {"PROKUBE_AUTH_SESSION_IDLE_SECONDS": 3600}})


def test_the_names_in_the_cluster_follow_from_the_namespace(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"settings": NEEDED}))
    done = helm("template", "any", CHART, "--namespace", "ml", "--values", values, "--kube-version", "1.31")
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    assert {each["metadata"]["namespace"] for each in made} == {"ml"}
    (settings,) = [each["data"] for each in made if each["kind"] == "ConfigMap"]
    assert settings["PROKUBE_AUTH_INTERNAL_HOSTS"] == "mlflow.ml,mlflow.ml.svc,mlflow.ml.svc.cluster.local"


def test_the_server_accepts_the_settings_of_its_pod(tmp_path: Path) -> None:
    made = rendered(tmp_path)
    (environment,) = [dict(each["data"]) for each in made if each["kind"] == "ConfigMap"]
    _, container = containers([one(made, "Deployment")])[0]
    for variable in container["env"]:
        value = variable.get("value", "postgresql://from-the-secret/mlflow")
        if value.startswith("/run/secrets/mlflow/"):
            file = tmp_path / Path(value).name
            file.write_text("0123456789-0123456789-0123456789-0123456789")
            value = str(file)
        environment[variable["name"]] = value
    assert load(environment).external_url == NEEDED["PROKUBE_AUTH_EXTERNAL_URL"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt value": ({"worker": 4}, "worker"),
    "a misspelt value inside another": ({"ingress": {"enable": True}}, "enable"),
    "another type": ({"workers": "four"}, "workers"),
    "no workers": ({"workers": 0}, "workers"),
    "an issuer that is no URL": ({"settings": {"PROKUBE_AUTH_OIDC_ISSUER": "keycloak"}}, "PROKUBE_AUTH_OIDC_ISSUER"),
    "a setting in lower case": (
        {"settings": {"prokube_auth_session_idle_seconds": 4}},
        "prokube_auth_session_idle_seconds",
    ),
    "a secret among the settings": ({"settings": {"PROKUBE_AUTH_SECRET_KEY": "x" * 40}}, "PROKUBE_AUTH_SECRET_KEY"),
    "a size that is no quantity": ({"temporaryFiles": "50 gigabytes"}, "temporaryFiles"),
    "a prefix for the ingress": (
        {"ingress": {"enabled": True}, "settings": {"PROKUBE_AUTH_EXTERNAL_URL": "https://x.example.com/mlflow"}},
        "the chart's ingress serves no prefix",
    ),
}


@pytest.mark.parametrize("values", REFUSED)
def test_a_wrong_value_is_refused_by_its_name(values: str, tmp_path: Path) -> None:
    given, named = REFUSED[values]
    done = template(tmp_path, given)
    assert done.returncode != 0
    assert named in done.stderr
    assert "x" * 40 not in done.stderr


def test_without_its_three_settings_it_is_not_installed(tmp_path: Path) -> None:
    done = template(tmp_path, {}, needed=False)
    assert done.returncode != 0
    assert all(name in done.stderr for name in NEEDED)


def test_no_secret_can_stand_among_the_settings() -> None:
    refused = set(SCHEMA["properties"]["settings"]["propertyNames"]["not"]["enum"])
    assert {PREFIX + name for name in SECRETS} <= refused


def described(schema: dict[str, Any], values: Any) -> None:
    """Each value has a schema, and the other way round."""
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is False:
        assert set(values) | {"global"} == set(properties) | {"global"}
        for name, value in values.items():
            if isinstance(value, dict):
                described(properties[name], value)


def test_the_schema_knows_each_value_and_no_other() -> None:
    described(SCHEMA, VALUES)
    assert SCHEMA["additionalProperties"] is False


def test_its_version_is_the_packages() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == mlflow_prokube_auth.__version__
