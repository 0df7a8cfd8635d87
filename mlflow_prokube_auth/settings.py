"""The environment, parsed once into one frozen object.

Every variable starts with ``PROKUBE_AUTH_``; a secret may come from a file named by
``PROKUBE_AUTH_<NAME>_FILE`` instead. All mistakes are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

PREFIX = "PROKUBE_AUTH_"
SECRETS = ("OIDC_CLIENT_SECRET", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URI", "METRICS_TOKEN")
# Where MLflow keeps its tracking tables (mlflow/store/db/db_types.py).
SQL_BACKENDS = ("sqlite", "postgresql", "mysql", "mssql")
# Where the auth tables are, MLflow's and ours, with the drivers that were tested. MLflow's own migrations of its auth
# tables end half-way in MySQL and MariaDB, which do not take one name for two foreign keys.
AUTH_DRIVERS = {"postgresql": ("psycopg", "psycopg2"), "sqlite": ("pysqlite",)}
DATABASE_URI_FORM = "an SQLAlchemy URI such as postgresql://user@host/db"
# As browsers and clients write it in `Host`: a name or an address, perhaps with a port; MLflow takes `*` as any text.
_HOST = re.compile(r"(?:[\w.*-]+|\[[0-9a-fA-F:.]+\])(?::(?:\d+|\*))?", re.ASCII)


class SettingsError(Exception):
    """The environment is not usable; ``mistakes`` has one line for each variable."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        lines = "\n".join(f"  - {mistake}" for mistake in mistakes)
        super().__init__(f"{len(mistakes)} setting(s) to mend:\n{lines}")


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
    try:
        import prometheus_client  # noqa: F401 - whether it is there
    except ImportError:
        raise ValueError("expected prometheus_client beside it: pip install 'mlflow-prokube-auth[metrics]'") from None
    return value


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("expected at least one name")
    return value


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise ValueError("expected the scope `openid` among them")
    return value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_HOST.fullmatch(host) for host in value):
        raise ValueError("expected host or host:port, without a scheme or a path, such as mlflow.mlflow.svc:5000")
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
Secret = Annotated[SecretStr, AfterValidator(_secret)]
SecretKey = Annotated[SecretStr, AfterValidator(_secret_key)]
MetricsToken = Annotated[SecretStr, AfterValidator(_metrics_token)]
DatabaseUri = Annotated[SecretStr, AfterValidator(_database_uri)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_names)]
Scopes = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_scopes)]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_hosts)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_patterns)]
Locations = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_locations)]
TokenDays = Annotated[int, Field(ge=1, le=365)]
IdleSeconds = Annotated[int, Field(ge=60)]


class Settings(BaseModel):
    """All settings of the server; see ``docs/settings.md``, which a test holds against these fields."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    oidc_issuer: Issuer = Field(
        description="Issuer URL of the Keycloak realm, exactly as in its tokens (`iss`): with a slash at its end where "
        "that has one, and without where it has none, as in Keycloak."
    )
    oidc_discovery_url: Url | None = Field(
        None,
        description="Discovery document, where the server reaches it under another name than the issuer; default: the "
        "issuer without a slash at its end, and `/.well-known/openid-configuration`.",
    )
    oidc_client_id: Text = Field(description="Client id registered in Keycloak.")
    oidc_client_secret: Secret = Field(description="Client secret.")
    oidc_scopes: Scopes = Field(("openid", "email", "profile"), description="Scopes asked for at login.")
    external_url: Url = Field(description="URL under which browsers and clients reach the server, with its prefix.")
    internal_hosts: Hosts = Field(
        (), description="Further `Host` values to accept, such as `mlflow.mlflow.svc:5000`, comma-separated."
    )
    database_uri: DatabaseUri | None = Field(
        None,
        description="SQLAlchemy URI of the auth tables, in PostgreSQL or SQLite; default: the tracking backend, where "
        "it is one of them.",
    )
    secret_key: SecretKey = Field(description="Encrypts and signs what sessions hold; at least 32 characters.")
    secret_key_previous: SecretStr | None = Field(
        None, description="The secret key before the present one, so that a change ends no session."
    )
    username_claim: Text = Field("email", description="Claim that names the user (lower-cased).")
    require_verified_email: bool = Field(True, description="Refuse a login whose e-mail is not verified.")
    groups_claims: Names = Field(
        ("groups", "realm_access.roles"), description="Claims that list groups and roles, dotted where nested."
    )
    user_groups: Names = Field(("prokube-users",), description="Top-level groups or roles whose members may log in.")
    admin_groups: Names = Field(
        ("prokube-admins",), description="Top-level groups or roles whose members are administrators."
    )
    team_groups: Patterns = Field(
        (),
        description="Groups and roles that are teams, as globs (`team-*`) or regular expressions (`^team-.+$`); "
        "default: every group of the first groups claim but the user and admin groups.",
    )
    support_contact: str | None = Field(
        None, description='Whom refusals name, an e-mail address or a channel; default: "the MLflow admin".'
    )
    token_max_days: TokenDays = Field(365, description="Longest life of an access key, in days.")
    session_idle_seconds: IdleSeconds = Field(8 * 3600, description="A session unused for so long ends.")
    session_max_seconds: int = Field(7 * 86400, ge=300, description="A session ends this long after login.")
    login_seconds: int = Field(600, ge=60, le=3600, description="Time to finish a login that was begun.")
    session_recheck_seconds: int = Field(
        300, ge=1, description="A session asks Keycloak this often whether its person is still in order."
    )
    directory_check: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Whether owners of access keys are looked up in Keycloak: `auto` where the client's service "
        "account has `view-users`, `required` refuses keys while it has not, `off`.",
    )
    directory_recheck_seconds: int = Field(
        300, ge=1, description="The owner of an access key in use is looked up this often."
    )
    keycloak_admin_url: Url | None = Field(
        None,
        description="Admin REST API of the realm; default: derived from the token endpoint "
        "(`https://host/admin/realms/<realm>`).",
    )
    outage_grace_seconds: int = Field(
        8 * 3600,
        ge=0,
        description="How long sessions and keys live on while Keycloak does not answer, or leaves out what it told "
        "before and cannot be looked up.",
    )

    untested_mlflow: str | None = Field(
        None,
        description="A release of MLflow outside of the tested range, such as `3.19.1`, that is taken nevertheless if "
        "it has all that is used of it.",
    )
    artifact_locations: Locations = Field(
        (),
        description="Prefixes below which people who are no administrators may choose the artifact location of an "
        "experiment, such as `s3://bucket/teams`; default: they choose none.",
    )
    max_body_mebibytes: int = Field(
        32,
        ge=1,
        description="Largest body of a request by somebody who is signed in, in MiB (2^20 bytes), unpacked where it "
        "is packed; uploads of artifacts have no bound.",
    )
    audit_retention_days: int = Field(
        400, ge=0, description="Events of the audit trail are forgotten after so long; 0 keeps them for ever."
    )
    metrics_token: MetricsToken | None = Field(
        None,
        description="Turns Prometheus metrics on at `/prokube-auth/metrics`; who scrapes sends it as Bearer token.",
    )

    @property
    def discovery_url(self) -> str:
        """Where the discovery document is fetched (OpenID Connect Discovery 1.0, section 4.1)."""
        return self.oidc_discovery_url or f"{self.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"

    @property
    def base_path(self) -> str:
        """Path under which browsers see the server, ending in ``/``."""
        return urlsplit(self.external_url).path.rstrip("/") + "/"

    @property
    def origin(self) -> str:
        """Scheme, host and port of the external URL, as a browser's ``Origin`` names them."""
        parts = urlsplit(self.external_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def secure(self) -> bool:
        """Whether cookies are ``Secure``."""
        return self.external_url.startswith("https:")

    @property
    def session_cookie(self) -> str:
        """Name of the session's cookie; with this prefix no sibling domain can plant one (RFC 6265bis, 4.1.3)."""
        name = "prokube_auth_session"
        return f"__Host-{name}" if self.secure and self.base_path == "/" else name

    @property
    def largest_body(self) -> int:
        """The largest body in bytes."""
        return self.max_body_mebibytes * 2**20

    @property
    def contact(self) -> str:
        """Whom a refused user asks."""
        return self.support_contact or "the MLflow admin"


class DatabaseSettings(BaseModel):
    """What a command on the database alone reads."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_uri: DatabaseUri | None = None


class StoreSettings(DatabaseSettings):
    """What a command on the stores reads."""

    token_max_days: TokenDays = 365
    session_idle_seconds: IdleSeconds = 8 * 3600


Model = TypeVar("Model", bound=BaseModel)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the server's settings out of ``environ``.

    Raises:
        SettingsError: with every mistake at once, variables that are no setting included.
    """
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    known |= {PREFIX + secret + "_FILE" for secret in SECRETS}
    strays = [
        f"{name} is not a setting; `mlflow-prokube-auth settings` lists them"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known
    ]
    return read(Settings, environ, strays)


def read(model: type[Model], environ: Mapping[str, str], mistakes: list[str] | None = None) -> Model:
    """Read the settings of ``model`` alone.

    Raises:
        SettingsError: with every mistake at once, behind the given ones.
    """
    mistakes = list(mistakes or [])
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    for field, info in model.model_fields.items():
        name = names[field] = PREFIX + field.upper()
        # Compose files hand on what nobody has set as an empty text; where the default is nothing, that is meant.
        if name in environ and (environ[name] or info.default not in (None, ())):
            values[field] = environ[name]
        file_name = environ.get(f"{name}_FILE") if name.removeprefix(PREFIX) in SECRETS else None
        if not file_name:
            continue
        if environ.get(name):
            mistakes.append(f"{name} and {name}_FILE are both set; expected one of them")
            continue
        names[field] = f"{name}_FILE"
        try:
            values[field] = Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{name}_FILE: cannot read {file_name!r} ({_why(error)})")
            names[field] = ""
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            field = str(item["loc"][0])
            if names[field]:  # else its file has been told
                mistakes.append(f"{names[field]}: {_problem(model, field, names[field], item, environ)}")
        raise SettingsError(mistakes) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _why(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is no UTF-8 text"


def _problem(model: type[BaseModel], field: str, name: str, item: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """What was found, unless a secret may be in it, and what is expected."""
    info = model.model_fields[field]
    if item["type"] == "missing":
        return f"is not set. {info.description}"
    if item["type"] == "value_error":
        expected = str(item["msg"]).removeprefix("Value error, ")
    elif info.annotation is bool:
        expected = "expected true or false"
    elif info.annotation is int:
        expected = f"expected {_whole_number(field, info.metadata, info.default)}"
    else:
        expected = f"expected one of {', '.join(get_args(info.annotation))}"
    text = environ.get(name, "")
    # A password in a URI stands behind a ":" or an "=" and before an "@"; a file's text may be a password alone.
    word = field == "database_uri" and not name.endswith("_FILE") and ":" not in text
    harmless = (field.upper() not in SECRETS or word) and not {"@", "="} & set(text)
    return f"found {text!r}, {expected}" if harmless else expected


def _whole_number(field: str, bounds: list[Any], example: int) -> str:
    unit = field.rsplit("_", 1)[1]
    low = next(bound.ge for bound in bounds if isinstance(bound, Ge))
    high = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    limits = f"at least {low}" if high is None else f"from {low} to {high}"
    return f"whole {unit}, {limits}, such as {example}"
