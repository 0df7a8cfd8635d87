"""A listener on 127.0.0.1 for the one answer that the browser brings back (RFC 8252, section 7.3)."""

from __future__ import annotations

import hmac
import queue
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} - MLflow</title><link rel="icon" href="data:,">
<style>body {{ max-width: 26rem; margin: 20vh auto; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }}</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""
BACK = "Go back to your terminal, which shows the result of the login. You can close this page."
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class NotAllowed(Exception):
    """The browser brought no code; the message says why."""


class AnotherLogin(NotAllowed):
    """It brought the answer to another login, or somebody else on this machine asked: this login goes on."""


def read_callback(query: str, state: str) -> str:
    """The code in a callback's query.

    Raises:
        AnotherLogin: it is an answer to another login.
        NotAllowed: the person said no, or there is no code.
    """
    given = {name: values[0] for name, values in parse_qs(query).items() if len(values) == 1}
    if not hmac.compare_digest(given.get("state", "").encode(), state.encode()):
        raise AnotherLogin("the browser returned from another login (its state differs); nothing was changed")
    if given.get("error") == "access_denied":
        raise NotAllowed("you cancelled in the browser; nothing was changed")
    if not given.get("code"):
        raise NotAllowed("the browser returned without a code; nothing was changed")
    return given["code"]


class Loopback:
    """Listens on a free port until this login's callback; in threads, since browsers open idle connections, too."""

    def __init__(self, state: str) -> None:
        answers: queue.SimpleQueue[str | NotAllowed] = queue.SimpleQueue()
        self._answers = answers

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                """Answer the browser, then wake the command."""
                parts = urlsplit(self.path)
                if parts.path != "/callback":
                    self._show(404, "Not found", "This address only receives the answer to a login.")
                    return
                answer: str | NotAllowed
                try:
                    answer = read_callback(parts.query, state)
                    self._show(200, "Allowed", BACK)
                except AnotherLogin:
                    self._show(400, "Another login", "This page belongs to another login. Continue in the browser.")
                    return
                except NotAllowed as error:
                    answer = error
                    self._show(400, "Not logged in", BACK)
                answers.put(answer)

            def _show(self, status: int, title: str, text: str) -> None:
                body = PAGE.format(title=title, text=text).encode()
                self.send_response(status)
                for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing: the line would hold the code."""

        # Not http.server's own class, which looks the address up in the DNS.
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Loopback:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> str:
        """The code.

        Raises:
            NotAllowed: the browser came back without one, or not in time.
        """
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise NotAllowed(
                f"the browser did not come back within {seconds / 60:.0f} minutes; run the command again "
                "(with --no-browser, where the browser is on another computer)"
            ) from None
        if isinstance(answer, NotAllowed):
            raise answer
        return answer
