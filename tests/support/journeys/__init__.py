"""Programs that tests run as users do, with MLflow's stock client: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..forked import fork_server

JOURNEYS = Path(__file__).parent


def ran(
    program: str, arguments: Sequence[str], url: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """One of these programs, with an environment that knows the server alone."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_"))}
    client = {"MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    return fork_server().run(JOURNEYS / program, arguments, {**clean, **client, **environment}, Path.cwd(), 400)


def found_by(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a program has found, as it prints it at its end."""
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def journey(url: str, environment: Mapping[str, str], program: str = "client_journey.py") -> tuple[str, dict[str, Any]]:
    """A day of a user's; the prefix of all that it made, and what it found."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    return prefix, found_by(ran(program, [prefix], url, environment))
