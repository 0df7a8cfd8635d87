"""Workloads with tokens of a trusted issuer, on a real server: what they may do, and what administrators do to them."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.identity.issuer_keys import COOLDOWN_SECONDS
from mlflow_prokube_auth.identity.tokens import LEEWAY_SECONDS

from ..support.administration import Admin
from ..support.clients import chosen_releases, client_environment, client_python
from ..support.environments import install_package
from ..support.issuers import TRAINER, TestIssuer, running_issuer
from ..support.journeys import JOURNEYS, journey
from ..support.processes import free_port
from ..support.sharing import OWN
from ..support.volume import Volume, token_file_variables
from ..support.world import ADMIN, World, running_world

ME = f"{OWN}/me"


@dataclass
class Place:
    """A server that trusts an issuer, and an administrator's browser."""

    world: World
    issuer: TestIssuer
    admin: Admin
    accounts: int = 0

    def account(self) -> str:
        """A new service account."""
        self.accounts += 1
        return str(self.admin.call("POST", "service-accounts", 201, name=f"trainer-{self.accounts}")["username"])

    def bind(self, user: str, expected: int = 201, **body: Any) -> Any:
        return self.admin.call(
            "POST", f"accounts/workloads?user={user}", expected, **{"issuer": self.issuer.url, **body}
        )

    def unbind(self, user: str, binding: dict[str, Any], expected: int = 204) -> Any:
        return self.admin.call("DELETE", f"accounts/workloads?user={user}&id={binding['id']}", expected)

    def bindings(self, user: str) -> Any:
        return self.admin.call("GET", "accounts/workloads", user=user)

    def client(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.world.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def ask(self, token: str, path: str = ME) -> httpx.Response:
        with self.client(token) as client:
            return client.get(path)

    def refusal(self, token: str) -> str:
        said = self.ask(token)
        assert (said.status_code, said.json()["error_code"]) == (401, "UNAUTHENTICATED"), said.text
        assert token not in said.text
        return str(said.json()["message"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running_issuer(url) as issuer,
        running_world(tmp_path_factory.mktemp("workloads"), url, port, TRUSTED_ISSUERS=issuer.url) as world,
    ):
        yield Place(world, issuer, Admin(world))


def subject(name: str) -> str:
    """A pod's, of a namespace of its own."""
    return f"system:serviceaccount:{name}:trainer"


def test_a_stock_client_spends_its_day_with_a_token_alone(place: Place) -> None:
    name = place.account()
    place.bind(name, claims={"sub": subject(name)})
    token = place.issuer.token(sub=subject(name))
    _, found = journey(place.world.url, {"MLFLOW_TRACKING_TOKEN": token})
    assert found
    me = place.ask(token).json()
    assert (me["username"], me["is_admin"], me["key"]) == (name, False, None)
    [binding] = place.bindings(name)["items"]
    assert binding["last_used_at"] is not None
    assert binding["last_used_from"] == "127.0.0.1"
    events = place.admin.call("GET", "audit", action="workload.use", target=name)["items"]
    assert [(event["actor"], event["detail"]["subject"]) for event in events] == [(name, subject(name))]
    log = place.world.log.read_text()
    assert token not in log
    assert token.rpartition(".")[2] not in log


def test_a_workload_counts_like_a_key_and_makes_no_credential(place: Place) -> None:
    name = place.account()
    place.bind(name, claims={"sub": subject(name)})
    with place.client(place.issuer.token(sub=subject(name))) as client:
        made = client.post("/api/2.0/mlflow/experiments/create", json={"name": f"of-{name}"})
        assert made.status_code == 200, made.text
        found = client.get("/api/2.0/mlflow/experiments/get", params={"experiment_id": made.json()["experiment_id"]})
        assert found.status_code == 200
        artifact = "/api/2.0/mlflow-artifacts/artifacts"  # one of FastAPI's own routes
        assert client.get(artifact, params={"path": "999/x"}).status_code in (403, 404)
        for method, path, status in [
            ("POST", "access-key", 401), ("DELETE", "access-key", 401), ("POST", "cli/consent", 401),
            ("GET", "admin/service-accounts", 403), ("POST", f"admin/accounts/workloads?user={name}", 403),
            ("POST", f"admin/accounts/key?user={name}", 403),
        ]:  # fmt: skip
            said = client.request(method, f"{OWN}/{path}", json={})
            assert said.status_code == status, (path, said.text)
        current = client.get("/api/2.0/mlflow/users/current")
        assert current.json()["user"]["username"] == name
        # A token is no password.
        said = httpx.get(place.world.url + ME, auth=(name, place.issuer.token(sub=subject(name))))
        assert said.status_code == 401


def test_an_administrators_key_binds_nobody(place: Place) -> None:
    name = place.account()
    key = place.world.make_key(place.world.log_in(ADMIN)[0]).json()["access_key"]
    body = {"issuer": place.issuer.url, "claims": {"sub": subject(name)}}
    path = f"{place.world.url}{OWN}/admin/accounts/workloads?user={name}"
    assert httpx.post(path, json=body, auth=(ADMIN, key)).status_code == 401
    assert place.bindings(name)["items"] == []
    made = place.bind(name, claims={"sub": subject(name)})
    assert httpx.get(path, auth=(ADMIN, key)).json()["items"] == [made]
    assert httpx.delete(f"{path}&id={made['id']}", auth=(ADMIN, key)).status_code == 204


def test_a_removed_binding_a_blocked_and_a_deleted_account_are_refused_at_once(place: Place) -> None:
    name = place.account()
    token = place.issuer.token(sub=subject(name))
    assert f"No service account is bound to this token, of the issuer '{place.issuer.url}'" in place.refusal(token)
    made = place.bind(name, claims={"sub": subject(name)})
    assert place.ask(token).status_code == 200
    place.unbind(name, made)
    assert "No service account is bound" in place.refusal(token)
    place.unbind(name, made, 404)
    place.bind(name, claims={"sub": subject(name)})
    assert place.ask(token).status_code == 200
    place.admin.call("POST", f"accounts/block?user={name}")
    assert f"has blocked the account '{name}'" in place.refusal(token)
    place.admin.call("POST", f"accounts/unblock?user={name}")
    assert place.ask(token).status_code == 200
    place.admin.call("DELETE", f"accounts?user={name}")
    assert "No service account is bound" in place.refusal(token)


def test_a_token_that_matches_two_accounts_is_refused_without_their_names(place: Place) -> None:
    one, other = place.account(), place.account()
    token = place.issuer.token(sub=subject(one))
    place.bind(one, claims={"sub": subject(one)})
    assert place.ask(token).status_code == 200
    place.bind(other, claims={"sub": f"system:serviceaccount:{one}:*"})
    told = place.refusal(token)
    assert "matches more than one service account" in told
    assert other not in told
    assert f"it matches several accounts: {one}, {other}" in place.world.log.read_text()


def test_tokens_of_others_open_nothing(place: Place) -> None:
    name = place.account()
    place.bind(name, claims={"sub": subject(name)})
    issuer, provider = place.issuer, place.world.provider
    mine = {"sub": subject(name)}
    with running_issuer(issuer.audience) as evil:
        attacks = {
            "another audience": issuer.token(**mine, aud="https://kubernetes.default.svc"),
            "another namespace": issuer.token(sub=subject(f"{name}2")),
            "another issuer": evil.token(**mine),
            "another issuer's key": evil.token(**mine, iss=issuer.url, key=evil.new_key("one")),
            "a longer issuer": issuer.token(**mine, iss=f"{issuer.url}.evil.test"),
            "a slash": issuer.token(**mine, iss=f"{issuer.url}/"),
            "an expired one": issuer.token(**mine, iat=1_700_000_000, nbf=None, exp=1_700_003_600),
            "a long life": issuer.token(**mine, exp=issuer.claims()["iat"] + 90_000),
            "an ID token": issuer.token(**mine, nonce="n"),
            "too long": issuer.token(**mine, pad="x" * 20_000),
            "the login realm": str(provider.keys.sign(issuer.claims(**mine, iss=provider.issuer, typ="Bearer"))),
            "signed by the login realm": str(provider.keys.sign(issuer.claims(**mine))),
        }  # fmt: skip
        for what, token in attacks.items():
            said = place.ask(token)
            assert (said.status_code, said.json()["error_code"]) == (401, "UNAUTHENTICATED"), what
            assert token not in said.text, what
    assert place.ask(issuer.token(**mine)).status_code == 200


def test_a_session_beside_a_foreign_token_decides(place: Place) -> None:
    """A gateway may put its own token before the server, whose audience is its own."""
    browser = place.admin.browser
    foreign = place.issuer.token(aud="the-gateway")
    said = browser.get(ME, headers={"Authorization": f"Bearer {foreign}"})
    assert said.json()["username"] == ADMIN
    # One for this server decides, and does not hold.
    said = browser.get(ME, headers={"Authorization": f"Bearer {place.issuer.token(sub='nobody:x')}"})
    assert said.status_code == 401


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"issuer": "https://issuer.evil", "claims": {"sub": "a"}},
            "'issuer' is 'https://issuer.evil', expected one of",
        ),
        ({"claims": {"sub": "a"}, "audience": "https://kubernetes.default.svc"}, "expected a name of this server"),
        ({"claims": {"sub": "*"}}, "which anybody has"),
        ({"claims": {"ref": "refs/heads/main"}}, "say nothing of who has the token"),
        ({"claims": {"sub": 5}}, "'claims' is 5, expected an object of claims"),
        ({"claims": "sub=a"}, "'claims' is 'sub=a', expected an object of claims"),
        ({"claims": {}}, "has 0 claims"),
        ({}, "'claims' is missing"),
        ({"claims": {"sub": "a"}, "expires_on": "tomorrow"}, "'expires_on' is 'tomorrow', expected a day"),
        ({"claims": {"sub": "a"}, "expires_on": "2020-01-01"}, "which is over"),
        ({"claims": {"sub": "a"}, "expires_on": 5}, "expected a day such as 2027-01-31"),
    ],
)
def test_a_binding_that_cannot_be_made_is_told(place: Place, body: dict[str, Any], told: str) -> None:
    name = place.account()
    assert told in place.bind(name, 400, **body)["message"]
    assert place.bindings(name)["items"] == []


def test_bindings_are_of_service_accounts_and_none_is_made_twice(place: Place) -> None:
    one, other = place.account(), place.account()
    made = place.bind(one, claims={"sub": subject(one)}, expires_on="2099-12-31")
    assert made["expires_at"].startswith("2100-01-01T00:00:00")
    assert (made["state"], made["audience"]) == ("active", place.world.url)
    told = place.bind(other, 409, claims={"sub": subject(one)})["message"]
    assert f"'{one}' is bound to these tokens already" in told
    assert "is not a service account" in place.bind(ADMIN, 400, claims={"sub": "a"})["message"]
    place.bind("nobody", 404, claims={"sub": "a"})
    place.unbind(other, made, 404)
    listed = place.bindings(one)
    assert (listed["items"], listed["total"]) == ([made], 1)
    assert (listed["issuers"], listed["audiences"]) == ([place.issuer.url], [place.world.url])
    events = place.admin.call("GET", "audit", action="workload.bind", target=one)["items"]
    assert [(event["actor"], json.loads(event["detail"]["claims"])) for event in events] == [
        (ADMIN, {"sub": subject(one)})
    ]


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_an_issuer_that_is_away_is_503_until_its_keys_are_known(
    tmp_path_factory: pytest.TempPathFactory, server: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("away")
    options = ("--gunicorn-opts", "--log-level info") if server == "gunicorn" else ()
    with running_issuer(url) as issuer, running_world(folder, url, port, *options, TRUSTED_ISSUERS=issuer.url) as world:
        place = Place(world, issuer, Admin(world))
        name = place.account()
        place.bind(name, claims={"sub": TRAINER})
        issuer.fail()
        said = place.ask(issuer.token())
        assert (said.status_code, said.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert said.headers["Retry-After"]
        issuer.publish()
        assert place.ask(issuer.token()).status_code == 503  # the issuer is left alone for a while
        asked = len(issuer.peer.asked)
        deadline = COOLDOWN_SECONDS + 5
        for _ in range(deadline * 5):
            if place.ask(issuer.token()).status_code == 200:
                break

            time.sleep(0.2)
        assert place.ask(issuer.token()).status_code == 200, world.log.read_text()[-3000:]
        assert len(issuer.peer.asked) == asked + 2
        issuer.fail()
        assert place.ask(issuer.token()).json()["username"] == name
        assert len(issuer.peer.asked) == asked + 2


def test_a_training_goes_on_for_longer_than_one_token_lives(place: Place, tmp_path: Path) -> None:
    name = place.account()
    place.bind(name, claims={"sub": subject(name)})
    ended = threading.Event()

    def token() -> str:
        """One that the server takes for some 15 seconds more."""
        now = int(time.time())
        return place.issuer.token(sub=subject(name), iat=now - 3600, nbf=now - 3600, exp=now - LEEWAY_SECONDS + 15)

    first = token()
    volume = Volume(tmp_path / "volume", first)

    def renew() -> None:
        while not ended.wait(1):
            volume.replace(token())

    kubelet = threading.Thread(target=renew)
    kubelet.start()
    release = chosen_releases()[-1]
    pod = subprocess.Popen(
        [client_python(release), JOURNEYS / "pod.py", f"pod-of-{name}"],
        env=client_environment(
            place.world.url, **token_file_variables(install_package(tmp_path / "package"), volume.token)
        ),
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(tmp_path / "log").open("w"), text=True,
    )  # fmt: skip
    try:
        assert pod.stdin is not None
        assert pod.stdout is not None
        with pod:
            for stage in (1, 2, 3):
                assert pod.stdout.readline() == f"stage {stage}\n", (tmp_path / "log").read_text()[-4000:]
                while place.ask(first).status_code == 200:
                    time.sleep(0.5)
                pod.stdin.write("\n")
                pod.stdin.flush()
            said = json.loads(pod.stdout.read().splitlines()[-1])
    finally:
        ended.set()
        kubelet.join()
        pod.kill()
    assert "expired" in place.refusal(first)
    assert (said["status"], said["metrics"], said["traces"]) == ("FINISHED", 30, 3)
