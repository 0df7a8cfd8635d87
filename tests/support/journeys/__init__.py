"""Programs that tests run as users do, with MLflow's stock client: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

JOURNEYS = Path(__file__).parent


def journey(url: str, environment: dict[str, str], program: str = "client_journey.py") -> tuple[str, dict[str, Any]]:
    """Run the journey as a process; its prefix and what it found."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, str(JOURNEYS / program), prefix],
        env={**clean, "MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return prefix, json.loads(done.stdout.strip().splitlines()[-1])
