"""Logins of strangers are counted by address; the answers of the local login take one and the same time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from contextvars import copy_context
from typing import Any

import pytest

from mlflow_prokube_auth.identity.caller import CALLER, Caller, RequestFacts
from mlflow_prokube_auth.identity.pace import PATH, SECONDS, AsgiPace, WsgiPace
from mlflow_prokube_auth.identity.visitors import ADDRESSES, BEGINS, COMPLETING, COMPLETING_FROM_ONE, Visitors


@pytest.fixture
def now() -> list[float]:
    return [1_000.0]


@pytest.fixture
def visitors(now: list[float]) -> Visitors:
    return Visitors(lambda: now[0])


def test_an_address_begins_so_many_logins_a_minute_and_others_go_on(visitors: Visitors, now: list[float]) -> None:
    assert [visitors.may_begin("192.0.2.1") for _ in range(BEGINS + 2)] == [True] * BEGINS + [False] * 2
    assert visitors.may_begin("192.0.2.2")
    now[0] += 59
    assert not visitors.may_begin("192.0.2.1")
    now[0] += 1
    assert visitors.may_begin("192.0.2.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True), ("", "unix", True), ("192.0.2.1", "", False),
    ],
)  # fmt: skip
def test_who_chooses_among_many_addresses_has_one(visitors: Visitors, one: str, other: str, same: bool) -> None:
    for _ in range(BEGINS):
        assert visitors.may_begin(one)
    assert visitors.may_begin(other) is not same


def test_no_more_addresses_are_remembered_than_may_be(visitors: Visitors) -> None:
    for number in range(ADDRESSES + 500):
        visitors.may_begin(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(visitors._begun) == ADDRESSES


def test_few_logins_are_completed_at_once_and_fewer_of_one_address(visitors: Visitors) -> None:
    with ExitStack() as stack:

        def come(address: str) -> bool:
            return stack.enter_context(visitors.completing(address))

        assert [come("192.0.2.1") for _ in range(6)] == [True] * COMPLETING_FROM_ONE + [False] * 2
        assert [come("192.0.2.2") for _ in range(6)] == [True] * 4 + [False] * 2
        assert COMPLETING == 8
        assert not come("192.0.2.3")
    with visitors.completing("192.0.2.3") as allowed:
        assert allowed
    assert visitors._completing == {}


def test_a_completion_that_fails_is_over(visitors: Visitors) -> None:
    for _ in range(20):
        with suppress(ValueError), visitors.completing("192.0.2.1") as allowed:
            assert allowed
            raise ValueError("Keycloak")
    assert visitors._completing == {}


class Clock:
    """Time that passes by sleeping, and by what the application takes."""

    def __init__(self) -> None:
        self.now, self.slept = 50.0, []  # type: ignore[var-annotated]  # seconds

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


PACES = [
    ("POST", PATH, 0.0, SECONDS), ("POST", PATH, 0.3, SECONDS), ("POST", PATH, 1.5, 1.5), ("GET", PATH, 0.3, 0.3),
    ("POST", "/prokube-auth/login", 0.3, 0.3), ("POST", "/api/2.0/mlflow/runs/create", 0.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("status", [303, 401, 404])
@pytest.mark.parametrize(("method", "path", "takes", "answered_after"), PACES)
def test_every_answer_of_the_local_login_comes_after_the_same_time(
    method: str, path: str, takes: float, answered_after: float, status: int
) -> None:
    clock, sent = Clock(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += takes
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append((message["type"], round(clock.now - 50, 6)))

    held = CALLER.set(Caller(RequestFacts(method, path, {}, ""), lambda _: None))
    try:
        served = AsgiPace(app, clock, clock.asleep)({"type": "http"}, None, send)  # type: ignore[arg-type]  # unread
        with ThreadPoolExecutor(1) as thread:  # a browser test before may have left a loop running in this one
            thread.submit(copy_context().run, asyncio.run, served).result()
        assert sent == [("http.response.start", answered_after), ("http.response.body", answered_after)]
        wsgi = Clock()

        def flask(environ: Any, start: Any) -> list[bytes]:
            wsgi.now += takes
            return [b"answer"]

        assert WsgiPace(flask, wsgi, wsgi.sleep)({}, None) == [b"answer"]
        assert round(wsgi.now - 50, 6) == answered_after
    finally:
        CALLER.reset(held)
