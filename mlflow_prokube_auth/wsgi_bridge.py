"""A WSGI application (PEP 3333) under ASGI: small answers in one thread hop, large ones with back-pressure.

An answer of a known length that fits into :data:`PART` leaves as one message. Of a larger one, and of one that says no
length, a worker thread makes one part at a time, when the client has taken the part before: a slow client holds
neither a thread nor more than a few parts. When the client goes away, the application's iterator is closed.

A body of up to :data:`READ_FIRST` bytes is read before a thread is taken, so that a slow client holds none. Of a
larger one, the application reads what it asks for as it comes; the answer begins when the rest has been read and
forgotten, since clients read no answer before they have sent all.
"""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextvars import copy_context
from functools import lru_cache
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from werkzeug.wsgi import FileWrapper

# In bytes.
PART = 256 * 1024
READ_FIRST = 1024 * 1024
# Requests whose body is read as it comes, each in a thread beside those of all others. Where there are more, their
# bodies are read first.
MOST_STREAMED = 16

Made = TypeVar("Made")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiBridge:
    """An ASGI application for HTTP alone; threads are anyio's, with its limit."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app
        self._streaming = 0
        self._threads: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        chunks: list[bytes] = []
        size, complete = 0, False
        while not complete and (size <= READ_FIRST or self._streaming >= MOST_STREAMED):
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            complete = not message.get("more_body", False)
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        del chunks
        if complete:
            await _Serving(_Run(self._app, environ(scope, io.BytesIO(body))), receive, send).serve(None)
            return
        self._threads = self._threads or anyio.CapacityLimiter(MOST_STREAMED)
        self._streaming += 1
        try:
            rest = _Body(body, receive)
            run = _Run(self._app, environ(scope, io.BufferedReader(rest)), rest)
            await _Serving(run, receive, send).serve(self._threads)
        finally:
            self._streaming -= 1


class _Serving:
    """One request on the event loop."""

    def __init__(self, run: _Run, receive: Receive, send: Send) -> None:
        self._run, self._receive, self._send = run, receive, send

    async def serve(self, limiter: anyio.CapacityLimiter | None) -> None:
        """Have the application answer; its first part is made under ``limiter``."""
        run = self._run
        try:
            body = await anyio.to_thread.run_sync(run.begin, limiter=limiter)
            if run.is_abandoned:
                return
            if run.ended and len(body) <= PART:
                await self._start()
                await self._send({"type": "http.response.body", "body": body})
            else:
                await self._stream(body)
        finally:
            if not run.ended:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(run.close)
        if run.failure is not None:
            raise run.failure

    async def _start(self) -> None:
        start = {"type": "http.response.start", "status": self._run.status, "headers": self._run.headers}
        await self._send(start)

    async def _stream(self, body: bytes) -> None:
        run = self._run
        gone = asyncio.ensure_future(_departure(self._receive))
        try:
            await self._start()
            while True:
                for at in range(0, len(body), PART):
                    if gone.done():
                        return
                    await self._send({"type": "http.response.body", "body": body[at : at + PART], "more_body": True})
                if run.ended:
                    await self._send({"type": "http.response.body", "body": b""})
                    return
                if gone.done():
                    return
                body = await anyio.to_thread.run_sync(run.part)
        finally:
            gone.cancel()


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Run:
    """One run of the application: step by step in worker threads, all steps in one context and never two at once."""

    def __init__(self, app: Wsgi, environ: dict[str, Any], body: _Body | None = None) -> None:
        self._app, self._environ, self._body = app, environ, body
        self._context = copy_context()
        self._lock = threading.Lock()
        self._iterable: Iterable[bytes] = ()
        self._iterator: Iterator[bytes] = iter(())
        self._written: list[bytes] = []
        self._left: int | None = None
        self._began = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] | None = None
        # Nothing more comes, and the iterator is closed.
        self.ended = False
        # What its closing raised.
        self.failure: Exception | None = None

    @property
    def is_abandoned(self) -> bool:
        """Whether the client went away while its body was read."""
        return self._body is not None and self._body.is_lost

    def begin(self) -> bytes:
        """Call the application; the first part of its answer."""
        return self._step(self._begin)

    def part(self) -> bytes:
        """The next part."""
        return self._step(self._collect)

    def close(self) -> None:
        """Close the iterator, once."""
        self._step(self._close)

    def _step(self, work: Callable[[], Made]) -> Made:
        with self._lock:  # a request that is cancelled closes the iterator when a step that is under way is over
            return self._context.run(work)

    def _begin(self) -> bytes:
        if self.ended:
            return b""
        try:
            self._iterable = self._app(self._environ, self._start_response)
            self._iterator = iter(self._iterable)
            first = self._collect()
            if self.headers is None:
                raise RuntimeError("the WSGI application called no start_response")
            self._began = True
            if self._body is not None:
                self._body.drain()
            return first
        except BaseException:
            self._close()
            raise
        finally:
            if self._body is not None and self._body.failure is not None:
                raise self._body.failure

    def _collect(self) -> bytes:
        if self.ended:
            return b""
        chunks: list[bytes] = []
        size = 0
        try:
            # What has all of its length ends in the same step; what says no length is not held back.
            while size < PART or self._left == 0:
                chunk = next(self._iterator, None)
                chunks += self._written
                self._written.clear()
                if chunk is None:
                    self._close()
                    break
                if not chunk:
                    continue
                chunks.append(chunk)
                size += len(chunk)
                if self._left is None or self._left < len(chunk):
                    self._left = None
                    break
                self._left -= len(chunk)
        except BaseException:
            self._close()
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _close(self) -> None:
        if self.ended:
            return
        self.ended = True
        close = getattr(self._iterable, "close", None)
        try:
            if close is not None:
                close()
        except Exception as error:
            self.failure = error

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and self._began:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self.headers is not None:
            raise RuntimeError("the WSGI application called start_response twice")
        self.status = int(status[:3])
        self.headers = [
            (name.strip().lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers
        ]
        length = next((value for name, value in self.headers if name == b"content-length"), b"")
        self._left = int(length) if length.isdigit() else None
        return self._written.append


class _Body(io.RawIOBase):
    """``wsgi.input`` of a large body, read in a worker thread while it comes."""

    def __init__(self, first: bytes, receive: Receive) -> None:
        self._chunk = memoryview(first)
        self._receive = receive
        # Of the event loop. The server may go on reading the connection in it, so that further requests of the
        # connection would see what the application has set in its own.
        self._context = copy_context()
        self._complete = False
        # The client went away.
        self.is_lost = False
        # What reading raised; the application sees an OSError, as of a connection that broke.
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As a raw stream's; waits for the client.

        Raises:
            OSError: the client went away, or the body is refused.
        """
        while not self._chunk and not self._complete:
            self._next()
        count = min(len(buffer), len(self._chunk))
        buffer[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    def drain(self) -> None:
        """Read the rest and forget it."""
        self._chunk = memoryview(b"")
        try:
            while not self._complete:
                self._next()
                self._chunk = memoryview(b"")
        except OSError:  # it is told by `is_lost` and `failure`
            pass

    async def _message(self) -> Message:
        return await self._receive()

    def _next(self) -> None:
        if self.is_lost or self.failure is not None:
            raise OSError("the body is lost")
        try:
            message = self._context.copy().run(anyio.from_thread.run, self._message)
        except Exception as error:
            self.failure = error
            raise OSError("the body cannot be read") from error
        if message["type"] == "http.disconnect":
            self.is_lost = True
            raise OSError("the client went away")
        self._chunk = memoryview(message.get("body", b""))
        self._complete = not message.get("more_body", False)


class _LargeParts(FileWrapper):
    """``wsgi.file_wrapper``: whole parts, where Werkzeug reads 8 KiB at a time."""

    def __init__(self, file: Any, buffer_size: int = 0) -> None:
        super().__init__(file, max(buffer_size, PART))


def environ(scope: MutableMapping[str, Any], body: Any) -> dict[str, Any]:
    """What WSGI tells of a request, as MLflow's bridge does (``build_environ`` in starlette/middleware/wsgi.py)."""
    root = _in_latin_1(scope.get("root_path", ""))
    path = _in_latin_1(scope["path"])
    if path == root or path.startswith(root.rstrip("/") + "/"):
        path = path[len(root) :]
    server = scope.get("server") or ("localhost", 80)
    made: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path,
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": server[1],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stdout,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": _LargeParts,
    }
    if scope.get("client"):
        made["REMOTE_ADDR"] = scope["client"][0]
    for raw_name, raw_value in scope.get("headers", ()):
        name = (_variable if len(raw_name) <= 64 else _variable.__wrapped__)(raw_name)
        value = raw_value.decode("latin-1")
        made[name] = f"{made[name]},{value}" if name in made else value
    return made


def _in_latin_1(text: str) -> str:
    """UTF-8 as WSGI writes it (PEP 3333, unicode issues)."""
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


@lru_cache(maxsize=256)
def _variable(header: bytes) -> str:
    name = header.decode("latin-1")
    if name in ("content-length", "content-type"):
        return name.upper().replace("-", "_")
    return f"HTTP_{name}".upper().replace("-", "_")
