"""A database that an earlier release of MLflow left, upgraded to the installed one: nothing is lost.

``tests/data`` holds what ``tests/support/release_data.py`` made under that release.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from ..support.postgres import Postgres
from ..support.processes import free_port
from ..support.release_data import API, DATA, PREFIX, TEAM
from ..support.sharing import get
from ..support.world import ALICE, BOB, World, running_world

FROM = "3.17.2"
OURS = ("users", "roles", "role_permissions", "user_role_assignments", "prokube_")
YEAR = 365 * 86400


@pytest.fixture
def left(uri: str, request: pytest.FixtureRequest) -> str:
    """A database as the earlier release left it."""
    kind = make_url(uri).get_backend_name()
    dump = DATA / f"mlflow-{FROM}.{kind}.sql"
    if kind == "sqlite":
        with sqlite3.connect(str(make_url(uri).database)) as connection:
            connection.executescript(dump.read_text())
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        done = subprocess.run(
            ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump), postgres.newest],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return uri


def rows(uri: str) -> dict[str, list[dict[str, Any]]]:
    """What is kept of people, teams, grants, rules and keys."""
    engine = create_engine(uri)
    with engine.connect() as connection:
        tables = [each for each in inspect(connection).get_table_names() if each.startswith(OURS)]
        found = {
            table: sorted((dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()), key=str)
            for table in tables
        }
    engine.dispose()
    return found


@pytest.fixture
def upgraded(left: str, tmp_path: Path) -> Iterator[World]:
    """A server of the installed release on it."""
    before = rows(left)
    assert len(before["prokube_tokens"]) >= 2
    assert before["prokube_teams"]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", left], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    after = rows(left)
    assert after.keys() >= before.keys()
    for table, kept in before.items():
        columns = kept[0].keys() if kept else ()
        assert [{column: row[column] for column in columns} for row in after[table]] == kept, table
    port = free_port()
    with running_world(tmp_path, f"http://127.0.0.1:{port}", port, database=left, command=True) as world:
        engine = create_engine(left)
        with engine.begin() as connection:  # the identity provider is another one, and it is later
            connection.execute(
                text("UPDATE prokube_identities SET issuer = :issuer"), {"issuer": world.provider.issuer}
            )
            actions = set(connection.execute(text("SELECT action FROM prokube_audit_events")).scalars())
            assert {"access_key.create", "access_key.replace"} <= actions  # token.create before 0011
            connection.execute(text("UPDATE prokube_access_keys SET expires_at = :t"), {"t": int(time.time()) + YEAR})
        engine.dispose()
        yield world


def test_people_keys_teams_grants_and_rules_are_as_they_were(upgraded: World, uri: str) -> None:
    known = json.loads((DATA / f"mlflow-{FROM}.json").read_text())[make_url(uri).get_backend_name()]
    alice, bob = (
        httpx.Client(base_url=upgraded.url, auth=(email, known["keys"][email]), timeout=60) for email in (ALICE, BOB)
    )
    experiments = known["experiments"]
    with alice, bob:
        assert {name: get(alice, key) for name, key in experiments.items()} == dict.fromkeys(experiments, 200)
        assert {name: get(bob, key) for name, key in experiments.items()} == {
            "private": 403, "shared": 200, "closed": 403, f"{PREFIX}by-rule": 200,
        }  # fmt: skip
        model = {"name": "model"}
        assert bob.get(f"{API}/registered-models/get", params=model).status_code == 200
        changed = bob.patch(f"{API}/registered-models/update", json={**model, "description": "mine"})
        assert changed.status_code == 403
        metric = {"run_id": known["run"], "key": "m", "value": 1, "timestamp": 0}
        assert alice.post(f"{API}/runs/log-metric", json=metric).status_code == 200
        # The rule goes on to hold for what is new, and a taken name is taken.
        by_the_team, by_another, taken = (
            client.post(f"{API}/experiments/create", json={"name": name}).status_code
            for client, name in ((bob, f"{PREFIX}new"), (alice, f"{PREFIX}other"), (bob, "private"))
        )
        assert (by_the_team, by_another, taken) == (200, 403, 403)
    browser, answer = upgraded.log_in(BOB)
    assert answer.status_code == 302
    page = browser.get("/prokube-auth/permissions")
    assert TEAM in page.text
