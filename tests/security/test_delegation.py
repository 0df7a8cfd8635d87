"""The server's own tokens name nobody to us: neither that of an Assistant's tool, nor that of jobs, on any route.

MLflow 3.18 believes both before it asks the authorization function who is calling.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.version import VERSION
from packaging.version import Version

from mlflow_prokube_auth.identity import inside

from ..support.processes import free_port
from ..support.world import ADMIN, ALICE, BOB, Place, running_world, with_keys

KEY = "a signing key that somebody has set, or found"
KEY_ENV, JOB_TOKEN_ENV = "_MLFLOW_ASSISTANT_DELEGATION_SIGNING_KEY", "_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN"
HEADERS = ("X-MLflow-Assistant-Delegation", "x_mlflow_assistant_delegation")
since_3_18 = pytest.mark.skipif(Version(VERSION) < Version("3.18.dev0"), reason="MLflow 3.18 has delegation first")
# Flask's routes and FastAPI's own.
ROUTES = (
    ("GET", "/ajax-api/2.0/mlflow/users/current"), ("POST", "/api/2.0/mlflow/experiments/create"),
    ("POST", "/api/2.0/mlflow/runs/search"), ("POST", "/graphql"), ("GET", "/prokube-auth/api/permissions"),
    ("POST", "/v1/traces"), ("POST", "/ajax-api/3.0/jobs/search"), ("GET", "/ajax-api/3.0/mlflow/assistant/config"),
    ("GET", "/api/3.0/mlflow/mcp-servers"), ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("POST", "/gateway/e/mlflow/invocations"), ("POST", "/gateway/mlflow/v1/chat/completions"),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server in whose environment there is a key, as under the app name basic-auth."""
    port, folder = free_port(), tmp_path_factory.mktemp("delegation")
    with running_world(folder, f"http://127.0.0.1:{port}", port, environment={KEY_ENV: KEY}, command=True) as world:
        yield with_keys(world)


def environments(place: Place) -> list[dict[str, str]]:
    """Of the server's processes, the parent first."""
    pids = [place.world.pid]
    for pid in pids:
        pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    read = [Path(f"/proc/{pid}/environ").read_text().split("\0") for pid in pids]
    return [dict(each.split("=", 1) for each in lines if "=" in each) for lines in read]


def minted(username: str, key: str = KEY, seconds: int = 300) -> str:
    expiry = int(time.time() * 1000) + seconds * 1000
    digest = hmac.new(key.encode(), f"v1\n{username}\n{expiry}".encode(), hashlib.sha256).digest()
    return f"v1:{username}:{expiry}:{base64.urlsafe_b64encode(digest).decode()}"


@since_3_18
def test_the_tokens_of_these_tests_are_those_that_mlflow_believes(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.server.assistant.delegation import mint_delegation_credential, verify_delegation_credential

    monkeypatch.setenv(KEY_ENV, KEY)
    assert verify_delegation_credential(minted(ADMIN)) == ADMIN
    assert verify_delegation_credential(minted(ADMIN, "another")) is None
    monkeypatch.delenv(KEY_ENV)
    assert mint_delegation_credential(ADMIN) is None
    assert verify_delegation_credential(minted(ADMIN, "")) is None


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_assistants_token_names_nobody(place: Place, method: str, path: str, header: str) -> None:
    for token in (minted(ADMIN), minted(ADMIN, "forged"), minted(ADMIN, seconds=-1), "v1:x"):
        with place.client(None) as client:
            answer = client.request(method, path, json={} if method == "POST" else None, headers={header: token})
        assert answer.status_code == 401, (token, answer.text)


@pytest.mark.parametrize("header", HEADERS)
def test_beside_a_key_the_key_alone_counts(place: Place, header: str) -> None:
    with place.client(BOB) as bob:
        bob.headers[header] = minted(ADMIN)
        assert bob.get("/ajax-api/2.0/mlflow/users/current").json()["user"]["username"] == BOB
        name = f"of-bob-{header[1]}"
        made = bob.post("/api/2.0/mlflow/experiments/create", json={"name": name})
        assert made.status_code == 200
        assert bob.get("/ajax-api/3.0/mlflow/assistant/config").status_code == 403
        submitted = bob.post("/ajax-api/3.0/jobs/", json={"job_name": "invoke_scorer", "params": {}})
        assert submitted.status_code == 403
    with place.client(ALICE) as alice:
        params = {"experiment_name": name}
        assert alice.get("/api/2.0/mlflow/experiments/get-by-name", params=params).status_code == 403


def test_the_token_of_jobs_beside_a_key_makes_nobody_somebody_else(place: Place) -> None:
    """Of the gateway's two headers the engine would read the one that was meant for the upstream."""
    token = next(each[JOB_TOKEN_ENV] for each in environments(place) if JOB_TOKEN_ENV in each)
    basic = "Basic " + base64.b64encode(f"{BOB}:{place.keys[BOB]}".encode()).decode()
    as_admin = "Basic " + base64.b64encode(f"{ADMIN}:{token}".encode()).decode()
    body = {"messages": [{"role": "user", "content": "x"}]}
    with place.client(None) as client:
        for headers in ({"X-MLflow-Authorization": basic, "Authorization": as_admin}, {"Authorization": basic}):
            answer = client.post("/gateway/none/mlflow/invocations", json=body, headers=headers)
            assert answer.status_code == 403, answer.text
        # On other routes it is no password.
        for path in ("/ajax-api/3.0/jobs/search", "/v1/traces", "/api/2.0/mlflow/runs/search"):
            assert client.post(path, json={}, headers={"Authorization": as_admin}).status_code == 401


def test_the_app_of_this_plugin_makes_no_signing_key(tmp_path: Path) -> None:
    port = free_port()
    with running_world(tmp_path, f"http://127.0.0.1:{port}", port, command=True) as world:
        found = environments(Place(world, {}))
        assert len(found) > 1
        assert not [each for each in found if KEY_ENV in each]
        assert [each for each in found if JOB_TOKEN_ENV in each]


def test_the_headers_of_these_tests_are_those_that_end_outside() -> None:
    assert {each.lower().replace("_", "-") for each in HEADERS} == {inside.ASSISTANT_DELEGATION}
