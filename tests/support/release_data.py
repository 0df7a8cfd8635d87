"""Makes a database as a release of MLflow and this version leave it, to be upgraded by tests under later releases.

``python -m tests.support.release_data``, in an environment with that release, writes dumps of both databases into
``tests/data``, with people, keys, a team with a rule and grants, and what tests need to know of them.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .administration import Admin, key_of
from .postgres import running_postgres
from .processes import free_port
from .sharing import share
from .world import ALICE, BOB, running_world

DATA = Path(__file__).parents[1] / "data"
API = "/api/2.0/mlflow"
TEAM, PREFIX = "reviewers", "shared-"


def make(directory: Path, database: str | None) -> dict[str, Any]:
    """Fill the database of a server; what tests need to know of it."""
    port = free_port()
    with running_world(directory, f"http://127.0.0.1:{port}", port, database=database, command=True) as world:
        alice, bob, admin = key_of(world, ALICE), key_of(world, BOB), Admin(world)

        def post(path: str, **body: Any) -> Any:
            answer = alice.post(f"{API}/{path}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        ids = {name: post("experiments/create", name=name)["experiment_id"]
               for name in ("private", "shared", "closed", f"{PREFIX}by-rule")}  # fmt: skip
        run = post("runs/create", experiment_id=ids["private"], start_time=0)["run"]["info"]["run_id"]
        post("registered-models/create", name="model")
        for kind, key, level in (("experiment", ids["shared"], "EDIT"), ("registered_model", "model", "READ")):
            assert share(alice, key, level, kind, user=BOB).status_code == 200
        admin.call("POST", "teams", 201, team=TEAM)
        admin.call("POST", "team-members", 200, team=TEAM, user=BOB)
        admin.call("POST", "team-rules", 201, team=TEAM, kind="experiment", prefix=PREFIX, level="READ")
        made = {"experiments": ids, "run": run}
        for client in (alice, bob):
            client.close()
        keys = {}
        for email in (ALICE, BOB):
            browser, _ = world.log_in(email)
            keys[email] = world.make_key(browser, days=365).json()["access_key"]
        return {**made, "keys": keys}


def main() -> None:
    """Write the files."""
    from mlflow.version import VERSION

    stem = DATA / f"mlflow-{VERSION}"
    with tempfile.TemporaryDirectory() as folder:
        known = {"sqlite": make(Path(folder), None)}
        with sqlite3.connect(Path(folder, "mlflow.db")) as connection:
            stem.with_name(f"{stem.name}.sqlite.sql").write_text("\n".join(connection.iterdump()) + "\n")
    with tempfile.TemporaryDirectory() as folder, running_postgres(free_port()) as server:
        uri = server.new_database()
        known["postgresql"] = make(Path(folder), uri)
        dumped = subprocess.run(
            ["pg_dump", "--no-owner", "--inserts", uri], check=True, capture_output=True, text=True
        ).stdout
        stem.with_name(f"{stem.name}.postgresql.sql").write_text(dumped)
    stem.with_name(f"{stem.name}.json").write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
