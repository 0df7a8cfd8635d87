"""The MLflow server as the initializer asks it: by MLflow's own HTTP function, with the stock client's settings.

Credentials, certificates, request headers and workspaces are the client's (``MLFLOW_TRACKING_*``); waiting and trying
again are ours, since the client does so in silence. A token file is read anew for each request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from mlflow.exceptions import InvalidUrlException, MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from ..token_file import FileAuth, UnusableToken
from .failures import Broken, Exit, Failure
from .options import Options

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 10.0
# More than any answer in JSON is long: a listing of a folder with 100,000 files has 20 MB.
LONGEST_JSON = 64 << 20
MISSING = "RESOURCE_DOES_NOT_EXIST"


class Refused(Failure):
    """A final answer of the server's, with MLflow's code where it gave one."""

    def __init__(self, code: Exit, reason: str, error_code: str) -> None:
        self.error_code = error_code
        super().__init__(code, reason)


class Server:
    """Asks the server; ``say`` gets a line for each time that something is tried again."""

    def __init__(
        self, options: Options, say: Callable[[str], None], pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._creds = get_default_host_creds(options.tracking_uri)
        self._auth = None
        if (token := options.token) is not None:
            self._auth = FileAuth(lambda: token, lambda: [options.tracking_uri])
            self._creds.auth = None  # the client's own way to the same file
        self._host = urlsplit(options.tracking_uri).netloc.rpartition("@")[2]
        self._timeout = options.timeout_seconds
        self._patience = options.retry_seconds
        self._say = say
        self._pause = pause

    def get(self, path: str, /, **params: str) -> dict[str, Any]:
        """The JSON object that a path of the API answers with.

        Raises:
            Failure: it is refused, missing or no JSON, or the server is away for too long.
        """
        return self._asked("GET", path, {"params": params})

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The same for what MLflow reads by POST."""
        return self._asked("POST", path, {"json": dict(body)})

    def open(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        """One attempt to download; the answer is open, to be read in parts and closed.

        Raises:
            Broken: it may work in a moment.
            Failure: it will not.
        """
        return self._send("GET", path, stream=True, extra_headers={"Accept-Encoding": "identity", **headers})

    def persist(self, what: str, attempt: Callable[[], Any], progress: Callable[[], int] = lambda: 0) -> Any:
        """Try again what is ``Broken``, until ``retry_seconds`` have passed in which ``progress`` did not grow.

        Raises:
            Failure: the last reason.
        """
        best, since, wait = progress(), time.monotonic(), 1.0
        while True:
            try:
                return attempt()
            except Broken as broken:
                if progress() > best:
                    best, since, wait = progress(), time.monotonic(), 1.0
                if time.monotonic() - since >= self._patience:
                    raise Failure(
                        Exit.TRANSFER, f"{what}: {broken.reason}; gave up after {self._patience} s without progress"
                    ) from None
                pause = min(max(wait, broken.wait), LONGEST_WAIT)
                self._say(f"{what}: {broken.reason}; trying again in {pause:.0f} s")
                self._pause(pause)
                wait *= 2

    def _asked(self, method: str, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.persist(f"{method} {path}", lambda: self._json(method, path, options))
        return found

    def _json(self, method: str, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        # Read in parts as well, so that nothing that is not MLflow can fill the memory.
        with self._send(method, path, stream=True, **options) as answer:
            body = b"".join(_parts(answer, LONGEST_JSON))
        try:
            found = json.loads(body)
        except ValueError:
            raise _no_mlflow(answer) from None
        if not isinstance(found, dict):
            raise _no_mlflow(answer)
        return found

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        if self._auth is not None:
            options["auth"] = self._auth
        try:
            answer: requests.Response = http_request(
                self._creds, path, method, timeout=self._timeout, max_retries=0, retry_codes=(),
                raise_on_status=False, allow_redirects=False, **options,
            )  # fmt: skip
        except InvalidUrlException:
            raise Failure(Exit.USAGE, "MLFLOW_TRACKING_URI is no address that can be asked") from None
        except MlflowException as error:
            raise _unanswered(error, self._host) from None
        if answer.status_code in (200, 206, 416):
            return answer
        with answer:
            raise self._why(answer)

    def _why(self, answer: requests.Response) -> Exception:
        """The exception for an answer that is none of those that were hoped for."""
        status, (error_code, message) = answer.status_code, _words(answer)
        if status in LATER:
            return Broken(f"the server answers {status}{message and ': ' + message}", _retry_after(answer))
        if 300 <= status < 400:
            return _no_mlflow(answer)
        if status == 401:
            held = "the token file holds" if self._auth else "MLFLOW_TRACKING_USERNAME and _PASSWORD hold"
            return Refused(Exit.REFUSED, message or f"the server wants other credentials than {held}", error_code)
        if status == 403:
            return Refused(Exit.REFUSED, message or "the server does not permit this", error_code)
        if status == 404 or error_code == MISSING:
            return Refused(Exit.NOT_FOUND, message or "there is no such thing on the server", error_code or MISSING)
        return Refused(Exit.TRANSFER, f"the server answers {status}: {message or 'without a reason'}", error_code)


def is_login_page(answer: requests.Response) -> bool:
    """Whether what should be a file is a page: MLflow sends every artifact as an attachment, HTML ones too."""
    kind = answer.headers.get("Content-Type", "").lower()
    return kind.startswith("text/html") and "attachment" not in answer.headers.get("Content-Disposition", "").lower()


def no_file(answer: requests.Response) -> Failure:
    """For a page in the place of a file."""
    return _no_mlflow(answer)


def in_words(error: BaseException) -> str:
    """What became of a connection, without the objects and addresses that requests puts into it."""
    names = {
        requests.exceptions.ConnectTimeout: "the server does not answer in time",
        requests.exceptions.ReadTimeout: "the server stopped sending",
        requests.exceptions.ChunkedEncodingError: "the connection broke",
        requests.exceptions.ConnectionError: "the server cannot be reached or broke the connection off",
    }
    for kind, words in names.items():
        if isinstance(error, kind):
            return words
    return f"the connection failed ({type(error).__name__})"


def _unanswered(error: MlflowException, host: str) -> Exception:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, UnusableToken):
        return Failure(Exit.USAGE, str(cause))
    if isinstance(cause, requests.exceptions.SSLError):
        return Failure(
            Exit.TRANSFER,
            "the server's certificate is not trusted; name your authority's file by MLFLOW_TRACKING_SERVER_CERT_PATH",
        )
    if isinstance(cause, requests.exceptions.RequestException) and isinstance(cause, ValueError):
        # A header or an address that requests cannot send: InvalidHeader, InvalidURL, MissingSchema and others.
        return Failure(
            Exit.USAGE, f"no request can be made of the address and the credentials ({type(cause).__name__})"
        )
    if isinstance(cause, requests.exceptions.RequestException):
        return Broken(f"{in_words(cause)} ({host})")
    return Failure(Exit.UNEXPECTED, f"the server cannot be asked ({type(cause or error).__name__})")


def _parts(answer: requests.Response, most: int) -> list[bytes]:
    parts, size = [], 0
    try:
        for part in answer.iter_content(1 << 16):
            size += len(part)
            if size > most:
                raise _no_mlflow(answer)
            parts.append(part)
    except requests.exceptions.RequestException as error:
        raise Broken(in_words(error)) from None
    return parts


def _words(answer: requests.Response) -> tuple[str, str]:
    """MLflow's code and message, where the answer holds them."""
    try:
        found = json.loads(b"".join(_parts(answer, 1 << 16)))
    except (ValueError, Broken, Failure):
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    return str(found.get("error_code") or ""), str(found.get("message") or found.get("detail") or "")


def _retry_after(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0


def _no_mlflow(answer: requests.Response) -> Failure:
    found = answer.headers.get("Content-Type", "no type").partition(";")[0]
    what = f"status {answer.status_code}, {found}"
    if 300 <= answer.status_code < 400:
        what = f"status {answer.status_code}, a redirect"
    return Failure(
        Exit.TRANSFER,
        f"what answers at MLFLOW_TRACKING_URI is not MLflow ({what}): a login page or a proxy stands before it; "
        "expected an address at which MLflow's API answers access keys",
    )
