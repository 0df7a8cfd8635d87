"""A real Dex, on a free port of loopback, its storage in PostgreSQL: with people of its own password database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from ..golang import DEX, go_program
from ..postgres import Postgres
from ..processes import free_port, running_program
from .site import SECRET, RunningProvider

PASSWORD = "password"
# Of that password, as in Dex's examples/config-dev.yaml.
PASSWORD_HASH = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"


@dataclass
class Dex(RunningProvider):
    """A running Dex. It has no interface for groups but its gRPC, so its table is written to."""

    issuer: str
    database: str

    def put(self, email: str, groups: Sequence[str]) -> None:
        self._execute(
            "INSERT INTO password (email, hash, username, user_id, groups) VALUES "
            "(:email, convert_to(:hash, 'UTF8'), :email, :email, convert_to(:groups, 'UTF8')) "
            "ON CONFLICT (email) DO UPDATE SET groups = excluded.groups",
            email=email,
            hash=PASSWORD_HASH,
            groups=json.dumps(list(groups)),
        )

    def remove(self, email: str) -> None:
        self._execute("DELETE FROM password WHERE email = :email", email=email)

    def revoke(self, email: str) -> None:
        """Take back all refresh tokens of a person, as an administrator of Dex does."""
        self._execute("DELETE FROM refresh_token WHERE claims_email = :email", email=email)

    def typed(self, email: str) -> dict[str, str]:
        return {"login": email, "password": PASSWORD}

    def _execute(self, statement: str, **values: str) -> None:
        engine = create_engine(self.database)
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()


@contextmanager
def running_dex(directory: Path, postgres: Postgres, *sites: str) -> Iterator[Dex]:
    """The provider of servers of ours at ``sites``; skips visibly where there is no Go to build it."""
    program = go_program(*DEX)
    port = free_port()
    dex = Dex(f"http://127.0.0.1:{port}/dex", postgres.new_database())
    database = make_url(dex.database)
    config = {
        "issuer": dex.issuer,
        "storage": {
            "type": "postgres",
            "config": {
                "host": database.host, "port": database.port, "database": database.database,
                "user": database.username, "ssl": {"mode": "disable"},
            },
        },
        "web": {"http": f"127.0.0.1:{port}"},
        "oauth2": {"skipApprovalScreen": True},
        # Each refresh asks anew, the one right after another, too.
        "expiry": {"refreshTokens": {"reuseInterval": "0s"}},
        "enablePasswordDB": True,
        "staticClients": [
            {
                "id": "mlflow", "name": "MLflow", "secret": SECRET,
                "redirectURIs": [f"{site}/prokube-auth/callback" for site in sites],
            }
        ],
    }  # fmt: skip
    file, log = directory / "dex.json", directory / "dex.log"
    file.write_text(json.dumps(config))  # YAML holds JSON
    with running_program([str(program), "serve", str(file)], log, lambda: _answers(dex.issuer)):
        yield dex


def _answers(issuer: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=5).is_success
    return False
