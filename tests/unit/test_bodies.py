"""Who may send how much is asked when it must be, once, and nothing is read ahead for it."""

from __future__ import annotations

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException

from mlflow_prokube_auth.errors import BadCredentials, Unavailable
from mlflow_prokube_auth.identity.bodies import SMALL, AsgiBodies, BodyLimits, WsgiBodies, declared
from mlflow_prokube_auth.identity.caller import CALLER, Identity, RequestFacts, current_identity
from mlflow_prokube_auth.identity.middleware import AsgiIdentity, WsgiIdentity
from mlflow_prokube_auth.model import Person

ALICE = Identity(Person(user_id=1, username="alice@example.com", is_admin=False), "access key")
LIMITS = BodyLimits(4 * SMALL)
JSON, UPLOAD = "/api/2.0/mlflow/runs/log-batch", "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/f"

SKILLS = "/api/3.0/mlflow/skills"


class Asked:
    """Authenticators with one answer, which count how often and where they are asked."""

    def __init__(self, answer: Any = ALICE) -> None:
        self.answer = answer
        self.threads: list[int] = []

    def __call__(self, facts: RequestFacts) -> Identity | None:
        self.threads.append(threading.get_ident())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]  # what a test gives


class Served:
    """One request through the ASGI layers; what the application saw, and what was sent."""

    def __init__(self, asked: Asked, path: str, chunks: list[bytes], *headers: tuple[bytes, bytes]) -> None:
        self.seen: list[bytes] = []
        self.error: Exception | None = None
        self.read = 0
        self.sent: list[Any] = []
        self.loop_thread = 0
        self.method = "PUT" if path == UPLOAD else "POST"
        waiting = list(chunks)

        async def receive() -> Any:
            self.read += 1
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            self.sent.append(message)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            more = bool(chunks)
            try:
                while more:
                    message = await receive()
                    self.seen.append(message["body"])
                    assert self.read == len(self.seen)  # nothing is read ahead
                    more = message["more_body"]
            except Exception as error:
                self.error = error
                await send({"type": "http.response.start", "status": 500, "headers": []})
                await send({"type": "http.response.body", "body": b"MLflow fell over"})
                raise
            current = CALLER.get()
            if current is not None and asked.threads:
                current_identity()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        scope = {"type": "http", "method": self.method, "path": path, "headers": list(headers), "client": None}
        layers = AsgiIdentity(AsgiBodies(app, LIMITS), asked, lambda _: False, lambda *_: "", "")

        async def run() -> None:
            self.loop_thread = threading.get_ident()
            await layers(scope, receive, send)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, run()).result()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


def length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", str(size).encode()


CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [
        ([], ()), ([b"x"], (length(1),)), ([b"x" * SMALL], (length(SMALL),)), ([b"x" * 1000] * 60, (CHUNKED,)),
        ([b"x"], ()),
    ],
    ids=["none", "one byte", "as much as anybody may send", "in chunks", "unannounced"],
)  # fmt: skip
def test_of_a_small_body_nobody_is_asked(chunks: list[bytes], headers: tuple[tuple[bytes, bytes], ...]) -> None:
    asked = Asked()
    served = Served(asked, JSON, chunks, *headers)
    assert (served.status, asked.threads, served.seen) == (200, [], chunks)


@pytest.mark.parametrize("path", [JSON, UPLOAD])
@pytest.mark.parametrize("header", [length(2 * SMALL), CHUNKED], ids=["length", "chunked"])
def test_of_a_large_body_it_is_asked_once_and_not_on_the_event_loop(path: str, header: tuple[bytes, bytes]) -> None:
    asked = Asked()
    served = Served(asked, path, [b"x" * 1024] * (2 * SMALL // 1024), header)
    assert (served.status, len(asked.threads), len(served.seen)) == (200, 1, 128)
    assert served.loop_thread not in asked.threads


@pytest.mark.parametrize(
    ("answer", "path", "size", "status", "words"),
    [
        (None, JSON, SMALL + 1, 413, b"You are not logged in"),
        (None, UPLOAD, SMALL + 1, 413, b"You are not logged in"),
        (BadCredentials("wrong"), JSON, SMALL + 1, 401, b"wrong"),
        (BadCredentials("wrong"), UPLOAD, SMALL + 1, 401, b"wrong"),
        (Unavailable("away"), JSON, SMALL + 1, 503, b"away"),
        (ALICE, JSON, 4 * SMALL + 1, 413, b"262,144 are allowed here"),
        (ALICE, "/prokube-auth/api/sharing", SMALL + 1, 413, b"65,536 are allowed here"),
        (ALICE, UPLOAD, 10**15, 200, b""),
        (ALICE, "/ajax-api/2.0/mlflow/upload-artifact", 10**15, 200, b""),
        (ALICE, UPLOAD.replace("mlflow-artifacts/artifacts", "mlflow-artifacts/mpu/create"), 10**15, 413, b"allowed"),
        (ALICE, f"/x{UPLOAD}", 10**15, 413, b"allowed"),
        (None, f"{SKILLS}/a/versions", SMALL + 1, 413, b"You are not logged in"),
        (ALICE, f"{SKILLS}/a/versions", 10**15, 413, b"allowed"),
    ],
)
def test_what_is_announced_is_judged_before_it_is_read(
    answer: Any, path: str, size: int, status: int, words: bytes
) -> None:
    served = Served(Asked(answer), path, [b"x"], length(size))
    assert served.status == status
    if status != 200:
        assert served.read == 0
        assert words in served.sent[1]["body"]
        assert (b"content-type", b"application/json") in served.sent[0]["headers"]


@pytest.mark.parametrize(
    ("path", "type_", "status"),
    [
        ("/a/versions", b"multipart/form-data; boundary=x", 200), ("/@o/a/versions", b"Multipart/Form-Data", 200),
        ("/a/versions", b"application/json", 413), ("/a/versions", b"application/json, multipart/form-data", 413),
        ("/bulk-register", b"multipart/form-data", 413), ("/a/tags", b"multipart/form-data", 413),
        ("/@o/a/b/versions", b"multipart/form-data", 413),
    ],
)  # fmt: skip
def test_a_skill_is_uploaded_as_a_form_alone(path: str, type_: bytes, status: int) -> None:
    served = Served(Asked(), SKILLS + path, [b"x"], length(10**15), (b"content-type", type_))
    assert served.status == status


@pytest.mark.parametrize(
    ("answer", "path", "most"), [(None, JSON, SMALL), (None, UPLOAD, SMALL), (ALICE, JSON, 4 * SMALL)]
)
def test_what_is_not_announced_is_read_up_to_the_bound_and_no_further(answer: Any, path: str, most: int) -> None:
    served = Served(Asked(answer), path, [b"x" * 1024] * 1000, CHUNKED)
    assert served.status == 413
    assert (len(served.seen), served.read) == (most // 1024, most // 1024 + 1)
    assert served.error is not None  # MLflow would take a part for the whole
    assert [message["type"] for message in served.sent] == ["http.response.start", "http.response.body"]


def test_an_upload_in_chunks_has_no_bound() -> None:
    served = Served(Asked(), UPLOAD, [b"x" * SMALL] * 50, CHUNKED)
    assert (served.status, len(served.seen)) == (200, 50)


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({}, None), ({"content-length": "0"}, 0), ({"content-length": "12"}, 12), ({"content-length": " 12 "}, 12),
        ({"content-length": "-1"}, None), ({"content-length": "1e9"}, None), ({"content-length": "٣"}, None),
        ({"content-length": "9" * 5000}, 10**20 - 1), ({"content-length": "5", "transfer-encoding": "chunked"}, None),
    ],
)  # fmt: skip
def test_a_length_is_digits_and_counts_for_nothing_beside_a_coding(headers: dict[str, str], size: int | None) -> None:
    assert declared(headers) == size


# gunicorn


class Stream(io.BytesIO):
    """A body that notes how far it was read."""

    @property
    def taken(self) -> int:
        return self.tell()


def wsgi(asked: Asked, path: str, stream: Stream, read: Any = Stream.read, **environ: str) -> list[Any]:
    """The status that was answered, and what the application read."""
    seen: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        seen.append(int(status.split()[0]))

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append(read(environ["wsgi.input"]))
        return []

    layers = WsgiIdentity(WsgiBodies(app, LIMITS), asked, "")
    method = "PUT" if path == UPLOAD else "POST"
    layers({"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": stream, **environ}, start)
    return seen


def test_gunicorns_announced_bodies_are_judged_before_they_are_read() -> None:
    judged = ((None, SMALL + 1, 413), (ALICE, 4 * SMALL + 1, 413), (BadCredentials("x"), 10**9, 401))
    for answer, size, expected in judged:
        stream = Stream(b"x" * 100)
        assert wsgi(Asked(answer), JSON, stream, CONTENT_LENGTH=str(size)) == [expected]
        assert stream.taken == 0
    asked = Asked()
    assert wsgi(asked, JSON, Stream(b"xy"), lambda stream: stream.read(), CONTENT_LENGTH="2") == [b"xy"]
    assert asked.threads == []


READS = {
    "all": lambda stream: stream.read(),
    "in pieces": lambda stream: b"".join(iter(lambda: stream.read(1000), b"")),
    "in large pieces": lambda stream: b"".join(iter(lambda: stream.read(3 * SMALL), b"")),
    "by lines": lambda stream: b"".join(stream),
    "all lines": lambda stream: b"".join(stream.readlines()),
    "line by line": lambda stream: b"".join(iter(stream.readline, b"")),
}


@pytest.fixture(params=READS)
def read(request: pytest.FixtureRequest) -> Any:
    return READS[request.param]


@pytest.mark.parametrize("body", [(b"x" * 1023 + b"\n") * 1024, b"x" * 2**20], ids=["lines", "one line"])
def test_gunicorns_unannounced_bodies_are_read_up_to_the_bound(read: Any, body: bytes) -> None:
    for answer, most in ((None, SMALL), (ALICE, 4 * SMALL)):
        stream = Stream(body)
        with pytest.raises(HTTPException) as caught:
            wsgi(Asked(answer), JSON, stream, read, HTTP_TRANSFER_ENCODING="chunked")
        assert caught.value.response is not None
        assert caught.value.response.status_code == 413
        assert stream.taken <= most + 3 * SMALL
    for path, size in ((JSON, 3 * SMALL), (UPLOAD, len(body))):
        asked = Asked()
        assert wsgi(asked, path, Stream(body[:size]), read, HTTP_TRANSFER_ENCODING="chunked") == [body[:size]]
        assert len(asked.threads) == 1
