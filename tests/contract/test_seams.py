"""What we touch of MLflow is one table: checked at start, told at once, replaced from it, bounded in the package."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.version import VERSION

from mlflow_prokube_auth.mlflow_auth import gateway, lookups, native_guards, parents, public, seams, validators
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.releases import MLFLOW, UNTESTED, EngineChanged, check_mlflow
from mlflow_prokube_auth.mlflow_auth.seams import SEAMS, Seam

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlflow_prokube_auth"
ROOM = "mlflow_prokube_auth.mlflow_auth"
# These run without a server, beside whatever MLflow somebody has there.
AWAY_FROM_THE_SERVER = (
    "mlflow_prokube_auth.client",
    "mlflow_prokube_auth.request_auth",
    "mlflow_prokube_auth.kserve.",
    "mlflow_prokube_auth.kfp",
)
HERE = seams.of_release(VERSION)
# The functions that hand out MLflow's stores, and the stores' classes in the table.
STORES = {
    "_get_tracking_store": seams.TRACKING_STORE,
    "_get_model_registry_store": seams.REGISTRY_STORE,
    "_get_job_store": seams.JOB_STORE,
}
INSTALL = f"Install one that does: pip install 'mlflow[auth]{MLFLOW}'"


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(AWAY_FROM_THE_SERVER):
            yield name, ast.parse(path.read_text())


def known_in(tree: ast.Module) -> dict[str, str]:
    """Names of a module that are MLflow's, and what they are: ``mlflow.server.auth``, ``mlflow.server app``."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {each.asname or each.name: each.name for each in node.names if each.name.startswith("mlflow.")}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "mlflow":
            known |= {each.asname or each.name: f"{node.module} {each.name}" for each in node.names}
    return known


def is_module(path: str) -> bool:
    try:
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        return False


def used_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Owners and names that a module of ours takes from MLflow."""
    known = known_in(tree)
    owners: dict[str, str] = {}
    for name, what in known.items():
        module, _, attribute = what.partition(" ")
        if not attribute or is_module(f"{module}.{attribute}"):
            owners[name] = what.replace(" ", ".")
        else:
            yield module, attribute
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in owners:
            yield owners[node.value.id], node.attr
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Name) and function.id in STORES:
                yield STORES[function.id], node.attr


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    yield
    seams.undo()


def test_the_installed_mlflow_has_every_seam() -> None:
    check_mlflow()


def test_the_package_and_its_documentation_bound_mlflow_as_the_check_does() -> None:
    # tomllib is Python 3.11's.
    lines = [line.strip() for line in (ROOT / "pyproject.toml").read_text().splitlines()]
    assert [line for line in lines if line.startswith('"mlflow[')] == [f'"mlflow[auth]{MLFLOW}",']
    assert f"`mlflow[auth]{MLFLOW}`" in (ROOT / "docs" / "operating.md").read_text()


@pytest.mark.parametrize("version", ["3.16.1", "3.19.0rc1", "3.19.0", "4.0", "nonsense"])
def test_a_release_outside_of_the_range_is_refused_whatever_it_has(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlflow.version.VERSION", version)
    monkeypatch.setattr(seams, "problems", lambda _: [])
    with pytest.raises(EngineChanged) as caught:
        check_mlflow()
    assert str(caught.value) == (
        f"MLflow {version} does not fit this version of prokube-auth (expected {MLFLOW}). {INSTALL}"
    )


def test_an_operator_may_take_one_untested_release_by_its_number_if_it_has_every_seam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlflow.version.VERSION", "3.19.1")
    monkeypatch.setenv(UNTESTED, "3.19.0")
    with pytest.raises(EngineChanged, match="expected"):
        check_mlflow()
    monkeypatch.setenv(UNTESTED, "3.19.1")
    monkeypatch.setattr(seams, "problems", lambda _: [])
    check_mlflow()
    monkeypatch.setattr(seams, "problems", lambda _: ["no mlflow.server.auth authorize"])
    with pytest.raises(EngineChanged, match=r"no mlflow\.server\.auth authorize"):
        check_mlflow()


def owner_of(seam: Seam) -> Any:
    module, _, name = seam.owner.partition(":")
    owner = importlib.import_module(module)
    return getattr(owner, name) if name else owner


@pytest.mark.parametrize("seam", [seam for seam in HERE if seam.name != "VERSION"], ids=str)
def test_a_missing_seam_is_told_by_name_with_what_to_install(seam: Seam, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = owner_of(seam)
    for each in owner.__mro__ if inspect.isclass(owner) else [owner]:
        if seam.name in vars(each):
            monkeypatch.delattr(each, seam.name)
    with pytest.raises(EngineChanged) as caught:
        check_mlflow()
    assert str(caught.value).startswith(f"MLflow {VERSION} does not fit this version of prokube-auth (")
    assert f"no {seam}" in str(caught.value) or f"no attribute {seam.name!r}" in str(caught.value)
    assert str(caught.value).endswith(f"). {INSTALL}")


def test_all_that_is_missing_or_has_another_shape_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        Seam(seams.AUTH, "a_seam_of_tomorrow", ""),
        Seam(seams.AUTH, "_before_request", "", parameters=("resp",)),
        Seam(seams.OTEL, "another", ""),
        Seam("mlflow.server.tomorrow", "name", ""),
        Seam("mlflow.server.tomorrow.below", "name", ""),
        Seam("mlflow.server.auth:Tomorrow", "name", ""),
        Seam(seams.TRACKING_TABLES, "SqlRun", "", attributes=("run_uuid", "column")),
        Seam(seams.AUTH, "auth_config", "", fields=("one",)),
        Seam(seams.AUTH, "STATIC_PREFIX_ENV_VAR", "", equal="other"),
        Seam(seams.AUTH, "of_another_release", "", releases="<3"),
    )
    monkeypatch.setattr(seams, "SEAMS", rows)
    assert seams.problems(VERSION) == [
        "no mlflow.server.auth a_seam_of_tomorrow",
        "mlflow.server.auth _before_request takes (), expected ('resp',)",
        "no mlflow.server.otel_api another",
        "no module mlflow.server.tomorrow",
        "module 'mlflow.server.auth' has no attribute 'Tomorrow'",
        f"no {seams.TRACKING_TABLES} SqlRun.column",
        f"mlflow.server.auth auth_config has the fields {seams.CONFIG_FIELDS}, expected ('one',)",
        "mlflow.server.auth STATIC_PREFIX_ENV_VAR is _MLFLOW_STATIC_PREFIX, expected other",
    ]


def test_every_name_of_mlflows_that_the_server_uses_is_a_row_and_every_row_is_used() -> None:
    rows = {(seam.owner, seam.name) for seam in SEAMS}
    used: set[tuple[str, str]] = set()
    for name, tree in modules():
        here = set(used_in(tree)) - {(seams.TRACKING_STORE, "artifact_root_uri")}  # an instance has it, no class
        assert here - rows == set(), name
        used |= here
    # What is replaced or asked for through the table, and what our store overrides.
    files = [PACKAGE / "startup.py", PACKAGE / "policy" / "kinds.py", *(PACKAGE / "mlflow_auth").glob("*.py")]
    text = "\n".join(path.read_text() for path in files if path.name != "seams.py")
    named = {row for row in rows if f'"{row[1]}"' in text or f"{row[1]}(" in text or f".{row[1]}" in text}
    assert rows - used - named == {
        # What the engine's own functions look up, and answer with.
        (seams.AUTH, "_run_requirement"), (seams.AUTH, "STATIC_PREFIX_ENV_VAR"),
    }  # fmt: skip


def test_whatever_the_store_overrides_is_a_seam() -> None:
    ours = {name for name, _ in inspect.getmembers(ProkubeStore, inspect.isfunction) if not name.startswith("__")}
    base = ProkubeStore.__mro__[1]
    overridden = {name for name in ours if hasattr(base, name) and vars(ProkubeStore).get(name) is not None}
    assert overridden - {"authenticate_user"} <= {seam.name for seam in SEAMS if seam.owner == seams.AUTH_STORE}


def test_only_the_room_the_clients_and_the_parents_start_import_mlflow() -> None:
    importing = {name for name, tree in modules() if known_in(tree)}
    assert {name for name in importing if not name.startswith(f"{ROOM}.")} == {"mlflow_prokube_auth.startup"}


def test_the_check_imports_nothing_of_ours_that_imports_mlflow() -> None:
    """Where a name is gone, such a module could not say so."""
    program = f"import sys; from {ROOM}.releases import check_mlflow; check_mlflow(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    importing = {name for name, tree in modules() if any(map(_imports_mlflow, tree.body))}
    assert len(importing) > 10
    assert importing & set(done.stdout.split()) == set()


def _imports_mlflow(statement: ast.stmt) -> bool:
    return bool(known_in(ast.Module([statement], []))) and not isinstance(statement, (ast.FunctionDef, ast.ClassDef))


class Nobody:
    """Holds nothing; see :class:`lookups.Holding`."""

    def held(self, user_id: int, workspace: str) -> None:
        return None

    def get_user(self, username: str) -> Any:
        raise AssertionError(username)


def put_in() -> None:
    lookups.install(Nobody())
    parents.install()
    validators.install()
    public.install("")
    native_guards.install(lambda *_: None, lambda *_: "", 1)
    gateway.delegate_guardrails(str)


def test_a_second_install_wraps_nothing_twice_and_all_of_it_can_be_undone() -> None:
    owners = {seam.owner: owner_of(seam) for seam in HERE}
    before = {owner: dict(vars(place)) for owner, place in owners.items()}
    put_in()
    put_in()
    replaced = {
        (owner, name) for owner, place in owners.items() for name, value in before[owner].items()
        if vars(place)[name] is not value
    }  # fmt: skip
    assert len(replaced) > 7
    assert replaced <= {(seam.owner, seam.name) for seam in SEAMS if seam.replaced}
    for owner, name in replaced:
        assert seams.original(owner, name) is before[owner][name]
    seams.undo()
    for owner, place in owners.items():
        assert {name for name, value in before[owner].items() if vars(place)[name] is not value} == set()


def test_what_no_row_names_is_neither_read_nor_replaced() -> None:
    with pytest.raises(KeyError):
        seams.replace(seams.AUTH, "authorize", None)
    for name in ("get_after_request_handler", "nothing"):
        with pytest.raises(KeyError):
            seams.replace(seams.AUTH, name, None)
        with pytest.raises(KeyError):
            seams.original(seams.AUTH, name)


def test_the_page_is_that_of_the_table() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "make_seams.py"], check=True, capture_output=True, text=True)
    written = (ROOT / "docs" / "mlflow-seams.md").read_text()
    assert written == done.stdout, "run: python docs/make_seams.py > docs/mlflow-seams.md"
