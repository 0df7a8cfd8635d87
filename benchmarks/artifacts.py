"""Large files through the server: up, down, and what others feel of it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from .load import percentile
from .processes import PeakMemory, cpu_seconds
from .report import Section, at_least, at_most
from .searches import API
from .servers import Running, Stage
from .wire import SlowDownload

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PIECE = os.urandom(1 << 20)
TEXT = (
    "One file of {size} MB through the server's own routes, as MLflow's client sends it, with an access key here and "
    "without anything on plain MLflow: 1 worker, medians of {rounds} rounds in turn. Memory is what the server's "
    "processes hold by themselves, and by how much it grew meanwhile. Then `experiments/get`, over and over, alone and "
    "while somebody else downloads the file very slowly."
)


@dataclass
class Mover:
    """One server and what each round found."""

    server: Running
    headers: dict[str, str]
    target: str
    get: str
    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    cpu_up: list[float] = field(default_factory=list)
    cpu_down: list[float] = field(default_factory=list)
    grew_up: list[float] = field(default_factory=list)
    grew_down: list[float] = field(default_factory=list)
    peak_up: list[float] = field(default_factory=list)
    peak_down: list[float] = field(default_factory=list)

    @property
    def found(self) -> tuple[list[float], ...]:
        """All of these."""
        return (
            self.up, self.down, self.cpu_up, self.cpu_down, self.grew_up, self.grew_down, self.peak_up, self.peak_down
        )  # fmt: skip

    def round(self, megabytes: int) -> None:
        """Up and down once."""
        size = megabytes << 20
        client = self.server.client(self.headers)
        up = (self.up, self.cpu_up, self.grew_up, self.peak_up)
        down = (self.down, self.cpu_down, self.grew_down, self.peak_down)
        moves: tuple[tuple[Callable[[], float], tuple[list[float], ...]], ...] = (
            (lambda: client.send(self.target, size, PIECE), up),
            (lambda: client.fetch(self.target, size), down),
        )
        for move, (speeds, cpu, grew, peak) in moves:
            before = cpu_seconds(self.server.pid)
            with PeakMemory(self.server.pid) as memory:
                speeds.append(megabytes / move())
            cpu.append((cpu_seconds(self.server.pid) - before) * 1e3 / megabytes)
            grew.append(memory.growth)
            peak.append(memory.peak)
        client.close()

    def latencies(self, seconds: float) -> list[float]:
        """Of a small request, over and over for so long."""
        client, took, begun = self.server.client(self.headers), [], time.monotonic()
        while time.monotonic() - begun < seconds:
            answer = client("GET", self.get)
            if answer.status != 200:
                raise RuntimeError(f"{self.server.name}: {answer.status}")
            took.append(answer.milliseconds)
        client.close()
        return took


def run(stage: Stage) -> Section:
    """Ours beside plain MLflow."""
    megabytes, rounds, seconds = stage.choose((300, 7, 8.0), (50, 3, 2.0), (5, 1, 0.5))
    kind = stage.databases()[0]
    section = Section(
        "artifacts",
        "Artifacts",
        TEXT.format(size=megabytes, rounds=rounds),
        ["what", "plain MLflow", "ours", "share"],
    )
    with ExitStack() as stack:
        plain = stack.enter_context(stage.plain(kind))
        ours = stack.enter_context(stage.ours(kind))
        movers = [_mover(plain, {}), _mover(ours, ours.basic("owner"))]
        for mover in movers:
            mover.round(5)  # warm
            for found in mover.found:
                found.clear()
        for turn in range(rounds):
            for mover in movers if turn % 2 else movers[::-1]:
                mover.round(megabytes)
        _speeds(section, *movers)
        _patience(section, movers, seconds)
    return section


def _mover(server: Running, headers: dict[str, str]) -> Mover:
    client = server.client(headers)
    experiment = client.must("POST", f"{API}/experiments/create", {"name": "large"})["experiment_id"]
    begun = {"experiment_id": experiment, "start_time": 0}
    run_id = client.must("POST", f"{API}/runs/create", begun)["run"]["info"]["run_id"]
    client.close()
    target = f"{ARTIFACTS}/{experiment}/{run_id}/artifacts/large.bin"
    return Mover(server, headers, target, f"{API}/experiments/get?experiment_id={experiment}")


def _speeds(section: Section, plain: Mover, ours: Mover) -> None:
    for word in ("up", "down"):
        speeds = [statistics.median(getattr(mover, word)) for mover in (plain, ours)]
        costs = [statistics.median(getattr(mover, f"cpu_{word}")) for mover in (plain, ours)]
        grown = [statistics.median(getattr(mover, f"grew_{word}")) for mover in (plain, ours)]
        section.add(f"{word}load, MB/s", *speeds, f"{100 * speeds[1] / speeds[0]:.0f} %")
        section.add(f"{word}load, server's CPU ms/MB", *costs, f"{100 * costs[0] / costs[1]:.0f} %")
        peaks = [max(getattr(mover, f"peak_{word}")) for mover in (plain, ours)]
        section.add(f"{word}load, server's memory at most MB", *peaks, f"{100 * peaks[0] / peaks[1]:.0f} %")
        section.add(f"{word}load, of which for the file MB", *grown, None)
        section.targets += [
            at_least(f"{word}load: throughput of plain MLflow's", 98, 100 * speeds[1] / speeds[0], " %"),
            at_most(f"{word}load: memory beyond plain MLflow's growth", 10, max(0.0, grown[1] - grown[0]), " MB"),
        ]


def _patience(section: Section, movers: list[Mover], seconds: float) -> None:
    alone, beside = [], []
    for mover in movers:
        alone.append(mover.latencies(seconds / 2))
        with SlowDownload(mover.server.url, mover.target, mover.headers) as slow:
            beside.append(mover.latencies(seconds))
        if not slow.read:
            raise RuntimeError("the slow download got nothing")
    for word, found in (("alone", alone), ("beside a slow download", beside)):
        for name, value in (("p50", lambda took: percentile(took, 50)), ("longest", max)):
            plain, ours = (value(took) for took in found)
            section.add(f"`experiments/get` {word}, {name} ms", plain, ours, None)
    times = percentile(beside[1], 50) / percentile(alone[1], 50)
    section.targets.append(at_most("a request beside a slow download: times the same alone, p50", 1.5, times))
