"""``MLFLOW_TRACKING_AUTH=prokube-token-file``: MLflow's client sends the token of a file that changes.

MLflow finds the provider by its entry point and asks it for each request (``mlflow.tracking.request_auth``); clients of
all releases since 2.14 do. It imports nothing of the server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider

from .token_file import PROVIDER, FileAuth, TokenFile, UnusableToken, chosen


class TokenFileAuthProvider(RequestAuthProvider):  # type: ignore[misc]  # MLflow is untyped
    """Reads ``MLFLOW_TRACKING_TOKEN_FILE`` for each request."""

    def get_name(self) -> str:
        """The value of ``MLFLOW_TRACKING_AUTH``."""
        return PROVIDER

    def get_auth(self) -> FileAuth:
        """What puts the token into one request."""
        return FileAuth(_file, _servers)


def _file() -> TokenFile:
    file = chosen(os.environ)
    if file is None:  # MLFLOW_TRACKING_AUTH was taken away between MLflow's look and this one
        raise UnusableToken(f"found no MLFLOW_TRACKING_AUTH, expected {PROVIDER}")
    return file


def _servers() -> Iterator[str]:
    # MLflow imports this module from within its own start.
    from mlflow.tracking import get_registry_uri, get_tracking_uri

    yield get_tracking_uri()
    yield get_registry_uri()
