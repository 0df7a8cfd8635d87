"""What happens once, in the parent process of ``mlflow server``, before any worker starts."""

from __future__ import annotations

import atexit
import hashlib
import hmac
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from .hosts import is_loopback
from .logs import hide_starlettes_warning
from .mlflow_auth import seams
from .mlflow_auth.releases import EngineChanged, check_mlflow
from .prefix import misplaced
from .setting_types import AUTH_DRIVERS, DATABASE_URI_FORM, SQL_BACKENDS, is_database_uri, why_no_auth_tables
from .settings import DatabaseSettings, Settings, SettingsError, load

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BACKEND_STORE_ENV = "_MLFLOW_SERVER_FILE_STORE"
JOB_TOKEN_ENV = "_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN"  # noqa: S105 - a variable's name
# MLflow's switches of protections, and the values that leave them on: all others are refused, so that no spelling of
# "off", nor one that MLflow fails on with each request, gets through.
SAFE = {
    "MLFLOW_BASIC_AUTH_FAIL_CLOSED": ("true", "1"),
    "MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH": ("true", "1"),
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": ("false", "0"),
    # Anybody's Python beside the server's secrets.
    "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS": ("false", "0"),
}
# The server's own credentials for an MLflow server: its jobs would call with them where nobody is named.
NOT_FOR_A_SERVER = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# uvicorn kills a worker that does not answer its supervisor for 5 seconds (``--timeout-worker-healthcheck``), with all
# requests that it serves. On a busy machine a worker may take longer to load a library from a cold disk. In seconds.
WORKER_TIMEOUT_VARIABLE, WORKER_TIMEOUT = "UVICORN_TIMEOUT_WORKER_HEALTHCHECK", 60
# What the processes of jobs have no use for; they work on the tracking database, whose address MLflow hands them.
NOT_FOR_JOBS = re.compile(r"PROKUBE_AUTH_.*|MLFLOW_FLASK_SERVER_SECRET_KEY|MLFLOW_AUTH_.*")


def prepare() -> None:
    """Check, migrate and share; a mistake ends ``mlflow server`` with one message.

    Raises:
        click.ClickException: with every mistake at once.
    """
    context = click.get_current_context()
    hide_starlettes_warning()
    try:
        check_mlflow()
    except EngineChanged as error:
        raise click.ClickException(f"prokube-auth cannot start: {error}") from None
    try:
        settings = load(os.environ)
        mistakes = []
    except SettingsError as error:
        settings, mistakes = None, error.mistakes
    mistakes = mistakes + refused(os.environ, context.params)
    uri = None
    if settings is not None and settings.database_uri is None and context.params.get("artifacts_only"):
        # Else it would make itself a database in the working directory, in which nobody has a key.
        mistakes.append("PROKUBE_AUTH_DATABASE_URI is not set; with --artifacts-only it names the tracking server's")
    elif settings is not None:
        uri = database_uri(settings, context.params.get("backend_store_uri") or _default_backend())
        if uri is None:
            mistakes.append(
                "PROKUBE_AUTH_DATABASE_URI is not set, and the tracking backend is not SQL; expected one of them"
            )
    if mistakes or settings is None or uri is None:
        raise click.ClickException(f"prokube-auth cannot start, {SettingsError(mistakes)}")
    _migrate(uri)
    share(settings)
    keep_secrets_from_jobs()
    tell(settings)


def refused(environ: Mapping[str, str], options: Mapping[str, Any]) -> list[str]:
    """What else than our settings keeps a server from starting, one line each; workers, which may have read another
    file of variables than the parent, have no options of ``mlflow server``."""
    return unsafe(environ) + misplaced(environ, options)


def unsafe(environ: Mapping[str, str]) -> list[str]:
    """Variables of MLflow's that would switch off a protection, one line each."""
    return [
        f"{name}: found {environ[name]!r}, which may switch off a protection; unset it"
        for name, values in SAFE.items()
        if name in environ and environ[name].lower() not in values
    ] + [
        f"{name} is set: credentials are for clients, and the server's jobs would call with these; unset it"
        for name in NOT_FOR_A_SERVER
        if environ.get(name)
    ]


def _default_backend() -> str:
    from mlflow.tracking._tracking_service.utils import _get_default_tracking_uri

    return str(_get_default_tracking_uri())


def database_uri(settings: Settings | DatabaseSettings, backend: str | None) -> str | None:
    """Where our tables live: the setting, or the tracking backend when it is SQL."""
    if settings.database_uri is not None:
        return settings.database_uri.get_secret_value()
    scheme = (backend or "").split(":", 1)[0].split("+", 1)[0]
    return backend if scheme in SQL_BACKENDS else None


def database_problem(uri: str) -> str | None:
    """What is wrong with the auth tables' database that needs no asking; in words without user and password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not is_database_uri(uri):
        return f"its URI is unreadable, expected {DATABASE_URI_FORM}"
    problem = why_no_auth_tables(uri)
    if problem is not None:
        return problem
    url = make_url(uri)
    try:
        url.get_dialect().import_dbapi()
    except (ImportError, ArgumentError) as error:
        return f"{url.drivername} needs a driver ({error}); pip install 'mlflow-prokube-auth[postgres]' for PostgreSQL"
    drivers = AUTH_DRIVERS[url.get_backend_name()]
    if url.get_driver_name() not in drivers:
        tested = " or ".join(f"{url.get_backend_name()}+{driver}" for driver in drivers)
        return f"its driver was never tried with this plugin: found {url.drivername}, expected {tested}"
    if url.get_backend_name() == "sqlite" and url.database:
        folder = Path(url.database).parent
        if not folder.is_dir() and not url.database.startswith("file:"):
            return f"the folder {str(folder)!r} does not exist"
    return None


def why_unanswered(uri: str, error: Exception) -> str:
    """Which error, and of which database; in words that hold neither user nor password."""
    from sqlalchemy.engine import make_url

    url = make_url(uri)
    server = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    place = f"{server}/{url.database or ''}" if server else url.database
    return f"{type(getattr(error, 'orig', None) or error).__name__} of {place}"


def _migrate(uri: str) -> None:
    problem = database_problem(uri)
    if problem is not None:
        raise click.ClickException(f"prokube-auth cannot start: the auth database cannot be used: {problem}")
    from sqlalchemy.exc import SQLAlchemyError

    from .mlflow_auth.install import migrate_mlflow
    from .store.database import SchemaOutdated, migrate, open_engine

    try:
        engine = open_engine(uri)
        try:
            migrate(engine, migrate_mlflow)
        finally:
            engine.dispose()
    except SchemaOutdated as error:
        raise click.ClickException(f"prokube-auth cannot start: {error}") from None
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(
            "prokube-auth cannot start: the auth database does not answer or cannot be migrated "
            f"({why_unanswered(uri, error)}). Check PROKUBE_AUTH_DATABASE_URI or --backend-store-uri."
        ) from None


def share(settings: Settings) -> None:
    """Set what every worker must have alike."""
    key = settings.secret_key.get_secret_value().encode()
    derived = hmac.new(key, b"flask-secret-key", hashlib.sha256).hexdigest()
    os.environ.setdefault("MLFLOW_FLASK_SERVER_SECRET_KEY", derived)
    os.environ[JOB_TOKEN_ENV] = secrets.token_hex(32)
    os.environ.setdefault(WORKER_TIMEOUT_VARIABLE, str(WORKER_TIMEOUT))
    # Of the gateway, which unpacks zstd.
    os.environ.setdefault("MLFLOW_GATEWAY_MAX_DECOMPRESSED_REQUEST_SIZE", str(settings.largest_body))
    if settings.metrics_token is not None and DIRECTORY_VARIABLE not in os.environ:
        # The workers count into files here, which must be named before prometheus_client is imported.
        folder = tempfile.mkdtemp(prefix="mlflow-prokube-auth-metrics-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[DIRECTORY_VARIABLE] = folder
    from mlflow.server.security_utils import get_default_allowed_hosts

    hosts = [h for h in os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS", "").split(",") if h]
    hosts = hosts or list(get_default_allowed_hosts())
    hosts += _own_hosts(settings)
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = ",".join(dict.fromkeys(hosts))
    origins = [o for o in os.environ.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "").split(",") if o]
    os.environ["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(dict.fromkeys([*origins, settings.origin]))


def keep_secrets_from_jobs() -> None:
    """Have MLflow's job runner started without what jobs have no use for (mlflow/server/jobs/utils.py)."""
    from mlflow.environment_variables import MLFLOW_SERVER_ENABLE_JOB_EXECUTION

    if not MLFLOW_SERVER_ENABLE_JOB_EXECUTION.get():
        return
    launch = seams.original("mlflow.server.jobs.utils", "_launch_job_execution_runner")

    def launch_without_secrets(*arguments: Any, **named: Any) -> Any:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if NOT_FOR_JOBS.fullmatch(name)}
        try:
            return launch(*arguments, **named)
        finally:
            os.environ.update(hidden)

    seams.replace("mlflow.server.jobs.utils", "_launch_job_execution_runner", launch_without_secrets)


def _own_hosts(settings: Settings) -> list[str]:
    # Browsers send names in lower case, however the URL was typed.
    return [urlsplit(settings.external_url).netloc.lower(), *settings.internal_hosts]


def tell(settings: Settings) -> None:
    """Say which hosts are accepted: MLflow has just named options that nobody needs here."""
    click.echo(
        f"[prokube-auth] Accepted hosts: {', '.join(_own_hosts(settings))}, and MLflow's own list (--allowed-hosts, "
        "else loopback and private addresses).",
        err=True,
    )
    if not settings.secure and not is_loopback(urlsplit(settings.external_url).hostname or ""):
        click.echo(
            f"[prokube-auth] WARNING: PROKUBE_AUTH_EXTERNAL_URL is {settings.external_url}: cookies and access keys "
            "travel unencrypted. Put TLS before the server, and name its https:// URL.",
            err=True,
        )
