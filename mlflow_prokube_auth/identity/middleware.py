"""Outermost: who is calling, put where MLflow's engine and our pages find it.

Pure ASGI under uvicorn, a WSGI twin under gunicorn. Plain-text refusals leave as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import anyio.to_thread

from ..errors import Refusal
from ..prefix import without
from . import inside
from .caller import CALLER, Caller, Identity, RequestFacts

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Authenticate = Callable[[RequestFacts], "Identity | None"]
# What the engine says in plain text, and MLflow's codes for it.
CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    413: "INVALID_PARAMETER_VALUE",
}


class AsgiIdentity:
    """The outermost ASGI application."""

    def __init__(
        self,
        app: Asgi,
        authenticate: Authenticate,
        is_native: Callable[[Scope], bool],
        words: Callable[[RequestFacts, int, str], str],
        static_prefix: str,
    ) -> None:
        self.app = app
        self._authenticate = authenticate
        self._is_native = is_native
        self._words = words
        self._prefix = static_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        caller = Caller(self._facts(scope), self._authenticate)
        if self._is_native(scope):  # the engine would ask on the event loop; Flask asks in its own thread
            await anyio.to_thread.run_sync(caller.settle)
            write = inside.for_gateway if inside.is_gateway(caller.facts.path) else inside.for_native
            headers = write(scope["headers"], caller.identity_or_none())
        else:
            headers = inside.for_flask(scope["headers"])
        held = CALLER.set(caller)
        try:
            await self.app({**scope, "headers": headers}, receive, _JsonRefusals(send, caller.facts, self._words))
        finally:
            CALLER.reset(held)

    def _facts(self, scope: Scope) -> RequestFacts:
        sent: dict[str, list[str]] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            sent.setdefault(name, []).append(value)
        # As WSGI servers join them, once, however many there are: a credential that comes twice is none.
        headers = {name: ("; " if name == "cookie" else ",").join(values) for name, values in sent.items()}
        client = scope.get("client")
        # Routes match without a root path, and so do ours.
        path = without(_as_flask_reads(without(scope["path"], scope.get("root_path", ""))), self._prefix)
        return RequestFacts(scope["method"], path, headers, client[0] if client else "")


class _JsonRefusals:
    """Turns the engine's plain-text refusals into the JSON that clients understand."""

    def __init__(self, send: Send, facts: RequestFacts, words: Callable[[RequestFacts, int, str], str]) -> None:
        self._send = send
        self._facts = facts
        self._words = words
        self._held: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in CODES:
            content_type = dict(message.get("headers", [])).get(b"content-type", b"")
            if content_type.startswith(b"text/plain"):
                self._held = message
                return
        if self._held is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        start, status = self._held, self._held["status"]
        self._held = None
        text = self._words(self._facts, status, self._body.decode("utf-8", "replace"))
        body = json.dumps({"error_code": CODES[status], "message": text}).encode()
        dropped = (b"content-length", b"content-type", b"www-authenticate")
        headers = [(k, v) for k, v in start.get("headers", []) if k.lower() not in dropped]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


class WsgiIdentity:
    """The same for gunicorn, around Flask's WSGI application; idle where ASGI was there before."""

    def __init__(self, app: Any, authenticate: Authenticate, static_prefix: str) -> None:
        self.app = app
        self._authenticate = authenticate
        self._prefix = static_prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        if CALLER.get() is not None:
            return self.app(environ, start_response)  # type: ignore[no-any-return]  # Flask's is untyped here
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        facts = RequestFacts(
            environ["REQUEST_METHOD"],
            without(_as_flask_reads(environ.get("PATH_INFO", "/")), self._prefix),
            headers,
            environ.get("REMOTE_ADDR", ""),
        )
        for name in inside.CREDENTIAL_HEADERS:
            environ.pop(f"HTTP_{name.upper().replace('-', '_')}", None)
        held = CALLER.set(Caller(facts, self._authenticate))
        try:
            return self.app(environ, start_response)  # type: ignore[no-any-return]  # Flask's is untyped here
        finally:
            CALLER.reset(held)


def _as_flask_reads(path: str) -> str:
    """A path that begins with one slash, however many were sent (``path`` in werkzeug/sansio/request.py).

    None of FastAPI's own routes begins with another number of them.
    """
    return "/" + path.lstrip("/")


def answer(refusal: Refusal) -> tuple[bytes, int, dict[str, str]]:
    """Body, status and headers of a refusal, as Flask takes them."""
    return refusal.body(), refusal.status, {**refusal.headers, "Content-Type": "application/json"}


async def send_refusal(refusal: Refusal, send: Send) -> None:
    """A refusal as the whole answer of an ASGI application."""
    body, status, headers = answer(refusal)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
