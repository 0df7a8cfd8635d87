"""``doctor --as``: what a person would get who logs in now, without a browser.

The claims come from Keycloak's own preview of tokens (Admin REST API, ``evaluate-scopes``), for which the client's
service account needs `view-clients` beside `view-users`, or from a token or claims that somebody pastes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ..identity import offers
from ..identity.claims import Denial, Membership, admit
from ..identity.directory import Directory, NoDirectory
from ..identity.faults import ClientRefused, GrantRefused, ProviderDown, TokenInvalid
from ..identity.provider import Provider
from ..settings import Settings
from .finding import Finding
from .realm import Get, clients_of

PREVIEWS = ("id-token", "access-token", "userinfo")
NAMES = ("preferred_username", "email", "sub")
PASTE = (
    "Paste claims instead: `doctor --as USER --claims -` reads an access token of the person's, or what Keycloak's "
    'console shows under Clients, the client, "Client scopes", "Evaluate", "Generated ID token"'
)


class NoClaims(Exception):
    """The person's claims are not available; the text says why, and what to do."""


def examine_person(settings: Settings, user: str, pasted: str | None) -> Iterator[Finding]:
    """What ``user`` would get; ``pasted`` is a JWT or a JSON object of claims, None asks Keycloak."""
    provider = Provider(settings)
    what = f"login of {user}"
    try:
        sources = _previewed(settings, provider, user) if pasted is None else _pasted(settings, provider, user, pasted)
    except NoClaims as error:
        yield Finding("fail", what, str(error))
        return
    except ProviderDown as error:
        yield Finding("fail", what, f"{settings.provider_name} does not answer ({error})")
        return
    yield from verdict(sources, settings, what)


def verdict(sources: list[Mapping[str, Any]], settings: Settings, what: str) -> Iterator[Finding]:
    """What a login with these claims would come to."""
    found = admit(sources, settings)
    if isinstance(found, Denial):
        text = f"refused: {found.reason}"
        missing = [claim for claim in settings.groups_claims if claim in found.unsaid]
        if missing:
            text += f" The claim {' and '.join(missing)} is missing. {offers.mapper_for_groups(settings)}"
        yield Finding("fail", what, text)
        return
    yield Finding("ok", what, f"admitted by {_words(found.admitted_by)}")
    yield Finding("ok", "user name", f"{found.username}, shown as {found.display_name}")
    yield Finding("ok", "administrator", "no" if found.admin_by is None else f"yes, by {_words(found.admin_by)}")
    yield Finding("ok", "teams", ", ".join(found.teams) or "none")
    for refused in found.no_teams:
        yield Finding("warn", "no team", refused)


def _words(membership: str) -> str:
    parsed = Membership.parse(membership)
    return f"'{parsed.name}' of the claim {parsed.claim}"


def _previewed(settings: Settings, provider: Provider, user: str) -> list[Mapping[str, Any]]:
    """The claims of the tokens that Keycloak would make for the person.

    Raises:
        NoClaims: the client may not ask, or there is no such person.
        ProviderDown: Keycloak does not answer.
    """
    try:
        token, base = provider.service_token(), Directory(settings, provider).admin_url()
        get: Get = lambda path: provider.get_json(f"{base}/{path}", token)  # noqa: E731 - short for the three below
        key = "email" if "@" in user else "username"
        people = get(f"users?{key}={quote(user, safe='')}&exact=true")
        if not people:
            raise NoClaims(f"the realm has nobody with this {key.replace('user', 'user ')}")
        clients = clients_of(settings, get)
        if not clients:
            raise GrantRefused("the client is not listed")
        query = f"userId={quote(people[0]['id'], safe='')}&scope={quote(' '.join(settings.oidc_scopes), safe='')}"
        path = f"clients/{clients[0]['id']}/evaluate-scopes/generate-example"
        return [claims for kind in PREVIEWS if (claims := get(f"{path}-{kind}?{query}"))]
    except (NoDirectory, ClientRefused) as error:
        raise NoClaims(f"{error}. {PASTE}") from None
    except GrantRefused as error:
        needs = "the client's service account needs `view-users` and `view-clients` of `realm-management` for this"
        raise NoClaims(f"{settings.provider_name} does not tell ({error}): {needs}. {PASTE}") from None


def _pasted(settings: Settings, provider: Provider, user: str, text: str) -> list[Mapping[str, Any]]:
    """The claims of a token that holds, with those of userinfo, or of a JSON object as it is.

    Raises:
        NoClaims: it is neither, or of somebody else.
        ProviderDown: the signing keys are not available.
    """
    text = text.strip()
    sources: list[Mapping[str, Any]] = []
    if text.startswith("{"):
        try:
            sources = [json.loads(text)]
        except ValueError as error:
            raise NoClaims(f"the pasted claims are no JSON object: {error}") from None
    else:
        try:
            claims = provider.verify(text)
        except TokenInvalid as error:
            raise NoClaims(f"the pasted token does not hold: {error}") from None
        sources = [claims]
        if claims.get("typ") == "Bearer":
            with contextlib.suppress(GrantRefused):  # another client's token may be without the scope `openid`
                sources += filter(None, [provider.userinfo(text)])
    named = [str(claims[name]) for claims in sources for name in NAMES if claims.get(name)]
    if user.lower() not in (name.lower() for name in named):
        raise NoClaims(f"the pasted claims are of {' alias '.join(dict.fromkeys(named)) or 'nobody'}, expected {user}")
    return sources
