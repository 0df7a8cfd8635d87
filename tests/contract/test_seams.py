"""What we use of MLflow is listed, checked at start, and bounded alike in code and package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlflow_prokube_auth import engine
from mlflow_prokube_auth.engine import answers, parents, validators
from mlflow_prokube_auth.supported import MLFLOW, EngineChanged, check_mlflow

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlflow_prokube_auth"
# These run without a server: the server's commands, which import no MLflow by themselves, and what others run.
AWAY_FROM_THE_SERVER = ("mlflow_prokube_auth.client", "mlflow_prokube_auth.kserve.", "mlflow_prokube_auth.kfp")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(AWAY_FROM_THE_SERVER):
            yield name, ast.parse(path.read_text())


def imports_mlflow(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.level == 0 and (statement.module or "").partition(".")[0] == "mlflow"
    return isinstance(statement, ast.Import) and any(each.name.split(".")[0] == "mlflow" for each in statement.names)


def test_the_package_and_its_documentation_bound_mlflow_as_the_check_does() -> None:
    # tomllib is Python 3.11's.
    lines = [line.strip() for line in (ROOT / "pyproject.toml").read_text().splitlines()]
    assert [line for line in lines if line.startswith('"mlflow[')] == [f'"mlflow[auth]{MLFLOW}",']
    assert f"`mlflow[auth]{MLFLOW}`" in (ROOT / "docs" / "operating.md").read_text()


@pytest.mark.parametrize("version", ["3.16.9", "3.18.0rc1", "3.18.0", "4.0", "nonsense"])
def test_a_release_outside_of_the_range_is_refused_whatever_it_has(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlflow.version.VERSION", version)
    with pytest.raises(EngineChanged) as caught:
        check_mlflow()
    assert str(caught.value) == (
        f"MLflow {version} does not fit this version of prokube-auth (expected {MLFLOW}). "
        f"Install one that does: pip install 'mlflow[auth]{MLFLOW}'"
    )


@pytest.mark.parametrize("version", ["3.17.0", "3.17.99", "3.17.3.dev0"])
def test_a_release_inside_of_the_range_that_has_every_seam_is_taken(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlflow.version.VERSION", version)
    check_mlflow()


def test_all_that_is_missing_or_has_another_shape_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.SEAMS, "a_seam_of_tomorrow", ())
    monkeypatch.setitem(engine.SEAMS, "_before_request", ("resp",))
    monkeypatch.setitem(engine.MODULE_SEAMS, "mlflow.server.otel_api", ("another",))
    with pytest.raises(EngineChanged) as caught:
        engine.check_seams()
    for told in (
        "no mlflow.server.auth a_seam_of_tomorrow;",
        "mlflow.server.auth _before_request takes (), expected ('resp',);",
        "no mlflow.server.otel_api another)",
    ):
        assert told in str(caught.value)


def test_every_name_of_mlflows_modules_that_is_looked_up_is_a_checked_seam() -> None:
    listed = {name: set(names) for name, names in engine.MODULE_SEAMS.items()}
    ours = (engine.SEAMS, answers.ANSWER_SEAMS, parents.PARENT_SEAMS, validators.VALIDATOR_SEAMS)
    listed["mlflow.server.auth"] = {name for table in ours for name in table}
    listed["mlflow.server.security_utils"].add("HEALTH_ENDPOINTS")
    for name, tree in modules():
        known: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                known |= {each.asname or each.name: each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                known |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        used = {
            (known[node.value.id], node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known
        }
        assert {each for each in used if each[0] in listed and each[1] not in listed[each[0]]} == set(), name


def test_whatever_of_ours_imports_mlflow_when_it_is_imported_is_imported_by_the_check() -> None:
    program = "import sys; from mlflow_prokube_auth.supported import check_mlflow; check_mlflow(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    importing = {name for name, tree in modules() if any(map(imports_mlflow, tree.body))}
    assert len(importing) > 10
    assert importing - set(done.stdout.split()) == set()
