"""Against a real server: addresses, refusals, broken connections, several initializers at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from ..support.kserve.fake_mlflow import BrokenLine, broken_line
from ..support.kserve.initializer import Served, finished, start
from ..support.kserve.mlserver import predict, running_mlserver
from ..support.kserve.owner import ODD_FILES, SPOKEN
from ..support.processes import free_port, plugin_settings, running_mlflow
from ..support.world import ADMIN, ALICE, BOB


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


@pytest.mark.parametrize(
    ("uri", "code", "words"),
    [
        ("mlflow://models/weather/9", 4, "version=9) not found"),
        ("mlflow://models/weather/nowhere", 4, "has no alias 'nowhere', and 'nowhere' is no number and no stage"),
        ("mlflow://models/weather@nowhere", 4, "model 'weather' has no alias 'nowhere'"),
        ("mlflow://models/weather/archived", 4, "no version in stage Archived"),
        ("mlflow://models/bare/1", 3, "You are not allowed to do this"),
        ("mlflow://models/hidden/1", 3, "does not exist or you may not"),
        ("mlflow://models/weather@3", 2, "digits always mean a version"),
    ],
)
def test_what_is_not_there_is_said_in_the_last_line(
    served: Served, tmp_path: Path, uri: str, code: int, words: str
) -> None:
    done = served.bring(uri, tmp_path)
    assert (done.code, done.files()) == (code, {})
    assert done.reason.startswith("Error: ")
    assert words in done.reason


def test_no_permission_and_a_wrong_key_are_told_apart_without_the_key(served: Served, tmp_path: Path) -> None:
    mallory = served.bring("mlflow://models/weather/1", tmp_path, ADMIN, MLFLOW_TRACKING_USERNAME=BOB)
    key = served.place.keys[BOB]
    wrong = served.bring("mlflow://models/weather/1", tmp_path, MLFLOW_TRACKING_PASSWORD=f"{key[:-1]}~")
    nobody = served.bring("mlflow://models/weather/1", tmp_path, MLFLOW_TRACKING_PASSWORD="")
    assert [done.code for done in (mallory, wrong, nobody)] == [3, 3, 3]
    assert "These credentials are not valid" in wrong.reason
    assert "You are not logged in" in nobody.reason
    for done in (mallory, wrong, nobody):
        assert key not in "\n".join(done.lines)
        assert done.files() == {}


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_a_key_that_is_wrapped_in_something_is_told_at_once(served: Served, tmp_path: Path, variable: str) -> None:
    key = served.place.keys[BOB]
    without = {"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": ""} if variable.endswith("TOKEN") else {}
    for around, words in ((f'"{key}"', "is wrapped in quotes"), (f"Bearer {key}", "has the word 'Bearer' in front")):
        done = served.bring("mlflow://models/weather/1", tmp_path, **{**without, variable: around})
        assert (done.code, done.files()) == (2, {})
        assert f"{variable}: the access key {words}" in done.reason
        assert key[4:] not in "\n".join(done.lines)
    broken = served.bring("mlflow://models/weather/1", tmp_path, **{**without, variable: f"{key}\n{key}"})
    assert broken.code == 2
    assert variable in broken.reason


def test_a_line_break_behind_credentials_does_no_harm(served: Served, tmp_path: Path) -> None:
    key, off = served.place.keys[BOB], {"STORAGE_INITIALIZER_JOBLIB": "off"}
    named = {"MLFLOW_TRACKING_USERNAME": f"{BOB}\r\n", "MLFLOW_TRACKING_PASSWORD": f"{key}\n"}
    bare = {"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": "", "MLFLOW_TRACKING_TOKEN": f" {key}\n"}
    for folder, given in (("named", named), ("bare", bare)):
        done = served.bring("mlflow://models/weather/2", tmp_path / folder, **given, **off)
        assert done.code == 0, done.lines


def test_a_token_alone_does(served: Served, tmp_path: Path) -> None:
    settings = {"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": "", "STORAGE_INITIALIZER_JOBLIB": "off"}
    done = served.bring("mlflow://models/weather/2", tmp_path, MLFLOW_TRACKING_TOKEN=served.place.keys[BOB], **settings)
    assert done.code == 0, done.lines


def test_a_version_without_a_model_is_told_to_who_may_read_its_files(served: Served, tmp_path: Path) -> None:
    done = served.bring("mlflow://models/bare/1", tmp_path, ALICE)
    assert (done.code, done.files()) == (4, {})
    assert "no file MLmodel at its root" in done.reason


def test_artifacts_that_are_gone_are_no_empty_model(served: Served, tmp_path: Path) -> None:
    shutil.rmtree(served.artifacts("gone"))
    done = served.bring("mlflow://models/gone/1", tmp_path)
    assert (done.code, done.files()) == (4, {})
    assert "has no files on the server: its artifacts are gone" in done.reason


def test_pairs_are_brought_one_into_the_folder_of_the_other(served: Served, tmp_path: Path) -> None:
    one, two = tmp_path / "models", tmp_path / "models" / "adapter"
    environment = served.environment(STORAGE_INITIALIZER_JOBLIB="off")
    arguments = ["mlflow://models/weather/2", str(one), "mlflow://models/weather/1", str(two)]
    for _ in range(2):  # the second time, everything is replaced
        done = finished(start(environment, *arguments), two)
        assert done.code == 0, done.lines
        assert version_of(done.files()) == 1
        assert yaml.safe_load((one / "MLmodel").read_text())["flavors"]["sklearn"]["pickled_model"] == "model.pkl"


def test_what_a_version_before_left_is_taken_away_and_nothing_else(served: Served, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for version in (2, 1):
        done = served.bring(f"mlflow://models/weather/{version}", tmp_path, STORAGE_INITIALIZER_JOBLIB="off")
        assert done.code == 0, done.lines
    assert set(done.files()) == {
        "MLmodel", "conda.yaml", "mine.txt", "model.skops", "python_env.yaml", "requirements.txt",
    }  # fmt: skip
    assert not (tmp_path / "odd").exists()


def test_two_initializers_into_one_folder_leave_one_whole_model(served: Served, tmp_path: Path) -> None:
    alone = {}
    for version in ("1", "2"):
        folder = tmp_path / version
        alone[version] = served.bring(f"mlflow://models/weather/{version}", folder, STORAGE_INITIALIZER_JOBLIB="off")
    folder, environment = tmp_path / "both", served.environment(STORAGE_INITIALIZER_JOBLIB="off")
    for _ in range(2):
        both = [start(environment, f"mlflow://models/weather/{version}", str(folder)) for version in ("1", "2")]
        ended = [finished(process, folder) for process in both]
        assert [done.code for done in ended] == [0, 0], [done.lines for done in ended]
        files = ended[0].files()
        assert files in (alone["1"].files(), alone["2"].files())
        assert list(folder.glob(".mlflow-storage-initializer-*")) == []


LARGE = 24 << 20


@pytest.fixture(scope="module")
def large(served: Served) -> bytes:
    """What `large` holds beside its MLmodel."""
    content = random.Random(8).randbytes(LARGE)
    served.artifacts("large/weights.bin").write_bytes(content)
    return content


@pytest.mark.parametrize("without_range", [False, True], ids=["range", "no range"])
def test_a_broken_transfer_goes_on_where_it_broke_or_begins_again(
    served: Served, large: bytes, tmp_path: Path, without_range: bool
) -> None:
    port = int(served.world.url.rpartition(":")[2])
    with broken_line(BrokenLine(port, cuts=[LARGE // 4, LARGE // 2], without_range=without_range)) as line:
        done = served.bring("mlflow://models/large/1", tmp_path, MLFLOW_TRACKING_URI=line.url)
    assert done.code == 0, done.lines
    assert done.files()["weights.bin"] == large
    downloads = [head for head in line.heads if b"large/weights.bin" in head.split(b"\r\n", 1)[0]]
    assert [b"range: bytes=" in head.lower() for head in downloads] == [False, True, True]
    parts = sum(answer.startswith(b"HTTP/1.1 206") for answer in line.answers)
    assert parts == (0 if without_range else 2)
    assert any("the connection broke after" in said and "trying again" in said for said in done.lines)


def test_a_server_that_never_finishes_is_given_up(served: Served, large: bytes, tmp_path: Path) -> None:
    port = int(served.world.url.rpartition(":")[2])
    with broken_line(BrokenLine(port, cuts=[LARGE // 4] * 50, without_range=True)) as line:
        done = served.bring(
            "mlflow://models/large/1", tmp_path, MLFLOW_TRACKING_URI=line.url, STORAGE_INITIALIZER_RETRY_SECONDS="3"
        )
    assert (done.code, done.files()) == (5, {})
    assert "gave up after 3 s without progress" in done.reason


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_an_initializer_that_is_ended_places_nothing_and_the_next_clears_up(
    served: Served, large: bytes, tmp_path: Path, sent: signal.Signals
) -> None:
    port, environment = int(served.world.url.rpartition(":")[2]), served.environment()
    with broken_line(BrokenLine(port, hold=LARGE // 2)) as line:
        process = start({**environment, "MLFLOW_TRACKING_URI": line.url}, "mlflow://models/large/1", str(tmp_path))
        assert line.held.wait(120)
        process.send_signal(sent)
        done = finished(process, tmp_path)
    if sent == signal.SIGTERM:
        assert (done.code, done.reason, done.files()) == (143, "Error: stopped by SIGTERM", {})
    else:
        assert done.code == -signal.SIGKILL
        assert {name.split("/")[0][:28] for name in done.files()} == {".mlflow-storage-initializer-"}
    again = served.bring("mlflow://models/large/1", tmp_path)
    assert (again.code, set(again.files())) == (0, {"MLmodel", "weights.bin"}), again.lines


def test_memory_does_not_grow_with_the_files(served: Served, tmp_path: Path) -> None:
    sparse, peaks = served.artifacts("large/sparse.bin"), []
    for size in (1, 600 << 20):
        with sparse.open("wb") as file:
            file.truncate(size)
        process = start(served.environment(), "mlflow://models/large/1", str(tmp_path))
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, said
        assert (tmp_path / "sparse.bin").stat().st_size == size
        peaks.append(usage.ru_maxrss)
    sparse.unlink()
    # In kB: a tenth of the file, for parts of it under way.
    assert peaks[1] - peaks[0] < 60 << 10


def test_a_server_killed_in_the_middle_and_started_again_is_gone_on_with(
    served: Served, large: bytes, tmp_path: Path
) -> None:
    world, second = served.world, tmp_path / "second"
    # A server of its own on a copy, so that the others' is left alone; its database is the same.
    shutil.copytree(world.directory, second)
    port = free_port()
    settings = plugin_settings(world.provider.issuer, "secret-of-the-client", f"http://127.0.0.1:{port}")
    folder = tmp_path / "models"
    with broken_line(BrokenLine(port, hold=LARGE // 2)) as line:
        with running_mlflow(second, port, environment=settings) as server:
            process = start(served.environment(MLFLOW_TRACKING_URI=line.url), "mlflow://models/large/1", str(folder))
            assert line.held.wait(120)
            os.killpg(server.pid, signal.SIGKILL)  # all of its processes, as a lost node ends them
        line.let_go.set()
        with running_mlflow(second, port, environment=settings):
            done = finished(process, folder)
    assert done.code == 0, done.lines
    assert done.files()["weights.bin"] == large
    assert any(answer.startswith(b"HTTP/1.1 206") for answer in line.answers)


def test_mlserver_predicts_with_what_was_brought(served: Served, tmp_path: Path) -> None:
    default, pickled, serving = tmp_path / "default", tmp_path / "pickled", tmp_path / "serving"
    for version, folder in ((1, default), (2, pickled)):
        done = served.bring(f"mlflow://models/weather/{version}", folder)
        assert done.code == 0, done.lines
    serving.mkdir()
    models = {
        "default-mlflow": ("mlflow", default),
        # Only model.joblib, written beside MLflow's model.skops, makes this one possible.
        "default-sklearn": ("sklearn", default),
        "pickled-sklearn": ("sklearn", pickled),
    }
    with running_mlserver(serving, models) as url:
        said = {name: predict(url, name, 4.0) for name in models}
    assert said == {"default-mlflow": 8.0, "default-sklearn": 8.0, "pickled-sklearn": 12.0}


def test_without_the_twin_the_trap_is_named(served: Served, tmp_path: Path) -> None:
    done = served.bring("mlflow://models/weather/1", tmp_path, STORAGE_INITIALIZER_JOBLIB="off")
    (warning,) = [line for line in done.lines if line.startswith("WARNING")]
    assert "modelFormat: sklearn finds no model here, since MLflow saved it as model.skops" in warning
    assert 'serialization_format="cloudpickle"' in warning
    assert "model.joblib" not in done.files()
