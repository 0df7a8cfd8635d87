"""A real server with several workers tells the owner of a key that ends soon, once."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from ..support.processes import free_port
from ..support.sharing import ALICE, BOB
from ..support.smtp import mail_server
from ..support.world import running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
DAY = 86400


def test_the_workers_of_a_server_tell_an_owner_once(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with mail_server() as mail:
        settings = {
            "PROKUBE_AUTH_SMTP_HOST": "127.0.0.1",
            "PROKUBE_AUTH_SMTP_PORT": str(mail.port),
            "PROKUBE_AUTH_SMTP_SECURITY": "none",
        }
        with running_world(tmp_path, url, port) as world:  # without e-mails
            keys = {}
            for email in (ALICE, BOB):
                browser, _ = world.log_in(email)
                keys[email] = world.make_key(browser, days=90).json()["access_key"]
            past = "UPDATE prokube_access_keys SET created_at = created_at - ?, expires_at = expires_at - ? "
            world.sql(f"{past} WHERE key_id = ?", 80 * DAY, 80 * DAY, keys[ALICE].split("_")[1])
        assert mail.received == []
        with running_world(tmp_path, url, port, workers=3, environment=settings) as world:
            deadline = time.monotonic() + 120
            while not mail.received and time.monotonic() < deadline:
                assert httpx.get(url + CURRENT, auth=(ALICE, keys[ALICE]), timeout=60).status_code == 200
            for _ in range(30):  # each on a connection of its own, for all workers to look
                assert httpx.get(url + CURRENT, auth=(BOB, keys[BOB]), timeout=60).status_code == 200
        assert [each.recipient for each in mail.received] == [ALICE]
        assert f"{url}/prokube-auth/permissions#create-key" in mail.received[0].message.get_content()
