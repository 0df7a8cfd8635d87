"""Four people, one of them in two teams, and what they share with one another."""

from __future__ import annotations

from typing import Any

import httpx

from mlflow_prokube_auth.demo.accounts import DemoUser

API, AJAX3, OWN = "/api/2.0/mlflow", "/ajax-api/3.0/mlflow", "/prokube-auth/api"
ALICE, BOB, CAROL, ADMIN = "alice@example.com", "bob@example.com", "carol@example.com", "admin@example.com"
USERS = (
    DemoUser("s-alice", ALICE, "Alice", ("/prokube-users", "/team-a")),
    DemoUser("s-bob", BOB, "Bob", ("/prokube-users",)),
    DemoUser("s-carol", CAROL, "Carol", ("/prokube-users", "/team-a", "/org/team-b")),
    DemoUser("s-admin", ADMIN, "Ada", ("/prokube-users", "/prokube-admins")),
)


def share(client: httpx.Client, pattern: str, level: str = "READ", kind: str = "experiment", **whom: str) -> Any:
    return client.post(f"{OWN}/sharing", json={"kind": kind, "id": pattern, "level": level, **whom})


def unshare(client: httpx.Client, pattern: str, kind: str = "experiment", **whom: str) -> httpx.Response:
    return client.request("DELETE", f"{OWN}/sharing", json={"kind": kind, "id": pattern, **whom})


def get(client: httpx.Client, experiment_id: str) -> int:
    return client.get(f"{API}/experiments/get", params={"experiment_id": experiment_id}).status_code
