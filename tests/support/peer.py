"""A server that answers as it is told, or hangs."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event


class Peer(ThreadingHTTPServer):
    """What stands where Keycloak should be: answers by path, or hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []
        self.hung: Event | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Peer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.hung is not None:
            self.server.hung.wait(30)
        status, text = self.server.answers.get(self.path, (404, "<h1>Not found</h1>"))
        self.send_response(status)
        if text.startswith("ey"):
            self.send_header("Content-Type", "application/jwt")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""
