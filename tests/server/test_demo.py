"""The demo as a newcomer runs it: it starts, says where it is, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mlflow_prokube_auth.demo.headless import login_headless

from ..support.long_forms import LONG_FORM
from ..support.processes import await_start, free_port

CURRENT = "/ajax-api/2.0/mlflow/users/current"


@dataclass
class Started:
    """A demo that a test ends itself."""

    process: subprocess.Popen[bytes]
    info_file: Path
    log: Path

    @property
    def info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.info_file.read_text())
        return found

    @property
    def ports(self) -> list[int]:
        """MLflow's and the provider's."""
        return [int(urlsplit(self.info[name]).port or 0) for name in ("tracking_uri", "issuer")]

    def key(self, who: str) -> str:
        return str(next(user["access_key"] for user in self.info["users"] if user["username"] == who))


def command(port: int, directory: Path, *options: str) -> list[str]:
    module = [sys.executable, "-m", "mlflow_prokube_auth.cli.main", "demo"]
    return [*module, "--port", str(port), "--dir", str(directory), *options]


def _in_a_terminal() -> None:
    """Whoever runs the tests under ``nohup`` or in the background hands ignored signals down."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def started(folder: Path, port: int, *options: str) -> Iterator[Started]:
    """The demo, in a process group of its own as a shell makes one; whatever a test leaves is killed."""
    info, log = folder / "info.json", folder / "demo.log"
    line = command(port, folder / "data", "--info-file", str(info), *options)
    with log.open("wb") as output:
        process = subprocess.Popen(
            line, stdout=output, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True, preexec_fn=_in_a_terminal
        )
    children: set[int] = set()
    try:
        await_start(process, log, 240, info.exists)
        children = descendants(process.pid)
        yield Started(process, info, log)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        for pid in {process.pid, *children} & alive():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(15)


def parents() -> dict[int, int]:
    """Process id -> its parent's, of all that run (the dead that nobody has waited for do not)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if state not in "ZX":
                found[int(entry.name)] = int(parent)
    return found


def alive() -> set[int]:
    return set(parents())


def descendants(pid: int) -> set[int]:
    """All processes below ``pid``."""
    tree, found, fresh = parents(), set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in tree.items() if parent in fresh} - found
        found |= fresh
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def log_in(url: str, email: str) -> httpx.Response:
    """``users/current`` of a browser that has just logged in."""
    with httpx.Client(base_url=url, timeout=30, headers={"Accept": "text/html"}) as browser:
        start = browser.get("/prokube-auth/login/start")
        browser.get(login_headless(start.headers["location"], email))
        return browser.get(CURRENT)


def end(demo: Started, sent: signal.Signals) -> None:
    """End it by a signal; nothing of what it started is left."""
    children, ports = descendants(demo.process.pid), demo.ports
    assert children != set()
    assert [is_free(port) for port in ports] == [False, False]
    if sent == signal.SIGTERM:
        demo.process.send_signal(sent)
    else:
        os.killpg(demo.process.pid, sent)  # a terminal tells the whole foreground group
    assert demo.process.wait(60) == 0
    assert children & alive() == set()
    assert [is_free(port) for port in ports] == [True, True]
    assert not demo.info_file.exists()
    assert "Traceback" not in demo.log.read_text()


@LONG_FORM  # in short: the two runs of test_a_second_run_on_the_same_folder_goes_on_where_the_first_ended
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_demo_with_all_that_it_started(tmp_path: Path, sent: signal.Signals) -> None:
    with started(tmp_path, free_port()) as demo:
        end(demo, sent)


@LONG_FORM
def test_an_impatient_second_ctrl_c_leaves_nothing_either(tmp_path: Path) -> None:
    with started(tmp_path, free_port()) as demo:
        children, ports = descendants(demo.process.pid), demo.ports
        deadline = time.monotonic() + 60
        while demo.process.poll() is None and time.monotonic() < deadline:
            demo.process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert demo.process.returncode == 0
        assert children & alive() == set()
        assert [is_free(port) for port in ports] == [True, True]
        assert not demo.info_file.exists()
        assert "Traceback" not in demo.log.read_text()


def test_a_signal_while_the_demo_starts_leaves_nothing_either(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port, tmp_path / "data"), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while not (children := descendants(process.pid)):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        process.wait(60)
        assert children & alive() == set()
        assert is_free(port)
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait(15)


def own_words(stderr: str) -> str:
    """Without MLflow's warning of an environment that has parts of two releases (docs/mlflow-releases.md)."""
    return re.sub(r"^.*UserWarning: Versions of mlflow .*\n(?:  .*\n)?", "", stderr, flags=re.MULTILINE)


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = subprocess.run(
            command(port, tmp_path / "data"), capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
        )
    assert done.returncode == 1
    assert (done.stdout, own_words(done.stderr)) == (
        "",
        f"Error: port {port} is in use; stop the process that uses it, or choose another: "
        'make demo DEMO_ARGS="--port 5123"\n',
    )
    assert not (tmp_path / "data").exists()


def test_a_taken_port_of_the_provider_is_one_clear_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        (data / "provider-port").write_text(str(port))
        done = subprocess.run(
            command(free_port(), data), capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(own_words(done.stderr).splitlines()) == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "choose another --dir" in done.stderr


def check_info(demo: Started, port: int) -> None:
    """The info file is for its owner alone and holds what is documented."""
    assert stat.S_IMODE(demo.info_file.stat().st_mode) == 0o600
    info = demo.info
    assert set(info) == {"tracking_uri", "issuer", "users"}
    assert info["tracking_uri"] == f"http://127.0.0.1:{port}"
    assert [set(user) for user in info["users"]] == [{"username", "access_key", "password"}] * 4
    keys = {user["username"]: user["access_key"] for user in info["users"]}
    assert list(keys) == ["alice@example.com", "bob@example.com", "admin@example.com", "mallory@example.com"]
    assert keys.pop("mallory@example.com") is None
    assert [user["password"] for user in info["users"]] == [None] * 4
    for name, key in keys.items():
        answer = httpx.get(info["tracking_uri"] + CURRENT, auth=(name, key), timeout=30)
        assert answer.json()["user"]["username"] == name
    discovery = httpx.get(f"{info['issuer']}/.well-known/openid-configuration").json()
    assert discovery["issuer"] == info["issuer"]


def test_a_demo_in_a_terminal_shows_one_key_and_mints_no_other(tmp_path: Path) -> None:
    data, log, port = tmp_path / "data", tmp_path / "demo.log", free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port, data), stdout=output, stderr=subprocess.STDOUT, cwd=tmp_path, start_new_session=True
        )
    try:
        await_start(process, log, 240, lambda: "Ctrl-C stops everything." in log.read_text())
        snippet, said = data / "alice.sh", log.read_text()
        assert stat.S_IMODE(snippet.stat().st_mode) == 0o600
        lines = snippet.read_text().splitlines()
        assert [line.split("=")[0] for line in lines] == [
            f"export MLFLOW_TRACKING_{name}" for name in ("URI", "USERNAME", "PASSWORD")
        ]
        assert [line for line in lines if f"    {line}\n" not in said] == []
        assert f"  . {snippet}\n" in said
        assert "bob@example.com has no access key yet: log in as bob" in said
        assert f"stay in {data}; delete the folder" in said
        with sqlite3.connect(data / "mlflow.db") as connection:
            owners = connection.execute(
                "SELECT username FROM prokube_access_keys JOIN users ON users.id = prokube_access_keys.user_id"
            ).fetchall()
            people = connection.execute("SELECT count(*) FROM prokube_identities").fetchall()
        assert (owners, people) == ([("alice@example.com",)], [(3,)])
        httpx.get(f"http://127.0.0.1:{port}/version")
        said = log.read_text()
        for noise in ("GET /", "Deprecat", "is not allowed to look up users"):
            assert noise not in said
    finally:
        process.terminate()
        process.wait(60)
    assert not snippet.exists()


def test_a_second_run_on_the_same_folder_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    port, alice, name = free_port(), "alice@example.com", "kept"
    users, issuers, experiments, keys = [], [], [], []
    # Each run under another server, and ended by another signal.
    for sent, options in ((signal.SIGINT, ("--workers", "2")), (signal.SIGTERM, ("--gunicorn",))):
        with started(tmp_path, port, *options) as demo:
            check_info(demo, port)
            url = demo.info["tracking_uri"]
            issuers.append(demo.info["issuer"])
            keys.append(demo.key(alice))
            users.append(log_in(url, alice).json()["user"])
            with httpx.Client(base_url=f"{url}/api/2.0/mlflow", auth=(alice, keys[-1]), timeout=30) as client:
                client.post("/experiments/create", json={"name": name})
                found = client.get("/experiments/get-by-name", params={"experiment_name": name})
                experiments.append(found.json()["experiment"]["experiment_id"])
            end(demo, sent)
    assert issuers[0] == issuers[1]
    assert users[0] == users[1]
    assert users[0]["username"] == alice
    assert experiments[0] == experiments[1]
    assert keys[0] != keys[1]
