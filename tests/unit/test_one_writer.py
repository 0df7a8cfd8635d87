"""Grants are written in one place, and accounts made in one: no other module of ours writes there."""

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


def test_no_other_module_makes_accounts() -> None:
    found = {
        (table, str(path.relative_to(PACKAGE)))
        for path in PACKAGE.rglob("*.py")
        for table in ("users", "identities")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (f"{table}.insert", f"schema.{table}.insert")
    }
    assert found == {("users", "store/new_accounts.py"), ("identities", "store/new_accounts.py")}


def test_who_acts_is_one_argument_of_the_stores_writes() -> None:
    loose = {
        f"{path.name}: {function.name}({argument.arg})"
        for path in (PACKAGE / "store").glob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        if argument.arg in ("actor", "client")
        and (not argument.annotation or ast.unparse(argument.annotation) != "Actor")
    }
    assert loose == set()


# Keycloak and renames that follow it; requests, with keys and tokens too; operators; the demo.
DOORS = {
    "model.py", "store/people.py", "identity/caller.py", "identity/authenticators.py", "identity/bearer.py",
    "identity/legacy_keys.py", "identity/workloads.py",
    "cli/common.py", "demo/run.py",
}  # fmt: skip


def test_who_acts_is_told_at_the_doors_alone() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Actor"
    }
    assert found == DOORS
