"""A token in a file that somebody else renews: Kubernetes' projected token, a CI's, an access key.

What runs away from the server reads it anew for each request, since it changes while a program runs. Nothing here
imports what is not Python's own, so that a client's start stays cheap.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from .identity.key_format import QUOTES, wrapping

VARIABLE = "MLFLOW_TRACKING_TOKEN_FILE"
# What MLflow's client asks for the header of each request; its value is the name of the provider in request_auth.py.
AUTH_VARIABLE = "MLFLOW_TRACKING_AUTH"
PROVIDER = "prokube-token-file"
# Where the manifests of docs/workloads.md put it.
DEFAULT_PATH = "/var/run/secrets/mlflow/token"
# Servers and proxies take 8 to 64 KiB of headers; Kubernetes' tokens have about 1 KiB.
LONGEST_TOKEN = 16 << 10
# The stock client's other credentials.
OTHERS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# RFC 6750, section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_EXPECTED = "expected a file that holds one token and nothing else"
_ADVICE = f"mount a projected service account token there, or set {VARIABLE} to the file that holds yours"
_PORTS = {"http": 80, "https": 443}


class UnusableToken(Exception):
    """There is no token to send; the message says what was found, what is expected and what to do, never the token."""


class Request(Protocol):
    """What is used of ``requests.PreparedRequest``."""

    @property
    def url(self) -> str | None: ...

    @property
    def headers(self) -> MutableMapping[str, str]: ...


Prepared = TypeVar("Prepared", bound=Request)


@dataclass(frozen=True)
class TokenFile:
    """``path`` is absolute."""

    path: str

    def read(self) -> str:
        """The token that the file holds now.

        Raises:
            UnusableToken: the file cannot be read, or holds no token.
        """
        content = self._content()
        if len(content) > LONGEST_TOKEN:
            raise self._unusable(f"more than {LONGEST_TOKEN} bytes")
        try:
            text = content.decode("ascii").strip()
        except UnicodeDecodeError:
            raise self._unusable("characters that no token has") from None
        wrong = _what_is_wrong(text)
        if wrong:
            raise self._unusable(wrong)
        return text

    def _content(self) -> bytes:
        # A pipe without a writer would wait for one.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self.path, flags)
            try:
                mode = os.fstat(descriptor).st_mode
                if not stat.S_ISREG(mode):
                    raise self._unusable("a folder" if stat.S_ISDIR(mode) else "no ordinary file")
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    return file.read(LONGEST_TOKEN + 1)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise self._unusable("no such file") from None
        except PermissionError:
            raise self._unusable("a file that this user may not read") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise self._unusable(f"what cannot be read ({reason})") from None

    def _unusable(self, found: str) -> UnusableToken:
        return UnusableToken(f"token file {self.path}: found {found}, {_EXPECTED}; {_ADVICE}")


class FileAuth:
    """What ``requests`` calls for each request before it is sent; the token goes to ``servers`` alone.

    Both are asked for each request, so that mistakes are told as those of a request.
    """

    def __init__(self, file: Callable[[], TokenFile], servers: Callable[[], Iterable[str]]) -> None:
        self._file = file
        self._servers = servers

    def __call__(self, request: Prepared) -> Prepared:
        """Put the token of now into the request.

        Raises:
            UnusableToken: the file has none, or the request goes to another server.
        """
        file, target = self._file(), origin(request.url or "")
        known = list(dict.fromkeys(found for found in map(origin, self._servers()) if found))
        if target is None or target not in known:
            raise UnusableToken(
                f"found a request to {_written(target)}, expected one to the tracking server "
                f"({', '.join(map(_written, known)) or 'none is set'}): the token of {file.path} goes nowhere "
                f"else; set MLFLOW_TRACKING_URI to the server that it is for, or unset {AUTH_VARIABLE} and {VARIABLE}"
            )
        request.headers["Authorization"] = f"Bearer {file.read()}"
        return request


Origin = tuple[str, str, int]


def origin(url: str) -> Origin | None:
    """Scheme, host and port of an http(s) address; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def chosen(environ: Mapping[str, str]) -> TokenFile | None:
    """The file that the environment names, or that its choice of the provider means; None where it wants none.

    Raises:
        UnusableToken: the path is none, or another credential is set beside it.
    """
    path, wanted = environ.get(VARIABLE, "").strip(), environ.get(AUTH_VARIABLE, "").strip() == PROVIDER
    if not path and not wanted:
        return None
    name = VARIABLE if path else f"{AUTH_VARIABLE}={PROVIDER}"
    for other in OTHERS:
        if environ.get(other):
            raise UnusableToken(f"{name} and {other} are both set; expected one of them")
    path = path or DEFAULT_PATH
    if not os.path.isabs(path):
        # It may be the token itself.
        raise UnusableToken(
            f"{VARIABLE}: found no absolute path, expected that of the file that holds the token, such as "
            f"{DEFAULT_PATH}"
        )
    return TokenFile(path)


def _what_is_wrong(text: str) -> str | None:
    """In words that hold nothing of the text; None where it can be a token."""
    if not text:
        return "nothing in it"
    if len(text.splitlines()) > 1:
        return "several lines"
    around = wrapping(text)
    if around is not None:
        return f"an access key that {around}"
    if text[0] in QUOTES:
        return "quotes around it"
    scheme, *more = text.split()
    if more:
        is_scheme = scheme.lower() in ("bearer", "basic", "token")
        return f"the word '{scheme}' in front of it" if is_scheme else "several words"
    return None if _TOKEN.fullmatch(text) else "characters that no token has"


def _written(found: Origin | None) -> str:
    return "an address that is none" if found is None else "{}://{}:{}".format(*found)
