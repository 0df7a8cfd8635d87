"""A server that answers as MLflow does, but for what a test has it get wrong; a proxy that breaks connections."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LISTING = "/api/2.0/mlflow-artifacts/artifacts"
ROOT = "1/models/m-1/artifacts"
PAGE = b"<html><form action=/login></form></html>"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class FakeMlflow:
    """One version of a model `m`, whose files are ``files``; an entry of ``answers`` comes before all else."""

    files: dict[str, bytes] = field(
        default_factory=lambda: {"MLmodel": b"flavors: {}", "data.bin": b"0123456789" * 500}
    )
    location: str = f"mlflow-artifacts:/{ROOT}"
    entries: list[dict[str, Any]] | None = None
    answers: dict[str, Callable[[dict[str, str]], Answer | None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        path = urlsplit(target).path
        self.asked.append((path, headers))
        special = self.answers[path](headers) if path in self.answers else None
        if special is not None:
            return special
        if path == LISTING:
            return self._json(self._listing(parse_qs(urlsplit(target).query)["path"][0]))
        if path.startswith(LISTING):
            content = self.files[path.removeprefix(f"{LISTING}/{ROOT}/")]
            return 200, {"Content-Disposition": "attachment", "Content-Length": str(len(content))}, content
        if path.endswith("/model-versions/get-download-uri"):
            return self._json({"artifact_uri": self.location})
        if path.endswith("/model-versions/get"):
            return self._json({"model_version": {"name": "m", "version": "1", "status": "READY"}})
        return 404, {}, b"{}"

    def _listing(self, path: str) -> dict[str, Any]:
        if self.entries is not None:
            return {"files": self.entries}
        below, found = path.removeprefix(ROOT).strip("/"), {}
        for name, content in self.files.items():
            if name.startswith(f"{below}/" if below else ""):
                head, slash, _ = name[len(below) + 1 if below else 0 :].partition("/")
                size = {"file_size": len(content)} if content and not slash else {}
                found[head] = {"path": head, "is_dir": bool(slash), **size}
        return {"files": list(found.values())}

    def _json(self, body: Any) -> Answer:
        text = json.dumps(body).encode()
        return 200, {"Content-Type": "application/json", "Content-Length": str(len(text))}, text


class _Handler(BaseHTTPRequestHandler):
    fake: FakeMlflow

    def do_GET(self) -> None:
        status, headers, body = self.fake.answer(self.path, {name.lower(): text for name, text in self.headers.items()})
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def running_fake(fake: FakeMlflow) -> Iterator[FakeMlflow]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class BrokenLine:
    """Stands between the initializer and a server: breaks off those downloads that get past so many bytes.

    ``cuts`` are the sizes, one for each download that is still to be broken; ``hold`` keeps one open, and silent, at
    that many bytes until ``let_go`` is set. ``without_range`` is a server that knows no part of a file.
    """

    port: int
    cuts: list[int] = field(default_factory=list)
    hold: int | None = None
    without_range: bool = False
    heads: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def carry(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65536)
                if not part:
                    return
                head += part
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            self.heads.append(head)
            if self.without_range:
                lines = [line for line in lines if not line.lower().startswith((b"range:", b"if-range:"))]
            lines.insert(1, b"Connection: close")
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                server.sendall(b"\r\n".join(lines))
                self._back(client, server, b"large/weights.bin" in lines[0])

    def _back(self, client: socket.socket, server: socket.socket, is_download: bool) -> None:
        cut = self.cuts.pop(0) if is_download and self.cuts else None
        count = 0
        while part := server.recv(65536):
            if count == 0:
                self.answers.append(part.split(b"\r\n", 1)[0])
            count += len(part)
            client.sendall(part)
            if cut is not None and count >= cut:
                return
            if is_download and self.hold is not None and count >= self.hold and not self.let_go.is_set():
                self.held.set()
                self.let_go.wait(120)


@contextmanager
def broken_line(line: BrokenLine) -> Iterator[BrokenLine]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                threading.Thread(target=line.carry, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    line.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield line
    finally:
        line.let_go.set()
        ended.set()
        thread.join()
        listener.close()
