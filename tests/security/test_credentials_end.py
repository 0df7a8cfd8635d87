"""Credentials end at the outermost layer: no handler of MLflow reads a second identity, no upstream gets a key."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.identity.delegation import VALID_SECONDS, Delegation

from ..support.personas import PEOPLE, Cast, cast_of, ok
from ..support.processes import SECRET_KEY, free_port
from ..support.upstream import PRIVATE_UPSTREAMS, Upstream, make_endpoint
from ..support.world import running_world

UPSTREAMS_OWN = "Bearer sk-of-the-callers-own-provider"
AGENTS = ("python-requests/2", "claude-cli/1.0", "codex_cli_rs/0.1", "GeminiCLI/1.0")


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Cast]:
    port = free_port()
    folder = tmp_path_factory.mktemp("ends")
    with (
        running_world(folder, f"http://127.0.0.1:{port}", port, users=PEOPLE, environment=PRIVATE_UPSTREAMS) as world,
        cast_of(world) as made,
    ):
        owner = made.client("owner", "basic")
        assert owner is not None
        for provider in ("openai", "anthropic"):
            make_endpoint(owner, provider, upstream.url)
        yield made


CHAT = {"messages": [{"role": "user", "content": "hello"}]}
# Each of the gateway's routes that calls an upstream of a user's own. Gemini's address is MLflow's own, and the engine
# refuses ``responses/compact``, whose endpoint it does not find.
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("invocations", "/gateway/e-openai/mlflow/invocations", CHAT),
    ("embeddings of mlflow", "/gateway/e-openai/mlflow/invocations", {"input": "x"}),
    ("chat completions", "/gateway/mlflow/v1/chat/completions", {"model": "e-openai", **CHAT}),
    ("chat", "/gateway/openai/v1/chat/completions", {"model": "e-openai", **CHAT}),
    ("embeddings", "/gateway/openai/v1/embeddings", {"model": "e-openai", "input": "x"}),
    ("responses", "/gateway/openai/v1/responses", {"model": "e-openai", "input": "x"}),
    ("messages", "/gateway/anthropic/v1/messages", {"model": "e-anthropic", "max_tokens": 5, **CHAT}),
    ("proxy", "/gateway/proxy/e-openai/chat/completions", CHAT),
    ("proxy anthropic", "/gateway/proxy/e-anthropic/v1/messages", CHAT),
)
PROXIES_OWN = {
    "X-Forwarded-Access-Token": "token-of-the-proxy", "X-Auth-Request-User": "user-of-the-proxy",
    "Proxy-Authorization": "Basic b2YtdGhlLXByb3h5",
    "Kubeflow-Userid": "read@example.com", "X-Amzn-Oidc-Data": "ey.data",
}  # fmt: skip


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def credentials(cast: Cast) -> dict[str, dict[str, str]]:
    """All ways for one person to say who they are to the gateway."""
    name, key = cast.keys["read"]
    cookie = "; ".join(f"{key}={value}" for key, value in {**cast.cookies["read"], "other": "of-the-site"}.items())
    session = {"Cookie": cookie, "Origin": cast.world.origin}
    return {
        "session": session,
        "basic": {"Authorization": basic(name, key)},
        "bearer": {"Authorization": f"Bearer {key}"},
        "jwt": {"Authorization": f"Bearer {cast._jwt(name)}"},
        "the gateway's header": {"X-MLflow-Authorization": basic(name, key), "Authorization": UPSTREAMS_OWN},
        "the key twice": {"X-MLflow-Authorization": basic(name, key), "Authorization": f"Bearer {key}"},
        "the key as Basic twice": {"X-MLflow-Authorization": f"Bearer {key}", "Authorization": basic(name, key)},
        "a session and the gateway's header": {**session, "X-MLflow-Authorization": f"Bearer {key}"},
        "the provider's header": {"Authorization": f"Bearer {key}", "x-api-key": key},
    }


@pytest.mark.parametrize(("path", "body"), [call[1:] for call in CALLS], ids=[call[0] for call in CALLS])
def test_no_upstream_of_the_gateway_gets_a_credential_of_ours(
    cast: Cast, upstream: Upstream, path: str, body: Mapping[str, Any]
) -> None:
    called = 0
    for way, headers in credentials(cast).items():
        for agent in AGENTS:
            upstream.seen.clear()
            answer = httpx.post(
                cast.world.url + path, json=body, headers={"User-Agent": agent, **PROXIES_OWN, **headers}, timeout=60
            )
            assert answer.status_code not in (401, 403), (way, answer.text)
            called += len(upstream.seen)
            for seen in upstream.seen:
                secrets = [*cast.keys["read"], *cast.cookies["read"].values(), *PROXIES_OWN.values()]
                found = json.dumps(seen)
                assert not [each for each in secrets if each in found], (way, agent, seen)
                assert "cookie" not in seen
                decoded = seen.get("authorization", "").removeprefix("Basic ")
                assert cast.keys["read"][1] not in base64.b64decode(decoded + "==", validate=False).decode("latin-1")
                assert seen.get("authorization") in (None, UPSTREAMS_OWN, "Bearer key-of-the-owner"), (way, agent)
    assert called, f"the upstream was never called, the test proves nothing: {answer.text}"


def test_what_a_coding_agent_sends_its_own_provider_goes_on(cast: Cast, upstream: Upstream) -> None:
    name, key = cast.keys["read"]
    upstream.seen.clear()
    headers = {"X-MLflow-Authorization": basic(name, key), "Authorization": UPSTREAMS_OWN, "User-Agent": AGENTS[1]}
    body = {"model": "e-anthropic", "max_tokens": 5, **CHAT}
    httpx.post(f"{cast.world.url}/gateway/anthropic/v1/messages", json=body, headers=headers, timeout=60)
    assert [seen.get("authorization") for seen in upstream.seen] == [UPSTREAMS_OWN]


@pytest.mark.parametrize(
    "second",
    ['Digest username="admin@example.com"', 'X username="admin@example.com"', 'Bearer username="admin@example.com"',
     "Basic", "Negotiate", "Digest x"],
)  # fmt: skip
def test_a_session_beside_an_authorization_of_another_kind_is_refused(cast: Cast, second: str) -> None:
    headers = {"Authorization": second, "Origin": cast.world.origin}
    answer = httpx.get(
        f"{cast.world.url}/api/2.0/mlflow/users/current", headers=headers, cookies=cast.cookies["read"], timeout=60
    )
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_credential_that_comes_twice_is_none(cast: Cast) -> None:
    pairs = [("Authorization", basic(*cast.keys[who])) for who in ("read", "admin")]
    answer = httpx.get(f"{cast.world.url}/api/2.0/mlflow/users/current", headers=pairs, timeout=60)
    assert answer.status_code == 401


def test_what_the_server_writes_for_its_own_calls_counts_on_the_gateway_alone(cast: Cast) -> None:
    url, now = cast.world.url, int(time.time())
    user_id = cast.world.rows("SELECT id FROM users WHERE username = 'read@example.com'")[0][0]
    call = partial(httpx.post, f"{url}/gateway/e-openai/mlflow/invocations", json=CHAT, timeout=60)
    valid = Delegation(SECRET_KEY).make(user_id, now)
    assert call(headers={"Authorization": f"Bearer {valid}"}).status_code not in (401, 403)
    elsewhere = httpx.get(
        f"{url}/api/2.0/mlflow/users/current", headers={"Authorization": f"Bearer {valid}"}, timeout=60
    )
    assert elsewhere.status_code == 401
    late = Delegation(SECRET_KEY).make(user_id, now - VALID_SECONDS - 1)
    foreign = Delegation("another-secret-key-0123456789abcdef").make(user_id, now)
    others = valid.replace(f"_{user_id}_", f"_{user_id + 1}_", 1)
    for wrong in (late, foreign, others, f"{valid}0"):
        assert call(headers={"Authorization": f"Bearer {wrong}"}).status_code == 401


def test_a_blocked_account_is_refused_to_what_the_server_does_for_it(cast: Cast) -> None:
    admin = cast.client("admin", "basic")
    assert admin is not None
    user_id = cast.world.rows("SELECT id FROM users WHERE username = 'stranger@example.com'")[0][0]
    headers = {"Authorization": f"Bearer {Delegation(SECRET_KEY).make(user_id, int(time.time()))}"}
    url = f"{cast.world.url}/gateway/mlflow/v1/models"
    assert httpx.get(url, headers=headers, timeout=60).status_code == 200
    ok(admin.post("/prokube-auth/api/admin/accounts/block?user=stranger@example.com"))
    try:
        assert httpx.get(url, headers=headers, timeout=60).status_code == 401
    finally:
        ok(admin.post("/prokube-auth/api/admin/accounts/unblock?user=stranger@example.com"))
