"""Runs the demo: provider in this process, ``mlflow server`` beside it, both gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click
import httpx

from ..identity.key_format import compose
from ..model import Actor, Admission
from ..services import Services, open_services
from ..settings import load
from .provider import CLIENT_ID, DEMO_USERS, DemoProvider, DemoUser

START_SECONDS = 180
KEY_DAYS = 30
SHOWN_USER = "alice@example.com"
# Has no key, so that the hint and "Create access key" are seen.
KEYLESS_USER = "bob@example.com"


def run(port: int, directory: Path, workers: int, gunicorn: bool, info_file: Path | None) -> None:
    """Serve until Ctrl-C, SIGTERM or the end of the terminal.

    Raises:
        click.ClickException: the port is taken or the server does not come up.
    """
    _free(port)
    directory = directory.resolve()
    (directory / "artifacts").mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    client_secret = secrets.token_urlsafe(24)
    port_file, snippet_file = directory / "provider-port", directory / "alice.sh"
    port_of_provider = int(port_file.read_text()) if port_file.exists() else 0
    provider = DemoProvider.for_server(url, client_secret, port=port_of_provider)
    _on_signals(_stop)
    server: subprocess.Popen[bytes] | None = None
    try:
        _start(provider, port_file)
        environment = {
            **os.environ,
            **settings_of(directory, url, provider.issuer, client_secret),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        server = subprocess.Popen(  # noqa: S603 - our own interpreter
            [
                sys.executable,
                "-m",
                "mlflow",
                "server",
                "--app-name",
                "prokube-auth",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--workers",
                str(workers),
                "--backend-store-uri",
                f"sqlite:///{directory}/mlflow.db",
                "--artifacts-destination",
                str(directory / "artifacts"),
                # Gunicorn writes no access log by itself; uvicorn's would scroll what is printed below out of sight.
                *(["--gunicorn-opts", ""] if gunicorn else ["--uvicorn-opts", "--no-access-log"]),
            ],
            env=environment,
            start_new_session=True,
        )
        _wait(server, url)
        keys = make_keys(environment, directory, everybodys=info_file is not None)
        if info_file is not None:
            _write_info(info_file, url, provider.issuer, keys)
        _announce(url, keys, snippet_file, everybodys=info_file is not None)
        server.wait()
        raise click.ClickException(f"the server exited with code {server.returncode}")
    except KeyboardInterrupt:
        click.echo("Stopping.")
    finally:
        _on_signals(signal.SIG_IGN)  # a second Ctrl-C must not cut the clearing-up short
        if server is not None:
            _end(server)
        provider.stop()
        snippet_file.unlink(missing_ok=True)
        if info_file is not None:
            info_file.unlink(missing_ok=True)


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, handler)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise click.ClickException(
                f"port {port} is in use; stop the process that uses it, or choose another: "
                'make demo DEMO_ARGS="--port 5123"'
            ) from None


def _start(provider: DemoProvider, port_file: Path) -> None:
    """Start on the port of every earlier run on this folder: people are bound to (issuer, subject)."""
    try:
        provider.start()
    except OSError as error:
        raise click.ClickException(
            f"{error.strerror}; stop the process that uses it, or choose another --dir"
        ) from None
    port_file.write_text(str(provider.port))


def settings_of(directory: Path, url: str, issuer: str, client_secret: str) -> dict[str, str]:
    """The variables of the demo's server, whose files are in ``directory``."""
    key_file = directory / "secret-key"
    if not key_file.exists():
        _write_private(key_file, secrets.token_urlsafe(48))
    return {
        "PROKUBE_AUTH_OIDC_ISSUER": issuer,
        "PROKUBE_AUTH_OIDC_CLIENT_ID": CLIENT_ID,
        "PROKUBE_AUTH_OIDC_CLIENT_SECRET": client_secret,
        "PROKUBE_AUTH_EXTERNAL_URL": url,
        "PROKUBE_AUTH_SECRET_KEY_FILE": str(key_file),
        "PROKUBE_AUTH_DIRECTORY_CHECK": "off",  # the embedded provider has no Admin REST API
    }


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise click.ClickException(f"the server did not start (code {server.returncode}); its output is above")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                return
        time.sleep(0.3)
    raise click.ClickException(f"the server did not answer within {START_SECONDS} seconds")


def make_keys(environment: dict[str, str], directory: Path, everybodys: bool) -> dict[str, str | None]:
    """A key for the one whose key is shown, and for the others where somebody asks for them.

    Else the others would have to replace a key that they never saw.
    """
    settings = load(environment)
    services = open_services(settings, f"sqlite:///{directory}/mlflow.db")
    return {
        user.email: _key(services, user, settings.oidc_issuer, everybodys or user.email == SHOWN_USER)
        for user in DEMO_USERS
    }


def _key(services: Services, user: DemoUser, issuer: str, wanted: bool) -> str | None:
    groups = [group.removeprefix("/") for group in user.groups]
    if "prokube-users" not in groups:
        return None
    now = int(time.time())
    person = services.people.log_in(
        Admission(
            issuer=issuer,
            subject=user.subject,
            username=user.email,
            name_verified=True,
            display_name=user.name,
            groups=user.groups,
            admitted_by="prokube-users",
            admin_by="prokube-admins" if "prokube-admins" in groups else None,
        ),
        Actor(user.email, now, "demo"),
    )
    if not wanted:
        return None
    token = compose(secrets.token_bytes(41))
    services.access_keys.mint(token, person.user_id, now + KEY_DAYS * 86400, Actor("demo", now, "demo"))
    return token.text


def _write_private(path: Path, text: str) -> None:
    """Write for the owner alone; whoever waits for the file finds it whole."""
    beside = path.with_name(path.name + ".part")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


def _write_info(info_file: Path, url: str, issuer: str, keys: dict[str, str | None]) -> None:
    users = [{"username": name, "access_key": key, "password": None} for name, key in keys.items()]
    _write_private(info_file, json.dumps({"tracking_uri": url, "issuer": issuer, "users": users}, indent=2))


def _announce(url: str, keys: dict[str, str | None], snippet_file: Path, *, everybodys: bool) -> None:
    snippet = [
        f"export MLFLOW_TRACKING_URI={url}",
        f"export MLFLOW_TRACKING_USERNAME={SHOWN_USER}",
        f"export MLFLOW_TRACKING_PASSWORD={keys[SHOWN_USER]}",
    ]
    _write_private(snippet_file, "\n".join(snippet) + "\n")
    without_key = (
        "" if everybodys else f"\n  {KEYLESS_USER} has no access key yet: log in as bob and follow the hint.\n"
    )
    indented = "\n".join(f"    {line}" for line in snippet)
    click.echo(
        f"""
  MLflow with login:  {url}
  Users (one click each): {", ".join(keys)}
    admin@example.com is an administrator; mallory@example.com is in no group and may not log in.

  In a notebook, as alice:
{indented}
  The same, for as long as the demo runs:  . {shlex.quote(str(snippet_file))}
{without_key}
  Database and artifacts stay in {shlex.quote(str(snippet_file.parent))}; delete the folder to start over.

  Ctrl-C stops everything.
"""
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server with all its children."""
    for sent, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
