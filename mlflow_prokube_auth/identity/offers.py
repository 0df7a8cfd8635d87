"""What an identity provider offers, as its discovery document says, and what it means for this server. Pure.

Keycloak needs none of it: it sends refresh tokens to every client, and its mappers decide on claims. Others bring
groups, or a refresh token, to who asks for their scope alone, and have no directory that could be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings import Settings

GROUPS_SCOPE = "groups"
# OpenID Connect Core 1.0, section 11.
REFRESH_SCOPE = "offline_access"
SCOPES = "PROKUBE_AUTH_OIDC_SCOPES"


def is_keycloak(document: Mapping[str, Any], settings: Settings) -> bool:
    """Whether there is an Admin REST API: by the form of Keycloak's URLs, or because the settings name it."""
    return settings.keycloak_admin_url is not None or "/realms/" in str(document.get("token_endpoint"))


def ends_sessions(document: Mapping[str, Any]) -> bool:
    """Whether a logout here can end the provider's session, too (RP-Initiated Logout 1.0, section 2.1)."""
    return bool(document.get("end_session_endpoint"))


def _offers(document: Mapping[str, Any], scope: str) -> bool:
    found = document.get("scopes_supported")
    return isinstance(found, list) and scope in found


def scope_for_groups(document: Mapping[str, Any], settings: Settings) -> str | None:
    """What to do where groups are missing; None where no scope that would bring them is known to be left out."""
    if GROUPS_SCOPE in settings.oidc_scopes or not _offers(document, GROUPS_SCOPE):
        return None
    return f"{settings.provider_name} offers the scope `{GROUPS_SCOPE}`, which is not requested: add it to {SCOPES}"


def mapper_for_groups(settings: Settings) -> str:
    """What in Keycloak sends the groups."""
    claim = settings.groups_claims[0]
    return (
        f'Add a mapper "Group Membership" to the client \'{settings.oidc_client_id}\' (Clients, its "Client scopes", '
        f'"{settings.oidc_client_id}-dedicated"): Token Claim Name \'{claim}\', "Full group path" and "Add to ID '
        'token" on'
    )


def why_no_recheck(document: Mapping[str, Any], settings: Settings) -> str | None:
    """Why sessions will not be re-checked by a refresh token, and what to do; None where they may be.

    A document that does not list its grants has the default ones, without refresh tokens, by the letter of OpenID
    Connect Discovery 1.0, section 3; many that send them leave the list out, so that says nothing here.
    """
    grants, name = document.get("grant_types_supported"), settings.provider_name
    if isinstance(grants, list) and "refresh_token" not in grants:
        return f"{name} issues no refresh tokens (grant_types_supported)"
    asked = REFRESH_SCOPE in settings.oidc_scopes
    if asked or is_keycloak(document, settings) or not _offers(document, REFRESH_SCOPE):
        return None
    return f"{name} may issue refresh tokens only for the scope `{REFRESH_SCOPE}`: add it to {SCOPES}"
