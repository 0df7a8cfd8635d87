"""Every form of address brings exactly the files that it names, to a reader of the model."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from .conftest import ALICE, BOB, Served
from .owner import ODD_FILES, SPOKEN


def version_of(files: dict[str, bytes]) -> int:
    """Which version of `weather` was brought: 1 was saved by skops, 2 pickled."""
    flavor = yaml.safe_load(files["MLmodel"])["flavors"]["sklearn"]
    return {"skops": 1, "cloudpickle": 2}[flavor["serialization_format"]]


@pytest.mark.parametrize(
    ("uri", "version"),
    [
        ("mlflow://models/weather/1", 1),
        ("mlflow://models/weather/2", 2),
        ("mlflow://models/weather/latest", 2),
        ("mlflow://models/weather@champion", 1),
        ("mlflow://models/weather/champion", 1),
        # An alias comes before a stage, in the letters of the alias; a stage is known by any.
        ("mlflow://models/weather/Staging", 1),
        ("mlflow://models/weather/PRODUCTION", 1),
        ("mlflow://models/%77eather/1", 1),
    ],
)
def test_an_address_brings_its_version(served: Served, tmp_path: Path, uri: str, version: int) -> None:
    done = served.bring(uri, tmp_path / "models", STORAGE_INITIALIZER_JOBLIB="off")
    assert (done.code, version_of(done.files())) == (0, version), done.lines


def test_names_of_models_and_files_come_whole(served: Served, tmp_path: Path) -> None:
    done = served.bring(f"mlflow://models/{quote(SPOKEN)}/1", tmp_path / "models")
    assert done.code == 0, done.lines
    assert {name: content for name, content in done.files().items() if name.startswith("odd/")} == {
        f"odd/{name}": content for name, content in ODD_FILES.items()
    }


def test_what_is_in_the_folder_is_said_in_a_record(served: Served, tmp_path: Path) -> None:
    done = served.bring("mlflow://models/weather@champion", tmp_path)
    record = json.loads((tmp_path / ".mlflow-storage-initializer.json").read_text())
    assert record["source"] == "version 1 of model 'weather'"
    assert record["files"] == sorted(done.files())
    assert [path.name for path in tmp_path.glob(".*")] == [".mlflow-storage-initializer.json"]


@pytest.mark.parametrize("keyword", ["artifacts/", ""])
@pytest.mark.parametrize(
    ("path", "expected"),
    [("nested/old", "MLmodel"), ("model", "MLmodel"), ("one.bin", "one.bin"), ("nested/old/odd", "a b.txt")],
)
def test_a_path_of_a_run_lands_at_the_root_of_the_folder(
    served: Served, tmp_path: Path, keyword: str, path: str, expected: str
) -> None:
    done = served.bring(
        f"mlflow://runs/{served.run_id}/{keyword}{path}", tmp_path, ALICE, STORAGE_INITIALIZER_JOBLIB="off"
    )
    assert done.code == 0, done.lines
    assert expected in done.files()


def test_a_reader_of_the_model_alone_gets_nothing_of_its_run(served: Served, tmp_path: Path) -> None:
    done = served.bring(f"mlflow://runs/{served.run_id}/model", tmp_path, BOB)
    assert (done.code, done.files()) == (3, {})
    assert "does not exist or you may not" in done.reason
