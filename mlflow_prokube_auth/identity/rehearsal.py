"""What Keycloak would answer a browser that this server sends to it, asked without a browser.

A wrong redirect URI ends on a page of Keycloak's, of which this server hears nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from ..settings import Settings
from . import offers
from .faults import LoginsRefused, ProviderDown

# To connect, and to answer: where only browsers get to the endpoint, nothing connects; a busy Keycloak takes its time.
TIMEOUT_SECONDS = (3, 10)
# What the endpoint says to `prompt=none` where nobody is logged in (OpenID Connect Core 1.0, section 3.1.2.6).
NOBODY_THERE = ("login_required", "interaction_required", "consent_required", "account_selection_required")
LOGOUT_ADVICE = 'add it to the "Valid post logout redirect URIs" of the client'
ADVICE = {
    "unauthorized_client": 'Switch on "Standard flow" in the client',
    "invalid_scope": "Check PROKUBE_AUTH_OIDC_SCOPES and the scopes of the client",
}


def login(settings: Settings, document: Mapping[str, Any]) -> bool:
    """Whether it is known that logins can begin; an endpoint that is for browsers alone may be out of reach from here.

    Raises:
        LoginsRefused: they cannot; the text says why, and what to do.
        ProviderDown: the endpoint takes too long.
    """
    if not offers.is_keycloak(document, settings):
        return False
    answer = _asked(
        document.get("authorization_endpoint"),
        {
            "response_type": "code",
            "client_id": settings.oidc_client_id,
            "redirect_uri": settings.callback_url,
            "scope": " ".join(settings.oidc_scopes),
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "code_challenge": secrets.token_urlsafe(32),
            "code_challenge_method": "S256",
            "prompt": "none",
        },
    )
    if answer is None:
        return False
    name, client = settings.provider_name, settings.oidc_client_id
    # In every language, Keycloak's page names the parameter that it refuses.
    if answer.status_code == 400 and "redirect_uri" in answer.text:
        raise LoginsRefused(
            f'{name} does not know the redirect URI {settings.callback_url}. Add it to the "Valid redirect URIs" of '
            f"the client '{client}', or correct PROKUBE_AUTH_EXTERNAL_URL"
        )
    if answer.status_code == 400:
        raise LoginsRefused(
            f"{name} knows no client '{client}' that is enabled, or not its redirect URI {settings.callback_url}. "
            "Check PROKUBE_AUTH_OIDC_CLIENT_ID and the client"
        )
    target = answer.headers.get("Location", "")
    if not target.startswith(f"{settings.callback_url}?"):
        return False
    said = parse_qs(urlsplit(target).query)
    error = said.get("error", [""])[0]
    if not error or error in NOBODY_THERE:
        return True
    why = said.get("error_description", [""])[0]
    advice = ADVICE.get(error, "Check the client's settings")
    raise LoginsRefused(f"{name} refuses logins of the client '{client}': {error!r:.80} {why!r:.200}. {advice}")


def unknown_logout(settings: Settings, document: Mapping[str, Any]) -> list[str]:
    """The addresses after a logout that Keycloak refuses to send browsers back to.

    Raises:
        ProviderDown: the endpoint takes too long.
    """
    if not offers.is_keycloak(document, settings):
        return []
    unknown = []
    for url in settings.post_logout_urls:
        query = {"client_id": settings.oidc_client_id, "post_logout_redirect_uri": url}
        answer = _asked(document.get("end_session_endpoint"), query)
        if answer is not None and answer.status_code == 400:
            unknown.append(url)
    return unknown


def _asked(url: Any, query: Mapping[str, str]) -> requests.Response | None:
    if not isinstance(url, str):
        return None
    try:
        return requests.get(url, params=query, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.ReadTimeout:
        raise ProviderDown("its login page takes too long to answer") from None
    except requests.RequestException:
        return None
