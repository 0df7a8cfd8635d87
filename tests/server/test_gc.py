"""``mlflow gc`` beside a running server: it deletes files as whom the environment names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..support.processes import QUIET, free_port
from ..support.world import ADMIN, ALICE, ARTIFACTS, BOB, running_world, with_keys

API = "/api/2.0/mlflow"


def test_with_an_administrators_key_the_trash_is_emptied_and_with_no_other(tmp_path: Path) -> None:
    port, elsewhere = free_port(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    url = f"http://127.0.0.1:{port}"
    with running_world(tmp_path, url, port) as world:
        place = with_keys(world)
        with place.client(ALICE) as alice:
            made = alice.post(f"{API}/experiments/create", json={"name": "x"}).json()
            run = alice.post(f"{API}/runs/create", json=made).json()["run"]["info"]["run_id"]
            file = f"{ARTIFACTS}/{made['experiment_id']}/{run}/artifacts/x.txt"
            assert alice.put(file, content=b"hello").status_code == 200
            alice.post(f"{API}/runs/delete", json={"run_id": run})
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")} | QUIET
        command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db"]
        for email, refusal in ((None, "401"), (BOB, "403"), (ADMIN, None)):
            key = {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": place.keys[email]} if email else {}
            done = subprocess.run(
                command, cwd=elsewhere, env={**clean, "MLFLOW_TRACKING_URI": url, **key},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (done.returncode == 0) is (refusal is None), done.stderr
            assert refusal is None or f"{refusal} Client Error" in done.stderr
            left = world.rows("SELECT run_uuid FROM runs"), list(tmp_path.rglob("x.txt"))
            assert [len(each) for each in left] == ([0, 0] if refusal is None else [1, 1])
    assert list(elsewhere.iterdir()) == []
