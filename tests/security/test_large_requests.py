"""What is large is refused before it is read, let alone kept: from nobody little is taken, from people what they need.

Most requests here promise a body and do not send it: an answer proves that nobody waited for it.
"""

from __future__ import annotations

import base64
import gzip
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from benchmarks.processes import PeakMemory

from ..support.demo import Demo
from ..support.processes import free_port
from ..support.tenants import API, FILES, Tenant, refused, trace_id
from ..support.world import running_world

HUGE, MIB = 300_000_000, 2**20
SMALL, LARGEST = 64 * 1024, 32 * MIB
CREATE, TOKEN = f"{API}/experiments/create", "/prokube-auth/api/cli/token"


@dataclass(frozen=True)
class Server:
    """Where it is, its process, and alice's key."""

    url: str
    pid: int
    auth: tuple[str, str]
    is_asgi: bool

    def head(self, method: str, path: str, *more: str, auth: bool = False) -> str:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(self.url).netloc}", "Content-Type: application/json"]
        if auth:
            lines.append(f"Authorization: Basic {base64.b64encode(':'.join(self.auth).encode()).decode()}")
        return "\r\n".join([*lines, *more]) + "\r\n\r\n"

    def promised(self, method: str, path: str, size: int, *more: str, auth: bool = False) -> tuple[int, bytes]:
        """The answer to a request whose body never comes."""
        return self.sent(self.head(method, path, f"Content-Length: {size}", *more, auth=auth).encode())

    def endless(self, method: str, path: str, *more: str, auth: bool = False) -> tuple[int, bytes]:
        """The answer to a chunked body of which the last chunk never comes: 128 KiB more than nobody may send."""
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        head = self.head(method, path, "Transfer-Encoding: chunked", *more, auth=auth)
        return self.sent(head.encode() + chunk * (SMALL // 0x4000 + 8))

    def sent(self, data: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as connection:
            connection.sendall(data)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.split(b"\r\n\r\n", 1)[1].endswith(b"}"):
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"\r\ncontent-type: application/json" in head.lower(), answer[:500]
        return int(head.split()[1]), body


@pytest.fixture(scope="module", params=["uvicorn", "gunicorn"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param == "uvicorn":
        demo: Demo = request.getfixturevalue("demo")
        yield Server(demo.url, demo.pid, demo.auth("alice"), is_asgi=True)
        return
    port = free_port()
    options = ("--gunicorn-opts", "--log-level info --threads 4")
    with running_world(tmp_path_factory.mktemp("large"), f"http://127.0.0.1:{port}", port, *options) as world:
        browser, _ = world.log_in("alice@example.com")
        key = world.make_key(browser).json()["access_key"]
        yield Server(world.url, world.pid, ("alice@example.com", key), is_asgi=False)


@pytest.fixture
def alice(server: Server) -> Iterator[Tenant]:
    with Tenant(base_url=server.url, auth=server.auth, timeout=60) as client:
        yield client


def told(answer: tuple[int, bytes], status: int) -> str:
    assert answer[0] == status, answer
    body = json.loads(answer[1])
    assert body["error_code"] == {401: "UNAUTHENTICATED", 413: "INVALID_PARAMETER_VALUE"}[status]
    return str(body["message"])


ROUTES = [
    ("POST", CREATE), ("POST", "/graphql"), ("PUT", f"{FILES}/1/r/artifacts/f"), ("POST", TOKEN),
    ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r&path=p"), ("POST", "/prokube-auth/login/local"),
    ("POST", "/prokube-auth/backchannel-logout"), ("POST", "/v1/traces"), ("GET", "/health"), ("POST", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobodys_large_body_is_refused_before_it_comes(server: Server, method: str, path: str) -> None:
    message = told(server.promised(method, path, HUGE), 413)
    assert message.startswith("The body has 300,000,000 bytes or more, 65,536 are allowed here.")
    assert told(server.promised(method, path, SMALL + 1), 413)


def test_nobodys_endless_body_is_refused_where_it_is_read(server: Server) -> None:
    read = [TOKEN, CREATE, "/graphql", "/prokube-auth/login/local"] if server.is_asgi else [TOKEN]
    for path in read:
        assert "65,536 are allowed here" in told(server.endless("POST", path), 413), path
    # Others answer without it: FastAPI's own routes, and under gunicorn all that the engine refuses.
    assert told(server.endless("PUT", f"{FILES}/1/r/artifacts/f"), 401)


@pytest.mark.parametrize("how", ["cookie", "bearer of another issuer"])
def test_a_credential_that_is_nobodys_is_nobodys(server: Server, how: str) -> None:
    jwt = ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (b"{}", b'{"iss":"x"}', b"x"))
    cookie, bearer = "Cookie: prokube_auth_session=id.secret", f"Authorization: Bearer {jwt}"
    more = {"cookie": cookie, "bearer of another issuer": bearer}
    assert "You are not logged in" in told(server.promised("POST", CREATE, HUGE, more[how]), 413)
    assert "You are not logged in" in told(server.endless("POST", CREATE, more[how]), 413 if server.is_asgi else 401)


def test_a_wrong_credential_is_told_so_before_its_body_comes(server: Server) -> None:
    wrong = f"Authorization: Basic {base64.b64encode(b'alice@example.com:wrong').decode()}"
    assert "not valid here" in told(server.promised("POST", CREATE, HUGE, wrong), 401)
    assert "not valid here" in told(server.endless("POST", CREATE, wrong), 401)
    assert "not valid here" in told(server.promised("PUT", f"{FILES}/1/r/artifacts/f", HUGE, wrong), 401)


def test_our_own_routes_take_little_from_anybody(server: Server) -> None:
    for path in (TOKEN, "/prokube-auth/api/sharing"):
        assert told(server.promised("POST", path, SMALL + 1, auth=True), 413)
        assert told(server.endless("POST", path, auth=True), 413)


def test_somebodys_json_may_be_large_and_not_larger(server: Server, alice: Tenant) -> None:
    message = told(server.promised("POST", CREATE, LARGEST + 1, auth=True), 413)
    assert "33,554,432 are allowed here. Send it in parts" in message
    body = json.dumps({"name": f"large-{trace_id()}", "description": "d" * MIB})
    headers = {"Content-Type": "application/json"}
    path = f"{API}/registered-models/create"
    assert alice.post(path, content=body, headers=headers).status_code == 200
    chunks = (piece.encode() for piece in (body[: MIB // 2], body[MIB // 2 :]))
    answer = alice.post(path, content=chunks, headers=headers)
    # Starlette's bridge to Flask drops what has no Content-Length, with or without us.
    words = "Missing value for required parameter" if server.is_asgi else "already exists"
    assert (answer.status_code, words in answer.json()["message"]) == (400, True), answer.text


def test_somebodys_chunks_are_counted_too(server: Server, alice: Tenant) -> None:
    chunks = (b" " * MIB for _ in range(40))
    try:
        answer = alice.post(CREATE, content=chunks, headers={"Content-Type": "application/json"})
    except httpx.WriteError:
        return  # refused while it was still sending
    assert answer.status_code == 413
    assert "33,554,432 are allowed here" in refused_413(answer)


def refused_413(answer: httpx.Response) -> str:
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    return str(answer.json()["message"])


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_uploads_have_no_bound_and_are_not_kept(server: Server, alice: Tenant, chunked: bool) -> None:
    mine = alice.experiment()
    path = f"{FILES}/{mine}/{alice.run(mine)}/artifacts/large.bin"
    pieces = [bytes([number]) * MIB for number in range(48)]
    headers = {} if chunked else {"Content-Length": str(len(pieces) * MIB)}
    with PeakMemory(server.pid) as memory:
        answer = alice.put(path, content=iter(pieces), headers=headers)
    assert answer.status_code == 200, answer.text
    assert alice.get(path).content == b"".join(pieces)
    assert memory.growth < 40


def test_nobodys_body_takes_no_memory(server: Server) -> None:
    with PeakMemory(server.pid) as memory:
        for _ in range(3):
            try:
                answer = httpx.post(server.url + CREATE, content=b" " * 100 * MIB, timeout=60)
            except httpx.WriteError:
                continue  # refused while it was still sending
            assert answer.status_code == 413
    assert memory.growth < 30


@pytest.mark.parametrize("length", ["-1", "abc", "1e9", "+5", "99999999999999999999"])
def test_a_length_that_is_none_is_no_way_around(server: Server, length: str) -> None:
    head = server.head("POST", CREATE, f"Content-Length: {length}").encode()
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as connection:
        connection.sendall(head)
        assert int(connection.recv(4096).split()[1]) in (400, 413)


# Addresses


def test_a_path_that_is_longer_than_any_is_not_looked_at(server: Server) -> None:
    for path in (f"{FILES}/1/{'a' * 32}/artifacts" + "/a" * 2_100, "/api/3.0/mlflow/mcp-servers" + "/versions" * 250):
        answer = httpx.get(server.url + path, auth=server.auth, timeout=30)
        by_gunicorn = not server.is_asgi and len(path) > 4_000  # its own bound for a request's first line
        assert answer.status_code == (400 if by_gunicorn else 414), answer.text
        assert by_gunicorn or answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "place",
    [f"{API}/artifacts/list?run_id=r&", "/get-artifact?run_id=r&", "/model-versions/get-artifact?name=m&version=1&"],
)
def test_a_path_in_a_query_is_no_longer_than_another(server: Server, alice: Tenant, place: str) -> None:
    if not server.is_asgi:
        pytest.skip("gunicorn takes no first line of more than 4,094 characters")
    assert "characters, 4096 are allowed" in refused(alice.get(f"{place}path={'a/' * 2_100}"), 400)


def test_a_long_path_of_an_artifact_is_served(alice: Tenant) -> None:
    mine = alice.experiment()
    path = f"{FILES}/{mine}/{alice.run(mine)}/artifacts/" + "/".join(["d" * 200] * 15)
    assert alice.put(path, content=b"deep").status_code == 200
    assert alice.get(path).content == b"deep"


def test_json_is_not_nested_as_deep_as_it_takes(alice: Tenant) -> None:
    for depth in (101, 900):
        body = '{"name": ' + "[" * depth + "]" * depth + "}"
        answer = alice.post(f"{API}/experiments/create", content=body, headers={"Content-Type": "application/json"})
        assert "nested too deeply" in refused(answer, 400)


# Packed exports of traces


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("who", ["alice", "admin"])
def test_a_packed_export_is_unpacked_no_further_than_it_may_be(demo: Demo, who: str, encoding: str) -> None:
    """Also for administrators, who pass the guards: MLflow's own handler unpacks within bounds, too."""
    import zlib

    bomb = (gzip.compress if encoding == "gzip" else zlib.compress)(b"\0" * 200 * MIB)
    assert len(bomb) < 300_000
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": encoding}
    with Tenant(base_url=demo.url, auth=demo.auth(who), timeout=60) as client:
        headers["X-Mlflow-Experiment-Id"] = client.experiment()
        with PeakMemory(demo.pid) as memory:
            answer = client.post("/v1/traces", content=bomb, headers=headers)
    assert answer.status_code == 413
    assert "more than 33,554,432 bytes when decompressed" in refused_413(answer)
    assert memory.growth < 120


def test_a_packed_export_is_taken(demo: Demo) -> None:
    with Tenant(base_url=demo.url, auth=demo.auth("alice"), timeout=60) as alice:
        mine, id = alice.experiment(), trace_id()
        sent: list[httpx.Request] = []
        alice.event_hooks["request"] = [sent.append]
        assert alice.export(mine, id).status_code == 200
        packed = gzip.compress(sent[-1].content.replace(b"span", b"sp4n"))
        kept = ("content-type", "x-mlflow-experiment-id")
        headers = {name: sent[-1].headers[name] for name in kept} | {"content-encoding": "gzip"}
        assert alice.post("/v1/traces", content=packed, headers=headers).status_code == 200
        assert alice.spans(id) == ["sp4n"]
