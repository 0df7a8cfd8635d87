"""The bridge between ASGI and WSGI, under a real uvicorn with real sockets."""

from __future__ import annotations

import contextvars
import http.client
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio.to_thread
import pytest
import uvicorn
from starlette.middleware.wsgi import build_environ

from mlflow_prokube_auth import wsgi_bridge
from mlflow_prokube_auth.wsgi_bridge import MOST_STREAMED, PART, READ_FIRST, WsgiBridge

from ..support.processes import free_port

CALLER: contextvars.ContextVar[str] = contextvars.ContextVar("CALLER")
INSIDE: contextvars.ContextVar[str] = contextvars.ContextVar("INSIDE")


@contextmanager
def served(app: Any) -> Iterator[int]:
    """A WSGI application behind the bridge; its port."""
    bridge = WsgiBridge(app)

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        CALLER.set("alice")
        await bridge(scope, receive, send)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(outer, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield port
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def wait_for(done: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def settled(number: Callable[[], int]) -> int:
    """A number that has not changed for half a second."""
    last, since = number(), time.monotonic()
    while time.monotonic() < since + 0.5:
        time.sleep(0.02)
        if number() != last:
            last, since = number(), time.monotonic()
    return last


@contextmanager
def asked(port: int, method: str = "GET", path: str = "/", **more: Any) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, **more)
        yield connection.getresponse()
    finally:
        connection.close()


@contextmanager
def connected(port: int, head: str) -> Iterator[socket.socket]:
    """A client that reads and writes as a test says, with a small buffer of its own."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    try:
        client.sendall(head.replace("\n", "\r\n").encode())
        yield client
    finally:
        client.close()


class Parts:
    """An answer in parts, which counts what was taken of it and says when it was closed."""

    def __init__(self, count: int, size: int = PART, length: bool = True, fails_at: int = -1) -> None:
        self.count, self.size, self.length, self.fails_at = count, size, length, fails_at
        self.taken = 0
        self.closed = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        headers = [("Content-Length", str(self.count * self.size))] if self.length else []
        start_response("200 OK", headers)
        return self

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self.count):
            if number == self.fails_at:
                raise ValueError("in the middle")
            self.taken += 1
            yield bytes([number % 256]) * self.size

    def close(self) -> None:
        self.closed += 1


GET = "GET / HTTP/1.1\nHost: x\n\n"


@pytest.mark.parametrize("length", [True, False], ids=["a length", "no length"])
def test_a_slow_client_has_no_more_made_than_it_takes(length: bool) -> None:
    parts = Parts(400, length=length)  # 100 MiB
    with served(parts) as port, connected(port, GET) as client:
        client.recv(1)
        taken = settled(lambda: parts.taken)
        assert 1 <= taken <= 64
        received = 1
        while received < 400 * PART and (data := client.recv(1 << 20)):
            received += len(data)
        wait_for(lambda: parts.closed)
    assert (received >= 400 * PART, parts.taken, parts.closed) == (True, 400, 1)


@pytest.mark.parametrize("length", [True, False], ids=["a length", "no length"])
def test_a_client_that_goes_away_ends_the_iterator(length: bool) -> None:
    parts = Parts(4000, length=length)
    with served(parts) as port:
        with connected(port, GET) as client:
            client.recv(1)
        wait_for(lambda: parts.closed)
        assert (parts.closed, parts.taken < 4000) == (1, True)


def test_slow_clients_hold_no_threads() -> None:
    """More of them than anyio has threads, and another one is answered."""
    slow = Parts(400)

    def app(environ: Any, start_response: Any) -> Any:
        return (Parts(1, 10) if environ["PATH_INFO"] == "/quick" else slow)(environ, start_response)

    with served(app) as port:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        for client in clients:
            client.sendall(GET.replace("\n", "\r\n").encode())
        for client in clients:
            client.recv(1)
        with asked(port, path="/quick") as answer:
            assert answer.read() == b"\0" * 10
        for client in clients:
            client.close()


@pytest.mark.parametrize("length", [True, False], ids=["a length", "no length"])
@pytest.mark.parametrize("fails_at", [1, 40])
def test_an_answer_that_fails_in_the_middle_is_seen_to_be_incomplete(length: bool, fails_at: int) -> None:
    parts = Parts(80, length=length, fails_at=fails_at)
    with served(parts) as port, asked(port) as answer:
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        assert parts.closed == 1


def test_an_answer_that_fails_before_anything_left_is_an_error() -> None:
    parts = Parts(3, 1000, fails_at=1)
    with served(parts) as port, asked(port) as answer:
        assert (answer.status, answer.read(), parts.closed) == (500, b"Internal Server Error", 1)


def test_what_says_no_length_is_not_held_back() -> None:
    go_on = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first "
        assert go_on.wait(60)
        yield b""
        yield b"second"

    with served(app) as port, asked(port) as answer:
        assert answer.read(6) == b"first "
        go_on.set()
        assert answer.read() == b"second"


def test_small_answers_are_one_message_and_one_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = []
    run_sync = anyio.to_thread.run_sync

    async def counted(*args: Any, **more: Any) -> Any:
        hops.append(args)
        return await run_sync(*args, **more)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counted)
    parts = Parts(3, 1000)
    with served(parts) as port, asked(port) as answer:
        assert len(answer.read()) == 3000
    assert (len(hops), parts.closed) == (1, 1)


def test_what_goes_around_a_body_arrives_as_it_is() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        status = environ["QUERY_STRING"] or "200 OK"
        headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "J\xf6rg"), ("ETag", '"1"')]
        body = [] if environ["REQUEST_METHOD"] == "HEAD" or status[:3] in ("204", "304") else [b"12345"]
        start_response(status, [*headers, *([("Content-Length", "5")] if status[0] == "2" and body else [])])
        return body

    with served(app) as port:
        for method, status, expected in (
            ("GET", "", (200, b"12345")),
            ("HEAD", "", (200, b"")),
            ("GET", "204%20No", (204, b"")),
            ("GET", "304%20Not", (304, b"")),
            ("GET", "416%20No", (416, b"12345")),
        ):
            with asked(port, method, f"/?{status}") as answer:
                assert (answer.status, answer.read()) == expected
                assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
                assert answer.headers["X-Name"] == "J\xf6rg"


def test_an_application_that_breaks_the_rules_gets_500(caplog: pytest.LogCaptureFixture) -> None:
    def silent(environ: Any, start_response: Any) -> list[bytes]:
        return [b"x"]

    def twice(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("201 Created", [])
        return [b"x"]

    def raises(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError("at once")

    for app in (silent, twice, raises):
        with served(app) as port, asked(port) as answer:
            assert answer.status == 500


def test_an_application_may_take_its_status_back_and_write_as_pep_3333_allows() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"one ")
        try:
            raise ValueError
        except ValueError as error:
            start_response("503 Away", [], (type(error), error, error.__traceback__))
        return [b"two"]

    with served(app) as port, asked(port) as answer:
        assert (answer.status, answer.read()) == (503, b"one two")


def test_more_than_was_announced_ends_the_connection() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "3")])
        while True:
            yield b"abc"

    with served(app) as port, asked(port) as answer, pytest.raises(http.client.IncompleteRead):
        answer.read()


def test_a_closing_that_fails_spoils_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    class Fails(Parts):
        def close(self) -> None:
            raise ValueError("of the closing")

    with caplog.at_level(logging.ERROR), served(Fails(2, 10)) as port, asked(port) as answer:
        assert len(answer.read()) == 20
        wait_for(lambda: "of the closing" in caplog.text)


def test_one_context_is_the_applications_from_first_to_last() -> None:
    seen = []

    class App:
        def __call__(self, environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            INSIDE.set("set by the application")
            return self

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(3):
                seen.append((CALLER.get(), INSIDE.get()))
                token = INSIDE.set("while it yields")
                yield b"x"
                INSIDE.reset(token)  # raises in another context than that of its setting

        def close(self) -> None:
            seen.append((CALLER.get(), INSIDE.get()))

    with served(App()) as port, asked(port) as answer:
        assert answer.read() == b"xxx"
    assert seen == [("alice", "set by the application")] * 4


def received(client: socket.socket, text: bytes) -> bool:
    answer = b""
    while text not in answer and (data := client.recv(1000)):
        answer += data
    return text in answer


def head(size: int) -> str:
    return f"POST / HTTP/1.1\nHost: x\nContent-Length: {size}\n\n"


def test_a_large_body_is_read_as_it_comes() -> None:
    size = 4 * READ_FIRST
    read = threading.Event()
    lengths = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"]
        lengths.append(len(body.read(1000)))
        read.set()
        lengths.append(sum(len(line) for line in body))
        lengths.append(len(body.read()))
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with served(app) as port, connected(port, head(size)) as client:
        client.sendall(b"x" * (READ_FIRST + 1))
        assert read.wait(60)  # before the rest was sent
        client.sendall(b"x" * (size - READ_FIRST - 1))
        assert received(client, b"ok")
    assert lengths == [1000, size - 1000, 0]


def test_what_the_application_sets_ends_with_its_request() -> None:
    """Not with its connection, which the server goes on reading in the context of who last waited for the body."""
    size = 4 * READ_FIRST
    seen, nearly = [], threading.Event()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(INSIDE.get("nothing"))
        INSIDE.set("of the first request")
        environ["wsgi.input"].read(size - 10)
        nearly.set()
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with served(app) as port, connected(port, head(size)) as client:
        client.sendall(b"x" * (size - 10))
        assert nearly.wait(60)
        client.sendall(b"x" * 10)
        assert received(client, b"ok")
        client.sendall(GET.replace("\n", "\r\n").encode())
        assert received(client, b"ok")
    assert seen == ["nothing", "nothing"]


def test_a_client_sends_no_faster_than_the_application_reads() -> None:
    size = 128 * READ_FIRST
    go_on = threading.Event()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert go_on.wait(60)
        total = 0
        while data := environ["wsgi.input"].read(1 << 20):
            total += len(data)
        start_response("200 OK", [])
        return [str(total).encode()]

    with served(app) as port, connected(port, head(size)) as client:
        sent = [0]

        def push() -> None:
            while sent[0] < size:
                sent[0] += client.send(b"x" * min(65536, size - sent[0]))

        pushing = threading.Thread(target=push)
        pushing.start()
        assert settled(lambda: sent[0]) < 32 * READ_FIRST
        go_on.set()
        pushing.join()
        assert received(client, str(size).encode())


def test_an_answer_that_does_not_look_at_the_body_begins_when_all_is_sent() -> None:
    parts = Parts(1, 10)
    with served(parts) as port, connected(port, head(4 * READ_FIRST)) as client:
        client.sendall(b"x" * (4 * READ_FIRST - 1))
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(60)
        client.sendall(b"x")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_body_that_ends_early_is_an_error_of_the_connection() -> None:
    errors: list[Exception] = []
    closed = threading.Event()

    class App(Parts):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            try:
                environ["wsgi.input"].read()
            except OSError as error:
                errors.append(error)
            return super().__call__(environ, start_response)

        def close(self) -> None:
            closed.set()

    with served(App(1, 10)) as port:
        with connected(port, head(4 * READ_FIRST)) as client:
            client.sendall(b"x" * 2 * READ_FIRST)
        assert closed.wait(60)
    assert [str(error) for error in errors] == ["the client went away"]


def test_slow_senders_hold_no_threads_of_others_and_further_ones_are_read_first() -> None:
    began, read = [], []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        began.append(environ["REQUEST_METHOD"])
        read.append(len(environ["wsgi.input"].read()))
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with served(app) as port:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_STREAMED + 30)]
        for client in clients:
            client.sendall(head(2 * READ_FIRST).replace("\n", "\r\n").encode())
            client.sendall(b"x" * (2 * READ_FIRST - 1))
        wait_for(lambda: len(began) == MOST_STREAMED)
        with asked(port) as answer:
            assert answer.read() == b"ok"
        assert settled(lambda: len(began)) == MOST_STREAMED + 1
        for client in clients:
            client.sendall(b"x")
        for client in clients:
            client.settimeout(60)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            client.close()
    assert sorted(read) == [0, *[2 * READ_FIRST] * len(clients)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"path": "/a b/\u00e4\u20ac", "query_string": b"x=%C3%A4&y"},
        {"root_path": "/mlflow", "path": "/mlflow/api"},
        {"root_path": "/mlflow", "path": "/mlflows"},
        {"root_path": "/mlflow", "path": "/mlflow"},
        {"server": None, "client": None, "scheme": "https"},
        {"server": ("/run/socket", None)},
        {"headers": [(b"x-a", b"1"), (b"x_a", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x" * 99, b"\xe4")]},
        {"headers": [(b"content-length", b"5"), (b"content-type", b"text/plain"), (b"host", b"h")]},
    ],
    ids=str,
)
def test_the_application_is_told_what_mlflows_bridge_tells(changes: dict[str, Any]) -> None:
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/", "root_path": "", "query_string": b"", "http_version": "1.1",
        "scheme": "http", "server": ("127.0.0.1", 5000), "client": ("10.0.0.1", 1), "headers": [], **changes,
    }  # fmt: skip
    made = wsgi_bridge.environ(scope, io.BytesIO())
    theirs = build_environ(scope, b"")
    assert made.pop("wsgi.file_wrapper")
    assert made.pop("wsgi.input").read() == theirs.pop("wsgi.input").read() == b""
    assert made == theirs
