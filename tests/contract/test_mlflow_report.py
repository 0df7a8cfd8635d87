"""The report on another release of MLflow: by the code that ``make mlflow-report`` runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mlflow.version import VERSION

from ..support.foreign import foreign_mlflow
from ..support.mlflow_report import CLOSED, OPEN, UNKNOWN, VALIDATED, Release, of, report


def test_a_release_is_compared_with_itself_and_nothing_is_open() -> None:
    here = of(sys.executable)
    assert here.version == VERSION
    assert here.routes["POST /api/2.0/mlflow/runs/create"] == VALIDATED
    assert here.routes["GET /ajax-api/3.0/mlflow/mcp-servers"] == VALIDATED
    page = report(here, here)
    for heading in (
        "Seams that are missing or changed: 0", "Routes that no check of the engine's or ours covers: 0",
        "New routes: 0", "Gone routes: 0", "Routes of which the engine says something else: 0",
    ):  # fmt: skip
        assert f"## {heading}\n" in page


def test_another_engine_is_asked_as_far_as_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in foreign_mlflow(tmp_path / "foreign", "3.99.0", names=["_find_validator"]).items():
        monkeypatch.setenv(name, value)
    there = of(sys.executable)
    assert (there.version, there.routes["POST /api/2.0/mlflow/runs/create"]) == ("3.99.0", UNKNOWN)
    assert "no mlflow.server.auth _find_validator" in there.problems


def test_the_page_tells_what_is_new_gone_open_or_decided_otherwise() -> None:
    ours = Release("3.17.2", [], {"GET /a": VALIDATED, "GET /b": CLOSED, "POST /c": VALIDATED})
    # The guard of that row is in the table of guards.
    guarded = "PATCH /api/2.0/mlflow/traces/<trace_id>"
    theirs = Release("3.19.0", ["no x y"], {"GET /b": OPEN, "POST /c": VALIDATED, "GET /d": VALIDATED, guarded: OPEN})
    assert (
        report(ours, theirs)
        == f"""# MLflow 3.19.0, compared with 3.17.2

## Seams that are missing or changed: 1

- no x y

## Routes that no check of the engine's or ours covers: 1

- GET /b: {OPEN}

## New routes: 2

- {guarded}: {OPEN}, and a guard of ours
- GET /d: {VALIDATED}

## Gone routes: 1

- GET /a: {VALIDATED}

## Routes of which the engine says something else: 1

- GET /b: {CLOSED} -> {OPEN}
"""
    )
