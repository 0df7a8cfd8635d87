"""The size of a request's head under uvicorn with httptools, which bounds none by itself.

uvicorn with h11 takes at most 64 KiB of an incomplete message (``h11_max_incomplete_event_size``). With httptools it
collects the first line and the headers for as long as they come. This module counts the bytes that a
connection has sent since its last progress: a message that began, a head that ended, a part of a body. So trailers are
bounded, too.
"""

from __future__ import annotations

import importlib
from typing import Any

from . import logs

_logger = logs.logger(__name__)

# In bytes, as uvicorn's own for h11 (uvicorn/protocols/http/h11_impl.py). What is read at once comes on top: 256 KiB.
LARGEST_HEAD = 64 * 1024
MODULE, PROTOCOL = "uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol"
_USED = ("data_received", "on_message_begin", "on_headers_complete", "on_body", "send_400_response")
_BOUND = "_prokube_bound"


def bound() -> None:
    """Have connections that send too much of a head closed, where httptools is installed. May be called again."""
    try:
        protocol: Any = getattr(importlib.import_module(MODULE), PROTOCOL)
    except (ImportError, AttributeError):
        return  # uvicorn uses h11 then
    if getattr(protocol, _BOUND, False):
        return
    missing = [name for name in _USED if not hasattr(protocol, name)]
    if missing:
        _logger.warning(
            "uvicorn with httptools bounds no request head, and this release has no %s to do so; start the server with "
            "--uvicorn-opts '--http h11'",
            ", ".join(missing),
        )
        return
    for name in ("on_message_begin", "on_headers_complete", "on_body"):
        setattr(protocol, name, _counting_anew(getattr(protocol, name)))
    protocol.data_received = _counted(protocol.data_received)
    setattr(protocol, _BOUND, True)


def _counting_anew(original: Any) -> Any:
    def progress(self: Any, *given: Any) -> Any:
        self._prokube_unfinished = 0
        return original(self, *given)

    return progress


def _counted(original: Any) -> Any:
    def data_received(self: Any, data: bytes) -> None:
        self._prokube_unfinished = getattr(self, "_prokube_unfinished", 0) + len(data)
        original(self, data)
        if self._prokube_unfinished <= LARGEST_HEAD or self.transport.is_closing():
            return
        _logger.warning("a request with a head of more than %d bytes is refused", LARGEST_HEAD)
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response(f"The head of this request is larger than {LARGEST_HEAD} bytes.")
        else:  # an answer is under way
            self.transport.abort()

    return data_received
