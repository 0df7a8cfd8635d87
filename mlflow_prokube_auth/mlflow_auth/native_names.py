"""FastAPI's own routes: bounded queries, ids in their one spelling; for MCP servers and skills unique names, for MCP
servers narrowed searches."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from mlflow.exceptions import MlflowException
from mlflow.server.workspace_helpers import resolve_workspace_for_request_if_enabled
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

from ..errors import AlreadyExists, BadRequest, Refusal
from ..identity.caller import CALLER, RequestFacts, current_identity, grants_changed
from ..identity.middleware import Asgi, Message, Receive, Scope, Send, send_refusal
from ..model import Person
from ..policy import ids
from ..policy.guards.limits import Asking
from ..policy.named import CREATES, NameReservation, skill_name
from ..policy.names import NamePolicy
from ..policy.waiting import Waiting, step

API = r"/(?:ajax-)?api/3\.0/mlflow/"
# As in the paths of MLflow's routes: a server's namespace and name; a skill's name, or its organization and name.
SERVER, SKILL = r"mcp-servers/([^/]+/[^/]+)", r"skills/(@[^/]+/[^/]+|[^@/][^/]*)"
CREATE = re.compile(rf"{API}(mcp-servers|skills)/?")
# These create the server or skill, too, where there is none of that name.
CREATE_VERSION = {
    "mcp_server": re.compile(rf"{API}mcp-servers/(.+)/versions/?"),
    "skill": re.compile(rf"{API}{SKILL}/versions/?"),
}
CREATE_MANY = re.compile(rf"{API}(skills)/bulk-register/?")
DELETE = {"mcp_server": re.compile(rf"{API}{SERVER}/?"), "skill": re.compile(rf"{API}{SKILL}/?")}
SEARCH = re.compile(rf"{API}(mcp-servers(?:/endpoints)?)/?")
# MLflow's own bound on skills in one request, and what so many sources take.
MOST_AT_ONCE = 500
LARGEST_BODY, LARGEST_OF_MANY = 1 << 20, 4 << 20
# How MLflow says that something has the name; the second where it came there since its engine has looked.
EXISTS = (AlreadyExists.error_code, "RESOURCE_CONFLICT")
# The engine's word for a refusal.
REFUSED = b"Permission denied"
WORKSPACE_HEADER = "x-mlflow-workspace"
# No workspace's name.
NOWHERE = ""
_T = TypeVar("_T")
Serve = Callable[[str, str, Person, Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Names:
    """What a request names of a kind: what it creates, and what is there."""

    kind: str
    claims: list[NameReservation]
    there: list[str] = field(default_factory=list)


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
        work = self._work(caller.facts.method, caller.facts.path) if caller is not None else None
        try:
            identity = current_identity() if work is not None else None
            if work is None or identity is None:  # nobody is refused by the engine
                await self.app(scope, receive, send)
                return
            serve, kind, name = work
            await serve(kind, name, identity.person, scope, receive, send)
        except Refusal as refusal:
            if work is None:
                raise
            await send_refusal(refusal, send)

    def _work(self, method: str, path: str) -> tuple[Serve, str, str] | None:
        """What is to be done around a request, for which kind, and the part of the path that says for what."""
        if method == "POST":
            if match := CREATE.fullmatch(path):
                return self._create, CREATES[match[1]][0], match[1]
            if match := CREATE_MANY.fullmatch(path):
                return self._create_many, CREATES[match[1]][0], match[1]
        serve = {"POST": self._create_version, "DELETE": self._delete}.get(method)
        patterns = CREATE_VERSION if method == "POST" else DELETE
        for kind, pattern in patterns.items() if serve is not None else ():
            if match := pattern.fullmatch(path):
                return serve, kind, match[1]  # type: ignore[return-value]  # there is one
        return None

    async def _delete(self, kind: str, name: str, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        held = await _wait_for(self._names.locking_native(kind, name, person))
        grants_changed()  # the name may have changed hands while it was waited for
        try:
            await self.app(scope, receive, send)
        finally:
            if held is not None:
                await anyio.to_thread.run_sync(self._names.unlock, held)

    async def _create(self, kind: str, route: str, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive, LARGEST_BODY)
        params = _parameters(body)
        if kind == "skill":
            params["name"] = skill_name(params.get("organization", ""), params.get("name"))
        claim = await _wait_for(self._names.claiming(route, params, person))
        if claim is not None and kind == "skill":
            claim = replace(claim, on_the_fly=True)  # the engine grants nothing to an administrator who creates one
        names = Names(kind, [] if claim is None else [claim])
        await self._settled(names, scope, _replay(body, receive), send)

    async def _create_version(
        self, kind: str, name: str, person: Person, scope: Scope, receive: Receive, send: Send
    ) -> None:
        await self._settled(await self._claim_absent(kind, [name], person), scope, receive, send)

    async def _create_many(
        self, kind: str, route: str, person: Person, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = await _read(receive, LARGEST_OF_MANY)
        params = _parameters(body)
        listed, organization = params.get(route), params.get("organization", "")
        wanted = [each.get("name") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        if len(wanted) > MOST_AT_ONCE:
            raise BadRequest(f"'{route}' has {len(wanted)} entries, {MOST_AT_ONCE} are allowed at once.")
        # In one order for everybody, so that two requests never wait for one another.
        names = sorted({skill_name(organization, name) for name in wanted} - {""})
        await self._settled(await self._claim_absent(kind, names, person), scope, _replay(body, receive), send)

    async def _claim_absent(self, kind: str, wanted: list[str], person: Person) -> Names:
        """The unused names among these; reserves all of them or none."""
        caller = CALLER.get()
        here = await anyio.to_thread.run_sync(_workspace_of, caller.facts) if caller is not None else None
        names = Names(kind, [])
        try:
            for name in wanted:
                claim = await _wait_for(self._names.claiming_absent(kind, name, person, here or NOWHERE))
                if claim is None:
                    names.there.append(name)
                else:
                    names.claims.append(claim)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._give_up, names.claims)
            raise
        if names.there:
            grants_changed()  # another request of theirs may have created it while it was waited for
        return names

    def _give_up(self, claims: list[NameReservation]) -> None:
        for claim in claims:
            self._names.failed(claim, exists=False)

    async def _settled(self, names: Names, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it, and settle the names before anything is answered."""
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self.app(scope, receive, hold)
        if names.claims:
            await anyio.to_thread.run_sync(self._settle, names.claims, held)
        caller = CALLER.get()
        is_explained = caller is not None and caller.refused
        if names.there and held[0]["status"] == 403 and _text(held) == REFUSED and not is_explained:
            raise self._names.not_theirs(names.kind, names.there)
        for message in held:
            await send(message)

    def _settle(self, claims: list[NameReservation], held: list[Message]) -> None:
        """Keep or free the names, as the answer says.

        Raises:
            Refusal: a name is taken.
        """
        if held[0]["status"] < 400:
            for claim in claims:
                self._names.succeeded(claim)
            return
        answered = _parameters(_text(held))
        exists = answered.get("error_code") in EXISTS
        refusals = [self._names.failed(claim, exists=exists) for claim in claims]
        for refusal in filter(None, refusals):
            raise refusal


def _text(held: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in held)


def _workspace_of(facts: RequestFacts) -> str | None:
    """The workspace in which MLflow looks for what a request names; None where it takes no such request."""
    try:
        workspace = resolve_workspace_for_request_if_enabled(facts.path, facts.headers.get(WORKSPACE_HEADER))
    except MlflowException:
        return None
    return DEFAULT_WORKSPACE_NAME if workspace is None else str(workspace.name)


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


async def _read(receive: Receive, largest: int) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > largest:
            raise BadRequest(f"The body is larger than the {largest} bytes that this route takes.")
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
