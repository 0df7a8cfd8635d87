"""The `model.joblib` beside MLflow's `model.skops`: made of trusted types alone."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import joblib
import pytest
import skops.io
import yaml
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from mlflow_prokube_auth.kserve import sklearn as ours
from mlflow_prokube_auth.kserve.failures import Failure

from ..support.kserve.models import X, saved


def odd() -> Any:
    """A model with a function that skops does not trust by itself."""
    return make_pipeline(FunctionTransformer(copy.copy), LinearRegression()).fit(X, X[:, 0])


def test_a_model_of_scikit_learns_own_types_is_written_again(tmp_path: Path) -> None:
    said: list[str] = []
    folder = saved(tmp_path / "model", LinearRegression().fit(X, 3 * X[:, 0]))
    assert ours.add_joblib(folder, "auto", (), said.append) == [("model.joblib",)]
    assert joblib.load(folder / "model.joblib").predict([[2.0]]) == pytest.approx([6.0])
    assert "the model was saved with 0.1. WARNING: they differ" in said[0]


def test_a_type_that_nobody_trusts_is_not_loaded(tmp_path: Path) -> None:
    said: list[str] = []
    model = odd()
    unknown = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    assert unknown, "the test needs a type that skops does not trust"
    folder = saved(tmp_path / "model", model)
    assert ours.add_joblib(folder, "auto", (), said.append) == []
    assert "UntrustedTypesFoundException" in said[0]
    assert not (folder / "model.joblib").exists()
    with pytest.raises(Failure, match="none could be made: UntrustedTypesFoundException"):
        ours.add_joblib(folder, "require", (), said.append)


@pytest.mark.parametrize("trusted", [["copy.copy"], True, "copy.copy", {"copy.copy": True}, [1]])
def test_the_models_metadata_makes_nothing_trusted(tmp_path: Path, trusted: Any) -> None:
    said: list[str] = []
    assert ours.add_joblib(saved(tmp_path / "model", odd(), trusted), "auto", (), said.append) == []
    assert "Untrusted types found in the file: ['copy.copy']. Only skops and the operator say" in said[0]


def test_a_class_that_the_operator_trusts_is_loaded(tmp_path: Path) -> None:
    folder, tree = saved(tmp_path / "model", DecisionTreeClassifier().fit(X, [0, 1] * 3)), "sklearn.tree._tree.Tree"
    said: list[str] = []
    assert ours.add_joblib(folder, "auto", (), said.append) == []
    assert f"Untrusted types found in the file: ['{tree}']." in said[0]
    assert ours.add_joblib(folder, "require", (tree,), print) == [("model.joblib",)]
    assert list(joblib.load(folder / "model.joblib").predict(X)) == [0, 1] * 3


def test_no_file_of_the_model_is_taken_for_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path / "model", LinearRegression().fit(X, X[:, 0]))
    for name in ("joblib", "skops", "json"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(folder)
    assert ours.add_joblib(folder, "require", (), print) == [("model.joblib",)]
    assert not (tmp_path / "ran").exists()


def test_no_file_outside_of_the_model_is_loaded(tmp_path: Path) -> None:
    other = saved(tmp_path / "other", LinearRegression().fit(X, X[:, 0]))
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("../other/model.skops", str(other / "model.skops")):
        (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"sklearn": {"pickled_model": name}}}))
        assert ours.add_joblib(folder, "auto", (), print) == []


def test_where_there_is_a_file_already_nothing_is_done(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", LinearRegression().fit(X, X[:, 0]))
    (folder / "model.pkl").write_bytes(b"")
    assert ours.add_joblib(folder, "require", (), print) == []


def test_a_model_of_another_kind_is_left_alone_unless_a_file_is_required(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {xgboost: {}}")
    said: list[str] = []
    assert ours.add_joblib(tmp_path, "auto", (), said.append) == []
    assert said == []
    with pytest.raises(Failure, match=r"it is not a scikit-learn model that MLflow saved as \*.skops"):
        ours.add_joblib(tmp_path, "require", (), said.append)


def test_without_skops_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(ours, "NEEDED", ("skops_of_nobody",))
    assert ours.add_joblib(saved(tmp_path / "model", LinearRegression().fit(X, X[:, 0])), "auto", (), said.append) == []
    assert "install mlflow-prokube-auth[kserve-sklearn]" in said[0]
