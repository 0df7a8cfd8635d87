"""The benchmarks run, from servers to table and JSON. No time is looked at: machines that run tests are busy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..support.long_forms import LONG_FORM

pytestmark = LONG_FORM
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All benchmarks at their smallest, with what was printed; the sections by name."""
    file = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--smoke", "--database", "PostgreSQL", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if "no PostgreSQL server was found" in done.stderr:
        pytest.skip("no PostgreSQL server was found")
    assert done.returncode == 0, done.stderr[-4000:]
    written = json.loads(file.read_text())
    return {**written, "sections": {each["name"]: each for each in written["sections"]}, "printed": done.stdout}


def found(figures: dict[str, Any], section: str, target: str) -> str:
    text: str = next(each["found"] for each in figures["sections"][section]["targets"] if each["what"] == target)
    return text


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("overhead", "Overhead of a request"),
        ("writes", "Logging to a run"),
        ("search", "Search among what others have"),
        ("many-grants", "Many grants"),
        ("artifacts", "Artifacts"),
        ("scale", "Scale"),
        ("concurrency", "Concurrency"),
    ],
)
def test_each_benchmark_prints_its_table_and_writes_its_figures(figures: dict[str, Any], name: str, title: str) -> None:
    section = figures["sections"][name]
    assert f"## {title}\n" in figures["printed"]
    assert section["rows"]
    assert {len(section["columns"])} == {len(row) for row in section["rows"]}
    assert all(each["met"] is not None for each in section["targets"])


def test_the_figures_say_on_what_machine_and_how_thoroughly(figures: dict[str, Any]) -> None:
    assert figures["effort"] == "smoke"
    assert all(figures["machine"][fact] for fact in ("date", "processor", "memory", "mlflow", "commit"))


def test_the_overhead_compares_all_ways_to_say_who_one_is(figures: dict[str, Any]) -> None:
    assert [row[1] for row in figures["sections"]["overhead"]["rows"]] == [
        "plain MLflow",
        "basic-auth",
        "Ours, access key as Basic",
        "Ours, access key as Bearer",
        "Ours, session cookie",
    ]


def test_full_pages_are_compared_with_the_administrators(figures: dict[str, Any]) -> None:
    pages = [each for each in figures["sections"]["many-grants"]["targets"] if "a full page" in each["what"]]
    assert {each["wanted"] for each in pages} == {"<= 1.15x"}
    assert [each["what"].partition(",")[0] for each in pages] == [
        "experiments/search", "registered-models/search", "model-versions/search", "runs/search",
    ]  # fmt: skip


def test_at_once_nothing_is_refused_and_nothing_is_lost(figures: dict[str, Any]) -> None:
    assert found(figures, "concurrency", "failed requests") == "0"
    assert found(figures, "concurrency", "acknowledged metrics and files that are missing") == "0"
