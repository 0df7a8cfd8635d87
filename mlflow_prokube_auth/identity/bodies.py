"""How large a body may be: little before somebody is identified, much for who is, nothing of it kept for a refusal.

A body that is too large is refused before it is read: by its ``Content-Length``, and where there is none, as in
a chunked body, by counting. A body within :data:`SMALL` is anybody's, so that the ordinary request of a client is not
looked at: who is calling is asked where it always was. Of a larger one it is asked first, in a worker thread, and the
answer is kept for the request: that costs no further question to the database.

Uploads of artifacts by who is identified have no bound and are passed on as they come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from flask import Response
from werkzeug.exceptions import HTTPException

from ..errors import BodyTooLarge, Refusal
from .bounds import refuse
from .caller import CALLER, Caller, RequestFacts
from .middleware import Asgi, Message, Receive, Scope, Send, answer, send_refusal

# Forms, keys and logout tokens (16 KiB) are smaller, and a few hundred connections of nobody cost no more than the
# buffers of their sockets. MLflow reads all of it before it asks who is calling, several copies at once.
SMALL = 64 * 1024
OWN = "/prokube-auth/"
# Routes that take files: method and path, without the static prefix, and the only type of body that MLflow streams.
UPLOADS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("PUT", re.compile(r"/(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts/.+"), ""),
    ("POST", re.compile(r"/ajax-api/2\.0/mlflow/upload-artifact"), ""),
    # MLflow has a bound of its own on these, MLFLOW_SKILL_CONTENT_MAX_DECOMPRESSED_SIZE.
    ("POST", re.compile(r"/(?:ajax-)?api/3\.0/mlflow/skills/(?:@[^/]+/)?[^/]+/versions"), "multipart/form-data"),
)
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class BodyLimits:
    """Decides on the size of a body. ``largest`` is in bytes, for who is identified."""

    largest: int

    def refusal(self, caller: Caller, size: int) -> Refusal | None:
        """Why a body of more than :data:`SMALL` bytes is not taken; None where it is. May ask the database."""
        facts = caller.facts
        if facts.path.startswith(OWN):
            return BodyTooLarge(_words(size, SMALL))
        try:
            identity = caller.identity()
        except Refusal as refusal:  # of a wrong credential: that says what to do
            return refusal
        if identity is None:
            return BodyTooLarge(
                f"{_words(size, SMALL)} You are not logged in: send your user name and an access key for more."
            )
        if any(
            facts.method == method and path.fullmatch(facts.path) and _is(facts, type_)
            for method, path, type_ in UPLOADS
        ):
            return None
        if size <= self.largest:
            return None
        return BodyTooLarge(f"{_words(size, self.largest)} Send it in parts, or log it as an artifact.")


def _is(facts: RequestFacts, media_type: str) -> bool:
    """Whether the body is said to be of that type, as MLflow takes it; any is of none."""
    return not media_type or facts.headers.get("content-type", "").split(";")[0].strip().lower() == media_type


def _words(size: int, most: int) -> str:
    return f"The body has {size:,} bytes or more, {most:,} are allowed here."


def declared(headers: Mapping[str, str]) -> int | None:
    """What the head says of the body's size; None where it says nothing. A coding of the transfer comes first
    (RFC 9112, section 6.3)."""
    length = headers.get("content-length", "").strip()
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return None
    return int(length[:20])  # with more digits it is too large as well


class AsgiBodies:
    """Inside of :class:`AsgiIdentity`: refuses bodies that are too large."""

    def __init__(self, app: Asgi, limits: BodyLimits) -> None:
        self.app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        caller = CALLER.get() if scope["type"] == "http" else None
        size = declared(caller.facts.headers) if caller is not None else 0
        if caller is None or (size is not None and size <= SMALL):
            await self.app(scope, receive, send)
        elif size is None:
            await _Counted(caller, self._limits, receive, send).serve(self.app, scope)
        elif (refusal := await anyio.to_thread.run_sync(self._limits.refusal, caller, size)) is not None:
            await send_refusal(refusal, send)
        else:
            await self.app(scope, receive, send)


class _Counted:
    """One request whose head does not say how large its body is."""

    def __init__(self, caller: Caller, limits: BodyLimits, receive: Receive, send: Send) -> None:
        self._caller, self._limits, self._receive, self._send = caller, limits, receive, send
        self._size = 0
        self._answered = self._refused = False

    async def serve(self, app: Asgi, scope: Scope) -> None:
        """Serve it, up to where its body is too large."""
        try:
            await app(scope, self._count, self._pass)
        except Exception:
            if not self._refused:
                raise

    async def _count(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > SMALL and (refusal := await self._judge()) is not None:
            self._refused = True
            if not self._answered:
                await send_refusal(refusal, self._send)
            raise refusal  # through MLflow, which would take a part of a body for the whole
        return message

    async def _judge(self) -> Refusal | None:
        if self._caller.is_settled:
            return self._limits.refusal(self._caller, self._size)
        return await anyio.to_thread.run_sync(self._limits.refusal, self._caller, self._size)

    async def _pass(self, message: Message) -> None:
        if not self._refused:  # what MLflow makes of the exception
            self._answered = True
            await self._send(message)


class WsgiBodies:
    """The same for gunicorn, inside of :class:`WsgiIdentity`."""

    def __init__(self, app: Any, limits: BodyLimits) -> None:
        self.app = app
        self._limits = limits

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        caller = CALLER.get()
        headers = {"content-length": environ.get("CONTENT_LENGTH") or ""}
        if coding := environ.get("HTTP_TRANSFER_ENCODING"):
            headers["transfer-encoding"] = coding
        size = declared(headers)
        if caller is not None and size is None:
            environ["wsgi.input"] = _CountedInput(environ["wsgi.input"], caller, self._limits)
        elif caller is not None and size is not None and size > SMALL:
            refusal = self._limits.refusal(caller, size)
            if refusal is not None:
                return refuse(refusal, start_response)
        return self.app(environ, start_response)  # type: ignore[no-any-return]  # Flask's is untyped here


class _CountedInput:
    """``wsgi.input`` (PEP 3333) of a request whose head does not say how large its body is."""

    def __init__(self, stream: Any, caller: Caller, limits: BodyLimits) -> None:
        self._stream, self._caller, self._limits = stream, caller, limits
        self._size = 0

    def _counted(self, data: bytes) -> bytes:
        self._size += len(data)
        if self._size > SMALL and (refusal := self._limits.refusal(self._caller, self._size)) is not None:
            raise HTTPException(response=Response(*answer(refusal)))
        return data

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        return self._pieces(self._stream.read, size, line=False)

    def readline(self, size: int = -1) -> bytes:
        """As a file's."""
        return self._pieces(self._stream.readline, size, line=True)

    def _pieces(self, read: Callable[[int], bytes], size: int, *, line: bool) -> bytes:
        """Piece by piece, so that little is read of what will be refused."""
        pieces: list[bytes] = []
        left = size
        while left != 0:
            piece = self._counted(read(_CHUNK if left < 0 else min(left, _CHUNK)))
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
            if not piece or (line and piece.endswith(b"\n")):
                break
        return b"".join(pieces)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """As a file's."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        """Line by line."""
        return iter(self.readline, b"")
