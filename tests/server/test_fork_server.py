"""A forked server and one that the real command started answer alike, from the same tables and variables."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..support.forked import fork_server
from ..support.long_forms import LONG_FORM
from ..support.processes import free_port, running_mlflow
from ..support.world import ADMIN, ALICE, BOB, Place, World, running_world, with_keys

API = "/api/2.0/mlflow"
OWN = "/prokube-auth/api"
QUERY = {"query": '{ mlflowGetExperiment(input: {experimentId: "1"}) { experiment { name } } }'}
# Who asks (None: nobody; "browser": nobody, who opens a page), and for what; in this order, on both servers.
REQUESTS: list[tuple[str | None, str, str, Any]] = [
    (None, "GET", "/", None),
    ("browser", "GET", "/", None),
    ("browser", "GET", "/prokube-auth/login", None),
    (None, "GET", "/health", None),
    (None, "GET", "/version", None),
    (None, "GET", "/prokube-auth/ready", None),
    (None, "GET", f"{API}/experiments/get?experiment_id=1", None),
    (None, "GET", "/no/such/page", None),
    (None, "OPTIONS", f"{API}/experiments/create", None),
    (ALICE, "GET", "/", None),
    (ALICE, "GET", "/prokube-auth/account", None),
    (ALICE, "POST", f"{API}/experiments/create", {"name": "weather"}),
    (ALICE, "POST", f"{API}/experiments/create", {"name": "weather"}),
    (BOB, "POST", f"{API}/experiments/create", {"name": "weather"}),
    (BOB, "GET", f"{API}/experiments/get?experiment_id=1", None),
    (BOB, "GET", f"{API}/experiments/get?experiment_id=00000001", None),
    (ADMIN, "GET", f"{API}/experiments/get?experiment_id=1", None),
    (ALICE, "POST", f"{API}/runs/create", {"experiment_id": "1", "run_name": "first"}),
    (ALICE, "POST", f"{API}/runs/search", {"experiment_ids": ["1"]}),
    (BOB, "POST", f"{API}/runs/search", {"experiment_ids": ["1"]}),
    (BOB, "POST", f"{API}/experiments/search", {"max_results": 10}),
    (ALICE, "POST", f"{API}/registered-models/create", {"name": "storm"}),
    (BOB, "GET", f"{API}/registered-models/get?name=storm", None),
    (BOB, "GET", f"{API}/registered-models/search", None),
    (ALICE, "POST", "/graphql", QUERY),
    (BOB, "POST", "/graphql", QUERY),
    (ALICE, "GET", "/api/2.0/mlflow-artifacts/artifacts?path=1", None),
    (BOB, "PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts/f.txt", {}),
    (ALICE, "GET", "/ajax-api/3.0/mlflow/server-info", None),
    (ALICE, "POST", "/v1/traces", {}),
    (ALICE, "GET", f"{API}/users/current", None),
    (BOB, "GET", f"{API}/users/list", None),
    (BOB, "GET", f"{OWN}/access-key", None),
    (BOB, "GET", f"{OWN}/admin/users", None),
    (ADMIN, "GET", f"{OWN}/admin/users", None),
    (ADMIN, "GET", "/metrics", None),
    (ADMIN, "GET", "/prokube-auth/openapi.json", None),
    (ALICE, "BREW", f"{API}/experiments/create", {}),
    (ALICE, "POST", f"{API}/experiments/create", ["no", "object"]),
    (ALICE, "DELETE", f"{API}/registered-models/delete", {"name": "storm"}),
]  # fmt: skip
# What differs from one server, or one moment, to the next.
VARYING = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<url>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b1[0-9]{12}\b"), "<ms>"),
    (re.compile(r"\b1[0-9]{9}\b"), "<s>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:]+(\.\d+)?(Z|\+00:00)?"), "<time>"),
    (re.compile(r"nonce-[\w+/=-]+"), "<nonce>"),
    (re.compile(r'nonce="[^"]*"'), "<nonce>"),
    (re.compile(r"/[\w/.-]*/(?:forked|command)\d+"), "<folder>"),
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), id="uvicorn"),
        pytest.param(("--gunicorn-opts", "--log-level info"), id="gunicorn"),
        pytest.param(("--workers", "3"), id="three workers", marks=LONG_FORM),
    ],
)
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """Both kinds of server, with the same settings and options."""
    with ExitStack() as stack:
        found = {}
        for kind in ("forked", "command"):
            port = free_port()
            world = running_world(
                tmp_path_factory.mktemp(kind),
                f"http://127.0.0.1:{port}",
                port,
                *request.param,
                command=kind == "command",
            )
            found[kind] = with_keys(stack.enter_context(world))
        yield found


def plain(text: str) -> str:
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text


def answers(place: Place) -> list[tuple[Any, ...]]:
    """What is said to the table of requests."""
    told = []
    for who, method, path, body in REQUESTS:
        headers = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"} if who == "browser" else {}
        auth = (who, place.keys[who]) if who in place.keys else None
        answer = httpx.request(method, place.world.url + path, json=body, auth=auth, headers=headers, timeout=60)
        names = sorted(
            f"{name}: {plain(value)}"
            for name, value in answer.headers.multi_items()
            if name not in ("date", "content-length", "set-cookie", "etag", "last-modified")
        )
        text = (
            plain(answer.text)
            if "metrics" not in path
            else "\n".join(sorted(line for line in answer.text.splitlines() if line.startswith("# HELP")))
        )
        told.append(((who, method, path), answer.status_code, names, text))
    return told


def test_the_same_requests_have_the_same_answers(places: Mapping[str, Place]) -> None:
    forked, command = answers(places["forked"]), answers(places["command"])
    for one, other in zip(forked, command, strict=True):
        assert one == other
    assert {status for _, status, _, _ in forked} >= {200, 400, 401, 403, 404, 501}


def schema(world: World) -> list[tuple[str, ...]]:
    """What there is, and the words it was made with: MLflow's migrations write some lists in any order."""
    query = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY 1, 2"
    with closing(sqlite3.connect(world.directory / "mlflow.db")) as connection:
        return [(*names, " ".join(sorted(re.findall(r"\w+", sql)))) for *names, sql in connection.execute(query)]


def test_the_tables_are_those_of_a_first_start(places: Mapping[str, Place]) -> None:
    forked, command = (schema(places[kind].world) for kind in ("forked", "command"))
    assert len(forked) > 100
    assert forked == command


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONHASHSEED", "PSYCOPG_IMPL", "MLFLOW_LOGGING_LEVEL"])
def test_what_is_read_when_a_program_or_a_library_is_loaded_needs_the_real_command(name: str) -> None:
    assert fork_server().fits({**os.environ, "PROKUBE_AUTH_SECRET_KEY": "x", "PROMETHEUS_MULTIPROC_DIR": "/tmp"})
    assert not fork_server().fits({**os.environ, name: "x"})


def test_the_fork_server_ends_what_it_started_with_a_code(tmp_path: Path) -> None:
    server = fork_server().serve(["--no-such-option"], dict(os.environ), tmp_path, tmp_path / "log")
    assert server.wait(60) == 2
    assert "No such option" in (tmp_path / "log").read_text()


def test_a_server_that_is_not_configured_ends_as_the_command_does(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="prokube-auth cannot start"), running_mlflow(tmp_path, free_port()):
        pass
