"""What the documents say is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_prokube_auth.policy.words import LEVELS
from mlflow_prokube_auth.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
VARIABLES = {f"PROKUBE_AUTH_{name.upper()}" for name in Settings.model_fields}


def test_the_readme_has_the_permission_table_of_the_code() -> None:
    section = (ROOT / "README.md").read_text().split("## Who may do what", 1)[1].split("\n\n", 2)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    assert rows == [["level", "allows"], ["---", "---"], *([level, words] for level, words in LEVELS.items())]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_documents_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_tests_that_exist(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", document.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_settings_that_exist(document: Path) -> None:
    named = set(re.findall(r"\bPROKUBE_AUTH_[A-Z0-9_]*[A-Z0-9]", document.read_text()))
    assert {name for name in named if name.removesuffix("_FILE") not in VARIABLES} == set()


def test_the_diagram_is_that_of_the_code_and_no_arrow_points_upwards() -> None:
    program = [sys.executable, str(ROOT / "docs" / "make_architecture.py")]
    drawn = subprocess.run(program, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert page.endswith(drawn), "run: python docs/make_architecture.py, and put it at the end of docs/architecture.md"
    text = (ROOT / "pyproject.toml").read_text().split("[[tool.importlinter.contracts]]", 1)[1]
    order = re.findall(r"\w+", text.split("layers = [", 1)[1].split("]", 1)[0])
    for one, other in re.findall(r"(\w+) --> (\w+)", drawn):
        assert order.index(one) < order.index(other), (one, other)
