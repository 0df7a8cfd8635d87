"""What the documents say is what the code does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_prokube_auth.policy.words import LEVELS
from mlflow_prokube_auth.settings import Settings
from mlflow_prokube_auth.store.audit_actions import ACTIONS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
# What writes an event down; the action is the second argument.
RECORDERS = {"audit.record", "audit.record_each", "_record"}
VARIABLES = {f"PROKUBE_AUTH_{name.upper()}" for name in Settings.model_fields}


def test_the_readme_has_the_permission_table_of_the_code() -> None:
    section = (ROOT / "README.md").read_text().split("## Who may do what", 1)[1].split("\n\n", 2)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    assert rows == [["level", "allows"], ["---", "---"], *([level, words] for level, words in LEVELS.items())]


def test_the_readmes_production_section_works_from_a_clone_and_ends_with_the_doctor() -> None:
    section = (ROOT / "README.md").read_text().split("## In production", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert 'pip install ".[server,postgres,s3]"' in blocks[0]
    exported = dict(re.findall(r"export (\w+)=(\S+)", blocks[0]))
    assert {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"} <= exported.keys()
    # A required setting, or the file that holds it.
    required = {f"PROKUBE_AUTH_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()}
    assert required <= {name.removesuffix("_FILE") for name in exported}
    commands = [line for line in blocks[0].splitlines() if line.startswith(("mlflow", "  --"))]
    assert not re.search(r"password|secret|://|\$", " ".join(commands), re.IGNORECASE)
    assert blocks[-1].startswith("mlflow-prokube-auth doctor\n")
    assert section.rstrip().endswith("```")


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


def test_the_page_of_the_audit_trail_lists_the_actions_of_the_code() -> None:
    rows = "".join(f"| `{action}` | {words} |\n" for action, words in ACTIONS.items())
    page = (ROOT / "docs" / "audit.md").read_text()
    assert page.endswith(rows), "run: python docs/make_audit.py, and put it at the end of docs/audit.md"


def test_every_action_of_the_audit_trail_that_the_code_names_is_in_the_table() -> None:
    """Those of which a part is a variable are refused at the latest when they are written down."""
    named = set[str]()
    for path in (ROOT / "mlflow_prokube_auth").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in RECORDERS and len(call.args) > 1:
                words = ast.walk(call.args[1]) if not isinstance(call.args[1], ast.JoinedStr) else ()
                named |= {
                    each.value for each in words if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    assert {"login", "access_key.create", "access_key.replace", "team.join", "rule.create"} <= named
    assert named - set(ACTIONS) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_asks_for_actions_that_exist(document: Path) -> None:
    asked = re.findall(r"(?:action=\"|--action )([a-z][\w.]*)", document.read_text())
    assert [each for each in asked if not any(each in action for action in ACTIONS)] == []


def test_the_diagram_is_that_of_the_code_and_no_arrow_points_upwards() -> None:
    program = [sys.executable, str(ROOT / "docs" / "make_architecture.py")]
    drawn = subprocess.run(program, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert page.endswith(drawn), "run: python docs/make_architecture.py, and put it at the end of docs/architecture.md"
    text = (ROOT / "pyproject.toml").read_text().split("[[tool.importlinter.contracts]]", 1)[1]
    order = re.findall(r"\w+", text.split("layers = [", 1)[1].split("]", 1)[0])
    for one, other in re.findall(r"(\w+) --> (\w+)", drawn):
        assert order.index(one) < order.index(other), (one, other)
