"""A server that is started again with another ``SECRET_KEY``."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from mlflow_prokube_auth.demo.provider import DemoProvider

from ..support.processes import free_port, plugin_settings, running_server
from ..support.world import World

CURRENT = "/ajax-api/2.0/mlflow/users/current"
OLD, NEW = "the-old-secret-key-of-32-or-more-characters", "the-new-secret-key-of-32-or-more-characters"
CLIENT_SECRET = "secret-of-the-client"


def make_due(world: World) -> None:
    """As if all sessions had been checked an hour ago."""
    world.sql("UPDATE prokube_sessions SET checked_at = ?, claimed_until = NULL", int(time.time()) - 3600)


def test_sessions_survive_a_new_secret_key_that_names_the_one_before_it(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider = DemoProvider(
        client_id="mlflow", client_secret=CLIENT_SECRET, redirect_uris=[f"{url}/prokube-auth/callback"]
    )
    with provider:
        world = World(url, provider, tmp_path, tmp_path / "server.log")

        def settings(**keys: str) -> dict[str, str]:
            return plugin_settings(provider.issuer, CLIENT_SECRET, url, **keys)

        with running_server(tmp_path, settings(SECRET_KEY=OLD), port):
            refreshed, _ = world.log_in("alice@example.com")
            idle, _ = world.log_in("bob@example.com")
            key = world.make_key(refreshed).json()["access_key"]
        with running_server(tmp_path, settings(SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=OLD), port):
            make_due(world)
            # Keycloak is asked with the token that the old key had sealed; its successor is sealed with the new one.
            assert refreshed.get(CURRENT).json()["user"]["username"] == "alice@example.com"
        with running_server(tmp_path, settings(SECRET_KEY=NEW), port) as log:
            make_due(world)
            assert refreshed.get(CURRENT).status_code == 200
            # The session that was not used meanwhile is over, softly: the provider's own lets the person in again.
            assert idle.get(CURRENT).status_code == 401
            assert idle.get("/prokube-auth/login").headers["location"].startswith("/prokube-auth/login/start")
            # Keys are digests; the secret key has no part in them.
            assert httpx.get(url + CURRENT, auth=("alice@example.com", key)).status_code == 200
            for secret in (OLD, NEW, CLIENT_SECRET, key):
                assert secret not in log.read_text()
