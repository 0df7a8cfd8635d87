"""MLflow's workspaces: login opens the default one, and names are unique across all of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless

from ..conftest import Demo, running_demo

API = "/api/2.0/mlflow"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A server with workspaces on; alice may use the workspaces `default` and `lab`, bob only `default`."""
    with running_demo(tmp_path_factory.mktemp("spaces"), env={"MLFLOW_ENABLE_WORKSPACES": "true"}) as demo:
        for who in ("alice", "bob"):
            with httpx.Client(base_url=demo.url, timeout=30, headers=PAGE) as browser:
                start = browser.get("/prokube-auth/login/start")
                browser.get(login_headless(start.headers["location"], f"{who}@example.com"))
        with httpx.Client(base_url=f"{demo.url}/api/3.0/mlflow", auth=demo.auth("admin"), timeout=30) as admin:
            assert admin.post("/workspaces", json={"name": "lab"}).is_success
            role = admin.post("/roles/create", json={"name": "lab", "workspace": "lab"}).json()["role"]["id"]
            use = {"role_id": role, "resource_type": "workspace", "resource_pattern": "*", "permission": "USE"}
            assert admin.post("/roles/permissions/add", json=use).is_success
            assign = {"role_id": role, "username": "alice@example.com"}
            assert admin.post("/roles/assign", json=assign).is_success
        yield demo


def create(demo: Demo, who: str, kind: str, name: str, workspace: str) -> httpx.Response:
    return httpx.post(
        f"{demo.url}{API}/{kind}/create",
        json={"name": name},
        auth=demo.auth(who),
        headers={"X-MLFLOW-WORKSPACE": workspace},
        timeout=30,
    )


@pytest.mark.parametrize("kind", ["experiments", "registered-models"])
def test_a_name_of_one_workspace_is_taken_in_every_other(spaces: Demo, kind: str) -> None:
    name = f"weather-{kind}"
    made = create(spaces, "alice", kind, name, "lab")
    assert made.status_code == 200, made.text
    for who, workspace in (("bob", "default"), ("bob", "lab"), ("alice", "default")):
        answer = create(spaces, who, kind, name, workspace)
        assert answer.status_code in (400, 403), (who, workspace, answer.text)
        if who == "bob" and workspace == "default":
            assert answer.json()["error_code"] == "PERMISSION_DENIED"
            assert f"'{name}' is already taken" in answer.json()["message"]


@pytest.mark.parametrize("kind", ["experiments", "registered-models"])
def test_who_uses_the_default_workspace_sees_nothing_of_others_there(spaces: Demo, kind: str) -> None:
    name = f"private-{kind}"
    assert create(spaces, "alice", kind, name, "default").status_code == 200
    for who, sees in (("alice", True), ("bob", False)):
        with httpx.Client(base_url=spaces.url + API, auth=spaces.auth(who), timeout=30) as client:
            if kind == "experiments":
                found = client.post("/experiments/search", json={"max_results": 100}).json().get("experiments", [])
                one = client.get("/experiments/get-by-name", params={"experiment_name": name})
            else:
                found = client.get("/registered-models/search").json().get("registered_models", [])
                one = client.get("/registered-models/get", params={"name": name})
        assert (name in [item["name"] for item in found]) is sees
        assert one.status_code == (200 if sees else 403)
