"""How much of a request's head the server takes before it hangs up, whichever parser uvicorn uses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from mlflow_prokube_auth.request_heads import LARGEST_HEAD

from ..support.environments import httptools_path
from ..support.processes import free_port
from ..support.world import ALICE, ARTIFACTS, Place, running_world, with_keys

API = "/api/2.0/mlflow"
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module", params=["h11", "httptools"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port, environment = free_port(), dict[str, str]()
    if request.param == "httptools":
        environment = {"PYTHONPATH": str(httptools_path())}
    options = ("--uvicorn-opts", f"--http {request.param}")
    directory = tmp_path_factory.mktemp("heads")
    url = f"http://127.0.0.1:{port}"
    with running_world(directory, url, port, *options, environment=environment, command=True) as world:
        yield with_keys(world)


@pytest.fixture
def port(place: Place) -> int:
    return httpx.URL(place.world.url).port or 80


def taken(port: int, begin: bytes, part: bytes, most: int = 16 * MEBIBYTE) -> tuple[int, bytes]:
    """How many bytes the server lets us send, and its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        sent, answer = 0, b""
        try:
            connection.sendall(begin)
            while sent < most:
                sent += connection.send(part)
            connection.settimeout(5)
        except OSError:
            pass
        try:
            while got := connection.recv(65536):
                answer += got
        except OSError:
            pass
        return sent, answer


# What the sockets' own buffers take on the way.
IN_BUFFERS = 8 * MEBIBYTE


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"GET /", b"x" * 65536),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"x" * 65536),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-One: y\r\n" * 6000),
        (
            b"POST /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
            b"X-One: y\r\n" * 6000,
        ),
    ],
    ids=["first line", "one header", "many headers", "trailers"],
)
def test_a_head_without_an_end_is_cut_off(port: int, begin: bytes, part: bytes) -> None:
    sent, answer = taken(port, begin, part)
    assert sent < IN_BUFFERS
    # Where what was sent and not read resets the connection, the answer may be lost.
    assert answer == b"" or b" 400 " in answer.partition(b"\r\n")[0] or b" 405 " in answer.partition(b"\r\n")[0]


def test_a_head_of_common_size_is_taken(place: Place) -> None:
    with place.client(None) as client:
        for _ in range(3):  # each counts for itself, on one connection
            assert client.get("/health", headers={"X-Long": "x" * (LARGEST_HEAD - 4096)}).status_code == 200


def test_a_large_body_is_no_head(place: Place) -> None:
    content = bytes(range(256)) * 4096 * 12
    with place.client(ALICE) as alice:
        made = alice.post(f"{API}/experiments/create", json={"name": "large"}).json()["experiment_id"]
        run = alice.post(f"{API}/runs/create", json={"experiment_id": made, "start_time": 1}).json()["run"]["info"]
        url = f"{ARTIFACTS}/{run['artifact_uri'].partition(':/')[2].lstrip('/')}/f.bin"
        for body in (content, iter([content[:MEBIBYTE], content[MEBIBYTE:]])):  # with its length, and in chunks
            assert alice.put(url, content=body).status_code == 200
        assert alice.get(url).content == content
