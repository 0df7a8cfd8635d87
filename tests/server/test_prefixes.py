"""The server under a prefix: its own ``--static-prefix``, and a proxy that strips one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless

from ..support.nginx import stripping_nginx
from ..support.processes import NotStarted, free_port, plugin_settings, running_mlflow
from ..support.releases import SINCE_3_18
from ..support.world import ADMIN, ALICE, ARTIFACTS, BOB, PREFIX, Place, running_world, with_keys

CURRENT = "/ajax-api/2.0/mlflow/users/current"
API = "/api/2.0/mlflow"
CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


@pytest.fixture(scope="module")
def static_prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """``mlflow server --static-prefix``; MLflow serves artifacts under the prefix and at the root too."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    directory = tmp_path_factory.mktemp("static-prefix")
    with running_world(directory, root + PREFIX, port, "--static-prefix", PREFIX) as world:
        yield with_keys(world, root + ARTIFACTS)


@pytest.fixture(scope="module")
def stripping_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """nginx takes the prefix off; the server knows of it by its external URL alone."""
    directory, port, backend = tmp_path_factory.mktemp("stripping-proxy"), free_port(), free_port()
    url = f"http://127.0.0.1:{port}{PREFIX}"
    with stripping_nginx(directory / "nginx", port, PREFIX, backend), running_world(directory, url, backend) as world:
        yield replace(with_keys(world), backend=backend)


@pytest.fixture(params=["static_prefix", "stripping_proxy"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    found: Place = request.getfixturevalue(request.param)
    return found


@dataclass
class Run:
    """A run of alice's."""

    experiment_id: str
    run_id: str
    name: str


@pytest.fixture
def run(place: Place) -> Run:
    name = f"prefix-{uuid.uuid4().hex[:8]}"
    with place.client(ALICE) as alice:
        experiment_id = alice.post(f"{API}/experiments/create", json={"name": name}).json()["experiment_id"]
        made = alice.post(f"{API}/runs/create", json={"experiment_id": experiment_id}).json()
    return Run(experiment_id, made["run"]["info"]["run_id"], name)


def test_a_login_leads_to_the_prefix_with_the_hash_kept(place: Place) -> None:
    browser, answer = place.world.log_in(ALICE, "#/experiments/1?x=1")
    assert (answer.status_code, answer.headers["location"]) == (302, "/mlflow/#/experiments/1?x=1")
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("target", ["", "/", "/elsewhere", "/mlflow-of-others/", "//evil.test/mlflow/"])
def test_a_login_never_leads_out_of_the_prefix(place: Place, target: str) -> None:
    _, answer = place.world.log_in(ALICE, target)
    assert answer.headers["location"] == "/mlflow/"


def test_the_cookie_is_sent_to_the_prefix_alone(place: Place) -> None:
    _, answer = place.world.log_in(ALICE)
    parts = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert "Path=/mlflow/" in parts
    assert len(answer.headers.get_list("set-cookie")) == 1


@pytest.mark.parametrize("kind", ["mcp-servers", pytest.param("skills", marks=SINCE_3_18)])
def test_names_of_what_fastapi_creates_are_claimed(place: Place, kind: str) -> None:
    name = f"a{uuid.uuid4().hex[:8]}"
    skill = {"name": name, "organization": "io.example"}
    body = skill if kind == "skills" else {"name": f"io.example/{name}"}
    with place.client(ALICE) as alice, place.client(BOB) as bob:
        assert alice.post(f"/api/3.0/mlflow/{kind}", json=body).status_code == 200
        taken = bob.post(f"/api/3.0/mlflow/{kind}", json=body)
    assert (taken.status_code, taken.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "is already taken" in taken.json()["message"]


def test_users_current_knows_a_session_and_a_key(place: Place) -> None:
    browser, _ = place.world.log_in(BOB)
    assert browser.get(CURRENT).json()["user"]["username"] == BOB
    with place.client(ALICE) as alice, place.client(None) as nobody:
        assert alice.get(CURRENT).json()["user"]["username"] == ALICE
        answer = nobody.get(CURRENT)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_write_by_cookie_needs_the_origin_without_the_prefix(place: Place) -> None:
    browser, _ = place.world.log_in(ALICE)
    body = {"name": f"csrf-{uuid.uuid4().hex[:8]}"}
    refused = browser.post(f"{API}/experiments/create", json=body, headers={"Origin": "http://evil.test"})
    assert refused.status_code == 403
    made = browser.post(f"{API}/experiments/create", json=body, headers={"Origin": place.world.origin})
    assert made.status_code == 200, made.text


def test_what_the_stock_client_asks_is_answered_under_the_external_url(place: Place) -> None:
    name = f"client-{uuid.uuid4().hex[:8]}"
    with place.client(ALICE) as alice:
        free = alice.get(f"{API}/experiments/get-by-name", params={"experiment_name": name})
        assert (free.status_code, free.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        created = alice.post(f"{API}/experiments/create", json={"name": name})
        experiment_id = created.json()["experiment_id"]
        found = alice.get(f"{API}/experiments/get-by-name", params={"experiment_name": name})
        assert found.json()["experiment"]["experiment_id"] == experiment_id
        run = alice.post(f"{API}/runs/create", json={"experiment_id": experiment_id}).json()["run"]
        logged = alice.post(
            f"{API}/runs/log-metric",
            json={"run_id": run["info"]["run_id"], "key": "loss", "value": 0.5, "timestamp": 1, "step": 0},
        )
        assert logged.status_code == 200
        read = alice.get(f"{API}/runs/get", params={"run_id": run["info"]["run_id"]})
        assert read.json()["run"]["data"]["metrics"][0]["value"] == 0.5
        listed = alice.post(f"{API}/experiments/search", json={"max_results": 1000})
        assert name in [item["name"] for item in listed.json()["experiments"]]
    with place.client(BOB) as bob:
        answer = bob.get(f"{API}/runs/get", params={"run_id": run["info"]["run_id"]})
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
        listed = bob.post(f"{API}/experiments/search", json={"max_results": 1000})
        assert name not in [item["name"] for item in listed.json().get("experiments", [])]


def test_artifacts_are_their_owners_at_every_address(place: Place, run: Run) -> None:
    folder = f"{run.experiment_id}/{run.run_id}/artifacts"
    file, listing = f"/{folder}/x.txt", f"?path={folder}"
    for root in place.artifact_roots:
        for method, path in (("PUT", file), ("GET", file), ("GET", listing), ("DELETE", file)):
            for email, expected in ((None, 401), (BOB, 403), (ALICE, 200)):
                with place.client(email) as client:
                    answer = client.request(method, root + path, content=b"hello" if method == "PUT" else None)
                if root == place.bare and (path == listing or method == "DELETE") and email is not None:
                    assert answer.status_code in (403, 404)  # MLflow serves up- and download alone there
                    continue
                assert (root, method, path, email, answer.status_code) == (root, method, path, email, expected)
                if expected != 200:
                    assert answer.json()["error_code"] == CODES[expected]
                elif path == listing:
                    assert [item["path"] for item in answer.json()["files"]] == ["x.txt"]
                elif method == "GET":
                    assert answer.content == b"hello"


def test_a_path_that_climbs_out_of_ones_own_experiment_is_refused(place: Place, run: Run) -> None:
    with place.client(BOB) as bob:
        own = bob.post(f"{API}/experiments/create", json={"name": f"bob-{uuid.uuid4().hex[:8]}"})
        experiment_id = own.json()["experiment_id"]
        for root in place.artifact_roots:
            for dots in ("..", "%2e%2e", "..%2f.."):
                path = f"{root}/{experiment_id}/{dots}/{run.experiment_id}/{run.run_id}/artifacts/x.txt"
                answer = bob.put(path, content=b"evil")
                assert answer.status_code in (400, 403, 404), (path, answer.status_code)


def test_a_taken_name_is_a_permission_error_that_says_what_to_do(place: Place, run: Run) -> None:
    model = f"{run.name}-model"
    with place.client(ALICE) as alice, place.client(BOB) as bob:
        assert alice.post(f"{API}/registered-models/create", json={"name": model}).status_code == 200
        for answer in (
            bob.post(f"{API}/experiments/create", json={"name": run.name}),
            bob.get(f"{API}/experiments/get-by-name", params={"experiment_name": run.name}),
        ):
            assert answer.status_code == 403
            assert answer.json() == {
                "error_code": "PERMISSION_DENIED",
                "message": f"The experiment name '{run.name}' is already taken and you may not access it. "
                f"Choose a different name, for example with your team as prefix ('<team>-{run.name}'), "
                "or ask the MLflow admin for access.",
            }
        for answer, words in (
            (bob.post(f"{API}/registered-models/create", json={"name": model}), f"name '{model}' is already taken"),
            (
                bob.get(f"{API}/registered-models/get", params={"name": model}),
                f"The model or prompt '{model}' does not exist or you may not read it",
            ),
        ):
            assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
            assert words in answer.json()["message"]
        again = alice.post(f"{API}/experiments/create", json={"name": run.name})
        assert again.json()["message"] == f"The experiment name '{run.name}' already exists."


def test_an_unreadable_run_is_refused_with_its_id(place: Place, run: Run) -> None:
    with place.client(BOB) as bob:
        answer = bob.get(f"{API}/runs/get", params={"run_id": run.run_id})
    assert answer.json()["message"] == (
        f"The run '{run.run_id}' does not exist or you may not read it. Ask the MLflow admin for access."
    )


def test_a_deleted_models_name_is_free_again(place: Place) -> None:
    name = f"gone-{uuid.uuid4().hex[:8]}"
    with place.client(ALICE) as alice, place.client(BOB) as bob:
        assert alice.post(f"{API}/registered-models/create", json={"name": name}).status_code == 200
        assert alice.request("DELETE", f"{API}/registered-models/delete", json={"name": name}).status_code == 200
        assert bob.post(f"{API}/registered-models/create", json={"name": name}).status_code == 200
        assert alice.get(f"{API}/registered-models/get", params={"name": name}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/prokube-auth/login", "/prokube-auth/permissions", "/prokube-auth/logged-out"])
def test_every_file_that_a_page_names_is_there(place: Place, path: str) -> None:
    browser = place.world.browser()
    if path != "/prokube-auth/login":
        browser, _ = place.world.log_in(ALICE)
    page = browser.get(path)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    named = re.findall(r'<(?:script|link)\b[^>]*?\b(?:src|href)="([^"#]+)"', page.text)
    files = [urljoin(str(page.url), name) for name in named if not name.startswith("data:")]
    assert files != []
    for file in files:
        assert urlsplit(file).path.startswith("/mlflow/"), file
        assert browser.get(file).status_code == 200, file


def test_our_own_api_and_older_links_are_served(place: Place) -> None:
    browser, _ = place.world.log_in(ALICE)
    assert browser.get("/prokube-auth/api/me").json()["username"] == ALICE
    ours = "/mlflow/prokube-auth/"
    for old, page in (
        ("/oidc/ui/", "permissions"),
        ("/oidc/ui/user", "permissions"),
        ("/oidc/ui/home/#/x", "permissions"),
        ("/oidc/", "permissions"),
        ("/oidc/ui/users/ann@example.com/models", "admin/users"),
        ("/oidc/ui/groups", "admin/teams"),
        ("/oidc/ui/service-accounts", "admin/service-accounts"),
        ("/oidc/ui/trash/runs", "admin/trash"),
        ("/oidc/ui/experiments", "permissions"),
        ("/oidc/ui/experiments/12", "share?kind=experiment&id=12"),
        ("/oidc/ui/models/a%20b", "share?kind=registered_model&id=a+b"),
        ("/oidc/ui//evil.test", "permissions"),
    ):
        sent = browser.get(old)
        assert (sent.status_code, sent.headers["location"]) == (302, f"{ours}{page}"), old


def test_a_page_of_ours_leads_through_login_and_back(place: Place) -> None:
    browser = place.world.browser()
    sent = browser.get("/prokube-auth/permissions")
    location = urlsplit(sent.headers["location"])
    assert (sent.status_code, location.path) == (302, "/mlflow/prokube-auth/login")
    target = parse_qs(location.query)["next"][0]
    answer = browser.get(place.world.callback_url(browser, ALICE, target))
    assert answer.headers["location"] == "/mlflow/prokube-auth/permissions"


def test_an_artifact_that_is_opened_in_a_browser_leads_through_login_and_back(place: Place, run: Run) -> None:
    with place.client(ALICE) as alice:
        alice.put(f"{ARTIFACTS}/{run.experiment_id}/{run.run_id}/artifacts/x.txt", content=b"hello")
    browser = place.world.browser()
    query = f"path=x.txt&run_uuid={run.run_id}"
    sent = browser.get(f"/get-artifact?{query}")
    location = urlsplit(sent.headers["location"])
    assert (sent.status_code, location.path) == (302, "/mlflow/prokube-auth/login")
    target = parse_qs(location.query)["next"][0]
    answer = browser.get(place.world.callback_url(browser, ALICE, target))
    assert answer.headers["location"] == f"/mlflow/get-artifact?{query}"
    assert browser.get(answer.headers["location"].removeprefix(PREFIX)).text == "hello"


def test_the_external_url_without_a_slash_leads_to_the_page(place: Place) -> None:
    with httpx.Client(headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, timeout=30) as browser:
        answer = browser.get(place.world.url)
    assert answer.status_code in (301, 302, 307, 308)
    assert urlsplit(urljoin(place.world.url, answer.headers["location"])).path == "/mlflow/"


def test_logout_goes_to_the_provider_and_comes_back_to_the_prefix(place: Place) -> None:
    browser, _ = place.world.log_in(ALICE)
    answer = browser.post("/prokube-auth/logout", headers={"Origin": place.world.origin})
    assert "Path=/mlflow/" in answer.headers["set-cookie"]
    leave = answer.json()["redirect"]
    back = f"{place.world.url}/prokube-auth/logged-out"
    assert leave.startswith(f"{place.world.provider.issuer}/")
    assert parse_qs(urlsplit(leave).query)["post_logout_redirect_uri"] == [back]
    returned = httpx.get(leave).headers["location"]
    assert returned.split("?")[0] == back
    page = browser.get(returned)
    assert (page.status_code, "You are logged out" in page.text) == (200, True)
    assert 'href="/mlflow/prokube-auth/login"' in page.text
    assert browser.get(CURRENT).status_code == 401


def test_the_audit_trail_shows_whom_a_proxy_on_this_machine_names(stripping_proxy: Place) -> None:
    browser, _ = stripping_proxy.world.log_in(ALICE)
    transport = httpx.HTTPTransport(local_address="127.0.0.9")
    headers = {"Origin": stripping_proxy.world.origin, "X-Forwarded-For": "203.0.113.7"}  # nginx puts its own there
    with httpx.Client(transport=transport, cookies=browser.cookies, timeout=30) as elsewhere:
        answer = elsewhere.post(f"{stripping_proxy.world.url}/prokube-auth/logout", headers=headers)
    assert answer.status_code == 200, answer.text
    newest = "SELECT client FROM prokube_audit_events WHERE action = 'logout' ORDER BY id DESC LIMIT 1"
    assert stripping_proxy.world.rows(newest) == [("127.0.0.9",)]


@pytest.mark.parametrize(
    ("options", "environment"),
    [(("--static-prefix", "/health-mlflow"), {}), ((), {"_MLFLOW_STATIC_PREFIX": "/health-mlflow"})],
    ids=["option", "variable"],
)
def test_a_server_does_not_start_under_a_prefix_that_mlflow_takes_for_public(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    port = free_port()
    settings = plugin_settings("http://127.0.0.1:9", "secret", f"http://127.0.0.1:{port}/health-mlflow") | environment
    with (
        pytest.raises(NotStarted, match=r"--static-prefix \(MLFLOW_STATIC_PREFIX\): found '/health-mlflow', expected"),
        running_mlflow(tmp_path, port, *options, environment=settings),
    ):
        pass


def test_health_is_public_and_the_rest_is_not(place: Place) -> None:
    with place.client(None) as nobody:
        assert nobody.get("/health").status_code == 200
        for path in (
            "/version",
            f"{API}/experiments/get?experiment_id=0",
            "/v1/traces",
            "/gateway/x/mlflow/invocations",
        ):
            assert nobody.get(path).status_code in (401, 405), path
        assert nobody.post("/graphql", json={"query": "{ __typename }"}).status_code == 401


def test_a_graphql_answer_hides_an_unreadable_experiment(place: Place, run: Run) -> None:
    query = "query Q($i: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $i) { experiment { name } } }"
    body = {"query": query, "operationName": "Q", "variables": {"i": {"experimentId": run.experiment_id}}}
    with place.client(ALICE) as alice, place.client(BOB) as bob:
        assert run.name in alice.post("/graphql", json=body).text
        assert run.name not in bob.post("/graphql", json=body).text


def test_the_administrator_sees_all(place: Place, run: Run) -> None:
    with place.client(ADMIN) as admin:
        answer = admin.get(f"{API}/experiments/get", params={"experiment_id": run.experiment_id})
    assert answer.json()["experiment"]["name"] == run.name


def test_who_may_not_log_in_is_offered_another_account_under_the_prefix(place: Place) -> None:
    browser = place.world.browser()
    start = browser.get("/prokube-auth/login/start")
    answer = browser.get(login_headless(start.headers["location"], "mallory@example.com"))
    assert answer.status_code == 403
    assert "%2Fmlflow%2Fprokube-auth%2Flogin" in answer.text


@pytest.mark.parametrize(("without", "expected"), [("", 200), ("client_max_body_size", 413)])
def test_a_model_of_more_than_a_megabyte_passes_nginx_as_documented(
    stripping_proxy: Place, tmp_path: Path, without: str, expected: int
) -> None:
    assert stripping_proxy.backend is not None
    port = free_port()
    with (
        stripping_nginx(tmp_path / "nginx", port, PREFIX, stripping_proxy.backend, without),
        stripping_proxy.client(ALICE, f"http://127.0.0.1:{port}{PREFIX}") as alice,
    ):
        made = alice.post(f"{API}/experiments/create", json={"name": f"large {expected}"}).json()
        run = alice.post(f"{API}/runs/create", json=made).json()["run"]["info"]
        path = f"{ARTIFACTS}/{run['experiment_id']}/{run['run_id']}/artifacts/model.bin"
        content = b"x" * 3_000_000
        answer = alice.put(path, content=content)
        assert answer.status_code == expected
        assert (alice.get(path).content == content) is (expected == 200)
