"""What goes wrong between this server and the identity provider; no text holds a secret."""

from __future__ import annotations

from typing import Any

from ..settings import Settings

LONGEST_ISSUER = 200


class ProviderDown(Exception):
    """Keycloak does not answer, or answers nonsense."""


class WrongSetting(ProviderDown):
    """No outage: a setting here and the provider do not fit together; the text says which, and what to do."""


class NoDiscovery(WrongSetting):
    """There is no discovery document."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"{settings.discovery_url} answers 404. Check PROKUBE_AUTH_OIDC_ISSUER: in Keycloak, the realm is the last "
            "part of its path"
        )


class LoginsRefused(WrongSetting):
    """The provider would refuse the browser of anybody who wants to log in."""


class OtherIssuer(WrongSetting):
    """The discovery document and the settings name different issuers; the text has both, and what to do."""

    def __init__(self, found: Any, settings: Settings) -> None:
        expected = settings.oidc_issuer
        advice = "Check PROKUBE_AUTH_OIDC_ISSUER"
        if isinstance(found, str) and len(found) < LONGEST_ISSUER:
            advice = f"Set PROKUBE_AUTH_OIDC_ISSUER to {found!r}, if that is the intended provider"
            if found.rstrip("/") == expected.rstrip("/"):
                advice = f"Set PROKUBE_AUTH_OIDC_ISSUER to {found!r}: the slash at the end is part of it"
        named = repr(found)[:LONGEST_ISSUER]
        super().__init__(f"the discovery document names the issuer {named}, expected {expected!r}. {advice}")


class GrantRefused(Exception):
    """Keycloak answers, and refuses: the text is its ``error`` and holds no secret."""


class ClientRefused(GrantRefused):
    """Keycloak refuses the client itself: its id or secret is another, or it is disabled."""

    def __init__(self, error: str) -> None:
        super().__init__(
            f"it does not accept the client's id and secret, {error!r}; check PROKUBE_AUTH_OIDC_CLIENT_ID and "
            "PROKUBE_AUTH_OIDC_CLIENT_SECRET"
        )


class TokenInvalid(Exception):
    """A token does not hold; the text says what was found and expected, and holds no secret."""
