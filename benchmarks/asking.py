"""Requests one after the other, put to servers in turn: how long each takes, and what CPU time it costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .processes import await_idle, cpu_seconds
from .servers import Running
from .wire import Client

# An answer that takes longer is not waited for.
LIMIT_SECONDS = 10.0
# How long the server may go on with what nobody waits for any more, before the next is asked.
IDLE_SECONDS = 30.0


class _TooLong(Exception):
    """Nobody waits for the rest of the pages."""


@dataclass
class Question:
    """One request by one caller; ``expected`` results must come back. A ``body`` to be called is another each time."""

    name: str
    server: Running
    headers: Mapping[str, str]
    method: str
    target: str
    body: Any = None
    # Where the results are in the answer's JSON, and how many are expected; "" expects 200 alone.
    results: str = ""
    expected: int = 0
    # Pages are turned until so many results are there or no more follow: MLflow's filter hides rows of a page.
    enough: int = 0
    # More processes whose CPU time counts: the database's.
    besides: Sequence[int] = ()
    milliseconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    # It took longer than anybody waits.
    given_up: bool = False
    # The length of the last answer.
    bytes: int = 0

    @property
    def latency(self) -> float:
        """Median, in milliseconds; where nobody waited for the end, how long was waited."""
        return statistics.median(self.milliseconds)

    @property
    def cost(self) -> float | None:
        """CPU time of a request in milliseconds; None where nobody waited for its end."""
        return statistics.median(self.cpu) if self.cpu else None

    def round(self, seconds: float) -> None:
        """Ask for so long, at least once.

        Raises:
            RuntimeError: another answer came than the one that is measured.
        """
        if self.given_up:
            return
        client = self.server.client(self.headers, LIMIT_SECONDS)
        roots, took = (self.server.pid, *self.besides), list[float]()
        begun, before = time.monotonic(), cpu_seconds(self.server.pid, *self.besides)
        try:
            while not took or time.monotonic() - begun < seconds:
                took.append(self._ask(client))
        except (TimeoutError, _TooLong):
            self.given_up = True
            self.milliseconds = [LIMIT_SECONDS * 1e3]
            self.cpu = []
            await_idle(self.server.pid, IDLE_SECONDS)
            return
        finally:
            client.close()
        self.cpu.append((cpu_seconds(*roots) - before) / len(took) * 1e3)
        self.milliseconds.append(statistics.median(took))

    def _ask(self, client: Client) -> float:
        """Milliseconds until the results are there, however many pages it takes."""
        begun, found, token = time.perf_counter(), 0, ""
        while True:
            answer = client(self.method, *self._page(token))
            if answer.status != 200:
                raise RuntimeError(f"{self.name}, {self.target}: {answer.status} {answer.body[:200]!r}")
            took, self.bytes = (time.perf_counter() - begun) * 1e3, len(answer.body)
            if not self.results:
                return took
            content = answer.json()
            found, token = found + len(content.get(self.results, [])), content.get("next_page_token", "")
            if not token or found >= self.enough:
                break
            if took > LIMIT_SECONDS * 1e3:
                raise _TooLong
        if found != self.expected:
            raise RuntimeError(f"{self.name}, {self.target}: {found} {self.results}, expected {self.expected}")
        return took

    def _page(self, token: str) -> tuple[str, Any]:
        """Target and body of the page with that token."""
        if not token:
            return self.target, self.body() if callable(self.body) else self.body
        if self.body is not None:
            return self.target, {**self.body, "page_token": token}
        return f"{self.target}&{urlencode({'page_token': token})}", None

    def shown(self, value: float | None) -> str | float | None:
        """A time as a cell: a bound where nobody waited."""
        return f"> {LIMIT_SECONDS * 1e3:.0f}" if self.given_up and value is not None else value


def ask_in_turn(questions: Sequence[Question], rounds: int, seconds: float) -> None:
    """Ask all of them in each round, another one first each time."""
    for question in questions:
        question.round(0)  # connections, caches and query plans
        if not question.given_up:
            question.milliseconds.clear()
            question.cpu.clear()
    for turn in range(rounds):
        at = turn % len(questions)
        for question in [*questions[at:], *questions[:at]]:
            question.round(seconds)


@dataclass(frozen=True)
class Ratio:
    """How many times one question's latency and CPU time another takes; None where that is not known."""

    latency: float | None
    cost: float | None
    # The latency's is a lower bound: nobody waited for the end of the first.
    bound: bool

    @property
    def judged(self) -> float | None:
        """What a target is judged by."""
        return self.cost or self.latency

    def shown(self, value: float | None) -> str | float | None:
        """A ratio as a cell."""
        return f"> {value:.0f}" if self.bound and value is not None else value


def ratio(one: Question, other: Question) -> Ratio:
    """The first against the second."""
    if other.given_up:
        return Ratio(None, None, False)
    cost = one.cost / other.cost if one.cost is not None and other.cost else None
    return Ratio(one.latency / other.latency, cost, one.given_up)
