"""Small HTTP/1.1 clients that cost little beside what they measure."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


class WireError(Exception):
    """An answer that is none."""


@dataclass(frozen=True)
class Answer:
    """Status, body and how long it took, in milliseconds."""

    status: int
    body: bytes
    milliseconds: float

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Client:
    """One connection that is kept, for requests one after the other."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, timeout: float = 60) -> None:
        parts = urlsplit(url)
        self._headers = dict(headers or {})
        self._wire = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)

    def __call__(self, method: str, target: str, body: Any = None) -> Answer:
        """Send a request with a JSON body or none.

        Raises:
            TimeoutError: no answer in time; the connection is given up.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if data is None else {"Content-Type": "application/json"})
        begun = time.perf_counter()
        try:
            self._wire.request(method, target, data, headers)
            answer = self._wire.getresponse()
            content = answer.read()
        except Exception:
            self._wire.close()
            raise
        return Answer(answer.status, content, (time.perf_counter() - begun) * 1e3)

    def send(self, target: str, size: int, piece: bytes) -> float:
        """PUT so many bytes, piece after piece; the seconds until the answer.

        Raises:
            WireError: the answer is not a good one.
        """
        begun = time.perf_counter()
        self._wire.request("PUT", target, _pieces(size, piece), {**self._headers, "Content-Length": str(size)})
        answer = self._wire.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise WireError(f"PUT {target}: {answer.status} {content[:300]!r}")
        return time.perf_counter() - begun

    def fetch(self, target: str, size: int) -> float:
        """GET so many bytes and drop them; the seconds until the last one.

        Raises:
            WireError: the answer is not a good one.
        """
        begun, found = time.perf_counter(), 0
        self._wire.request("GET", target, headers=self._headers)
        answer = self._wire.getresponse()
        while piece := answer.read(1 << 20):
            found += len(piece)
        if answer.status != 200 or found != size:
            raise WireError(f"GET {target}: {answer.status}, {found} bytes, expected {size}")
        return time.perf_counter() - begun

    def must(self, method: str, target: str, body: Any = None) -> Any:
        """The same; the JSON of an answer that has to be a good one.

        Raises:
            WireError: it is not.
        """
        answer = self(method, target, body)
        if not 200 <= answer.status < 300:
            raise WireError(f"{method} {target}: {answer.status} {answer.body[:300]!r}")
        return answer.json()

    def close(self) -> None:
        """Hang up."""
        self._wire.close()


def _pieces(size: int, piece: bytes) -> Iterator[bytes]:
    for start in range(0, size, len(piece)):
        yield piece[: size - start]


class SlowDownload:
    """Reads an answer so slowly that it lasts as long as the ``with`` block."""

    def __init__(self, url: str, target: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._over = threading.Event()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)  # the rest waits at the server
        self._socket.connect((parts.hostname, parts.port))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._socket.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}\r\n".encode())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.read = 0

    def _read(self) -> None:
        while not self._over.wait(0.02):
            self.read += len(self._socket.recv(16 * 1024))

    def __enter__(self) -> SlowDownload:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._reader.join()
        self._socket.close()


class AsyncConnection:
    """One kept connection of an event loop; opened anew where the server hangs up."""

    def __init__(self, host: str, port: int, headers: Mapping[str, str]) -> None:
        self._host, self._port = host, port
        lines = {"Host": f"{host}:{port}", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None

    async def request(
        self, method: str, target: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Status and body of the answer.

        Raises:
            WireError: the connection ended in the middle of it.
        """
        if self._reader is not None and self._reader.at_eof():
            await self.close()  # the server hung up meanwhile, as it does after some seconds of silence
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        length = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n" if body is not None else ""
        self._writer.write(f"{method} {target} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + (body or b""))
        try:
            await self._writer.drain()
            return await self._answer(self._reader)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            await self.close()
            raise WireError(type(error).__name__) from None
        except BaseException:  # an answer that is half read makes no next one
            await self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if headers.get("transfer-encoding", "") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return status, body
