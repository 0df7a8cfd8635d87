"""The initializer's settings: a few environment variables beside those of MLflow's client, read once."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..identity.key_format import wrapping
from ..token_file import TokenFile, UnusableToken, chosen
from . import trust
from .failures import Exit, Failure

PREFIX = "STORAGE_INITIALIZER_"
TRUSTED = f"{PREFIX}SKOPS_TRUSTED"
PASSWORD, TOKEN = "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", PASSWORD, TOKEN)
JOBLIB = ("auto", "require", "off")


@dataclass(frozen=True)
class Options:
    """``retry_seconds`` is how long nothing may arrive before the initializer gives up.

    ``trusted`` are the types that a model may be made of beside those that skops trusts by itself. ``token`` is in the
    place of the other credentials.
    """

    tracking_uri: str
    parallel: int = 4
    retry_seconds: int = 120
    timeout_seconds: int = 60
    joblib: str = "auto"
    trusted: tuple[str, ...] = ()
    token: TokenFile | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class _Number:
    variable: str
    default: int
    least: int
    most: int

    def read(self, environ: Mapping[str, str], mistakes: list[str]) -> int:
        text = environ.get(self.variable, "").strip() or str(self.default)
        if re.fullmatch(r"[0-9]{1,6}", text) and self.least <= int(text) <= self.most:
            return int(text)
        mistakes.append(f"{self.variable}: found '{text}', expected a whole number from {self.least} to {self.most}")
        return self.default


_PARALLEL = _Number(f"{PREFIX}PARALLEL", 4, 1, 32)
_RETRY = _Number(f"{PREFIX}RETRY_SECONDS", 120, 0, 86400)
_TIMEOUT = _Number(f"{PREFIX}TIMEOUT_SECONDS", 60, 1, 3600)


def tidy(environ: MutableMapping[str, str]) -> None:
    """Take the white space off credentials that a file or a secret with a line break at its end has left there."""
    for name in CREDENTIALS:
        if name in environ:
            environ[name] = environ[name].strip()


def _unusable(name: str, value: str) -> str | None:
    """What is wrong with a credential that no server would accept, without the credential."""
    if (around := wrapping(value.strip())) is not None:
        return f"{name}: the access key {around}, expected the key alone"
    if not value.strip().isprintable():
        return f"{name}: found a line break or another control character, expected one line"
    return None


def read(environ: Mapping[str, str]) -> Options:
    """All settings.

    Raises:
        Failure: naming every mistake.
    """
    mistakes: list[str] = []
    uri = environ.get("MLFLOW_TRACKING_URI", "").strip()
    try:
        parts = urlsplit(uri)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        password = parts.password
    except ValueError:
        fits, password = False, None
    if not fits:
        found = "nothing" if not uri else "a value that is no such address"
        mistakes.append(f"MLFLOW_TRACKING_URI: found {found}, expected the http(s) address of the MLflow server")
    parallel, retry, timeout = (number.read(environ, mistakes) for number in (_PARALLEL, _RETRY, _TIMEOUT))
    joblib = environ.get(f"{PREFIX}JOBLIB", "").strip().lower() or JOBLIB[0]
    if joblib not in JOBLIB:
        mistakes.append(f"{PREFIX}JOBLIB: found '{joblib}', expected one of {', '.join(JOBLIB)}")
    trusted: tuple[str, ...] = ()
    try:
        trusted = trust.names(environ.get(TRUSTED, ""))
    except trust.NotTrustable as error:
        mistakes.append(f"{TRUSTED}: {error}")
    given = [(name, environ.get(name, "")) for name in CREDENTIALS]
    mistakes += filter(None, (_unusable(name, value) for name, value in given))
    token, first = None, ""
    try:
        token = chosen(environ)
        first = token.read() if token is not None else ""
    except UnusableToken as error:
        mistakes.append(str(error))
    if mistakes:
        raise Failure(Exit.USAGE, "; ".join(mistakes))
    known = (environ.get(PASSWORD), environ.get(TOKEN), password, first)
    secrets = tuple(secret for secret in known if secret)
    return Options(uri.rstrip("/"), parallel, retry, timeout, joblib, trusted, token, secrets)
