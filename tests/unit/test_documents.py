"""What the documents say is what the code does."""

from __future__ import annotations

import re
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
