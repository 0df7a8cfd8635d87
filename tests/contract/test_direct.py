"""The direct way to routes that carry files and spans: every middleware decides as before, and copies nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow.server.auth as auth
import pytest
from mlflow.server import app as flask_app
from mlflow.server.artifact_router import artifact_router
from mlflow.server.auth import add_fastapi_permission_middleware
from mlflow.server.fastapi_app import create_fastapi_app
from mlflow.server.otel_api import otel_router
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse

from mlflow_prokube_auth.mlflow_auth import bypass, direct, short_way

from .test_bypass import FLASKS, GUARDED, scope

Sent = list[dict[str, Any]]
FILES = "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/f"


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """In a thread: a browser test before may have left a loop running in this one."""

    async def whole() -> Any:
        return await asyncio.wait_for(work(), 30)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, whole()).result()


def receiving(*bodies: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A client that sends these parts of a body and stays."""
    waiting = [
        {"type": "http.request", "body": body, "more_body": number < len(bodies)}
        for number, body in enumerate(bodies, 1)
    ]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def made() -> Any:
    """MLflow's application as ``mlflow_auth/install.py`` leaves it, with the short way."""
    app = create_fastapi_app(flask_app)
    add_fastapi_permission_middleware(app)
    is_native = bypass.native_route_matcher(app)
    assert bypass.take_flask_past(app, is_native)

    async def otherwise(*_: Any) -> None:
        raise AssertionError

    way = short_way.take(app, flask_app, otherwise, bypass.only_passed_on(is_native), "")
    assert isinstance(way, short_way.ShortWay)
    return app


def test_no_middleware_copies_on_these_routes() -> None:
    layers = [each for each in made().user_middleware if "dispatch" in each.kwargs]
    assert len(layers) >= 3
    assert {each.cls for each in layers} == {direct.Direct}


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        *(
            (path, method, method in ("GET", "PUT") and path == FILES)
            for path, method in GUARDED
            if "traces" not in path
        ),
        *((*each, False) for each in FLASKS),
        ("/v1/traces", "POST", True),
        ("/v1/traces", "GET", False),
        ("/v1/traces/more", "POST", False),
        (FILES.replace("/api/", "/ajax-api/"), "GET", True),
        (FILES, "HEAD", False),
        (FILES, "DELETE", False),
        (FILES + "/" + "x" * 500, "PUT", True),
        ("/api/2.0/mlflow-artifacts/artifacts", "GET", False),
    ],
)
def test_only_files_and_spans_are_direct(path: str, method: str, expected: bool) -> None:
    is_direct = direct.route_matcher(made())
    assert is_direct(scope(path, method)) is expected


def test_the_engine_looks_at_no_answer_of_these_routes() -> None:
    """Its tables of what it does with answers name none of them."""
    served = [*artifact_router.routes, *otel_router.routes]
    ends = {each.endpoint for each in served}
    assert {f"{each.__module__}.{each.__name__}" for each in ends} == direct.ENDPOINTS
    assert not ends & set(auth.FASTAPI_ENDPOINT_RESPONSE_FILTERS)
    for path, method in ((FILES, "GET"), (FILES, "PUT"), ("/v1/traces", "POST")):
        assert auth._find_fastapi_after_request_handler(path, method) is None


def ask(dispatch: Any, app: Any, receive: Any = None, method: str = "PUT") -> Sent:
    """What comes of a request to a direct route that only this middleware is around."""
    sent: Sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    usual = Middleware(BaseHTTPMiddleware, dispatch=dispatch)
    way = direct.Direct(app, dispatch, usual, lambda scope: True)
    run(lambda: way(scope(FILES, method), receive or receiving(b""), send))
    return sent


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body, part by part as it was received."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send({**message, "type": "http.response.body"})


def test_parts_go_through_untouched_and_one_by_one() -> None:
    async def passes(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    parts = (b"one", b"two", b"three")
    sent = ask(passes, echo, receiving(*parts))
    assert [each.get("body") for each in sent[1:]] == list(parts)
    assert [each["more_body"] for each in sent[1:]] == [True, True, False]


def test_a_refusal_is_the_whole_answer_and_the_route_is_not_reached() -> None:
    async def refuses(request: Request, call_next: Any) -> Any:
        return PlainTextResponse("Permission denied", 403)

    async def reached(*_: Any) -> None:
        raise AssertionError("the route was reached")

    sent = ask(refuses, reached)
    assert (sent[0]["status"], sent[1]["body"]) == (403, b"Permission denied")


def test_what_fails_while_it_decides_reaches_nothing() -> None:
    async def fails(request: Request, call_next: Any) -> Any:
        raise RuntimeError("no decision")

    async def reached(*_: Any) -> None:
        raise AssertionError("the route was reached")

    with pytest.raises(RuntimeError, match="no decision"):
        ask(fails, reached)


def test_a_body_that_was_looked_at_is_the_one_that_the_route_gets() -> None:
    seen: list[bytes] = []

    async def reads(request: Request, call_next: Any) -> Any:
        seen.extend([await request.body(), await request.body()])
        return await call_next(request)

    sent = ask(reads, echo, receiving(b"one", b"two"), "POST")
    assert seen == [b"onetwo"] * 2
    assert [each.get("body") for each in sent[1:]] == [b"onetwo"]


def test_a_middleware_that_would_change_the_answer_fails() -> None:
    async def changes(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-more"] = "1"
        return response

    with pytest.raises(AttributeError):
        ask(changes, echo)


def test_the_file_is_closed_when_its_client_goes_away(tmp_path: Path) -> None:
    file, parts = tmp_path / "large", 200
    file.write_bytes(b"x" * FileResponse.chunk_size * parts)

    async def passes(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    async def download() -> int:
        sent, gone = 0, asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal sent
            sent += 1
            if sent == 5:
                gone.set()
            await asyncio.sleep(0)

        usual = Middleware(BaseHTTPMiddleware, dispatch=passes)
        await direct.Direct(FileResponse(file), passes, usual, lambda scope: True)(scope(FILES), receive, send)
        return sent

    assert run(download) < 20
