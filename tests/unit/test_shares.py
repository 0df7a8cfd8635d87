"""Turns of callers: nobody waits for somebody else, and no caller has more than a share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_prokube_auth.errors import BadCredentials
from mlflow_prokube_auth.identity.caller import CALLER, Caller, Identity, RequestFacts
from mlflow_prokube_auth.identity.middleware import Message, Receive, Scope, Send
from mlflow_prokube_auth.identity.shares import ACTIVE_SECONDS, AT_ONCE, LEAST, AsgiShares, Shares
from mlflow_prokube_auth.model import Person


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def _run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(test(), 60)  # where somebody waits for ever

    with ThreadPoolExecutor(1) as thread:  # a browser test before may have left a loop running in this one
        thread.submit(asyncio.run, limited()).result()


def test_what_one_caller_has_leaves_room_for_others_among_the_threads_of_a_worker() -> None:
    # AnyIO's limiter, in which MLflow runs Flask, has 40.
    assert 1 <= LEAST < AT_ONCE <= 20


def test_a_caller_alone_has_as_many_as_the_worker_does_at_once_and_the_rest_waits_in_order() -> None:
    async def test() -> None:
        shares, order = Shares(), list[int]()

        async def enter(number: int) -> None:
            await shares.enter("a")
            order.append(number)

        tasks = [asyncio.create_task(enter(number)) for number in range(AT_ONCE + 2)]
        await _settle()
        assert order == list(range(AT_ONCE))
        shares.leave("a")
        await _settle()
        assert order == list(range(AT_ONCE + 1))
        for _ in range(AT_ONCE + 1):
            shares.leave("a")
            await _settle()
        await asyncio.gather(*tasks)
        assert shares.is_idle()

    _run(test)


def test_whoever_comes_does_not_wait_for_who_is_there() -> None:
    async def test() -> None:
        shares = Shares()
        waiting = [asyncio.create_task(shares.enter("hostile")) for _ in range(100)]
        await _settle()
        for number in range(50):
            await asyncio.wait_for(shares.enter(f"person {number}"), 5)
        for task in waiting:
            task.cancel()

    _run(test)


def test_a_share_is_smaller_the_more_are_active_and_grows_when_they_are_gone() -> None:
    async def test() -> None:
        clock = Clock()
        shares = Shares(clock)
        for number in range(3):
            await shares.enter(number)
            shares.leave(number)
        await shares.enter("a")
        assert shares.share == AT_ONCE // 4
        for number in range(100):
            await shares.enter(number)
        assert shares.share == LEAST
        clock.now += ACTIVE_SECONDS + 1
        shares.leave("a")
        await shares.enter("a")
        assert shares.share == AT_ONCE

    _run(test)


# Seconds that pass, what happens then, to whom, and which of those who are there.
ACTS = st.tuples(
    st.sampled_from((0.0, 0.0, 0.0, 3.0, 9.0)),
    st.sampled_from(("enter", "enter", "leave", "cancel", "leave and cancel", "leave and cancel at once")),
    st.sampled_from("abc"),
    st.integers(0, 1000),
)


@given(st.lists(ACTS, max_size=60))
def test_no_turn_is_lost_whatever_is_cancelled_when(acts: list[tuple[float, str, str, int]]) -> None:
    async def test() -> None:
        clock = Clock()
        shares = Shares(clock)
        entering: dict[int, tuple[str, asyncio.Task[None]]] = {}
        inside: dict[int, str] = {}

        def look() -> None:
            for one, (who, task) in list(entering.items()):
                if task.done():
                    del entering[one]
                    if not task.cancelled():
                        inside[one] = who

        most = 0
        for number, (seconds, act, who, which) in enumerate(acts):
            clock.now += seconds
            if act == "enter":
                entering[number] = who, asyncio.create_task(shares.enter(who))
            if act.startswith("leave") and inside:
                shares.leave(inside.pop(sorted(inside)[which % len(inside)]))
            if "cancel" in act and entering:
                entering[sorted(entering)[which % len(entering)]][1].cancel()
            if act != "leave and cancel at once":
                await _settle()
            look()
            most = max(most, len(inside))
        while entering or inside:
            for one in sorted(inside):
                shares.leave(inside.pop(one))
            await _settle()
            look()
        assert shares.is_idle()
        assert most <= 3 * AT_ONCE

    _run(test)


@dataclass
class Inside:
    """An application that answers when it is told to, and whom it has let in."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[Hashable] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = CALLER.get()
        assert caller is not None
        while (await receive()).get("more_body", False):
            pass
        caller.settle()
        self.begun.append(scope["name"])
        await self.answers.wait()
        await send({"type": "http.response.start", "status": 200})
        await scope["sent"].wait()
        await send({"type": "http.response.body", "body": b""})


KEYS = {"key of one": 1, "another key of one": 1, "key of two": 2}


def _authenticate(facts: RequestFacts) -> Identity | None:
    key = facts.headers.get("authorization")
    if key is None:
        return None
    if key not in KEYS:
        raise BadCredentials("not valid")
    return Identity(Person(KEYS[key], f"user {KEYS[key]}", is_admin=False), "access key")


class World:
    """A worker, and requests to it."""

    def __init__(self) -> None:
        self.inside = Inside()
        self.shares = Shares()
        self._app = AsgiShares(self.inside, self.shares)
        self._sent = asyncio.Event()
        self._sent.set()

    def ask(
        self,
        name: str,
        key: str | None = None,
        path: str = "/api/2.0/mlflow/runs/search",
        client: str = "10.0.0.1",
        body: asyncio.Event | None = None,
        sent: asyncio.Event | None = None,
    ) -> asyncio.Task[None]:
        """Begin a request; with ``body``, its body ends when that is set; ``sent`` is when the answer is taken."""
        headers = {} if key is None else {"authorization": key}
        if body is not None:
            headers["content-length"] = "7"
        facts = RequestFacts("POST" if body else "GET", path, headers, client)

        async def receive() -> Message:
            if body is not None:
                await body.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            pass

        async def serve() -> None:
            CALLER.set(Caller(facts, _authenticate))
            scope = {"type": "http", "name": name, "sent": sent or self._sent}
            await self._app(scope, receive, send)

        return asyncio.create_task(serve())

    async def learn(self) -> None:
        """Each key has been used once."""
        self.inside.answers.set()
        await asyncio.gather(*(self.ask("first", key) for key in KEYS))
        self.inside.answers = asyncio.Event()
        self.inside.begun.clear()


def test_one_account_has_one_share_whatever_its_keys_and_addresses() -> None:
    async def test() -> None:
        world = World()
        await world.learn()
        share = world.shares.share
        tasks = [
            world.ask("one", key, client=f"10.0.0.{number}")
            for number in range(share)
            for key in ("key of one", "another key of one")
        ]
        await _settle()
        assert world.inside.begun == ["one"] * world.shares.share
        tasks.append(world.ask("two", "key of two"))
        await _settle()
        assert world.inside.begun[-1] == "two"
        world.inside.answers.set()
        await asyncio.gather(*tasks)
        assert world.shares.is_idle()

    _run(test)


def test_keys_that_nobody_has_share_the_address_they_come_from() -> None:
    async def test() -> None:
        world = World()
        tasks = [world.ask("stranger", f"key number {number}") for number in range(3 * AT_ONCE)]
        await _settle()
        assert len(world.inside.begun) == AT_ONCE
        tasks += [world.ask("other", client="10.0.0.2"), world.ask("probe", path="/health")]
        await _settle()
        assert world.inside.begun[AT_ONCE:] == ["other", "probe"]
        world.inside.answers.set()
        await asyncio.gather(*tasks)

    _run(test)


@pytest.mark.parametrize(
    "path",
    [
        "/health", "/prokube-auth/ready", "/gateway/chat/mlflow/invocations",
        "/api/2.0/mlflow-artifacts/artifacts/1/2/artifacts/model.pkl",
    ],
)  # fmt: skip
def test_what_waits_for_others_takes_no_turn(path: str) -> None:
    async def test() -> None:
        world = World()
        tasks = [world.ask("search") for _ in range(2 * AT_ONCE)]
        await _settle()
        tasks += [world.ask("no turn", path=path) for _ in range(2 * AT_ONCE)]
        await _settle()
        assert world.inside.begun.count("no turn") == 2 * AT_ONCE
        world.inside.answers.set()
        await asyncio.gather(*tasks)

    _run(test)


def test_a_slow_body_and_a_slow_reader_hold_no_turn() -> None:
    async def test() -> None:
        world, slow = World(), asyncio.Event()
        tasks = [world.ask("uploads", body=slow) for _ in range(2 * AT_ONCE)]
        await _settle()
        world.inside.answers.set()
        tasks += [world.ask("reads", sent=slow) for _ in range(2 * AT_ONCE)]
        await _settle()
        assert world.inside.begun == ["reads"] * 2 * AT_ONCE
        await asyncio.wait_for(world.ask("quick"), 5)
        slow.set()
        await asyncio.gather(*tasks)
        assert world.shares.is_idle()

    _run(test)
