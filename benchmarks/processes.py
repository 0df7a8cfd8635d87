"""What a process and all its children have used, from ``/proc`` (proc(5))."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """A process with all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children[int(_fields(int(entry.name))[1])].append(int(entry.name))
    found = [root]
    for pid in found:  # grows while it is walked
        found += children[pid]
    return found


def _fields(pid: int) -> list[str]:
    """The fields of ``stat`` after the name, which may hold blanks: [0] is the state, [1] the parent."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(*roots: int) -> float:
    """CPU time of whole process trees, in user and system mode, that of ended children included."""
    ticks = 0
    for pid in {pid for root in roots for pid in tree(root)}:
        with suppress(OSError):
            ticks += sum(int(field) for field in _fields(pid)[11:15])
    return ticks / _TICKS


def resident_megabytes(pids: Iterable[int]) -> float:
    """Memory of processes that is not shared with anybody's files, in MB: what they hold themselves."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
            total += int(resident) - int(shared)
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def await_idle(root: int, seconds: float) -> bool:
    """Wait until a process tree has nothing to do, as it may have after a request that nobody waits for any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_seconds(root)
        time.sleep(1)
        if cpu_seconds(root) - before < 0.1:
            return True
    return False


class PeakMemory:
    """The most that a process tree held within a ``with`` block, above what it held before; in MB."""

    def __init__(self, root: int) -> None:
        self._pids = tree(root)  # workers come and go seldom, and walking all processes is not free
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._run, daemon=True)
        self.before = self.peak = 0.0

    def _run(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, resident_megabytes(self._pids))

    def __enter__(self) -> PeakMemory:
        self.before = self.peak = resident_megabytes(self._pids)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    @property
    def growth(self) -> float:
        """How much more than before."""
        return self.peak - self.before
