"""How long the tests of each folder took, at the end of a run of several."""

from __future__ import annotations

from collections import Counter, defaultdict
from operator import itemgetter

import pytest


class Timings:
    """A plugin of pytest's; with workers, the times are those of all workers together."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._tests: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a setup, a call or a teardown."""
        folder = report.nodeid.split("::")[0].rpartition("/")[0]
        self._seconds[folder] += report.duration
        self._tests[folder] += report.when == "call"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if len(self._seconds) < 2:
            return
        terminalreporter.section("time per folder")
        for folder, seconds in sorted(self._seconds.items(), key=itemgetter(1), reverse=True):
            terminalreporter.write_line(f"{seconds:8.1f}s {self._tests[folder]:6d} tests  {folder}")
