"""MLflow's workspaces: login opens the default one, and names are unique across all of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless

from ..support.demo import Demo, running_demo
from ..support.releases import SINCE_3_18
from ..support.tenants import Tenant, trace_id

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


SOURCE = {"source_type": "git", "source": "https://example.com/s.git", "digest": "a" * 64}
# What FastAPI creates: its route, a body, and the same by a version of what is not there.
SERVER = {"name": "io.x/weather", "version": "1.0.0", "description": "d"}
NATIVE = {
    "mcp_server": (
        ("/mcp-servers", {"name": "io.x/weather"}),
        ("/mcp-servers/io.x/weather/versions", {"version": "1.0.0", "server_json": SERVER}),
    ),
    "skill": (
        ("/skills", {"name": "weather", "organization": "x"}),
        ("/skills/@x/weather/versions", SOURCE),
        ("/skills/bulk-register", {"organization": "x", "skills": [{**SOURCE, "name": "weather"}]}),
    ),
}


@pytest.mark.parametrize("kind", ["mcp_server", pytest.param("skill", marks=SINCE_3_18)])
def test_nor_does_any_route_of_fastapis_make_a_twin(spaces: Demo, kind: str) -> None:
    def asked(who: str, path: str, body: object, workspace: str) -> httpx.Response:
        url, headers = f"{spaces.url}/api/3.0/mlflow{path}", {"X-MLFLOW-WORKSPACE": workspace}
        return httpx.post(url, json=body, auth=spaces.auth(who), headers=headers, timeout=30)

    (route, body), *on_the_fly = NATIVE[kind]
    made = asked("alice", route, body, "lab")
    assert made.status_code == 200, made.text
    for path, given in NATIVE[kind]:
        for who in ("bob", "alice"):
            answer = asked(who, path, given, "default")
            assert (who, path, answer.status_code) == (who, path, 403), answer.text
            assert "is already taken and you may not access it" in answer.json()["message"]
    for path, given in on_the_fly:
        answer = asked("alice", path, given, "lab")
        assert answer.status_code == 200, (path, answer.text)
        assert asked("bob", path, given, "lab").status_code == 403, path


@pytest.mark.parametrize("api", ["api", "ajax-api"])
def test_a_workspace_is_shown_to_who_may_use_it_and_changed_by_administrators(spaces: Demo, api: str) -> None:
    lab, none = (f"{spaces.url}/{api}/3.0/mlflow/workspaces/{name}" for name in ("lab", "none"))
    shown = httpx.get(lab, auth=spaces.auth("alice"), timeout=30)
    assert (shown.status_code, shown.json()["workspace"]["name"]) == (200, "lab"), shown.text
    for who, method, url in (
        ("bob", "GET", lab), ("bob", "GET", none), ("alice", "PATCH", lab), ("alice", "DELETE", lab)
    ):  # fmt: skip
        body = {"description": "mine"} if method == "PATCH" else None
        answer = httpx.request(method, url, auth=spaces.auth(who), timeout=30, json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED"), answer.text


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


def test_a_models_reader_gets_its_files_in_its_workspace_alone(spaces: Demo) -> None:
    def client(who: str, workspace: str) -> httpx.Client:
        headers = {"X-MLFLOW-WORKSPACE": workspace}
        return httpx.Client(base_url=spaces.url, auth=spaces.auth(who), headers=headers, timeout=60)

    files = "/api/2.0/mlflow-artifacts/artifacts"
    roots = {}
    for workspace in ("lab", "default"):
        name = f"files-{workspace}"
        with client("alice", workspace) as alice:
            experiment = alice.post(f"{API}/experiments/create", json={"name": name}).json()["experiment_id"]
            run = alice.post(f"{API}/runs/create", json={"experiment_id": experiment}).json()["run"]["info"]
            root = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
            put = alice.put(f"{files}/{root}/model/MLmodel", content=workspace.encode())
            assert put.is_success, put.text
            assert alice.post(f"{API}/registered-models/create", json={"name": name}).is_success
            version = {"name": name, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
            made = alice.post(f"{API}/model-versions/create", json=version)
            assert made.is_success, made.text
        roots[workspace] = f"{root}/model"
    assert roots["lab"].startswith("workspaces/lab/")
    with client("admin", "lab") as admin:
        grant = {"username": "bob@example.com", "resource_type": "registered_model", "permission": "READ"}
        made = admin.post("/api/3.0/mlflow/users/permissions/grant", json={**grant, "resource_id": "files-lab"})
        assert made.is_success, made.text
    for workspace in ("lab", "default"):
        with client("bob", workspace) as bob:
            for path in (roots["lab"], roots["lab"].removeprefix("workspaces/lab/"), roots["default"]):
                seen = bob.get(f"{files}/{path}/MLmodel")
                listed = bob.get(files, params={"path": path})
                mine = workspace == "lab" and path != roots["default"]
                assert (workspace, path, seen.status_code, listed.status_code) == (
                    (workspace, path, 200, 200) if mine else (workspace, path, 403, 403)
                ), seen.text
                assert not mine or seen.text == "lab"


def test_spans_reach_ones_own_traces_in_the_workspace_of_the_request_alone(spaces: Demo) -> None:
    def client(who: str, workspace: str) -> Tenant:
        headers = {"X-MLFLOW-WORKSPACE": workspace}
        return Tenant(base_url=spaces.url, auth=spaces.auth(who), headers=headers, timeout=60)

    with client("alice", "lab") as alice:
        hers, theirs = alice.experiment(), trace_id()
        assert alice.export(hers, theirs, name="FIRST").status_code == 200
        assert alice.export(hers, theirs, name="SECOND").status_code == 200
        assert alice.trace(hers, theirs).status_code == 200
        for workspace in ("default", "lab"):
            with client("bob", workspace) as bob:
                his = bob.experiment() if workspace == "default" else hers
                bob.export(his, theirs, name="EVIL")
                assert bob.trace(his, theirs).status_code >= 400
                assert bob.get(f"/api/3.0/mlflow/traces/{theirs}").status_code == 403
        assert sorted(alice.spans(theirs)) == ["FIRST", "SECOND"]
