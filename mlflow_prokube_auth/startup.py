"""What happens once, in the parent process of ``mlflow server``, before any worker starts."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from urllib.parse import urlsplit

import click

from .settings import Settings, SettingsError, load

BACKEND_STORE_ENV = "_MLFLOW_SERVER_FILE_STORE"
JOB_TOKEN_ENV = "_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN"  # noqa: S105 - a variable's name
UNSAFE = {
    "MLFLOW_BASIC_AUTH_FAIL_CLOSED": ("false", "0"),
    "MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH": ("false", "0"),
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": ("true", "1"),
}
SQL_BACKENDS = ("sqlite", "postgresql", "mysql", "mssql")


def prepare() -> None:
    """Check, migrate and share; a mistake ends ``mlflow server`` with one message.

    Raises:
        click.ClickException: with every mistake at once.
    """
    context = click.get_current_context()
    try:
        settings = load(os.environ)
        mistakes = []
    except SettingsError as error:
        settings, mistakes = None, error.mistakes
    mistakes = mistakes + [
        f"{name}: found {os.environ[name]!r}, which would switch off a protection; unset it"
        for name, values in UNSAFE.items()
        if os.environ.get(name, "").lower() in values
    ]
    uri = None
    if settings is not None:
        uri = database_uri(settings, context.params.get("backend_store_uri") or _default_backend())
        if uri is None:
            mistakes.append(
                "PROKUBE_AUTH_DATABASE_URI is not set, and the tracking backend is not SQL; expected one of them"
            )
    if mistakes or settings is None or uri is None:
        raise click.ClickException(str(SettingsError(mistakes)))
    _migrate(uri)
    share(settings)


def _default_backend() -> str:
    from mlflow.cli import _get_default_tracking_uri

    return str(_get_default_tracking_uri())


def database_uri(settings: Settings, backend: str | None) -> str | None:
    """Where our tables live: the setting, or the tracking backend when it is SQL."""
    if settings.database_uri is not None:
        return settings.database_uri.get_secret_value()
    scheme = (backend or "").split(":", 1)[0].split("+", 1)[0]
    return backend if scheme in SQL_BACKENDS else None


def _migrate(uri: str) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from .engine import EngineChanged, check_seams, migrate_mlflow
    from .store.database import migrate, open_engine

    try:
        check_seams()
        engine = open_engine(uri)
        try:
            migrate(engine, migrate_mlflow)
        finally:
            engine.dispose()
    except EngineChanged as error:
        raise click.ClickException(f"prokube-auth cannot start: {error}") from None
    except (SQLAlchemyError, OSError) as error:
        reason = type(getattr(error, "orig", None) or error).__name__
        raise click.ClickException(
            f"prokube-auth cannot start: the auth database does not answer or cannot be migrated ({reason}). "
            "Check PROKUBE_AUTH_DATABASE_URI or --backend-store-uri."
        ) from None


def share(settings: Settings) -> None:
    """Set what every worker must have alike."""
    key = settings.secret_key.get_secret_value().encode()
    derived = hmac.new(key, b"flask-secret-key", hashlib.sha256).hexdigest()
    os.environ.setdefault("MLFLOW_FLASK_SERVER_SECRET_KEY", derived)
    os.environ[JOB_TOKEN_ENV] = secrets.token_hex(32)
    from mlflow.server.security_utils import get_default_allowed_hosts

    hosts = [h for h in os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS", "").split(",") if h]
    hosts = hosts or list(get_default_allowed_hosts())
    hosts += [urlsplit(settings.external_url).netloc, *settings.internal_hosts]
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = ",".join(dict.fromkeys(hosts))
    origins = [o for o in os.environ.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "").split(",") if o]
    os.environ["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(dict.fromkeys([*origins, settings.origin]))
