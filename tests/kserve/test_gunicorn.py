"""Against the other way in which MLflow serves files: gunicorn and a static prefix, where Flask reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ..support.kserve.initializer import Served, serving
from ..support.kserve.owner import ODD_FILES, SPOKEN


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    options = ("--gunicorn-opts", "--timeout 120", "--static-prefix", "/mlflow")
    with serving(tmp_path_factory.mktemp("gunicorn"), "/mlflow", *options) as running:
        yield running


@pytest.mark.parametrize("uri", ["mlflow://models/weather@champion", "mlflow://models/large/1"])
def test_a_reader_of_a_model_brings_it(elsewhere: Served, tmp_path: Path, uri: str) -> None:
    done = elsewhere.bring(uri, tmp_path / "models", STORAGE_INITIALIZER_JOBLIB="off")
    assert done.code == 0, done.lines
    assert "MLmodel" in done.files()


def test_a_reader_of_the_model_alone_gets_nothing_of_its_run(elsewhere: Served, tmp_path: Path) -> None:
    done = elsewhere.bring(f"mlflow://runs/{elsewhere.run_id}/artifacts/nested/old", tmp_path / "models")
    assert done.code != 0
    assert not (tmp_path / "models").exists() or done.files() == {}


def test_names_of_files_come_whole(elsewhere: Served, tmp_path: Path) -> None:
    done = elsewhere.bring(f"mlflow://models/{quote(SPOKEN)}/1", tmp_path / "models")
    assert done.code == 0, done.lines
    odd = {name: content for name, content in done.files().items() if name.startswith("odd/")}
    assert odd == {f"odd/{name}": content for name, content in ODD_FILES.items()}
