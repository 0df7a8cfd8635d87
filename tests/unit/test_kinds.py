"""Kinds of resources stand in one table, and nowhere else; it knows all that MLflow's engine grants."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import mlflow.server
import pytest
from mlflow.server.auth.permissions import VALID_RESOURCE_TYPES
from mlflow.version import VERSION

from mlflow_prokube_auth.mlflow_auth import catalog, permissions
from mlflow_prokube_auth.policy import kinds, words

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlflow_prokube_auth"


def test_there_is_a_row_for_each_type_of_the_engines() -> None:
    assert {kind.type for kind in kinds.ALL if kind.is_of(VERSION)} >= VALID_RESOURCE_TYPES


def test_no_kind_has_two_rows_or_the_word_of_another() -> None:
    assert len({kind.type for kind in kinds.ALL}) == len({kind.word for kind in kinds.ALL}) == len(kinds.ALL)


def test_the_engine_is_asked_about_each_kind_that_is_shared() -> None:
    assert permissions.PERMISSION_ON.keys() == {kind.type for kind in kinds.ALL if kind.shared}


def test_each_kind_with_a_unique_name_is_looked_up_and_given_its_name() -> None:
    for kind in kinds.NAMED:
        row = kinds.of(kinds.name_space(kind.type))
        assert row.table is not None, kind
        assert row.create is not None, kind
        assert (row.type in catalog.TABLES) is row.is_of(VERSION)


@pytest.mark.parametrize(
    ("resource_type", "word", "named", "space", "by_name", "longest"),
    [
        ("experiment", "experiment", "experiment", "experiment", False, 500),
        ("registered_model", "model", "model or prompt", "registered_model", True, 255),
        ("prompt", "prompt", "model or prompt", "registered_model", True, 255),
        ("gateway_secret", "gateway secret", "gateway secret", "gateway_secret", False, 500),
        ("gateway_model_definition", "gateway model definition", "gateway model definition",
         "gateway_model_definition", False, 500),
        ("mcp_server", "MCP server", "MCP server", "mcp_server", True, 255),
        ("skill", "skill", "skill", "skill", True, 255),
        ("of_tomorrow", "of tomorrow", "of tomorrow", "of_tomorrow", False, 500),
    ],
)  # fmt: skip
def test_a_row_tells_of_its_names(
    resource_type: str, word: str, named: str, space: str, by_name: bool, longest: int
) -> None:
    kind = kinds.of(resource_type)
    assert (kind.word, kinds.word_of_named(resource_type), kinds.name_space(resource_type)) == (word, named, space)
    assert (kind.is_keyed_by_name, kind.longest_name) == (by_name, longest)


def test_models_and_prompts_alone_share_their_names() -> None:
    assert kinds.sharing_names("prompt") == kinds.sharing_names("registered_model") == ("registered_model", "prompt")
    assert kinds.sharing_names("experiment") == ("experiment",)
    assert kinds.sharing_names("of_tomorrow") == ("of_tomorrow",)


def test_only_what_is_called_may_be_given_to_call_alone() -> None:
    called = {kind.type for kind in kinds.ALL if "USE" in kind.levels}
    assert called == {"gateway_endpoint", "gateway_secret", "gateway_model_definition"}
    assert all(words.LEVELS.keys() >= set(kind.levels) for kind in kinds.ALL)


def test_what_a_request_is_about_is_told_by_the_first_id_in_this_order() -> None:
    assert tuple((parameter, kind.word) for parameter, kind in words.ID_PARAMETERS) == (
        ("run_id", "run"), ("run_uuid", "run"), ("model_id", "logged model"), ("trace_id", "trace"),
        ("request_id", "trace"), ("experiment_id", "experiment"), ("endpoint_id", "gateway endpoint"),
        ("secret_id", "gateway secret"), ("model_definition_id", "gateway model definition"),
        ("dataset_id", "dataset"), ("queue_id", "review queue"), ("job_id", "job"), ("artifact_path", "artifact"),
    )  # fmt: skip


def test_the_glossary_lists_what_is_shared() -> None:
    line = next(line for line in (ROOT / "docs" / "glossary.md").read_text().splitlines() if line.startswith("| kind "))
    listed = line.split(": ", 1)[1].split(".", 1)[0].split(", ")
    assert sorted(listed) == sorted(kind.word for kind in kinds.ALL if kind.shared)


def test_the_page_on_sharing_lists_the_types_that_are_shared() -> None:
    text = (ROOT / "docs" / "sharing.md").read_text()
    listed = text.split("(`kind` is ", 1)[1].split(";", 1)[0]
    assert sorted(re.split(r",\s+|\s+or\s+", listed)) == sorted(kind.type for kind in kinds.ALL if kind.shared)


def routes_of_the_ui() -> str:
    build = Path(mlflow.server.__file__).parent / "js" / "build" / "static" / "js"
    return "\n".join(path.read_text() for path in build.glob("*.js"))


def test_each_kind_leads_to_a_page_that_mlflows_ui_has() -> None:
    routes = routes_of_the_ui()
    for kind in kinds.ALL:
        if kind.page and kind.is_of(VERSION):
            assert re.search(rf'"/{re.escape(kind.page).replace(re.escape("{}"), r":[A-Za-z]+")}"', routes), kind.page


@pytest.mark.parametrize(
    ("resource_type", "pattern", "page"),
    [
        ("experiment", "7", "experiments/7"),
        ("registered_model", "a b/c{}", "models/a%20b%2Fc%7B%7D"),
        ("gateway_endpoint", "e-1", "gateway/endpoints/e-1"),
        ("gateway_secret", "s-1", "gateway/api-keys"),
        ("gateway_model_definition", "d-1", ""),
        ("mcp_server", "io.example/s", "mcp-registry/io.example%2Fs"),
        ("skill", "@o/a", "skills/%40o%2Fa"),
        ("of_tomorrow", "x", ""),
    ],
)
def test_a_page_is_found_by_kind_and_id(resource_type: str, pattern: str, page: str) -> None:
    assert kinds.page_of(resource_type, pattern) == page


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("experiments/12", [("experiment", "12")]),
        ("experiments/12/runs/abc?x=1", [("experiment", "12")]),
        ("experiments/12/prompts", [("experiment", "12")]),
        ("experiments/12/prompts/p", [("prompt", "p")]),
        ("prompts/p%20q?x", [("prompt", "p%20q")]),
        ("models/m/versions/1", [("registered_model", "m")]),
        ("experiments", []),
        ("experiments/12x", []),
        ("gateway", []),
    ],
)
def test_mlflows_pages_tell_what_they_show(shown: str, found: list[tuple[str, str]]) -> None:
    # These expressions mean the same to Python and to JavaScript.
    matches = [(kind.type, re.match(each, shown)) for kind in kinds.ALL for each in kind.shared_on]
    assert [(kind, match[1]) for kind, match in matches if match] == found


NAMES = {kind.type for kind in kinds.ALL} | {kind.word for kind in kinds.ALL}
# Modules that name several kinds all the same, and why.
EXCEPTIONS = {
    "mlflow_auth/answers.py": "a function of MLflow's for each kind that guards ask about",
    "mlflow_auth/permissions.py": "a function of the engine's for each kind",
    "mlflow_auth/native_names.py": "routes that FastAPI serves itself",
    "policy/guards/traces.py": "keys of a trace's metadata that name a run or a logged model",
    "web/old_addresses.py": "paths of another plugin's pages",
    "policy/ids.py": "how attributes of a run and of a trace are named in searches",
}


def together(node: ast.AST) -> Iterator[str]:
    """The texts that a literal puts side by side: what is in it, and what is in the literals in it."""
    parts: list[ast.AST | None] = []
    if isinstance(node, ast.Dict):
        parts = [*node.keys, *node.values]
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        parts = [*node.elts]
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif part is not None:
            yield from together(part)


def test_no_other_module_holds_a_table_of_kinds() -> None:
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if len(named := NAMES.intersection(together(node))) > 1:
                found.setdefault(str(path.relative_to(PACKAGE)), set()).update(named)
    assert {place: names for place, names in found.items() if place not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() <= found.keys()


def test_no_script_knows_a_kind_by_its_type() -> None:
    types = "|".join(kind.type for kind in kinds.ALL if "_" in kind.type)
    for path in PACKAGE.rglob("*.js"):
        assert re.findall(rf"\b(?:{types})\b", path.read_text()) == [], path.name
