"""The types of the settings: what a value must be, and the words for one that cannot be used."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from . import plain
from .trusted_issuers import TrustedIssuer, check_audiences, parse, refuse_login_issuer

LONGEST_PROVIDER_NAME = 60
# Where MLflow keeps its tracking tables (mlflow/store/db/db_types.py).
SQL_BACKENDS = ("sqlite", "postgresql", "mysql", "mssql")
# Where the auth tables are, MLflow's and ours, with the drivers that were tested. MLflow's own migrations of its auth
# tables end half-way in MySQL and MariaDB, which do not take one name for two foreign keys.
AUTH_DRIVERS = {"postgresql": ("psycopg", "psycopg2"), "sqlite": ("pysqlite",)}
DATABASE_URI_FORM = "an SQLAlchemy URI such as postgresql://user@host/db"
# As browsers and clients write it in `Host`: a name or an address, perhaps with a port; MLflow takes `*` as any text.
_HOST = re.compile(r"(?:[\w.*-]+|\[[0-9a-fA-F:.]+\])(?::(?:\d+|\*))?", re.ASCII)


def _split(value: Any) -> Any:
    """Accept comma- or blank-separated words."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("expected a value")
    return value


def _secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("expected a value, found an empty one")
    return value


def _secret_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError(f"expected at least 32 characters, found {len(value.get_secret_value())}")
    return value


def _metrics_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]{16,}", value.get_secret_value()):
        raise ValueError("expected at least 16 characters of printable ASCII, without blanks")
    return value


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("expected at least one name")
    return value


def _provider_name(value: str) -> str:
    if not plain.is_name(value, LONGEST_PROVIDER_NAME):
        raise ValueError(f"expected a name as people read it, of at most {LONGEST_PROVIDER_NAME} visible characters")
    return value


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise ValueError("expected the scope `openid` among them")
    return value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_HOST.fullmatch(host) for host in value):
        raise ValueError("expected host or host:port, without a scheme or a path, such as mlflow.mlflow.svc:5000")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+|[0-9a-fA-F:.]+", value.strip(), re.ASCII):
        raise ValueError("expected a host name, without a scheme or a port, such as smtp.example.com")
    return value.strip()


def _address(value: str) -> str:
    if not is_address(value.strip()):
        raise ValueError("expected an e-mail address such as mlflow@example.com")
    return value.strip()


def is_address(text: str) -> bool:
    """Whether it is one e-mail address, as mail servers everywhere take it (RFC 5321, section 4.1.2)."""
    return re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", text, re.ASCII) is not None


def _not_in_clear(value: str, info: ValidationInfo) -> str:
    if value == "none" and info.data.get("smtp_username"):
        raise ValueError(
            "expected starttls or tls: PROKUBE_AUTH_SMTP_USERNAME is set, whose password would travel unencrypted"
        )
    return value


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in value:
        try:
            re.compile(pattern if pattern.startswith("^") else "")
        except re.error as error:
            raise ValueError(f"expected globs or regular expressions, but {pattern!r} is neither: {error}") from None
    return value


def _locations(value: tuple[str, ...]) -> tuple[str, ...]:
    for location in value:
        scheme, colon, rest = location.partition("://")
        if not colon or not rest.strip("/") or scheme in ("mlflow-artifacts", "http", "https") or ".." in rest:
            raise ValueError("expected prefixes such as s3://bucket/teams, of a place that the server does not serve")
    return tuple(location.rstrip("/") for location in value)


def _issuer(value: str) -> str:
    """A URL as it is written: `iss` is compared with it, the slash at its end included."""
    _url(value)
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable = usable and not any(map(str.isspace, value))
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("expected a URL such as https://host/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("expected a URL without user, query or fragment")
    return value.rstrip("/")


def _trusted(value: Any) -> Any:
    return parse(_split(value)) if isinstance(value, str) else value


def _not_of_logins(value: tuple[TrustedIssuer, ...], info: ValidationInfo) -> tuple[TrustedIssuer, ...]:
    refuse_login_issuer(value, info.data.get("oidc_issuer"))
    return value


def _audiences(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    check_audiences(value, info.data.get("trusted_issuers", ()))
    return value


def is_database_uri(text: str) -> bool:
    """Whether SQLAlchemy can read it, and it names a database that MLflow knows, too."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text).get_backend_name() in SQL_BACKENDS
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        return False


def why_no_auth_tables(uri: str) -> str | None:
    """Why the auth tables cannot be in a database that MLflow knows; None where they can."""
    from sqlalchemy.engine import make_url

    backend = make_url(uri).get_backend_name()
    if backend in AUTH_DRIVERS:
        return None
    return (
        f"the auth tables cannot be in {backend}. MLflow's tracking tables may be there: set PROKUBE_AUTH_DATABASE_URI "
        "to a database of PostgreSQL or SQLite, such as postgresql://user@host/db"
    )


def _database_uri(value: SecretStr) -> SecretStr:
    if not is_database_uri(value.get_secret_value()):
        raise ValueError(f"expected {DATABASE_URI_FORM}")
    problem = why_no_auth_tables(value.get_secret_value())
    if problem is not None:
        raise ValueError(problem)
    return value


Url = Annotated[str, AfterValidator(_url)]
Issuer = Annotated[str, AfterValidator(_issuer)]
Text = Annotated[str, AfterValidator(_text)]
ProviderName = Annotated[str, BeforeValidator(lambda value: value.strip()), AfterValidator(_provider_name)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
SecretKey = Annotated[SecretStr, AfterValidator(_secret_key)]
MetricsToken = Annotated[SecretStr, AfterValidator(_metrics_token)]
DatabaseUri = Annotated[SecretStr, AfterValidator(_database_uri)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_names)]
Scopes = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_scopes)]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_hosts)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_patterns)]
Locations = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_locations)]
TrustedIssuers = Annotated[tuple[TrustedIssuer, ...], BeforeValidator(_trusted), AfterValidator(_not_of_logins)]
Audiences = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_audiences)]
Host = Annotated[str, AfterValidator(_host)]
Address = Annotated[str, AfterValidator(_address)]
SmtpSecurity = Annotated[Literal["starttls", "tls", "none"], AfterValidator(_not_in_clear)]
TokenDays = Annotated[int, Field(ge=1, le=365)]
IdleSeconds = Annotated[int, Field(ge=60)]
