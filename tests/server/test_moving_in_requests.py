"""The same requests as the same people with the same keys: to a real server of mlflow-oidc-auth, then to ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from mlflow_prokube_auth.cli.main import main
from mlflow_prokube_auth.demo.accounts import DemoUser
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.store.database import migrate, open_engine

from ..support.commands import SETTINGS
from ..support.oidc_auth import oidc_auth_python
from ..support.oidc_worlds import ANN, BEN, BOSS, KEYS, ROBOT, SMALL
from ..support.processes import await_start, free_port
from ..support.world import running_world

API = "/api/2.0/mlflow"
RELEASE = "7.18.0"
OLD = {
    "OIDC_DISCOVERY_URL": "http://127.0.0.1:9/none",
    "OIDC_CLIENT_ID": "mlflow",
    "OIDC_CLIENT_SECRET": "secret-of-the-client",
    "SECRET_KEY": "secret-key-of-the-old-server",
    "DEFAULT_MLFLOW_PERMISSION": "NO_PERMISSIONS",
}
ADMINISTRATOR = DemoUser("s-boss", BOSS, "Boss", ("/prokube-users", "/prokube-admins"))
# Its rules for prompts say that they may (``effective_prompt_permission``), but that route asks its rules for models.
PROMPTS = {
    f"{BEN} model other-prompt": ("may not may not", "may may not"),
    f"{ROBOT} model team-a-prompt": ("may not may not", "may may not"),
}


@contextmanager
def old_server(folder: Path, source: str, tracking: str) -> Iterator[str]:
    """``mlflow server --app-name oidc-auth`` of that release; yields its address."""
    port, python = free_port(), oidc_auth_python(RELEASE)
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("MLFLOW_", "PROKUBE_", "PYTHON"))}
    environment = {**clean, **OLD, "OIDC_USERS_DB_URI": source, "PATH": f"{python.parent}:{clean['PATH']}"}
    command = [str(python), "-m", "mlflow", "server", "--app-name", "oidc-auth", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", tracking, "--artifacts-destination", f"{folder}/artifacts"]
    log, url = folder / "old.log", f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)

    def is_up() -> bool:
        try:
            return httpx.get(f"{url}/health", timeout=5).status_code < 500
        except httpx.TransportError:
            return False

    try:
        await_start(process, log, 300, is_up)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def answers(url: str, ids: dict[str, str]) -> dict[str, str]:
    """Whether each of them may read and change each experiment, model and prompt, and what their search shows."""
    found = {}
    for user in (ANN, BEN, BOSS, ROBOT):
        with httpx.Client(base_url=url, auth=(user, KEYS[user]), timeout=60) as client:
            for name, key in ids.items():
                read = client.get(f"{API}/experiments/get", params={"experiment_id": key})
                body = {"experiment_id": key, "key": "seen", "value": "yes"}
                change = client.post(f"{API}/experiments/set-experiment-tag", json=body)
                found[f"{user} experiment {name}"] = words(read, change)
            for name in (*SMALL.models, *SMALL.prompts):
                read = client.get(f"{API}/registered-models/get", params={"name": name})
                change = client.post(f"{API}/registered-models/set-tag", json={"name": name, "key": "k", "value": "v"})
                found[f"{user} model {name}"] = words(read, change)
            searched = client.post(f"{API}/experiments/search", json={"max_results": 100}).json()
            found[f"{user} sees"] = ", ".join(
                sorted(each["name"] for each in searched.get("experiments", []) if each["name"] in ids)
            )
    return found


def words(*each: httpx.Response) -> str:
    """Allowed or not; the two servers refuse in different words."""
    assert {answer.status_code for answer in each} <= {200, 403, 404}, [answer.text for answer in each]
    return " ".join("may" if answer.status_code == 200 else "may not" for answer in each)


def test_old_and_new_server_answer_the_same_requests_with_the_same_keys_alike(tmp_path: Path) -> None:
    source, tracking = f"sqlite:///{tmp_path}/users.db", f"sqlite:///{tmp_path}/mlflow.db"
    made = SMALL.made_by(RELEASE, source, tracking, **OLD)
    with old_server(tmp_path, source, tracking) as url:
        before = answers(url, made["ids"])
    assert {"may may", "may may not", "may not may not"} <= set(before.values())

    engine = open_engine(tracking)
    migrate(engine, migrate_mlflow)
    engine.dispose()
    until = datetime.now(timezone.utc) + timedelta(days=30)
    environment = {**SETTINGS, **OLD, "MLFLOW_BACKEND_STORE_URI": tracking, "OIDC_USERS_DB_URI": source}
    command = ["import", "oidc-auth", "--apply", "--json", "--keep-keys-until", f"{until:%Y-%m-%d}"]
    done = CliRunner().invoke(main, command, env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["differences"] == []
    port = free_port()
    with running_world(tmp_path, f"http://127.0.0.1:{port}", port, users=[ADMINISTRATOR]) as world:
        # An administrator's key has a user's rights until Keycloak says that they are an administrator still.
        list_teams = partial(
            httpx.get, f"{world.url}/prokube-auth/api/admin/teams", auth=(BOSS, KEYS[BOSS]), timeout=60
        )
        assert list_teams().status_code == 403
        assert world.log_in(BOSS)[1].status_code == 302
        assert list_teams().status_code == 200
        now = answers(world.url, made["ids"])
        assert {each: (before[each], now[each]) for each in before if before[each] != now[each]} == PROMPTS
        assert httpx.get(f"{world.url}{API}/experiments/get?experiment_id=1", auth=(ANN, "guess")).status_code == 401
    legacy = CliRunner().invoke(main, ["access-keys", "legacy", "--json"], env=environment, catch_exceptions=False)
    used = {each["username"] for each in json.loads(legacy.stdout) if each["last_used_at"]}
    assert used == {ANN, BEN, BOSS, ROBOT}
