"""FastAPI's own routes: bounded queries, ids in their one spelling; for MCP servers unique names, narrowed searches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import anyio.to_thread

from ..errors import AlreadyExists, BadRequest, Refusal
from ..identity.caller import CALLER, current_identity
from ..identity.middleware import Asgi, Message, Receive, Scope, Send, send_refusal
from ..policy import ids
from ..policy.guards.limits import Asking
from ..policy.named import Claim
from ..policy.names import NamePolicy
from ..policy.waiting import Waiting, step

CREATE = re.compile(r"/(?:ajax-)?api/3\.0/mlflow/(mcp-servers)/?")
# Creates the server, too, where there is none of that name.
CREATE_VERSION = re.compile(r"/(?:ajax-)?api/3\.0/mlflow/mcp-servers/(.+)/versions/?")
DELETE = re.compile(r"/(?:ajax-)?api/3\.0/mlflow/mcp-servers/([^/]+/[^/]+)/?")
SEARCH = re.compile(r"/(?:ajax-)?api/3\.0/mlflow/(mcp-servers(?:/endpoints)?)/?")
LARGEST_BODY = 1 << 20
_T = TypeVar("_T")


class NativeChecks:
    """Refuses what asks for too much, and ids in another spelling, as ``Enforcement`` does on Flask."""

    def __init__(self, app: Asgi, is_native: Callable[[Scope], bool]) -> None:
        self.app = app
        self._is_native = is_native

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        caller = CALLER.get() if scope["type"] == "http" else None
        # Nobody is refused by the engine.
        if caller is not None and self._is_native(scope) and caller.identity_or_none() is not None:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
            parameters: dict[str, list[str]] = {}
            for name, value in query:
                parameters.setdefault(name, []).append(value)
            try:
                Asking().take(parameters.items())
                ids.check_native(caller.facts.path, query, headers)
            except Refusal as refusal:
                await send_refusal(refusal, send)
                return
        await self.app(scope, receive, send)


class NativeNames:
    """Claims the name before FastAPI creates, and holds it while it deletes, as :class:`Enforcement` does on Flask."""

    def __init__(self, app: Asgi, names: NamePolicy, narrowed: Callable[[str], AbstractContextManager[None]]) -> None:
        self.app = app
        self._names = names
        self._narrowed = narrowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        caller = CALLER.get() if scope["type"] == "http" else None
        if caller is not None and (search := SEARCH.fullmatch(caller.facts.path)) and caller.facts.method == "GET":
            with self._narrowed(search.group(1)):
                await self.app(scope, receive, send)
            return
        works = {
            "POST": ((CREATE, self._create), (CREATE_VERSION, self._create_version)),
            "DELETE": ((DELETE, self._delete),),
        }
        for pattern, serve in works.get(scope.get("method", ""), ()):
            match = pattern.fullmatch(caller.facts.path) if caller is not None else None
            if match is not None:
                try:
                    await serve(match.group(1), scope, receive, send)
                except Refusal as refusal:
                    await send_refusal(refusal, send)
                return
        await self.app(scope, receive, send)

    async def _delete(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        identity = current_identity()
        held = None
        if identity is not None:
            held = await _wait_for(self._names.holding_native("mcp_server", name, identity.person))
        try:
            await self.app(scope, receive, send)
        finally:
            if held is not None:
                await anyio.to_thread.run_sync(self._names.let_go, held)

    async def _create(self, route: str, scope: Scope, receive: Receive, send: Send) -> None:
        identity = current_identity()
        body = await _read(receive)
        claim: Claim | None = None
        if identity is not None:
            claim = await _wait_for(self._names.claiming(route, _parameters(body), identity.person))
        await self._settled(claim, scope, _replay(body, receive), send)

    async def _create_version(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        identity = current_identity()
        claim = None
        if identity is not None:
            claim = await _wait_for(self._names.claiming_absent("mcp_server", name, identity.person))
        await self._settled(claim, scope, receive, send)

    async def _settled(self, claim: Claim | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it, and settle the name before anything is answered."""
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self.app(scope, receive, hold)
        if claim is not None:
            await anyio.to_thread.run_sync(self._settle, claim, held)
        for message in held:
            await send(message)

    def _settle(self, claim: Claim, held: list[Message]) -> None:
        """Keep or free the name, as the answer says.

        Raises:
            Refusal: the name is taken.
        """
        if held[0]["status"] < 400:
            self._names.succeeded(claim)
            return
        answered = _parameters(b"".join(message.get("body", b"") for message in held))
        refusal = self._names.failed(claim, exists=answered.get("error_code") == AlreadyExists.error_code)
        if refusal is not None:
            raise refusal


async def _wait_for(waiting: Waiting[_T]) -> _T:
    """Run it to its end: its steps in worker threads, its pauses in none, since those it waits for need threads."""
    while True:
        done, result = await anyio.to_thread.run_sync(step, waiting)
        if done:
            return result  # type: ignore[return-value]  # the end's result, not a pause
        await anyio.sleep(result)  # type: ignore[arg-type]  # a pause


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise BadRequest(f"The body is larger than the {LARGEST_BODY} bytes that this route takes.")
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
