"""MLflow's stock client of several releases, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .environments import python_with
from .journeys import JOURNEYS

# Of the day of the older ones: newer releases of OpenTelemetry break their traces.
_TELEMETRY = ("opentelemetry-api<1.33", "opentelemetry-sdk<1.33")
# What is installed for each: the newest of its line, and what the models of the day are made of.
RELEASES = {
    "2.14.3": ("mlflow-skinny==2.14.3", "numpy<2", "pandas<3", *_TELEMETRY),
    "2.22.4": ("mlflow-skinny==2.22.4", "numpy<3", "pandas<3", *_TELEMETRY),
    "3.1.4": ("mlflow-skinny==3.1.4", "numpy<3", "pandas<3", *_TELEMETRY),
    "3.17.2": ("mlflow-skinny==3.17.2", "numpy<3", "pandas<3"),
    "3.18.0": ("mlflow-skinny==3.17.2", "numpy<3", "pandas<3"),
}
# Wheels that hold the client as well, where the package index has no `mlflow-skinny` of that release.
WHOLE = {"3.18.0": ("mlflow==3.18.0",)}
# These are tried by default; all of them where this variable is set.
USUAL = ("2.14.3", "3.18.0")
ALL_VARIABLE = "PROKUBE_TESTS_ALL_CLIENTS"


def chosen_releases() -> tuple[str, ...]:
    """Those to try in this run."""
    return tuple(RELEASES) if os.environ.get(ALL_VARIABLE) else USUAL


def client_python(release: str) -> Path:
    """The Python of an environment with that client."""
    return python_with(f"client-{release}", RELEASES[release], WHOLE.get(release, ()))


def client_environment(url: str, **credentials: str) -> dict[str, str]:
    """What a client's program has: nothing else of this machine's MLflow."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "AWS_", "PYTHON"))}
    client = {"MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**clean, **client, **credentials}


def begin_day(release: str, name: str, folder: Path, url: str, **credentials: str) -> subprocess.Popen[str]:
    """Start the recorded day in ``folder``, which it makes."""
    folder.mkdir(parents=True)
    return subprocess.Popen(
        [client_python(release), JOURNEYS / "recorded_day.py", name, folder / "day.jsonl"],
        env=client_environment(url, **credentials), cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def told_by(day: subprocess.Popen[str], folder: Path) -> list[dict[str, Any]]:
    """What each call of the day came to."""
    output, _ = day.communicate(timeout=400)
    assert day.returncode == 0, output[-4000:]
    return [json.loads(line) for line in (folder / "day.jsonl").read_text().splitlines()]
