"""The real mlflow-oidc-auth, several releases of it, each in an environment of its own in the user's cache."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .environments import python_with

PROGRAM = Path(__file__).with_name("oidc_auth_program.py")
# An old one, one before keys became many, and the newest; each with an MLflow that it was made for.
RELEASES = {
    "5.7.0": (
        "mlflow-oidc-auth==5.7.0",
        "mlflow==3.3.2",
        "sqlalchemy<2.1",
        "setuptools<80",
        "psycopg2-binary",
        "psycopg[binary]",
    ),
    "7.18.0": ("mlflow-oidc-auth==7.18.0", "mlflow==3.17.2", "psycopg2-binary", "psycopg[binary]"),
    "11.0.2": ("mlflow-oidc-auth==11.0.2", "mlflow==3.17.2", "psycopg2-binary", "psycopg[binary]"),
}
# The newest one does not start with 3.11, whatever its metadata say: it hashes a mapping proxy.
PYTHONS = {"11.0.2": (3, 12)}


def oidc_auth_python(release: str) -> Path:
    """The Python of an environment with that release."""
    return python_with(f"oidc-auth-{release}", RELEASES[release], python_release=PYTHONS.get(release))


@dataclass(frozen=True)
class OldUser:
    """A user to be; ``password`` is empty for one without."""

    name: str
    is_admin: bool = False
    is_service: bool = False
    password: str = ""


@dataclass(frozen=True)
class OldServer:
    """What is to be in its database and in MLflow's. Grants are (kind, name, holder, level)."""

    users: list[OldUser]
    groups: dict[str, list[str]]
    experiments: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    user_grants: list[tuple[str, str, str, str]] = field(default_factory=list)
    group_grants: list[tuple[str, str, str, str]] = field(default_factory=list)
    # (kind, pattern, priority, holder, level)
    user_patterns: list[tuple[str, str, int, str, str]] = field(default_factory=list)
    group_patterns: list[tuple[str, str, int, str, str]] = field(default_factory=list)
    # Whose permissions the release itself is asked for.
    asked: list[str] = field(default_factory=list)

    def made_by(self, release: str, users_db_uri: str, tracking_uri: str, **settings: str) -> dict[str, Any]:
        """Have a release make it; what it decides, the experiments' ids and the keys that it made."""
        environment = {
            "OIDC_USERS_DB_URI": users_db_uri,
            "OIDC_DISCOVERY_URL": "http://127.0.0.1:9/none",
            "SECRET_KEY": "secret-key-of-the-old-server",
            "_MLFLOW_SERVER_FILE_STORE": tracking_uri,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "MLFLOW_TRACKING_URI": tracking_uri,
            "LOG_LEVEL": "ERROR",
            **settings,
        }
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PROKUBE_", "PYTHON"))
        }
        done = subprocess.run(
            [oidc_auth_python(release), PROGRAM],
            input=json.dumps({**asdict(self), "environment": environment}),
            capture_output=True,
            text=True,
            env=clean,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return made
