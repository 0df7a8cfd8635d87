"""What probes of Kubernetes ask, with an address for a Host that the server does not know."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from ..support.processes import free_port
from ..support.world import World, running_world

POD = {"Host": "100.64.3.9:5000"}  # neither loopback nor one of the private networks that MLflow accepts


@pytest.fixture(scope="module", params=["", "/mlflow"], ids=["root", "prefix"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port, prefix = free_port(), request.param
    options = ("--static-prefix", prefix) if prefix else ()
    directory = tmp_path_factory.mktemp("health")
    with running_world(directory, f"http://127.0.0.1:{port}{prefix}", port, *options) as running:
        yield running


def probe(world: World, path: str) -> httpx.Response:
    return httpx.get(world.url + path, headers=POD, timeout=30)


def test_a_probe_needs_neither_a_login_nor_a_known_host(world: World) -> None:
    health, ready = probe(world, "/prokube-auth/health"), probe(world, "/prokube-auth/ready")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert health.headers["cache-control"] == ready.headers["cache-control"] == "no-store"
    assert probe(world, "/prokube-auth/api/me").status_code == 403  # the host check holds for all else
    assert probe(world, "/prokube-auth/healthy").status_code == 403


def test_tables_of_another_version_are_not_ready_and_the_process_is_healthy(world: World) -> None:
    query = "SELECT version_num FROM alembic_version_prokube_auth"
    with sqlite3.connect(world.directory / "mlflow.db") as connection:
        before = connection.execute(query).fetchone()[0]
    world.sql("UPDATE alembic_version_prokube_auth SET version_num = '0007'")
    try:
        ready = probe(world, "/prokube-auth/ready")
        assert ready.status_code == 503
        assert ready.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "the auth tables are at revision 0007, expected" in ready.json()["message"]
        assert probe(world, "/prokube-auth/health").status_code == 200
    finally:
        world.sql("UPDATE alembic_version_prokube_auth SET version_num = ?", before)
    assert probe(world, "/prokube-auth/ready").status_code == 200
