"""A real certified provider: npm's ``oidc-provider``, on a free port of loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..npm import OIDC_PROVIDER, node, npm_package
from ..processes import free_port, running_program
from .site import SECRET, RunningProvider

SCRIPT = Path(__file__).with_name("oidc_provider.mjs")


@dataclass
class OidcProvider(RunningProvider):
    """A running provider; a person's account is their address."""

    issuer: str
    people: Path

    def put(self, email: str, groups: Sequence[str], **claims: Any) -> None:
        told = {"email": email, "email_verified": True, "name": email, "groups": list(groups)}
        self._write({**self._read(), email: {**told, **claims}})

    def withhold(self, email: str, *names: str) -> None:
        """Tell these claims of the person no more."""
        people = self._read()
        self._write({**people, email: {name: value for name, value in people[email].items() if name not in names}})

    def remove(self, email: str) -> None:
        self._write({name: claims for name, claims in self._read().items() if name != email})

    def typed(self, email: str) -> dict[str, str]:
        return {"login": email, "password": "any"}

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self.people.read_text()))

    def _write(self, people: dict[str, Any]) -> None:
        written = self.people.with_suffix(".new")
        written.write_text(json.dumps(people))
        written.replace(self.people)


@contextmanager
def running_oidc_provider(
    directory: Path, site: str, *, conform: bool, slash: bool = False, refresh: bool = True
) -> Iterator[OidcProvider]:
    """The provider of a server of ours at ``site``; skips visibly where there is no Node.js.

    ``conform``: ID tokens tell the subject alone (OpenID Connect Core 1.0, section 5.4). ``slash``: the issuer ends in
    one. ``refresh``: it gives refresh tokens.
    """
    program, packages = node(), npm_package(*OIDC_PROVIDER)
    port = free_port()
    issuer = f"http://127.0.0.1:{port}{'/' if slash else ''}"
    provider = OidcProvider(issuer, directory / "people.json")
    provider.people.write_text("{}")
    options = {
        "packages": str(packages), "people": str(provider.people), "issuer": issuer, "port": port, "site": site,
        "client_id": "mlflow", "client_secret": SECRET, "conform": conform, "refresh": refresh,
    }  # fmt: skip
    (directory / "options.json").write_text(json.dumps(options))
    log = directory / "oidc-provider.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NODE_", "DEBUG"))}
    command = [program, str(SCRIPT), str(directory / "options.json")]
    with running_program(command, log, lambda: "ready" in log.read_text(), env=environment):
        yield provider
