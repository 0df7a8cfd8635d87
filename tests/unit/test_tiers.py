"""Which tests run on each release of MLflow: the lists in the Makefile."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ABOUT_MLFLOW = re.compile(r"^(from|import) mlflow[. ]|mlflow_auth", re.MULTILINE)
BY_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "TEST_ARGS", "VENV", "WORKERS")


@pytest.fixture(scope="module")
def words() -> list[str]:
    """What ``make test MLFLOW=...`` hands to pytest."""
    command = [
        "make",
        "--no-print-directory",
        "--dry-run",
        "--assume-old",
        ".venv-mlflow-0/.installed",
        "test",
        "MLFLOW=0",
    ]
    # Not the variables of a `make test` that runs this one: it hands them on in the environment.
    environment = {name: value for name, value in os.environ.items() if name not in BY_MAKE}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return (
        next(line for line in done.stdout.splitlines() if " -m pytest " in line)
        .split(" --no-loadscope-reorder ")[1]
        .split()
    )


def test_each_file_that_is_named_is_there(words: list[str]) -> None:
    named = [word.removeprefix("--ignore=") for word in words if "/" in word]
    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_units_that_touch_mlflow_are_run_on_each_release(words: list[str]) -> None:
    touching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests" / "unit").glob("test_*.py")
        if path != Path(__file__) and ABOUT_MLFLOW.search(path.read_text())
    }
    assert touching <= set(words)
