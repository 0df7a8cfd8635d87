"""The manifests in ``deploy/kubernetes/``: built by the real kustomize, checked against the schemas of Kubernetes.

What is no part of Kubernetes itself is checked against the fields that its project documents, written down here by
hand: Istio's reference (networking/virtual-service, security/authorization-policy, networking/envoy-filter) and
KServe's (ClusterStorageContainer).
"""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mlflow_prokube_auth.settings import SettingsError, load

from ..support.golang import KUSTOMIZE, go_program

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "kubernetes"
KUBERNETES = ("1.31", "1.34")
SELECTED = {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/component": "server"}
Manifest = dict[str, Any]

# Field -> what is below it: a dictionary of fields, a list of one for lists, `str`, `int`, `bool`, a set of words,
# or `dict` for what Kubernetes or Envoy check themselves.
LABELS = {"matchLabels": dict}
CONDITION = {"key": str, "values": [str], "notValues": [str]}
OPERATION = {
    name: [str] for name in ["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"]
}
SOURCE = {
    name: [str]
    for name in [
        "principals",
        "notPrincipals",
        "requestPrincipals",
        "notRequestPrincipals",
        "namespaces",
        "notNamespaces",
        "ipBlocks",
        "notIpBlocks",
        "remoteIpBlocks",
        "notRemoteIpBlocks",
    ]
}
DOCUMENTED: dict[tuple[str, str], Any] = {
    ("networking.istio.io/v1", "VirtualService"): {
        "hosts": [str],
        "gateways": [str],
        "http": [
            {
                "name": str,
                "match": [{"uri": {"exact": str, "prefix": str, "regex": str}}],
                "redirect": {"uri": str, "authority": str, "scheme": str, "redirectCode": int},
                "rewrite": {"uri": str, "authority": str},
                "route": [{"destination": {"host": str, "subset": str, "port": {"number": int}}, "weight": int}],
                "timeout": str,
            }
        ],
    },
    ("security.istio.io/v1", "AuthorizationPolicy"): {
        "selector": LABELS,
        "action": {"ALLOW", "DENY", "AUDIT", "CUSTOM"},
        "provider": {"name": str},
        "rules": [{"from": [{"source": SOURCE}], "to": [{"operation": OPERATION}], "when": [CONDITION]}],
    },
    ("networking.istio.io/v1alpha3", "EnvoyFilter"): {
        "workloadSelector": {"labels": dict},
        "configPatches": [
            {
                "applyTo": {"HTTP_ROUTE", "HTTP_FILTER", "VIRTUAL_HOST", "ROUTE_CONFIGURATION"},
                "match": {
                    "context": {"ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"},
                    "routeConfiguration": {"name": str, "vhost": {"name": str, "route": {"name": str}}},
                },
                "patch": {"operation": {"MERGE", "ADD", "REMOVE", "REPLACE"}, "value": dict},
            }
        ],
    },
    ("serving.kserve.io/v1alpha1", "ClusterStorageContainer"): {
        "container": dict,
        "supportedUriFormats": [{"prefix": str, "regex": str}],
        "workloadType": {"initContainer", "localModelDownloadJob"},
        "supportsMultiModelDownload": bool,
    },
}


def undocumented(found: Any, fields: Any, where: str = "spec") -> list[str]:
    """Where ``found`` is not what the fields say."""
    if isinstance(fields, set):
        return [] if found in fields else [f"{where}: {found}"]
    if isinstance(fields, list):
        if not isinstance(found, list) or not found:
            return [f"{where}: expected a list that is not empty"]
        return [fault for at, item in enumerate(found) for fault in undocumented(item, fields[0], f"{where}[{at}]")]
    if isinstance(fields, dict):
        if not isinstance(found, dict):
            return [f"{where}: expected fields"]
        faults = [f"{where}.{name}: no such field" for name in found.keys() - fields.keys()]
        known = found.keys() & fields.keys()
        return faults + [
            fault for name in known for fault in undocumented(found[name], fields[name], f"{where}.{name}")
        ]
    # A bool is an int to isinstance.
    return [] if type(found) is fields else [f"{where}: expected {fields.__name__}, found {found!r}"]


def build(folder: str) -> list[Manifest]:
    program = go_program(*KUSTOMIZE)
    done = subprocess.run([program, "build", DEPLOY / folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return build("base")


@pytest.fixture(scope="module")
def kubeflow() -> list[Manifest]:
    return build("kubeflow")


@pytest.fixture(scope="module")
def secrets() -> list[Manifest]:
    return list(yaml.safe_load_all((DEPLOY / "secrets.example.yaml").read_text()))


def one(manifests: list[Manifest], kind: str, name: str = "mlflow") -> Manifest:
    (found,) = [item for item in manifests if item["kind"] == kind and item["metadata"]["name"] == name]
    return found


def containers(manifests: list[Manifest]) -> list[tuple[Manifest, Manifest]]:
    """Each pod's spec with each of its containers."""
    pods = [item["spec"]["template"]["spec"] for item in manifests if item["kind"] in ("Deployment", "Job")]
    return [(pod, container) for pod in pods for container in pod["containers"]]


def test_base_holds_all_that_a_server_needs(base: list[Manifest]) -> None:
    assert sorted(item["kind"] for item in base) == [
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "Namespace", "NetworkPolicy",
        "PodDisruptionBudget", "Service", "ServiceAccount",
    ]  # fmt: skip
    assert {item["metadata"].get("namespace", "mlflow") for item in base} == {"mlflow"}


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("folder", ["base", "kubeflow", "secrets"])
def test_kubernetes_knows_every_field(folder: str, version: str, request: pytest.FixtureRequest) -> None:
    checked = 0
    for item in request.getfixturevalue(folder):
        if (item["apiVersion"], item["kind"]) not in DOCUMENTED:
            kubernetes_validate.validate(item, version, strict=True)
            checked += 1
    assert checked >= 2


def test_a_misspelt_field_is_found(base: list[Manifest]) -> None:
    wrong = copy.deepcopy(one(base, "Deployment"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES[0], strict=True)
    assert undocumented({"hosts": ["*"], "htp": []}, DOCUMENTED["networking.istio.io/v1", "VirtualService"]) == [
        "spec.htp: no such field"
    ]


def test_istio_and_kserve_document_every_field(kubeflow: list[Manifest]) -> None:
    checked = []
    for item in kubeflow:
        fields = DOCUMENTED.get((item["apiVersion"], item["kind"]))
        if fields is not None:
            assert set(item) == {"apiVersion", "kind", "metadata", "spec"}
            assert undocumented(item["spec"], fields) == [], item["metadata"]["name"]
            checked.append(item["kind"])
    assert sorted(checked) == ["AuthorizationPolicy"] * 3 + ["ClusterStorageContainer"] * 2 + [
        "EnvoyFilter",
        "VirtualService",
    ]


def test_every_container_is_as_confined_as_can_be(kubeflow: list[Manifest]) -> None:
    found = containers(kubeflow)
    assert len(found) == 2
    for pod, container in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text()) == ["10001"]


def test_no_secret_stands_in_a_manifest_and_each_that_is_named_is_in_the_template(
    kubeflow: list[Manifest], secrets: list[Manifest]
) -> None:
    assert [item for item in kubeflow if item["kind"] == "Secret"] == []
    offered = {item["metadata"]["name"]: set(item["stringData"]) for item in secrets}
    named = set()
    for pod, container in containers(kubeflow):
        for variable in container["env"]:
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                named.add((reference["name"], reference["key"]))
            else:
                assert variable["name"].endswith("_FILE") or not re.search("SECRET|TOKEN|PASSWORD", variable["name"])
        for volume in pod["volumes"]:
            for item in volume.get("secret", {}).get("items", []):
                named.add((volume["secret"]["secretName"], item["key"]))
    assert named == {("mlflow-server", key) for key in offered["mlflow-server"]}
    assert "AWS_SECRET_ACCESS_KEY" in offered["mlflow-s3"]
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(settings_of(kubeflow))


def settings_of(manifests: list[Manifest]) -> dict[str, str]:
    (found,) = [item["data"] for item in manifests if item["kind"] == "ConfigMap"]
    return dict(found)


@pytest.mark.parametrize(
    ("folder", "url"), [("base", "https://mlflow.example.com"), ("kubeflow", "https://kubeflow.example.com/mlflow")]
)
def test_the_server_accepts_the_settings_of_its_pod(
    folder: str, url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    manifests = request.getfixturevalue(folder)
    _, container = containers([one(manifests, "Deployment")])[0]
    environment = settings_of(manifests)
    for variable in container["env"]:
        value = variable.get("value", "postgresql://from-the-secret/mlflow")
        if value.startswith("/run/secrets/mlflow/"):
            file = tmp_path / Path(value).name
            file.write_text("0123456789-0123456789-0123456789-0123456789")
            value = str(file)
        environment[variable["name"]] = value
    settings = load(environment)
    assert settings.external_url == url
    assert settings.metrics_token is not None


def test_a_template_that_was_not_filled_in_does_not_start(base: list[Manifest], secrets: list[Manifest]) -> None:
    template = secrets[0]["stringData"]
    environment = settings_of(base) | {
        "PROKUBE_AUTH_OIDC_CLIENT_SECRET": template["oidc-client-secret"],
        "PROKUBE_AUTH_SECRET_KEY": template["secret-key"],
        "PROKUBE_AUTH_METRICS_TOKEN": template["metrics-token"],
    }
    with pytest.raises(SettingsError) as refused:
        load(environment)
    assert "PROKUBE_AUTH_SECRET_KEY" in str(refused.value)
    assert "PROKUBE_AUTH_METRICS_TOKEN" in str(refused.value)


def test_the_deployment_leaves_the_number_of_replicas_to_the_autoscaler(base: list[Manifest]) -> None:
    assert "replicas" not in one(base, "Deployment")["spec"]
    scaler = one(base, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mlflow"}
    assert scaler["minReplicas"] == 2
    assert one(base, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_service_and_budget_select_the_server_and_not_the_job(base: list[Manifest]) -> None:
    assert one(base, "Service")["spec"]["selector"] == SELECTED
    assert one(base, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == SELECTED
    assert one(base, "Deployment")["spec"]["template"]["metadata"]["labels"] == SELECTED
    job = one(base, "Job", "mlflow-db-upgrade")["spec"]["template"]
    assert job["metadata"]["labels"]["app.kubernetes.io/component"] == "migration"
    assert job["spec"]["containers"][0]["args"] == ["mlflow-prokube-auth", "db", "upgrade"]


def test_the_settings_of_the_pod_are_those_that_were_generated(kubeflow: list[Manifest]) -> None:
    (generated,) = [item for item in kubeflow if item["kind"] == "ConfigMap"]
    _, container = containers([one(kubeflow, "Deployment")])[0]
    assert container["envFrom"][0] == {"configMapRef": {"name": generated["metadata"]["name"]}}
    assert re.fullmatch(r"mlflow-settings-\w{10}", generated["metadata"]["name"])


def test_probes_and_metrics_are_the_routes_that_the_documents_name(base: list[Manifest]) -> None:
    _, container = containers([one(base, "Deployment")])[0]
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": {"path": "/prokube-auth/health", "port": "http"},
        "liveness": {"path": "/prokube-auth/health", "port": "http"},
        "readiness": {"path": "/prokube-auth/ready", "port": "http"},
    }
    assert one(base, "Deployment")["spec"]["template"]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "5000",
        "prometheus.io/path": "/prokube-auth/metrics",
    }
    operating = (ROOT / "docs" / "operating.md").read_text()
    for path in ("/prokube-auth/health", "/prokube-auth/ready", "/prokube-auth/metrics"):
        assert f"GET {path}`" in operating


def test_the_network_opens_the_servers_port_alone_and_no_metadata_service(kubeflow: list[Manifest]) -> None:
    policy = one(kubeflow, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"protocol": "TCP", "port": 5000}]]
    anywhere = [port["port"] for rule in policy["egress"] if "to" not in rule for port in rule["ports"]]
    assert anywhere == [443, 5432, 8080, 8443, 9000]
    assert 15012 in [port["port"] for rule in policy["egress"] for port in rule["ports"]]


def test_the_route_takes_the_prefix_off_and_no_path_beside_it(kubeflow: list[Manifest]) -> None:
    redirect, route = one(kubeflow, "VirtualService")["spec"]["http"]
    assert redirect["match"] == [{"uri": {"exact": "/mlflow"}}]
    assert redirect["redirect"] == {"uri": "/mlflow/", "redirectCode": 307}
    assert route["match"] == [{"uri": {"prefix": "/mlflow/"}}]
    assert route["rewrite"] == {"uri": "/"}
    service = one(kubeflow, "Service")
    (target,) = route["route"]
    assert target["destination"] == {"host": "mlflow.mlflow.svc.cluster.local", "port": {"number": 80}}
    assert (service["metadata"]["name"], service["metadata"]["namespace"]) == ("mlflow", "mlflow")
    assert service["spec"]["ports"][0]["port"] == 80
    assert target["destination"]["host"] in settings_of(kubeflow)["PROKUBE_AUTH_INTERNAL_HOSTS"].split(",")


def test_access_keys_pass_the_ingress_below_mlflow_and_nowhere_else(kubeflow: list[Manifest]) -> None:
    for name in ("istio-ingressgateway-oauth2-proxy", "istio-ingressgateway-require-jwt"):
        policy = one(kubeflow, "AuthorizationPolicy", name)
        assert policy["metadata"]["namespace"] == "istio-system"
        (rule,) = policy["spec"]["rules"]
        (to,) = rule["to"]
        # Kubeflow's own, and the two of MLflow.
        assert to["operation"] == {"notPaths": ["/dex/*", "/dex/**", "/oauth2/*", "/mlflow", "/mlflow/*"]}
    (patch,) = one(kubeflow, "EnvoyFilter", "mlflow-access-keys")["spec"]["configPatches"]
    names = [route["name"] for route in one(kubeflow, "VirtualService")["spec"]["http"]]
    assert patch["match"]["routeConfiguration"]["vhost"]["route"]["name"] == names[1] == "mlflow"
    (switched,) = patch["patch"]["value"]["typed_per_filter_config"].items()
    assert (switched[0], switched[1]["disabled"]) == ("envoy.filters.http.jwt_authn", True)


def test_the_policy_on_the_server_opens_its_port_and_selects_it_alone(kubeflow: list[Manifest]) -> None:
    policy = one(kubeflow, "AuthorizationPolicy")
    assert policy["metadata"]["namespace"] == "mlflow"
    assert policy["spec"]["selector"]["matchLabels"] == SELECTED
    assert policy["spec"]["rules"] == [{"to": [{"operation": {"ports": ["5000"]}}]}]


def test_each_workload_of_kserve_has_its_storage_container(kubeflow: list[Manifest]) -> None:
    found = [item["spec"] for item in kubeflow if item["kind"] == "ClusterStorageContainer"]
    assert [spec["workloadType"] for spec in found] == ["initContainer", "localModelDownloadJob"]
    for spec in found:
        container = spec["container"]
        assert container["name"] == "storage-initializer"
        assert not {"args", "command"} & set(container)
        assert container["image"] == "mlflow-storage-initializer:0.1.0"
        assert [variable["name"] for variable in container["env"]] == [
            variable["valueFrom"]["secretKeyRef"]["key"] for variable in container["env"]
        ]
        assert spec["supportedUriFormats"] == [{"prefix": "mlflow://"}]
        assert spec["supportsMultiModelDownload"] is True
        # As Kubernetes sees it: a container among a pod's.
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [container]}}
        kubernetes_validate.validate(pod, KUBERNETES[-1], strict=True)


def test_the_document_names_every_folder_and_resource(kubeflow: list[Manifest]) -> None:
    document = (ROOT / "docs" / "kubernetes.md").read_text()
    for folder in ("base", "kserve", "kubeflow", "secrets.example.yaml"):
        assert f"deploy/kubernetes/{folder}" in document
    for kind in {item["kind"] for item in kubeflow} - {"Namespace", "ConfigMap", "ServiceAccount"}:
        assert kind in document, kind


def test_the_overlay_of_the_document_sets_images_and_settings(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "kubernetes.md").read_text()
    overlay, images = [textwrap.dedent(found) for found in re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)][:2]
    shutil.copytree(DEPLOY, tmp_path / "mlflow-prokube-auth" / "deploy" / "kubernetes")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "images.yaml").write_text(images)
    (mine / "kustomization.yaml").write_text(overlay + "configurations: [images.yaml]\n")
    built = build(str(mine))
    found = {container["image"] for _, container in containers(built)}
    found |= {item["spec"]["container"]["image"] for item in built if item["kind"] == "ClusterStorageContainer"}
    assert found == {
        "registry.example.com/mlflow-prokube-auth:0.1.0",
        "registry.example.com/mlflow-storage-initializer:0.1.0",
    }
    assert settings_of(built)["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://bucket/mlflow"
    assert settings_of(built)["PROKUBE_AUTH_EXTERNAL_URL"] == "https://kubeflow.example.com/mlflow"
