"""The environment, parsed once into one frozen object.

Every variable starts with ``PROKUBE_AUTH_``; a secret may come from a file named by
``PROKUBE_AUTH_<NAME>_FILE`` instead. All mistakes are reported together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from .setting_types import (
    Address,
    Audiences,
    DatabaseUri,
    Host,
    Hosts,
    IdleSeconds,
    Issuer,
    Locations,
    MetricsToken,
    Names,
    Patterns,
    ProviderName,
    Scopes,
    Secret,
    SecretKey,
    SmtpSecurity,
    Text,
    TokenDays,
    TrustedIssuers,
    Url,
    is_address,
)
from .trusted_issuers import Trust, TrustedIssuer

PREFIX = "PROKUBE_AUTH_"
SECRETS = ("OIDC_CLIENT_SECRET", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URI", "METRICS_TOKEN", "SMTP_PASSWORD")


class SettingsError(Exception):
    """The environment is not usable; ``mistakes`` has one line for each variable."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        lines = "\n".join(f"  - {mistake}" for mistake in mistakes)
        super().__init__(f"{len(mistakes)} setting(s) to correct:\n{lines}")


class Settings(BaseModel):
    """All settings of the server; see ``docs/settings.md``, which a test holds against these fields."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    oidc_issuer: Issuer = Field(
        description="Issuer URL of the provider, exactly as in the claim `iss` of its tokens, including a slash at "
        "the end if it has one. Keycloak's is the URL of the realm, without a slash."
    )
    oidc_discovery_url: Url | None = Field(
        None,
        description="URL of the discovery document, if the server reaches it at another address than the issuer; "
        "default: the issuer without a slash at its end, plus `/.well-known/openid-configuration`.",
    )
    provider_name: ProviderName = Field(
        "Keycloak",
        description="Name of the identity provider in pages, error messages and log lines, such as `Dex` or `Acme "
        "Login`.",
    )
    oidc_client_id: Text = Field(description="Client ID of this server at the provider.")
    oidc_client_secret: Secret = Field(description="Client secret of this server at the provider.")
    oidc_scopes: Scopes = Field(("openid", "email", "profile"), description="Scopes that the server requests at login.")
    external_url: Url = Field(description="URL at which browsers and clients reach the server, including the prefix.")
    internal_hosts: Hosts = Field((), description="Further `Host` values to accept, such as `mlflow.mlflow.svc:5000`.")
    database_uri: DatabaseUri | None = Field(
        None,
        description="SQLAlchemy URI of the auth tables, in PostgreSQL or SQLite; default: the tracking backend, if "
        "it is one of these.",
    )
    secret_key: SecretKey = Field(
        description="Key that encrypts and signs the data of sessions; at least 32 characters."
    )
    secret_key_previous: SecretStr | None = Field(
        None, description="The previous secret key, so that replacing the key does not end sessions."
    )
    username_claim: Text = Field("email", description="Claim that contains the user name, which is lower-cased.")
    require_verified_email: bool = Field(
        True, description="Whether to refuse a login if the e-mail address is not verified."
    )
    groups_claims: Names = Field(
        ("groups", "realm_access.roles"),
        description="Claims that contain groups and roles; write nested claims with dots.",
    )
    user_groups: Names = Field(("prokube-users",), description="Top-level groups or roles whose members may log in.")
    admin_groups: Names = Field(
        ("prokube-admins",), description="Top-level groups or roles whose members are administrators."
    )
    team_groups: Patterns = Field(
        (),
        description="Groups and roles that become teams, as globs (`team-*`) or regular expressions (`^team-.+$`); "
        "default: all groups of the first groups claim except the user and admin groups.",
    )
    support_contact: str | None = Field(
        None,
        description='Contact that error messages name, such as an e-mail address or a channel; default: "the MLflow '
        'admin".',
    )
    token_max_days: TokenDays = Field(365, description="Longest lifetime of an access key, in days.")
    session_idle_seconds: IdleSeconds = Field(
        8 * 3600, description="Time without a request after which a session ends."
    )
    session_max_seconds: int = Field(7 * 86400, ge=300, description="Time after the login when a session ends.")
    login_seconds: int = Field(600, ge=60, le=3600, description="Time to complete a login.")
    session_recheck_seconds: int = Field(
        300,
        ge=1,
        description="Interval at which the server asks the provider whether the user of a session may still use it.",
    )
    directory_check: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Whether the server looks up the owners of access keys in Keycloak. `auto`: if the client's "
        "service account has the role `view-users`. `required`: refuse access keys while it lacks the "
        "role. `off`: never.",
    )
    directory_recheck_seconds: int = Field(
        300, ge=1, description="Interval at which the server looks up the owner of an access key in use."
    )
    keycloak_admin_url: Url | None = Field(
        None,
        description="URL of the realm in Keycloak's Admin REST API; default: derived from the token endpoint "
        "(`https://host/admin/realms/<realm>`).",
    )
    outage_grace_seconds: int = Field(
        8 * 3600,
        ge=0,
        description="Time for which sessions and access keys stay valid while the provider does not answer, or omits "
        "claims that it sent before and the server cannot look them up.",
    )

    trusted_issuers: TrustedIssuers = Field(
        (),
        description="Issuers of tokens to which administrators may bind service accounts, such as "
        "`https://token.actions.githubusercontent.com`; for one that the server cannot reach, with a file of its keys: "
        "`https://issuer=/path/to/jwks.json`. Default: none. The issuer of logins cannot be among them.",
    )
    workload_audiences: Audiences = Field(
        (),
        description="Names of this server in the claim `aud` of these tokens; default: the external URL.",
    )

    untested_mlflow: str | None = Field(
        None,
        description="A release of MLflow outside the tested range, such as `3.19.1`, to accept if it has everything "
        "that the plugin uses.",
    )
    short_way: bool = Field(
        True,
        description="Whether requests to Flask skip two MLflow middlewares and a bridge that have no effect on them; "
        "`false` uses them, which needs more time and memory.",
    )
    artifact_locations: Locations = Field(
        (),
        description="Prefixes below which users may choose the artifact location of an experiment, such as "
        "`s3://bucket/teams`; default: only administrators may choose one.",
    )
    max_body_mebibytes: int = Field(
        32,
        ge=1,
        description="Largest request body of a logged-in user, in MiB (2^20 bytes), after decompression; uploads of "
        "artifacts have no limit.",
    )
    audit_retention_days: int = Field(
        400, ge=0, description="Days after which events of the audit trail are deleted; 0 keeps them forever."
    )
    metrics_token: MetricsToken | None = Field(
        None,
        description="Bearer token for Prometheus metrics at `/prokube-auth/metrics`; default: metrics are off.",
    )

    smtp_host: Host | None = Field(
        None,
        description="Mail server for reminders to owners of access keys, 14 and 2 days before a key expires; "
        "default: no e-mails.",
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_username: str | None = Field(None, description="User name for the mail server; default: no authentication.")
    smtp_password: SecretStr | None = Field(None, description="Password for the mail server.")
    smtp_security: SmtpSecurity = Field(
        "starttls",
        description="Encryption of the connection to the mail server: `starttls`, `tls` from the start, or `none`.",
    )
    smtp_from: Address | None = Field(
        None,
        description="Sender of the e-mails; default: `SUPPORT_CONTACT` if it is an address, otherwise `mlflow` at "
        "the host of the external URL.",
    )

    @property
    def trust(self) -> Trust:
        """What service accounts may be bound to."""
        return _trust(self.trusted_issuers, self.workload_audiences, self.external_url)

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
    def keys_url(self) -> str:
        """The page of permissions and access keys."""
        return f"{self.external_url}/prokube-auth/permissions"

    @property
    def callback_url(self) -> str:
        """The redirect URI of logins."""
        return f"{self.external_url}/prokube-auth/callback"

    @property
    def post_logout_urls(self) -> tuple[str, str]:
        """Where the provider sends browsers after a logout: to the last page, or to another login."""
        return f"{self.external_url}/prokube-auth/logged-out", f"{self.external_url}/prokube-auth/login"

    @property
    def mail_sender(self) -> str:
        """The sender of e-mails."""
        contact = self.support_contact or ""
        host = urlsplit(self.external_url).hostname or "localhost"
        return self.smtp_from or (contact if is_address(contact) else f"mlflow@{host}")

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
        """The contact that refusals name."""
        return self.support_contact or "the MLflow admin"


def _trust(issuers: tuple[TrustedIssuer, ...], audiences: tuple[str, ...], external_url: str | None) -> Trust:
    return Trust(tuple(issuer.url for issuer in issuers), audiences or ((external_url,) if external_url else ()))


class DatabaseSettings(BaseModel):
    """What a command on the database alone reads."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_uri: DatabaseUri | None = None


class IssuerSettings(BaseModel):
    """The issuer alone."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    oidc_issuer: Issuer


class StoreSettings(DatabaseSettings):
    """What a command on the stores reads."""

    provider_name: ProviderName = "Keycloak"

    token_max_days: TokenDays = 365
    session_idle_seconds: IdleSeconds = 8 * 3600


class TeamSettings(StoreSettings):
    """What a command that makes teams of groups reads."""

    groups_claims: Names = ("groups", "realm_access.roles")
    user_groups: Names = ("prokube-users",)
    admin_groups: Names = ("prokube-admins",)
    team_groups: Patterns = ()


class TrustSettings(StoreSettings):
    """What a command that binds service accounts to issuers reads."""

    oidc_issuer: Issuer | None = None
    external_url: Url | None = None
    trusted_issuers: TrustedIssuers = ()
    workload_audiences: Audiences = ()

    @property
    def trust(self) -> Trust:
        """As the server has it."""
        return _trust(self.trusted_issuers, self.workload_audiences, self.external_url)


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
