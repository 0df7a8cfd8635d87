"""The initializer with ``MLFLOW_TRACKING_TOKEN_FILE``: a token that changes while models are fetched."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

from mlflow_prokube_auth.kserve import confine, handover, main
from mlflow_prokube_auth.kserve import sklearn as ours
from mlflow_prokube_auth.kserve.failures import Failure
from mlflow_prokube_auth.kserve.place import Staging
from mlflow_prokube_auth.token_file import DEFAULT_PATH

from ..support.kserve.fake_mlflow import LISTING, ROOT, Answer, FakeMlflow, running_fake
from ..support.kserve.initializer import Done, Served, clean_environment, finished, start
from ..support.kserve.models import X, saved
from ..support.world import ALICE, BOB

DATA = f"{LISTING}/{ROOT}/data.bin"
SECOND = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNvbmQifQ.c2lnbmF0dXJlLW9mLXRoZS1zZWNvbmQ"
NO_PASSWORD = {"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": "", "STORAGE_INITIALIZER_JOBLIB": "off"}


@pytest.fixture
def token(served: Served, tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(f"{served.place.keys[BOB]}\n")
    return tmp_path / "token"


def fetched(fake: FakeMlflow, folder: Path, token: Path, **settings: str) -> Done:
    given = {"MLFLOW_TRACKING_TOKEN_FILE": str(token), "STORAGE_INITIALIZER_RETRY_SECONDS": "30", **settings}
    with running_fake(fake):
        environment = clean_environment(MLFLOW_TRACKING_URI=fake.url, **given)
        return finished(start(environment, "mlflow://models/m/1", str(folder)), folder)


def test_a_token_file_alone_does(served: Served, token: Path, tmp_path: Path) -> None:
    given = {"MLFLOW_TRACKING_TOKEN_FILE": str(token)}
    done = served.bring("mlflow://models/weather/2", tmp_path / "alone", **NO_PASSWORD, **given)
    assert done.code == 0, done.lines
    assert served.place.keys[BOB] not in "\n".join(done.lines)
    # With the client's choice beside it, which sends the token nowhere but to the tracking server.
    both = {**given, "MLFLOW_TRACKING_AUTH": "prokube-token-file"}
    done = served.bring("mlflow://models/weather/2", tmp_path / "chosen", **NO_PASSWORD, **both)
    assert done.code == 0, done.lines


def test_a_token_of_somebody_without_permission_is_refused(served: Served, token: Path, tmp_path: Path) -> None:
    given = {"MLFLOW_TRACKING_TOKEN_FILE": str(token)}
    token.write_text(served.place.keys[ALICE])
    assert served.bring("mlflow://models/weather/2", tmp_path / "hers", **NO_PASSWORD, **given).code == 0
    token.write_text("pkt_0123456789ab_" + "k" * 49)
    done = served.bring("mlflow://models/weather/2", tmp_path / "nobodys", **NO_PASSWORD, **given)
    assert (done.code, done.files()) == (3, {})
    assert "k" * 49 not in "\n".join(done.lines)


def test_each_request_and_each_retry_has_the_token_of_now(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")

    def away_and_renewed(headers: dict[str, str]) -> Answer | None:
        if headers["authorization"] == "Bearer first":
            token.write_text(SECOND)
            return 503, {"Content-Length": "0"}, b""
        return None

    fake = FakeMlflow(answers={DATA: away_and_renewed})
    done = fetched(fake, tmp_path / "models", token)
    assert done.code == 0, done.lines
    sent = [headers["authorization"] for path, headers in fake.asked if path == DATA]
    assert sent == ["Bearer first", f"Bearer {SECOND}"]
    assert {headers["authorization"] for path, headers in fake.asked if path == LISTING} == {"Bearer first"}


def test_a_token_that_breaks_while_it_downloads_ends_it(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECOND)

    def broken(_: dict[str, str]) -> Answer | None:
        token.write_text(f"{SECOND}\n{SECOND}")
        return 503, {"Content-Length": "0"}, b""

    done = fetched(FakeMlflow(answers={DATA: broken}), tmp_path / "models", token)
    assert (done.code, done.files()) == (2, {})
    assert done.reason.startswith(f"Error: token file {token}: found several lines, expected a file that holds one")
    assert SECOND not in "\n".join(done.lines)


def test_a_server_that_repeats_the_token_puts_it_into_no_log(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")

    def renewed(headers: dict[str, str]) -> Answer | None:
        token.write_text(SECOND)
        return None

    def repeats(headers: dict[str, str]) -> Answer | None:
        text = json.dumps({"error_code": "PERMISSION_DENIED", "message": f"no: {headers['authorization']}"}).encode()
        return 403, {"Content-Type": "application/json", "Content-Length": str(len(text))}, text

    fake = FakeMlflow(answers={LISTING: renewed, DATA: repeats})
    done = fetched(fake, tmp_path / "models", token)
    assert (done.code, done.reason) == (3, "Error: no: Bearer ***")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "found nothing in it"),
        (f"{SECOND}\n{SECOND}", "found several lines"),
        (f"Bearer {SECOND}", "found the word 'Bearer' in front of it"),
        (f'"{SECOND}"', "found quotes around it"),
        (SECOND * 20000, "found more than 16384 bytes"),
    ],
)
def test_a_file_that_holds_no_token_is_said_at_once(tmp_path: Path, content: str, words: str) -> None:
    token, fake = tmp_path / "token", FakeMlflow()
    token.write_text(content)
    done = fetched(fake, tmp_path / "models", token)
    assert (done.code, done.files(), fake.asked) == (2, {}, [])
    assert words in done.reason
    assert SECOND[:40] not in "\n".join(done.lines)


def test_a_pipe_a_folder_and_nothing_are_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in {"pipe": "no ordinary file", ".": "a folder", "missing": "no such file"}.items():
        done = fetched(FakeMlflow(), tmp_path / "models", tmp_path / name)
        assert (done.code, done.files()) == (2, {})
        assert f"found {words}, expected a file that holds one token" in done.reason


@pytest.mark.parametrize("other", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_two_credentials_are_one_too_many(tmp_path: Path, other: str) -> None:
    (tmp_path / "token").write_text("first")
    fake = FakeMlflow()
    done = fetched(fake, tmp_path / "models", tmp_path / "token", **{other: SECOND})
    assert (done.code, fake.asked) == (2, [])
    assert done.reason == f"Error: MLFLOW_TRACKING_TOKEN_FILE and {other} are both set; expected one of them"


def test_the_clients_choice_alone_means_the_path_of_the_manifests(tmp_path: Path) -> None:
    with running_fake(FakeMlflow()) as fake:
        environment = clean_environment(MLFLOW_TRACKING_URI=fake.url, MLFLOW_TRACKING_AUTH="prokube-token-file")
        done = finished(start(environment, "mlflow://models/m/1", str(tmp_path)), tmp_path)
    assert done.code == 2
    assert f"token file {DEFAULT_PATH}: found no such file" in done.reason


LOOKS = """
import os, sys
from mlflow_prokube_auth.kserve import confine
confine.confine(1 << 20, 60)
for path in (sys.argv[1], "/proc/self/root" + sys.argv[1]):
    try:
        print(open(path).read())
    except OSError as error:
        print(type(error).__name__)
print(sorted(name for name in os.environ if name.startswith("MLFLOW_")))
"""


def test_what_a_model_runs_cannot_read_the_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    assert confine.reason_against_beside(str(token)) == "", "the test needs a kernel with Landlock"
    environment = handover.clean({**os.environ, "MLFLOW_TRACKING_TOKEN_FILE": str(token)})
    done = subprocess.run(
        [sys.executable, "-c", LOOKS, str(token)], env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["PermissionError", "PermissionError", "[]"], done.stderr


def test_where_a_model_could_read_the_token_none_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, said = LinearRegression().fit(X, X[:, 0]), list[str]()
    (tmp_path / "token").write_text("first")
    within = Path(confine.__file__).parent / "token"  # among what Python reads
    (tmp_path / "link").symlink_to(within)
    assert ours.add_joblib(saved(tmp_path / "link-model", model), "auto", (), said.append, str(tmp_path / "link")) == []
    assert "which Python reads; expected it elsewhere" in said[-1]
    beside = (("model.joblib",),)
    token = str(tmp_path / "token")
    assert tuple(ours.add_joblib(saved(tmp_path / "model", model), "auto", (), said.append, token)) == beside
    monkeypatch.setattr(confine, "landlock_version", lambda: 0)
    assert ours.add_joblib(saved(tmp_path / "second", model), "auto", (), said.append, token) == []
    assert "found no Landlock in this kernel, without which what a model runs could read" in said[-1]
    with pytest.raises(Failure, match="none could be made: found no Landlock in this kernel"):
        ours.add_joblib(saved(tmp_path / "third", model), "require", (), said.append, token)


def test_the_second_program_knows_of_the_file_and_not_of_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    given: list[handover.Handover] = []

    def take(found: handover.Handover, _say: handover.Say) -> None:
        given.append(found)
        for each in found.fetched:
            Staging(Path(each.staging), each.lock).drop()

    with running_fake(FakeMlflow()) as fake:
        environ = {"MLFLOW_TRACKING_URI": fake.url, "MLFLOW_TRACKING_TOKEN_FILE": str(tmp_path / "token")}
        assert main.run(["mlflow://models/m/1", str(tmp_path / "models")], environ, io.StringIO(), take) == 0
    (found,) = given
    assert found.token_file == str(tmp_path / "token")
    assert handover.Handover.from_text(found.to_text()) == found
    assert "first" not in found.to_text()
