"""The environment, parsed once into one frozen object.

Every variable starts with ``PROKUBE_AUTH_``; a secret may come from a file named by
``PROKUBE_AUTH_<NAME>_FILE`` instead. All mistakes are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "PROKUBE_AUTH_"
SECRETS = ("OIDC_CLIENT_SECRET", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URI")
LIST_FIELDS = ("oidc_scopes", "groups_claims", "user_groups", "admin_groups", "team_groups", "internal_hosts")

Words = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """The environment is not usable; ``mistakes`` has one line for each variable."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        lines = "\n".join(f"  - {mistake}" for mistake in mistakes)
        super().__init__(f"prokube-auth cannot start, {len(mistakes)} setting(s) to mend:\n{lines}")


class Settings(BaseSettings):
    """All settings; see ``docs/settings.md``, which a test holds against these fields."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    oidc_issuer: str = Field(description="Issuer URL of the Keycloak realm, exactly as in its tokens (`iss`).")
    oidc_discovery_url: str | None = Field(
        None, description="Discovery document, where the server reaches it under another name than the issuer."
    )
    oidc_client_id: str = Field(description="Client id registered in Keycloak.")
    oidc_client_secret: SecretStr = Field(description="Client secret.")
    oidc_scopes: Words = Field(("openid", "email", "profile"), description="Scopes asked for at login.")
    external_url: str = Field(description="URL under which browsers and clients reach the server, with its prefix.")
    internal_hosts: Words = Field(
        (), description="Further `Host` values to accept, such as `mlflow.mlflow.svc:5000`, comma-separated."
    )
    database_uri: SecretStr | None = Field(
        None, description="SQLAlchemy URI of the auth tables; default: the tracking backend when it is SQL."
    )
    secret_key: SecretStr = Field(description="At least 32 characters; encrypts and signs what sessions hold.")
    secret_key_previous: SecretStr | None = Field(
        None, description="The secret key before the present one, so that a change ends no session."
    )
    username_claim: str = Field("email", description="Claim that names the user (lower-cased).")
    require_verified_email: bool = Field(True, description="Refuse a login whose e-mail is not verified.")
    groups_claims: Words = Field(
        ("groups", "realm_access.roles"), description="Claims that list groups and roles, dotted where nested."
    )
    user_groups: Words = Field(("prokube-users",), description="Top-level groups or roles whose members may log in.")
    admin_groups: Words = Field(
        ("prokube-admins",), description="Top-level groups or roles whose members are administrators."
    )
    team_groups: Words = Field(
        (),
        description="Groups and roles that are teams, as globs (`team-*`) or regular expressions (`^team-.+$`); "
        "default: every group of the first groups claim but the user and admin groups.",
    )
    support_contact: str | None = Field(
        None, description='Whom refusals name, an e-mail address or a channel; default: "the MLflow admin".'
    )
    token_max_days: int = Field(365, ge=1, le=365, description="Longest life of an access key, in days.")
    session_idle_seconds: int = Field(8 * 3600, ge=60, description="A session unused for so long ends.")
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
    keycloak_admin_url: str | None = Field(
        None,
        description="Admin REST API of the realm; default: derived from the token endpoint "
        "(`https://host/admin/realms/<realm>`).",
    )
    outage_grace_seconds: int = Field(
        8 * 3600, ge=0, description="How long sessions and keys live on while Keycloak does not answer."
    )

    @field_validator(*LIST_FIELDS, mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept comma- or blank-separated words."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("oidc_issuer", "external_url", "oidc_discovery_url", "keycloak_admin_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected a URL such as https://host/path")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("expected a URL without user, query or fragment")
        return value.rstrip("/") if parts.path != "/" else value[:-1]

    @field_validator("oidc_scopes")
    @classmethod
    def _openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("expected the scope `openid` among them")
        return value

    @field_validator("user_groups", "admin_groups", "groups_claims")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("expected at least one name")
        return value

    @field_validator("team_groups")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                re.compile(pattern if pattern.startswith("^") else "")
            except re.error as error:
                raise ValueError(f"expected globs or regular expressions, {pattern!r} is none: {error}") from None
        return value

    @field_validator("oidc_client_secret")
    @classmethod
    def _present(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("expected a value, found an empty one")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError(f"expected at least 32 characters, found {len(value.get_secret_value())}")
        return value

    @property
    def discovery_url(self) -> str:
        """Where the discovery document is fetched (OpenID Connect Discovery 1.0, section 4)."""
        return self.oidc_discovery_url or f"{self.oidc_issuer}/.well-known/openid-configuration"

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
    def contact(self) -> str:
        """Whom a refused user asks."""
        return self.support_contact or "the MLflow admin"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings out of ``environ``.

    Raises:
        SettingsError: with every mistake at once.
    """
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for field in Settings.model_fields:
        name = PREFIX + field.upper()
        if name in environ and environ[name] != "":
            values[field] = environ[name]
    for secret in SECRETS:
        name, file_name = PREFIX + secret, PREFIX + secret + "_FILE"
        if file_name not in environ:
            continue
        if environ.get(name):
            mistakes.append(f"{name} and {file_name} are both set; expected one of them")
            continue
        try:
            values[secret.lower()] = Path(environ[file_name]).read_text(encoding="utf-8").strip()
        except OSError as error:
            mistakes.append(f"{file_name}: cannot read {environ[file_name]!r} ({error.strerror})")
            values[secret.lower()] = "x" * 32
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    known |= {PREFIX + secret + "_FILE" for secret in SECRETS}
    mistakes += [
        f"{name} is not a setting; see docs/settings.md"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known
    ]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            name = PREFIX + str(item["loc"][0]).upper()
            found = "" if name.removeprefix(PREFIX) in SECRETS else f"found {environ.get(name, '')!r}, "
            problem = "is not set" if item["type"] == "missing" else found + item["msg"].removeprefix("Value error, ")
            description = Settings.model_fields[str(item["loc"][0])].description
            mistakes.append(f"{name}: {problem}. {description}")
        raise SettingsError(mistakes) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings
