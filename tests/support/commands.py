"""The operators' command as a process of its own, on a database in a folder."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from .forked import fork_server

SETTINGS = {
    "PROKUBE_AUTH_OIDC_ISSUER": "https://keycloak.test/realms/r",
    "PROKUBE_AUTH_OIDC_CLIENT_ID": "mlflow",
    "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "hush-hush-of-the-client",
    "PROKUBE_AUTH_EXTERNAL_URL": "https://mlflow.test/mlflow",
    "PROKUBE_AUTH_SECRET_KEY": "secret-key-of-the-tests-0123456789",
}
ALICE = "alice@example.com"
SCRIPT = Path(sys.executable).with_name("mlflow-prokube-auth")


def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/auth.db"


def run(folder: Path, *words: str, settings: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``mlflow-prokube-auth`` with these words."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROKUBE_", "MLFLOW_"))}
    chosen = {**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": uri(folder)} if settings is None else settings
    return fork_server().run(SCRIPT, words, {**clean, **chosen}, folder, 120)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a refused command says: on standard error, and as words rather than a traceback."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def audit_rows(folder: Path) -> list[tuple[str, str, str, str, str]]:
    with sqlite3.connect(folder / "auth.db") as connection:
        return connection.execute(
            "SELECT action, actor, target, client, detail FROM prokube_audit_events ORDER BY id"
        ).fetchall()
