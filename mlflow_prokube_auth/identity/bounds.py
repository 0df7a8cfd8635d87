"""The first line of a request, bounded before anything works on it: its method and its address.

Outermost, for everybody. What matches routes, decodes paths and reads queries needs more time for each character, the
more there are: MLflow's routes of MCP servers match a path of 60,000 characters for five seconds, several times for
a request. What is kept by method or by path must not grow with what strangers think of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import AddressTooLong, BadRequest, MethodUnknown, Refusal
from .middleware import Asgi, Receive, Scope, Send, answer, send_refusal

# Of MLflow's routes and ours (RFC 9110, RFC 5789).
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# In characters, decoded. Names in paths are those of MCP servers, gateway endpoints and accounts.
LONGEST_PATH = 1_024
# File systems allow 4,096 bytes, object stores 1,024.
LONGEST_ARTIFACT_PATH = 4_096
# Proxies allow 8,000 bytes; a filter may be an IN with many values.
LONGEST_QUERY, MOST_PARAMETERS = 49_152, 2_000
ARTIFACTS = ("/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/")


class RequestLine:
    """Says of a method, a path and a query whether they can be worked on."""

    def __init__(self, static_prefix: str) -> None:
        self._longest = LONGEST_PATH + len(static_prefix)
        self._artifacts = ARTIFACTS + tuple(static_prefix + each for each in ARTIFACTS)

    def refusal(self, method: str, path: str, query: bytes) -> Refusal | None:
        """Why a request is not looked at; None where it is."""
        if method not in METHODS:
            return MethodUnknown(f"The method {method[:20]!r} is unknown. Expected {', '.join(sorted(METHODS))}.")
        if "\0" in path:
            return BadRequest("There is a NUL character (%00) in the path. Expected a path without it.")
        if path.endswith("\n"):  # FastAPI's routes match without it: "$" does, too, before a last line break
            return BadRequest("There is a line break (%0A) at the end of the path. Expected a path without it.")
        if len(path) > self._longest:
            longest = LONGEST_ARTIFACT_PATH if path.startswith(self._artifacts) else self._longest
            if len(path) > longest:
                return AddressTooLong(f"The path has {len(path)} characters, {longest} are allowed here.")
        if len(query) > LONGEST_QUERY:
            return AddressTooLong(f"The query has {len(query)} characters, {LONGEST_QUERY} are allowed.")
        if query.count(b"&") >= MOST_PARAMETERS:
            return AddressTooLong(
                f"The query has {query.count(b'&') + 1} parameters, {MOST_PARAMETERS} are allowed. "
                "Ask in several requests."
            )
        return None


class AsgiBounds:
    """The outermost ASGI application."""

    def __init__(self, app: Asgi, line: RequestLine) -> None:
        self.app = app
        self._line = line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            refusal = self._line.refusal(scope["method"], scope["path"], scope.get("query_string", b""))
            if refusal is not None:
                await send_refusal(refusal, send)
                return
        await self.app(scope, receive, send)


class WsgiBounds:
    """The same for gunicorn, around Flask's WSGI application."""

    def __init__(self, app: Any, line: RequestLine) -> None:
        self.app = app
        self._line = line

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        query = str(environ.get("QUERY_STRING", "")).encode("latin-1", "replace")
        refusal = self._line.refusal(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"), query)
        if refusal is not None:
            return refuse(refusal, start_response)
        return self.app(environ, start_response)  # type: ignore[no-any-return]  # Flask's is untyped here


def refuse(refusal: Refusal, start_response: Any) -> Iterable[bytes]:
    """A refusal as the answer of a WSGI application."""
    body, status, headers = answer(refusal)
    start_response(f"{status} Refused", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]
