"""``login``: from nothing to a working stock client, in one step. Needs the base package alone."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import ssl
import threading
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import click

from .. import plain
from ..hosts import is_loopback
from ..identity import key_format
from ..identity.pkce import challenge_of
from ..model import LONGEST_NOTE
from .credentials import CredentialsFile, CredentialsUnusable
from .loopback import Loopback, NotAllowed

WAIT_SECONDS = 300
TIMEOUT_SECONDS = 30
# The stock client's own names for a private certificate authority, and those of its library `requests`.
CA_VARIABLES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What the stock client prefers to the file.
WINNING_VARIABLES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@click.command(short_help="Log in with the browser, for the client on this computer.")
@click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    show_envvar=True,
    required=True,
    help="The address at which you open MLflow.",
)
@click.option(
    "--days", type=click.IntRange(1, 365), default=30, show_default=True, help="Lifetime of the access key, in days."
)
@click.option("--note", help="What the key is for, shown on its page; default: this computer's name.")
@click.option("--no-browser", is_flag=True, help="Open the address on any computer, and paste the code shown there.")
@click.option(
    "--insecure", is_flag=True, help="Allow http:// to another computer, which sends the access key in plain text."
)
def login(tracking_uri: str, days: int, note: str | None, no_browser: bool, insecure: bool) -> None:
    """Log in with the browser, and let MLflow's client on this computer use it.

    Writes a new access key, which replaces the one before, to ~/.mlflow/credentials; so the same command renews a key.
    Prints the line that sets MLFLOW_TRACKING_URI to standard output, and all else to standard error.
    """
    url = server_url(tracking_uri, insecure)
    try:
        file = CredentialsFile()
        page = _page(url, days, insecure)
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        asked = {"state": state, "challenge": challenge_of(verifier), "days": days, "name": _computer()}
        asked |= _note(note)
        code = _pasted(page, asked) if no_browser else _brought(page, asked, state)
        key = _trade(url, code, verifier)
        file.write(key.username, key.text)
    except (NotAllowed, CredentialsUnusable) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Logged in as {key.username}. The access key is in {file.path}", err=True)
    if key.replaced:
        click.echo(f"It replaces the one that {key.replaced}.", err=True)
    click.echo(f"It ends on {key.until}. Run the same command to renew it.", err=True)
    for name in WINNING_VARIABLES:
        if os.environ.get(name):
            click.echo(f"{name} is set in this shell, and MLflow prefers it to the file. Run: unset {name}", err=True)
    click.echo(f"export MLFLOW_TRACKING_URI={shlex.quote(url)}")


def server_url(text: str, insecure: bool) -> str:
    """The server's address without a slash at the end.

    Raises:
        click.ClickException: it is none, or the key would travel unencrypted.
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        parts, usable = SplitResult("", "", "", "", ""), False
    if not usable or parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.ClickException(
            f"found the tracking URI {text!r}, expected the address at which you open MLflow, such as "
            "https://mlflow.example.com"
        )
    if parts.username is not None or parts.query or parts.fragment or any(map(str.isspace, url)):
        raise click.ClickException("expected a tracking URI without user, query, fragment (#) or blanks")
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise click.ClickException(
            f"over http:// the access key would be sent to {parts.hostname} in plain text. Use https://, or --insecure "
            "if you trust the network"
        )
    return url


def _computer() -> str:
    """What this computer calls itself, as the page takes it."""
    return "".join(filter(str.isprintable, socket.gethostname()))[:100] or "no name"


def _note(given: str | None) -> dict[str, str]:
    """The note on the key, as the page takes it.

    Raises:
        click.ClickException: it is none.
    """
    if given is None:
        name = _computer()[:LONGEST_NOTE].strip()
        return {"note": name} if plain.is_name(name, LONGEST_NOTE) else {}
    note = given.strip()
    if note and not plain.is_name(note, LONGEST_NOTE):
        raise click.ClickException(f"found --note {note!r}, expected plain text of at most {LONGEST_NOTE} characters")
    return {"note": note} if note else {}


def _page(url: str, days: int, insecure: bool) -> str:
    """Where the browser is to go, asked of the server: it may be known under several names, browsers know one."""
    answer = _call("GET", f"{url}/prokube-auth/api/cli")
    page, max_days = answer.get("page"), answer.get("max_days")
    if not isinstance(page, str) or not isinstance(max_days, int):
        raise click.ClickException(_no_plugin(url))
    if days > max_days:
        raise click.ClickException(
            f"found --days {days}, expected at most {max_days}: no access key lives longer there"
        )
    return server_url(page, insecure)


def _brought(page: str, asked: dict[str, Any], state: str) -> str:
    """The code, by way of this computer's browser."""
    with Loopback(state) as loopback:
        address = f"{page}?{urlencode({'port': loopback.port, **asked})}"
        click.echo(f"Your browser opens. If it does not, open this on this computer:\n\n  {address}\n", err=True)
        # In a thread: some browsers hold the caller until they are closed.
        threading.Thread(target=_open, args=(address,), daemon=True).start()
        return loopback.wait(WAIT_SECONDS)


def _open(address: str) -> None:
    with suppress(webbrowser.Error, OSError):
        if webbrowser.open(address):
            return
    click.echo(
        "No browser was found here. If yours is on another computer, press Ctrl-C and run this with --no-browser.",
        err=True,
    )


def _pasted(page: str, asked: dict[str, Any]) -> str:
    """The code, by way of any computer's browser and the person's clipboard."""
    click.echo(f"Open this in a browser, on any computer, and allow it:\n\n  {page}?{urlencode(asked)}\n", err=True)
    return str(click.prompt("Paste the code that it shows", type=str, err=True)).strip()


@dataclass(frozen=True)
class _Key:
    text: str
    username: str
    until: str
    # What became of the key before it, or would have; empty where there was none.
    replaced: str


def _trade(url: str, code: str, verifier: str) -> _Key:
    answer = _call("POST", f"{url}/prokube-auth/api/cli/token", {"code": code, "verifier": verifier})
    text, username, expires_at = (answer.get(name) for name in ("access_key", "username", "expires_at"))
    until = _moment(expires_at)
    # Both go into a file line by line: let nothing through that would make more of them.
    sound = isinstance(text, str) and key_format.parse(text) is not None and until is not None
    if not sound or not isinstance(username, str) or not username.isprintable() or not username.strip():
        raise click.ClickException("the server did not answer with an access key; nothing was written")
    return _Key(str(text), username, _in_days(until), _replaced(answer.get("replaced_expires_at")))


def _moment(told: Any) -> datetime | None:
    """A time of the server's; None where it is none."""
    try:
        return datetime.strptime(str(told), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _in_days(moment: datetime | None) -> str:
    """When that is, and in how many days."""
    if moment is None:
        return ""
    days = (moment - datetime.now(timezone.utc)).days
    return f"{moment:%Y-%m-%d %H:%M UTC} (in {days} day{'' if days == 1 else 's'})"


def _replaced(told: Any) -> str:
    moment = _moment(told)
    if moment is None:
        return ""
    over = moment <= datetime.now(timezone.utc)
    return f"{'ended' if over else 'would have ended'} on {moment:%Y-%m-%d %H:%M UTC}"


def _call(method: str, address: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that the server answers.

    Raises:
        click.ClickException: it does not answer, refuses, or is no server of ours.
    """
    import httpx

    url = address.partition("/prokube-auth/")[0]
    try:
        answer = httpx.request(
            method, address, json=body, timeout=TIMEOUT_SECONDS, verify=_authorities(),
            headers={"Accept": "application/json"},
        )  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{url} does not answer ({type(error).__name__}: {error})") from None
    try:
        said = answer.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and answer.is_success:
        return said
    message = said.get("message") if isinstance(said, dict) else None
    if isinstance(message, str) and answer.status_code in (400, 503):
        raise click.ClickException(message)
    moved = f" to {answer.headers.get('location')}" if answer.is_redirect else ""
    raise click.ClickException(f"{_no_plugin(url)} (It answered {answer.status_code}{moved}.)")


def _no_plugin(url: str) -> str:
    return (
        f"{url} is not the address of an MLflow server with the plugin mlflow-prokube-auth. Expected the address at "
        "which you open MLflow, with its prefix if it has one, such as https://mlflow.example.com/mlflow."
    )


def _authorities() -> ssl.SSLContext | bool:
    """The certificate authorities to trust: those that the environment names, else the library's own list."""
    for name in CA_VARIABLES:
        path = os.environ.get(name)
        if not path:
            continue
        try:
            folder = Path(path).is_dir()
            return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
        except OSError as error:
            raise click.ClickException(f"{name}: cannot use {path!r} ({error.strerror or error})") from None
    return True
