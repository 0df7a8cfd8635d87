"""Whose address is written down where a proxy stands before the server."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ..support.processes import free_port
from ..support.world import World, running_world

PROXY, STRANGER, CLIENT = "127.0.0.2", "127.0.0.3", "203.0.113.7"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that has been told of its proxy as docs/proxies.md says."""
    port = free_port()
    options = ("--uvicorn-opts", f"--forwarded-allow-ips {PROXY}/32")
    with running_world(tmp_path_factory.mktemp("proxies"), f"http://127.0.0.1:{port}", port, *options) as running:
        yield running


@pytest.mark.parametrize(
    ("peer", "forwarded", "shown"),
    [
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"made-up, {CLIENT}, {PROXY}", CLIENT),
        (PROXY, None, PROXY),
        (STRANGER, CLIENT, STRANGER),
        ("127.0.0.1", CLIENT, "127.0.0.1"),
    ],
)
def test_a_forwarded_address_is_believed_of_the_named_proxy_alone(
    world: World, peer: str, forwarded: str | None, shown: str
) -> None:
    browser, _ = world.log_in("alice@example.com")
    headers = {"Origin": world.origin, **({"X-Forwarded-For": forwarded} if forwarded else {})}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer), cookies=browser.cookies, timeout=30) as client:
        answer = client.post(f"{world.url}/prokube-auth/logout", headers=headers)
    assert answer.status_code == 200, answer.text
    assert world.rows("SELECT client FROM prokube_audit_events WHERE action = 'logout' ORDER BY id DESC LIMIT 1") == [
        (shown,)
    ]
