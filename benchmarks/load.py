"""Load on one URL: with ``wrk`` where it is installed, else with a client of our own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .wire import AsyncConnection, WireError

# A header's value goes to wrk in a file, not on its command line, which everybody on the machine can read.
_SCRIPT = """
wrk.method = "GET"
{headers}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{{"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}}\\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Load:
    """What came of it: answered requests, the seconds that they took, errors, and latencies in milliseconds."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float

    @property
    def per_second(self) -> float:
        """Throughput."""
        return self.requests / self.seconds if self.seconds else 0.0


def has_wrk() -> bool:
    """Whether ``wrk`` is installed."""
    return shutil.which("wrk") is not None


def put_load(
    url: str, headers: Mapping[str, str], seconds: float, connections: int, *, wrk: bool | None = None
) -> Load:
    """GET ``url`` over and over on some connections; an answer other than 2xx is an error."""
    if has_wrk() if wrk is None else wrk:
        return _with_wrk(url, headers, seconds, connections)
    return asyncio.run(_with_asyncio(url, headers, seconds, connections))


def _with_wrk(url: str, headers: Mapping[str, str], seconds: float, connections: int) -> Load:
    lines = [f'wrk.headers["{name}"] = [==[{value}]==]' for name, value in headers.items()]
    descriptor, path = tempfile.mkstemp(suffix=".lua")  # for its owner alone
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(_SCRIPT.format(headers="\n".join(lines)))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", path]
        answer = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=seconds + 60)
    finally:
        os.unlink(path)
    return Load(**json.loads(answer.stdout.strip().splitlines()[-1]))


async def _with_asyncio(url: str, headers: Mapping[str, str], seconds: float, connections: int) -> Load:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    took: list[float] = []
    errors = 0
    begun = time.monotonic()

    async def one() -> None:
        nonlocal errors
        async with AsyncConnection(parts.hostname or "", parts.port or 80, headers) as connection:
            while time.monotonic() - begun < seconds:
                start = time.perf_counter()
                try:
                    status, _ = await connection.request("GET", target)
                except (OSError, WireError):
                    status = 0
                errors += not 200 <= status < 300
                took.append((time.perf_counter() - start) * 1e3)

    await asyncio.gather(*(one() for _ in range(connections)))
    lasted = time.monotonic() - begun
    return Load(len(took), lasted, errors, statistics.median(took), percentile(took, 99))


def percentile(values: list[float], percent: float) -> float:
    """The value that so many per cent of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
