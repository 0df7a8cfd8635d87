"""Which experiment a run or a logged model is in, as MLflow's own store says it, in one small query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.server.auth as auth
import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.file_store import FileStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from mlflow.utils.workspace_context import WorkspaceContext

from mlflow_prokube_auth.mlflow_auth import parents

from ..support.statements import counted

MISSING_RUN, MISSING_MODEL = "0" * 32, "m-" + "0" * 32


@pytest.fixture
def mlflows(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], Any], str], Any]:
    """MLflow's own function; ours is in its place."""
    own: Callable[[Callable[[str], Any], str], Any] = auth._fetch_or_none
    monkeypatch.setattr(auth, "_fetch_or_none", own)  # put back at the end
    parents.install()
    return own


@pytest.fixture
def store(tmp_path: Path) -> SqlAlchemyStore:
    return SqlAlchemyStore(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))


def new_run(store: Any, experiment: str) -> str:
    run = store.create_run(experiment, "somebody", 1, [RunTag("colour", "red")], "a run")
    store.log_batch(run.info.run_id, [Metric("loss", 0.5, 1, 1)], [Param("depth", "3")], [])
    return str(run.info.run_id)


def test_runs_and_models_have_the_experiment_that_mlflow_names(mlflows: Any, store: SqlAlchemyStore) -> None:
    for name in ("one", "two"):
        experiment = store.create_experiment(name)
        run, model = new_run(store, experiment), store.create_logged_model(experiment).model_id
        assert auth._fetch_or_none(store.get_run, run).info.experiment_id == experiment
        assert mlflows(store.get_run, run).info.experiment_id == experiment
        assert auth._fetch_or_none(store.get_logged_model, model).experiment_id == experiment
        assert mlflows(store.get_logged_model, model).experiment_id == experiment
        store.delete_run(run)  # in the trash it is still its experiment's
        assert auth._fetch_or_none(store.get_run, run).info.experiment_id == experiment


def test_what_is_not_there_has_none(mlflows: Any, store: SqlAlchemyStore) -> None:
    model = store.create_logged_model(store.create_experiment("one")).model_id
    store.delete_logged_model(model)
    for fetch, wanted in ((store.get_run, MISSING_RUN), (store.get_logged_model, MISSING_MODEL),
                          (store.get_logged_model, model)):  # fmt: skip
        assert auth._fetch_or_none(fetch, wanted) is None
        assert mlflows(fetch, wanted) is None


def test_one_query_is_asked_and_nothing_that_was_logged(mlflows: Any, store: SqlAlchemyStore) -> None:
    run = new_run(store, store.create_experiment("one"))
    with counted(store.engine) as asked:
        auth._fetch_or_none(store.get_run, run)
    selects = [each for each in asked if each.lstrip().upper().startswith("SELECT")]
    assert len(selects) == 1
    assert "metrics" not in selects[0]
    with counted(store.engine) as asked:
        mlflows(store.get_run, run)
    assert any("metrics" in each for each in asked)  # or this test looks at nothing


def test_a_run_of_another_workspace_is_not_there(mlflows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    store = WorkspaceAwareSqlAlchemyStore(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))
    with WorkspaceContext("here"):
        experiment = store.create_experiment("one")
        run, model = new_run(store, experiment), store.create_logged_model(experiment).model_id
        assert auth._fetch_or_none(store.get_run, run).info.experiment_id == experiment
        assert auth._fetch_or_none(store.get_logged_model, model).experiment_id == experiment
    with WorkspaceContext("elsewhere"):
        for fetch, wanted in ((store.get_run, run), (store.get_logged_model, model)):
            assert mlflows(fetch, wanted) is None
            assert auth._fetch_or_none(fetch, wanted) is None


def test_another_store_and_another_question_are_mlflows_own(
    mlflows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = FileStore(str(tmp_path / "mlruns"))
    run = new_run(store, store.create_experiment("one"))
    assert auth._fetch_or_none(store.get_run, run).data.metrics == {"loss": 0.5}
    assert auth._fetch_or_none(store.get_run, MISSING_RUN) is None

    def broken(_: str) -> Any:
        raise MlflowException("the database does not answer")

    with pytest.raises(MlflowException, match="does not answer"):
        auth._fetch_or_none(broken, run)
