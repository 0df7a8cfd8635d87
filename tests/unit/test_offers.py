"""What a discovery document says of a provider, for this server."""

from __future__ import annotations

from typing import Any

import pytest

from mlflow_prokube_auth.identity import offers
from mlflow_prokube_auth.settings import Settings, load

from ..support.settings import GOOD

KEYCLOAK = {
    "token_endpoint": "https://sso.test/realms/acme/protocol/openid-connect/token",
    "end_session_endpoint": "https://sso.test/realms/acme/protocol/openid-connect/logout",
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
    "scopes_supported": ["openid", "profile", "email", "offline_access", "groups"],
}
# As Dex 2.45 has it.
DEX = {
    "token_endpoint": "https://dex.test/token",
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "scopes_supported": ["openid", "email", "groups", "profile", "offline_access"],
}


def settings(**changes: str) -> Settings:
    return load({**GOOD, **{f"PROKUBE_AUTH_{name}": value for name, value in changes.items()}})


@pytest.mark.parametrize(
    ("document", "changes", "expected"),
    [
        (KEYCLOAK, {}, True),
        (DEX, {}, False),
        (DEX, {"KEYCLOAK_ADMIN_URL": "https://sso.test/admin/realms/acme"}, True),
        ({}, {}, False),
    ],
)
def test_what_is_a_keycloak(document: dict[str, Any], changes: dict[str, str], expected: bool) -> None:
    assert offers.is_keycloak(document, settings(**changes)) is expected


def test_who_ends_sessions() -> None:
    assert offers.ends_sessions(KEYCLOAK)
    assert not offers.ends_sessions(DEX)


@pytest.mark.parametrize(
    ("document", "scopes", "words"),
    [
        (KEYCLOAK, "openid", None),
        (DEX, "openid email", "Acme may issue refresh tokens only for the scope `offline_access`"),
        (DEX, "openid offline_access", None),
        (
            {**DEX, "grant_types_supported": ["authorization_code"]},
            "openid offline_access",
            "Acme issues no refresh tokens",
        ),
        ({**KEYCLOAK, "grant_types_supported": ["authorization_code"]}, "openid", "Acme issues no refresh tokens"),
        ({**DEX, "grant_types_supported": None, "scopes_supported": "openid"}, "openid", None),
        ({}, "openid", None),
    ],
)
def test_why_sessions_are_not_rechecked(document: dict[str, Any], scopes: str, words: str | None) -> None:
    found = offers.why_no_recheck(document, settings(OIDC_SCOPES=scopes, PROVIDER_NAME="Acme"))
    assert (found is None) if words is None else (found is not None and found.startswith(words)), found


@pytest.mark.parametrize(
    ("document", "scopes", "hint"), [(DEX, "openid", True), (DEX, "openid groups", False), ({}, "openid", False)]
)
def test_which_scope_may_bring_groups(document: dict[str, Any], scopes: str, hint: bool) -> None:
    found = offers.scope_for_groups(document, settings(OIDC_SCOPES=scopes))
    assert (found is not None and "PROKUBE_AUTH_OIDC_SCOPES" in found) is hint


@pytest.mark.parametrize("name", ["", "x" * 61, "a\u202eb", "a\nb"])
def test_a_name_of_a_provider_is_one_that_people_can_read(name: str) -> None:
    with pytest.raises(Exception, match="PROKUBE_AUTH_PROVIDER_NAME"):
        settings(PROVIDER_NAME=name)
