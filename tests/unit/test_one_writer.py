"""Grants are written in one place: no other module of ours changes MLflow's table of them."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mlflow_prokube_auth"
# There, MLflow's store adds, changes and deletes objects of its sessions, to which writes.py listens.
BY_SESSIONS = "mlflow_auth/auth_store.py"
CHANGES = {"insert", "update", "delete"}


def test_no_other_module_changes_grants() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            of_table = isinstance(function, ast.Attribute) and function.attr in CHANGES
            if of_table and ast.unparse(function.value) == "role_permissions":  # type: ignore[attr-defined]
                found.add(str(path.relative_to(PACKAGE)))
            by_function = isinstance(function, ast.Name) and function.id in CHANGES and bool(node.args)
            if by_function and ast.unparse(node.args[0]) in ("role_permissions", "SqlRolePermission"):
                found.add(str(path.relative_to(PACKAGE)))
            if isinstance(function, ast.Name) and function.id == "SqlRolePermission":
                assert str(path.relative_to(PACKAGE)) == BY_SESSIONS
    assert found == {"store/grant_writer.py"}
