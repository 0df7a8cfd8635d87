"""The short way to Flask answers as MLflow's own way does, and holds no file in memory for a slow client."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from ..support.processes import free_port
from ..support.world import ADMIN, ALICE, ARTIFACTS, BOB, PREFIX, Place, running_world, with_keys

# Method, path, and what else a request has.
Row = tuple[str, str, dict[str, Any]]
API = "/api/2.0/mlflow"
MEBIBYTE = 2**20
FILE = bytes(range(256)) * 4096 * 3  # 3 MiB
# What differs between two servers, or two moments.
VARIES = re.compile(
    r"127\.0\.0\.1(?::|%3A)\d+|(?<=session=)[^;]+|(?<=nonce[-=])\"?[\w=+/-]+|(?<=state=)[\w.-]+|(?<=code_challenge=)[\w-]+|"
    r"\d{10}\.\d+-\d+-\d+|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT|\b1[5-9]\d{11}\b"
)
KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "plain": ("", {}),
    "prefix, workspaces and friends": (
        PREFIX,
        {
            "MLFLOW_ENABLE_WORKSPACES": "true",
            "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "http://friend.test,https://*.friend.test",
        },
    ),
    "any host and origin": ("", {"MLFLOW_SERVER_ALLOWED_HOSTS": "*", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*"}),
}


# What a request took, in milliseconds.
TIMES = frozenset({"x-mlflow-gateway-duration-ms"})


@dataclass
class Server:
    """One with a run of alice's that has a file; ``ids`` are of this server alone."""

    place: Place
    prefix: str
    experiment_id: str
    run_id: str
    clients: dict[str | None, httpx.Client] = field(default_factory=dict)

    def answer(self, method: str, path: str, who: str | None = ALICE, **more: Any) -> tuple[int, list[Any], str]:
        """Status, headers and body, without what differs between two servers."""
        path = path.replace("EXPERIMENT", self.experiment_id).replace("RUN", self.run_id)
        if who not in self.clients:
            self.clients[who] = self.place.client(who)
        got = self.clients[who].request(method, path, **more)
        headers = [(name, "~" if name in TIMES else self._masked(value)) for name, value in got.headers.multi_items()]
        return got.status_code, headers, self._masked(got.content.decode("latin-1"))

    def _masked(self, text: str) -> str:
        return VARIES.sub("~", text.replace(self.run_id, "RUN"))


@contextmanager
def running(directory: Path, short_way: str, prefix: str, environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    options = ["--static-prefix", prefix] if prefix else []
    url = f"http://127.0.0.1:{port}{prefix}"
    with running_world(directory, url, port, *options, environment=environment, SHORT_WAY=short_way) as world:
        place = with_keys(world)
        with place.client(ALICE) as alice:
            experiment = alice.post(f"{API}/experiments/create", json={"name": "short"}).json()["experiment_id"]
            body = {"experiment_id": experiment, "start_time": 1, "run_name": "one"}
            run = alice.post(f"{API}/runs/create", json=body).json()["run"]["info"]
            uploaded = alice.put(
                f"{ARTIFACTS}/{run['artifact_uri'].partition(':/')[2].lstrip('/')}/f.bin", content=FILE
            )
            assert uploaded.is_success, uploaded.text
        server = Server(place, prefix, experiment, run["run_id"])
        yield server
        for client in server.clients.values():
            client.close()


@pytest.fixture(scope="module", params=KINDS)
def ways(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """A server with the short way, and one without."""
    with ExitStack() as stack:
        short, long = (
            stack.enter_context(running(tmp_path_factory.mktemp(f"way-{way}"), way, *KINDS[request.param]))
            for way in ("true", "false")
        )
        yield short, long


GET = f"{API}/experiments/get?experiment_id=EXPERIMENT"
PATHS = (GET, f"/ajax-api{GET[4:]}", "/graphql", "/", "/health", "/version", "/prokube-auth/login", "/gateway/x",
         f"{API}/nothing", "/static-files/nothing", "/static-files/lib/notebook-trace-renderer/index.html")  # fmt: skip
HOSTS = ("evil.test", "", "127.0.0.1", "localhost:1", "10.0.0.1:5000", "10.evil.test", "[::1]:5000", "172.16.0.1")
ORIGINS = ("OURS", "null", "http://evil.test", "http://localhost:3000", "http://friend.test", "https://a.friend.test")


def compare(ways: tuple[Server, Server], rows: list[Row]) -> list[int]:
    """Each request to both; the statuses."""
    short, long = ways
    statuses = []
    for method, path, more in rows:
        answers = []
        for server in (short, long):
            headers = {n: v.replace("OURS", server.place.world.origin) for n, v in more.get("headers", {}).items()}
            answers.append(server.answer(method, path, **{**more, "headers": headers}))
        assert (method, path, more, *answers[0]) == (method, path, more, *answers[1])
        statuses.append(answers[0][0])
    return statuses


def test_hosts_are_checked_alike(ways: tuple[Server, Server]) -> None:
    statuses = compare(ways, [("GET", path, {"headers": {"Host": host}}) for path, host in product(PATHS, HOSTS)])
    assert {200, 404} <= set(statuses)


def test_origins_are_checked_alike(ways: tuple[Server, Server]) -> None:
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    rows: list[Row] = [
        (m, path, {"headers": {"Origin": origin}})
        for m, path, origin in product(methods, (GET, "/graphql", "/"), ORIGINS)
    ]
    rows += [("POST", GET, {"who": None, "headers": {"Origin": origin}}) for origin in ORIGINS]
    assert {200, 403, 405} <= set(compare(ways, rows))


def test_preflights_are_answered_alike(ways: tuple[Server, Server]) -> None:
    asked: tuple[dict[str, str], ...] = ({}, {"Access-Control-Request-Headers": "authorization, x-mlflow-workspace"})
    rows: list[Row] = [
        ("OPTIONS", path, {"who": None, "headers": {"Origin": origin, "Access-Control-Request-Method": method, **more}})
        for path, origin, method, more in product((GET, "/graphql", "/health"), ORIGINS, ("GET", "PUT", "FOO"), asked)
    ]
    assert {200, 400} & set(compare(ways, rows))


def test_bodies_and_refusals_are_answered_alike(ways: tuple[Server, Server]) -> None:
    large = {"run_id": "RUN", "tags": [{"key": f"k{n}", "value": "v" * 4000} for n in range(100)]}
    rows: list[Row] = [
        ("POST", f"{API}/experiments/search", {"json": {"max_results": 5}}),
        ("POST", f"{API}/experiments/search", {"content": b"{"}),
        ("POST", f"{API}/experiments/search", {"content": b'{"max_results": 5}'}),
        ("POST", f"{API}/experiments/search", {"json": {"max_results": 5}, "who": None}),
        ("POST", f"{API}/experiments/create", {"json": {"name": "short"}, "who": BOB}),
        ("POST", f"{API}/runs/log-batch", {"json": large}),
        ("POST", f"{API}/runs/log-batch", {"json": {**large, "more": "x" * 3 * MEBIBYTE}}),
        ("POST", f"{API}/runs/log-batch", {"json": {**large, "more": "x" * 3 * MEBIBYTE}, "who": BOB}),
        ("POST", f"{API}/runs/log-batch", {"json": {"more": "x" * 33 * MEBIBYTE}}),
        ("POST", f"{API}/runs/log-batch", {"json": {"more": "x" * MEBIBYTE}, "who": None}),
        ("POST", "/graphql", {"json": {"query": "{ __typename }"}}),
        ("POST", "/graphql", {"json": {"query": "{ nothing }"}}),
        ("GET", GET, {"who": BOB}),
        ("GET", GET, {"who": None}),
        ("GET", GET + "&experiment_id=7", {}),
        ("GET", "/prokube-auth/permissions", {"who": None, "headers": {"Accept": "text/html"}}),
        ("GET", "/prokube-auth/login/start", {"who": None, "headers": {"Accept": "text/html"}}),
        ("GET", "/prokube-auth/api/openapi.json", {}),
        ("GET", "/" + "x" * 900, {}),
        ("GET", f"{API}/%C3%A4%2F%00", {}),
        ("GET", f"{API}/%C3%A4/%2F", {}),
    ]
    assert {200, 302, 400, 401, 403, 413} <= set(compare(ways, rows))


ONLY_PLAIN = pytest.mark.parametrize("ways", ["plain"], indirect=True)


@ONLY_PLAIN
@pytest.mark.parametrize("size", [1000, 100_000, 3 * MEBIBYTE])
def test_a_body_without_a_length_is_taken_alike(ways: tuple[Server, Server], size: int) -> None:
    for who in (ALICE, None):
        (status, headers, body), other = (
            each.answer("POST", f"{API}/experiments/search", who, content=iter([b"x" * 1000] * (size // 1000)))
            for each in ways
        )
        if status == 413:  # how much had come by then
            assert (status, other[0]) == (413, 413)
            assert re.sub(r"[\d,]{5,}", "", body) == re.sub(r"[\d,]{5,}", "", other[2])
        else:
            assert (status, headers, body) == other


def test_files_are_answered_alike(ways: tuple[Server, Server]) -> None:
    path = "/get-artifact?run_id=RUN&path=f.bin"
    rows: list[Row] = [
        (method, path, {"headers": headers})
        for method in ("GET", "HEAD")
        for headers in (
            {},
            {"Range": "bytes=0-9"},
            {"Range": "bytes=1000000-2500000"},
            {"Range": "bytes=-5"},
            {"Range": "bytes=99999999-"},
            {"Range": "bytes=0-1,5-6"},
            {"If-None-Match": "*"},
            {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
            {"If-Range": '"another"', "Range": "bytes=0-9"},
        )
    ]
    rows += [("GET", path, {"who": BOB}), ("GET", path + ".not", {})]
    assert {200, 206, 304, 403, 404, 416} <= set(compare(ways, rows)) | {404}
    for server in ways:
        tag = server.clients[ALICE].get(path.replace("RUN", server.run_id)).headers["etag"]
        assert server.answer("GET", path, headers={"If-None-Match": tag})[0] == 304
        assert server.answer("GET", path, headers={"If-Range": tag, "Range": "bytes=0-9"})[0] == 206


def test_a_workspace_that_is_none_is_refused_alike_but_for_headers_that_protect(ways: tuple[Server, Server]) -> None:
    """MLflow's middleware answers outside of those that write them."""
    for who, workspace in product((ALICE, None), ("nowhere", "No Name!", "default")):
        answers = [each.answer("GET", GET, who, headers={"X-MLFLOW-WORKSPACE": workspace}) for each in ways]
        (status, headers, body), (other_status, _, other_body) = answers
        assert (status, re.sub(r"\s", "", body)) == (other_status, re.sub(r"\s", "", other_body))
        assert ("x-content-type-options", "nosniff") in headers


def test_no_request_has_the_workspace_of_another_one_on_its_connection(ways: tuple[Server, Server]) -> None:
    """A native route has one; uvicorn goes on reading in its context, where it had to wait for the body."""
    for server in ways:
        with server.place.client(ALICE) as client:
            for _ in range(3):
                run = client.get(f"{API}/runs/get", params={"run_id": server.run_id}).json()["run"]["info"]
                path = run["artifact_uri"].partition(":/")[2].lstrip("/")
                assert client.put(f"{ARTIFACTS}/{path}/g.bin", content=FILE).is_success
                other = client.get(f"{API}/experiments/get?experiment_id=0", headers={"X-MLFLOW-WORKSPACE": "nowhere"})
                assert other.status_code >= 400
                assert "orkspace" in other.text


def test_the_gateways_time_is_told_on_its_routes_alone(ways: tuple[Server, Server]) -> None:
    for server in ways:
        for path, expected in (("/gateway/x/mlflow/invocations", True), ("/gateway/x", True), (GET, False)):
            _, headers, _ = server.answer("POST" if expected else "GET", path, ADMIN, json={})
            assert ("x-mlflow-gateway-duration-ms" in dict(headers)) is expected, (path, headers)


def test_the_short_way_is_taken_here(ways: tuple[Server, Server]) -> None:
    for server in ways:
        assert "middlewares" not in server.place.world.log.read_text()


def resident(pid: int) -> int:
    """Bytes that a server's processes hold, files that are mapped left out (proc(5))."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if int(Path(f"/proc/{status.parent.name}/stat").read_text().rpartition(")")[2].split()[2]) == pid:
                total += int(fields["RssAnon"].split()[0]) * 1024
        except (OSError, KeyError):
            continue  # it ended, or is the kernel's
    return total


@ONLY_PLAIN
def test_a_large_file_and_a_slow_client_cost_little_memory(ways: tuple[Server, Server]) -> None:
    server, size = ways[0], 200 * MEBIBYTE
    world, path = server.place.world, f"/get-artifact?run_id={server.run_id}&path=large.bin"
    with server.place.client(ALICE) as alice:
        root = alice.get(f"{API}/runs/get", params={"run_id": server.run_id}).json()["run"]["info"]["artifact_uri"]
        pieces = (b"x" * MEBIBYTE for _ in range(size // MEBIBYTE))
        put = alice.put(f"{ARTIFACTS}/{root.partition(':/')[2].lstrip('/')}/large.bin", content=pieces)
        assert put.is_success
        assert alice.get(path.replace("large", "f")).content == FILE
        request = alice.build_request("GET", path)
        credentials = next(alice.auth.auth_flow(request)).headers["authorization"]  # type: ignore[union-attr]  # there is one
    parts = urlsplit(world.url)
    before = most = resident(world.pid)
    assert before > 50 * MEBIBYTE  # else it was not found
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.settimeout(60)
        client.connect((parts.hostname, parts.port))
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {credentials}\r\n\r\n"
        client.sendall(head.encode())
        received = len(client.recv(65536))
        # It takes no more until the server has made all that it will make ahead.
        since = time.monotonic()
        while most - before < 16 * MEBIBYTE and time.monotonic() < since + 1:
            time.sleep(0.05)
            if (now := resident(world.pid)) > most + MEBIBYTE // 2:
                most, since = now, time.monotonic()
        while received < size and (data := client.recv(65536)):
            received += len(data)
    assert received >= size
    assert most - before < 16 * MEBIBYTE, (before, most)
