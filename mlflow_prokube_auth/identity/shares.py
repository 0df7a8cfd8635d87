"""Each caller has a share of a worker, so that whoever asks for what costs most delays themselves.

A worker answers requests side by side, and each slows the others down. So a caller has at most :data:`AT_ONCE` requests
under way in a worker, and fewer the more callers are active: the others wait their turn, in order. A caller who has
nothing under way never waits for somebody else.

Whose request it is, is guessed without a question to the database: by the account that the same headers named before,
or else by the client's address. The guess decides on the turn alone. Transfers of files and calls to models wait for
others more than they work, and take no turn; neither do the health checks. A turn begins when the body is there and
ends when the answer begins, so that a slow client holds none.

This works under uvicorn only. A worker of gunicorn has few threads and serves requests in the order of their arrival.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping

from .bounds import ARTIFACTS
from .caller import CALLER, Caller
from .inside import AUTHORIZATION, GATEWAY_AUTHORIZATION, is_gateway
from .middleware import Asgi, Message, Receive, Scope, Send

# Requests of one caller under way in one worker: while nobody else is active, and however many others are.
AT_ONCE, LEAST = 16, 1
# Who has asked for something within these seconds is active.
ACTIVE_SECONDS = 5.0
# Accounts known by the headers of a request.
MOST_KNOWN = 10_000
HEALTH = frozenset({"/health", "/version", "/prokube-auth/health", "/prokube-auth/ready", "/prokube-auth/metrics"})


class Shares:
    """Turns of the callers of one worker; used on its event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self._active: OrderedDict[Hashable, float] = OrderedDict()

    @property
    def share(self) -> int:
        """Requests that each caller may have under way now."""
        return max(LEAST, AT_ONCE // max(1, len(self._active)))

    def is_idle(self) -> bool:
        """Whether nothing is under way or waits."""
        return not self._running and not self._waiting

    async def enter(self, who: Hashable) -> None:
        """Wait for a turn; each is given back by :meth:`leave`."""
        now = self._clock()
        self._active[who] = now
        self._active.move_to_end(who)
        while self._active and next(iter(self._active.values())) < now - ACTIVE_SECONDS:
            self._active.popitem(last=False)
        if who not in self._waiting and self._running[who] < self.share:
            self._running[who] += 1
            return
        queue = self._waiting.setdefault(who, deque())
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had its turn in the same moment
                self.leave(who)
            else:
                self._drop(who, turn)
            raise

    def leave(self, who: Hashable) -> None:
        """Give a turn back; whoever waited longest for one of the same caller's has it."""
        self._running[who] -= 1
        queue = self._waiting.get(who, ())
        while queue and self._running[who] < self.share:
            turn = queue.popleft()
            if not turn.done():
                self._running[who] += 1
                turn.set_result(None)
        self._forget(who)

    def _drop(self, who: Hashable, turn: asyncio.Future[None]) -> None:
        if (queue := self._waiting.get(who)) is not None and turn in queue:
            queue.remove(turn)
        self._forget(who)

    def _forget(self, who: Hashable) -> None:
        if not self._waiting.get(who, True):
            del self._waiting[who]
        if not self._running[who]:
            del self._running[who]


class AsgiShares:
    """Inside of :class:`AsgiIdentity`: lets a request in when it is its caller's turn."""

    def __init__(self, app: Asgi, shares: Shares | None = None) -> None:
        self.app = app
        self._shares = shares or Shares()
        # Python's salted hash of the headers that name somebody; the headers themselves are not kept.
        self._known: OrderedDict[int, int] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        caller = CALLER.get() if scope["type"] == "http" else None
        if caller is None or _takes_no_turn(caller.facts.path):
            await self.app(scope, receive, send)
            return
        headers = caller.facts.headers
        named = hash((headers.get(AUTHORIZATION), headers.get("cookie"), headers.get(GATEWAY_AUTHORIZATION)))
        user_id = self._known.get(named)
        turn = _Turn(self._shares, caller.facts.client if user_id is None else user_id, receive, send)
        if not _has_body(headers):
            await turn.begin()
        try:
            await self.app(scope, turn.receive, turn.send)
        finally:
            turn.end()
            self._learn(named, user_id, caller)

    def _learn(self, named: int, user_id: int | None, caller: Caller) -> None:
        if not caller.is_settled:  # nobody asked
            return
        identity = caller.identity_or_none()
        found = None if identity is None else identity.person.user_id
        if found == user_id:
            return
        self._known.pop(named, None)
        if found is not None:
            self._known[named] = found
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


def _takes_no_turn(path: str) -> bool:
    """Not a permission: what is not waited for."""
    return path in HEALTH or path.startswith(ARTIFACTS) or is_gateway(path)


def _has_body(headers: Mapping[str, str]) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class _Turn:
    """That of one request."""

    def __init__(self, shares: Shares, who: Hashable, receive: Receive, send: Send) -> None:
        self._shares, self._who, self._receive, self._send = shares, who, receive, send
        self._begun = self._ended = False

    async def begin(self) -> None:
        """Wait for it, once."""
        if not self._begun:
            await self._shares.enter(self._who)
            self._begun = True

    def end(self) -> None:
        """Give it back, once, if it has begun."""
        if self._begun and not self._ended:
            self._ended = True
            self._shares.leave(self._who)

    async def receive(self) -> Message:
        """As ASGI's; its turn begins with the end of the body, or of the connection."""
        message = await self._receive()
        if not message.get("more_body", False):
            await self.begin()
        return message

    async def send(self, message: Message) -> None:
        """As ASGI's; its turn ends with the beginning of the answer."""
        if message["type"] == "http.response.start":
            self.end()
        await self._send(message)
