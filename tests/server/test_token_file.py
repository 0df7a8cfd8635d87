"""``MLFLOW_TRACKING_AUTH=prokube-token-file`` with the stock client of several releases, against a real server.

The token is an access key in a file: a real Bearer token that is replaced while a program runs.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..support.clients import begin_day, chosen_releases, client_environment, client_python, told_by
from ..support.environments import install_package
from ..support.journeys import JOURNEYS
from ..support.long_forms import LONG_FORM
from ..support.processes import free_port
from ..support.volume import Volume, token_file_variables
from ..support.world import ALICE, ARTIFACTS, BOB, World, running_world

NEWEST = chosen_releases()[-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("ours"), f"http://127.0.0.1:{port}", port) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_package(tmp_path_factory.mktemp("package"))


def new_key(world: World, email: str) -> str:
    """Which ends the former one."""
    browser, _ = world.log_in(email)
    return str(world.make_key(browser).json()["access_key"])


def status_of(world: World, key: str) -> int:
    answer = httpx.get(f"{world.url}/prokube-auth/api/me", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    return answer.status_code


def without_ids(day: list[dict[str, Any]]) -> Any:
    """The two days are on one server, so that their experiments have other numbers in its words, too."""
    return json.loads(re.sub(r"""(?<=restore_experiment\(\\")\d+|(?<=')\d+(?=/<id)""", "<experiment>", json.dumps(day)))


@pytest.mark.parametrize(
    "release", [pytest.param(each, marks=() if each == NEWEST else LONG_FORM) for each in chosen_releases()]
)
def test_a_day_is_the_same_with_a_token_file_as_with_a_password(
    release: str, world: World, site: Path, tmp_path: Path
) -> None:
    key = new_key(world, ALICE)
    volume, named = Volume(tmp_path / "volume", key), {"MLFLOW_TRACKING_USERNAME": ALICE}
    password = begin_day(
        release, f"word-{release}", tmp_path / "word", world.url, **named, MLFLOW_TRACKING_PASSWORD=key
    )
    token = begin_day(
        release, f"file-{release}", tmp_path / "file", world.url, **named, **token_file_variables(site, volume.token)
    )
    expected, found = (
        without_ids(told_by(*day)) for day in ((password, tmp_path / "word"), (token, tmp_path / "file"))
    )
    assert len(found) > 50
    assert found == expected
    for file in (tmp_path / "file").rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()


@pytest.mark.parametrize("release", chosen_releases())
def test_a_pod_goes_on_to_log_when_its_token_was_replaced_and_the_old_one_ended(
    release: str, world: World, site: Path, tmp_path: Path
) -> None:
    key = new_key(world, BOB)
    volume, keys = Volume(tmp_path / "volume", key), [key]
    pod = subprocess.Popen(
        [client_python(release), JOURNEYS / "pod.py", f"pod-{release}"],
        env=client_environment(world.url, **token_file_variables(site, volume.token)), cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(tmp_path / "log").open("w"), text=True,
    )  # fmt: skip
    assert pod.stdin is not None
    assert pod.stdout is not None
    with pod:
        for stage in (1, 2, 3):
            assert pod.stdout.readline() == f"stage {stage}\n", (tmp_path / "log").read_text()[-4000:]
            keys.append(new_key(world, BOB))
            assert [status_of(world, key) for key in keys[-2:]] == [401, 200]
            volume.replace(keys[-1])
            pod.stdin.write("\n")
            pod.stdin.flush()
        said = pod.stdout.read()
    assert json.loads(said.splitlines()[-1]) == {
        "params": {f"stage-{stage}": str(stage) for stage in (1, 2, 3)},
        "metrics": 30,
        "artifacts": [f"stages/{stage}.txt" for stage in (1, 2, 3)],
        "traces": 3,
        "status": "FINISHED",
    }
    for text in (said, (tmp_path / "log").read_text(), world.log.read_text()):
        assert [key for key in keys if key in text] == []


# What is asked of the server, and what comes of it: a line of JSON.
ASKS = """
import json, logging, sys, traceback
logging.basicConfig(level=logging.DEBUG)
import mlflow
try:
    found = DO
except Exception as error:
    traceback.print_exc()
    found = [type(error).__name__, str(error)]
print(json.dumps(found))
"""


def asked(
    release: str, site: Path, folder: Path, token: Path, url: str, do: str, **settings: str
) -> tuple[object, str]:
    """What a client's program prints, and all that it writes into its log at the level DEBUG."""
    environment = client_environment(url, **{**token_file_variables(site, token), **settings})
    done = subprocess.run(
        [client_python(release), "-c", ASKS.replace("DO", do)], env=environment, cwd=folder,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


SEARCHES = "len(mlflow.search_experiments())"


def test_a_file_that_holds_no_token_is_an_error_of_the_client_without_the_token(
    world: World, site: Path, tmp_path: Path
) -> None:
    key = new_key(world, ALICE)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    contents = {
        "two-lines": (f"{key}\n{key}", "found several lines"),
        "bearer": (f"Bearer {key}", "has the word 'Bearer' in front of it"),
        "quotes": (f'"{key}"', "is wrapped in quotes"),
        "large": (key * 20000, "found more than 16384 bytes"),
        "empty": ("\n", "found nothing in it"),
        "pipe": (None, "found no ordinary file"),
        "folder": (None, "found a folder"),
        "missing": (None, "found no such file"),
    }
    for name, (content, words) in contents.items():
        if content is not None:
            (tmp_path / name).write_text(content)
        found, log = asked(NEWEST, site, tmp_path, tmp_path / name, world.url, SEARCHES)
        assert isinstance(found, list), name
        assert found[0] == "MlflowException"
        assert f"token file {tmp_path / name}: " in found[1]
        assert words in found[1]
        assert key[4:] not in log


def test_a_password_beside_the_file_is_refused_and_what_a_login_left_is_not_sent(
    world: World, site: Path, tmp_path: Path
) -> None:
    volume = Volume(tmp_path / "volume", new_key(world, ALICE))
    found, _ = asked(
        NEWEST, site, tmp_path, volume.token, world.url, SEARCHES, MLFLOW_TRACKING_PASSWORD=new_key(world, BOB)
    )
    assert isinstance(found, list)
    assert "MLFLOW_TRACKING_TOKEN_FILE and MLFLOW_TRACKING_PASSWORD are both set; expected one of them" in found[1]
    credentials = tmp_path / ".mlflow" / "credentials"
    credentials.parent.mkdir()
    credentials.write_text("[mlflow]\nmlflow_tracking_username = mallory\nmlflow_tracking_password = wrong\n")
    found, _ = asked(NEWEST, site, tmp_path, volume.token, world.url, SEARCHES, HOME=str(tmp_path))
    assert isinstance(found, int)


@contextmanager
def listening(location: str = "") -> Iterator[tuple[int, list[str | None]]]:
    """A server that is not ours: its port, and the header of each request that reaches it."""
    heard: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["Authorization"])
            self.send_response(307 if location else 200)
            self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port, heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("release", chosen_releases())
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_redirect_to_another_server_takes_no_token_along(release: str, host: str, site: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token-of-the-pod")
    with listening() as (port, evil), listening(f"http://{host}:{port}/taken") as (ours, heard):
        asked(release, site, tmp_path, tmp_path / "token", f"http://127.0.0.1:{ours}", SEARCHES)
    assert set(heard) == {"Bearer token-of-the-pod"}
    assert set(evil) == {None}


@pytest.mark.parametrize("release", chosen_releases())
def test_a_file_at_another_server_is_not_asked_for_with_the_token(
    release: str, site: Path, tmp_path: Path, world: World
) -> None:
    (tmp_path / "token").write_text("token-of-the-pod")
    with listening() as (port, heard):
        do = f"mlflow.artifacts.download_artifacts('http://127.0.0.1:{port}{ARTIFACTS}/1/x/file.bin')"
        found, log = asked(release, site, tmp_path, tmp_path / "token", world.url, do)
    assert isinstance(found, list)
    assert f"found a request to http://127.0.0.1:{port}, expected one to the tracking server ({world.url})" in found[1]
    assert heard == []
    assert "token-of-the-pod" not in log


WAYS = """
(lambda client: [
    list(client.list_endpoints()),
    __import__("mlflow.genai.utils.gateway_utils", fromlist=["x"])._build_auth_headers(),
    __import__("mlflow.tracing.utils.otlp", fromlist=["x"]).build_otlp_headers("1"),
])(__import__("mlflow.deployments", fromlist=["x"]).get_deploy_client(mlflow.get_tracking_uri()))
"""


def test_which_ways_of_the_client_do_not_ask_for_the_token(site: Path, tmp_path: Path) -> None:
    """As docs/workloads.md says; where MLflow comes to ask for it there, the page has a row less."""
    (tmp_path / "token").write_text("token-of-the-pod")
    with listening() as (port, heard):
        url = f"http://127.0.0.1:{port}"
        found, _ = asked(NEWEST, site, tmp_path, tmp_path / "token", url, WAYS.replace("\n", ""))
    assert heard == ["Bearer token-of-the-pod"]
    assert found == [[], None, {"x-mlflow-experiment-id": "1"}]


@pytest.mark.parametrize("release", chosen_releases())
def test_the_client_loads_nothing_of_the_server(release: str, site: Path, tmp_path: Path, world: World) -> None:
    volume = Volume(tmp_path / "volume", new_key(world, ALICE))
    do = f"[{SEARCHES}, sorted(__import__('sys').modules)][1]"
    modules, _ = asked(release, site, tmp_path, volume.token, world.url, do)
    assert isinstance(modules, list)
    assert {name for name in modules if name.startswith("mlflow_prokube_auth")} == {
        "mlflow_prokube_auth", "mlflow_prokube_auth.identity", "mlflow_prokube_auth.identity.key_format",
        "mlflow_prokube_auth.model", "mlflow_prokube_auth.request_auth", "mlflow_prokube_auth.token_file",
    }  # fmt: skip
    tops = {name.split(".")[0] for name in modules}
    assert not tops & {"flask", "sqlalchemy", "alembic", "authlib", "joserfc", "cryptography", "httpx"}
    assert not [name for name in modules if name.startswith("mlflow.server")]
