"""Each answer of the local administrators' login takes the same time, so that no time tells which names exist.

The server refuses an unknown name at once and spends nothing on it, since known names need the turns for checking
passwords. The answer is held back until its time. Under uvicorn no thread waits meanwhile; under gunicorn the
request's own thread does.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio

from .caller import CALLER
from .middleware import Asgi, Message, Receive, Scope, Send

# Longer than a password's check takes, waiting for its turn included (store/local_admins.py).
SECONDS = 1.0
PATH = "/prokube-auth/login/local"


def _is_paced() -> bool:
    caller = CALLER.get()
    return caller is not None and caller.facts.method == "POST" and caller.facts.path == PATH


class AsgiPace:
    """Inside of :class:`AsgiIdentity`: holds such answers back until their time."""

    def __init__(
        self,
        app: Asgi,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.app = app
        self._clock = clock
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not _is_paced():
            await self.app(scope, receive, send)
            return
        due = self._clock() + SECONDS

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._sleep(max(0.0, due - self._clock()))
            await send(message)

        await self.app(scope, receive, held)


class WsgiPace:
    """The same for gunicorn, inside of :class:`WsgiIdentity`."""

    def __init__(
        self,
        app: Any,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.app = app
        self._clock = clock
        self._sleep = sleep

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request; what it returns is sent afterwards (PEP 3333)."""
        due = self._clock() + SECONDS
        answer: Iterable[bytes] = self.app(environ, start_response)
        if _is_paced():
            self._sleep(max(0.0, due - self._clock()))
        return answer
