"""A real Keycloak with our realm, on loopback, for tests and for ``make keycloak``.

``python -m tests.support.keycloak.server --port 8080`` runs one with three users until Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from ..processes import free_port
from .admin import Admin
from .distribution import prepared

REALM = "prokube"
REALM_FILE = Path(__file__).parents[3] / "deploy" / "keycloak" / "prokube-realm.json"
CLIENT_ID = "mlflow"
CLIENT_SECRET = "secret-of-the-client-in-tests"
# Its master realm is made once for all runs (see distribution.py), so this is no secret. It listens on loopback only.
ADMIN, ADMIN_PASSWORD = "admin", "admin-of-the-tests"
START_SECONDS = 300


class KeycloakFailed(Exception):
    """Keycloak did not start; the text ends with its log."""


def missing() -> str | None:
    """Why no Keycloak can run here, or None."""
    return None if shutil.which("java") else "no Java was found: install a JRE, 17 or newer, to run the Keycloak tests"


class Keycloak:
    """One Keycloak: its files, its port and, between :meth:`start` and :meth:`stop`, its processes."""

    def __init__(self, home: Path, port: int, placeholders: Mapping[str, str] | None = None) -> None:
        """``placeholders`` are the variables that stand in the realm file, such as ``PROKUBE_EXTERNAL_URL``."""
        self.home = home
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.url}/realms/{REALM}"
        self.client_id, self.client_secret = CLIENT_ID, CLIENT_SECRET
        self.log = home / "keycloak.log"
        self.admin = Admin(self.url, REALM, ADMIN, ADMIN_PASSWORD)
        self._placeholders = dict(placeholders or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until the realm answers. Only the first start imports the realm.

        Raises:
            KeycloakFailed: it ended, or took longer than ``START_SECONDS``.
        """
        environment = {
            **os.environ,
            **self._placeholders,
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN_PASSWORD,
            # A short life does not repay the optimizing compiler: a third of the processor time of a start is saved.
            "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
        }
        # A test run that is killed takes Keycloak along.
        setpriv = shutil.which("setpriv")
        command = [
            *([setpriv, "--pdeathsig", "TERM"] if setpriv else []),
            str(self.home / "bin" / "kc.sh"), "start-dev", "--http-host=127.0.0.1", f"--http-port={self.port}",
            "--import-realm",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.home,
                env=environment, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        assert self._process is not None
        realm = REALM if (self.home / "data" / "import" / REALM_FILE.name).exists() else "master"
        discovery = f"{self.url}/realms/{realm}/.well-known/openid-configuration"
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(discovery, timeout=5).status_code == 200:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise KeycloakFailed(f"Keycloak did not start:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End it, the start script and all that they started; the data stays for another :meth:`start`."""
        self.admin.close()
        process, self._process = self._process, None
        if process is None:
            return
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)

    def restart(self) -> None:
        """Stop and start: same port, same data, and nothing left of what was in memory."""
        self.stop()
        self.start()

    def client_credentials_token(self) -> str:
        """An access token of the client's own service account."""
        answer = httpx.post(
            f"{self.issuer}/protocol/openid-connect/token",
            data={"grant_type": "client_credentials"},
            auth=(self.client_id, self.client_secret),
            timeout=30,
        )
        return str(answer.raise_for_status().json()["access_token"])


def prepare() -> Path:
    """A Keycloak that was started once, in the user's cache."""
    return prepared(_first_start)


def _first_start(home: Path) -> None:
    keycloak = Keycloak(home, free_port())
    keycloak.start()
    keycloak.stop()
    shutil.rmtree(home / "data" / "tmp", ignore_errors=True)
    keycloak.log.unlink()


@contextmanager
def running_keycloak(external_url: str, *, port: int | None = None) -> Iterator[Keycloak]:
    """A Keycloak whose realm expects our server at ``external_url``; ended and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="prokube-keycloak-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "keycloak"
        shutil.copytree(prepare(), home, symlinks=True)
        (home / "data" / "import").mkdir(parents=True, exist_ok=True)
        shutil.copy(REALM_FILE, home / "data" / "import")
        placeholders = {
            "PROKUBE_CLIENT_ID": CLIENT_ID,
            "PROKUBE_CLIENT_SECRET": CLIENT_SECRET,
            "PROKUBE_EXTERNAL_URL": external_url,
            "PROKUBE_BACKCHANNEL_URL": external_url,
        }
        keycloak = Keycloak(home, port or free_port(), placeholders)
        keycloak.start()
        try:
            yield keycloak
        finally:
            keycloak.stop()


def main() -> None:
    """A Keycloak for a developer."""
    parser = argparse.ArgumentParser(description="Run a Keycloak with our realm and three users until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--external-url", default="http://127.0.0.1:5000", help="where `mlflow server` will be")
    options = parser.parse_args()
    if reason := missing():
        parser.exit(1, f"{reason}\n")
    password = secrets.token_urlsafe(9)
    # Both signals end it in order, so that no process and no folder stays behind. A shell's background jobs
    # are born with Ctrl-C ignored, hence both.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    print("Starting Keycloak; the very first start takes a minute longer ...", flush=True)
    with suppress(KeyboardInterrupt), running_keycloak(options.external_url, port=options.port) as keycloak:
        for name, group in {"alice": "/prokube-users", "bob": "/prokube-users", "admin": "/prokube-admins"}.items():
            keycloak.admin.create_user(name, password=password, groups=[group])
        print(
            f"""
Keycloak's console: {keycloak.url}/admin (user {ADMIN}, password {ADMIN_PASSWORD})
Log in to MLflow as alice@example.com, bob@example.com or admin@example.com, password {password}
For `mlflow server --app-name prokube-auth`, in another terminal:

export PROKUBE_AUTH_OIDC_ISSUER={keycloak.issuer}
export PROKUBE_AUTH_OIDC_CLIENT_ID={keycloak.client_id}
export PROKUBE_AUTH_OIDC_CLIENT_SECRET={keycloak.client_secret}
export PROKUBE_AUTH_EXTERNAL_URL={options.external_url}
export PROKUBE_AUTH_SECRET_KEY={secrets.token_urlsafe(32)}

Ctrl-C ends it and forgets its data.""",
            flush=True,
        )
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
