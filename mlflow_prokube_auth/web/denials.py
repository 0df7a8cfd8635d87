"""Refused logins: the page for people whom the provider knows but who may not use MLflow, and the cause in the log."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import session

from .. import logs
from ..identity import offers
from ..identity.caller import actor_named
from ..identity.claims import Denial, Membership
from ..identity.directory import NoRight
from ..identity.faults import ProviderDown
from ..identity.oidc import Login
from ..store import audit
from .context import Web

_logger = logs.logger(__name__)
TITLE = "You may not log in here"
# Distributed claims (OpenID Connect Core 1.0, section 5.6.2).
GROUPS_ELSEWHERE = (
    "the token refers to another place for the groups (_claim_names), which this server does not query. Entra ID does "
    "so for people in more than 200 groups. Let the provider send only the groups of this application, or roles"
)


def page(web: Web, denial: Denial, login: Login) -> Any:
    """Record it, end the session and say why, with the way to another account."""
    with web.services.database.write() as connection:
        audit.record(connection, "login.denied", actor_named(denial.account), reason=denial.reason)
    session.end()  # type: ignore[attr-defined]  # our session
    title, reason = _of_groups(web, denial, login) or (TITLE, f"{denial.reason} Ask {web.settings.contact} for access.")
    name = web.settings.provider_name
    again = web.relying_party.end_session_url(login.id_token, web.settings.post_logout_urls[1])
    return web.message(
        403,
        title,
        f"You are logged in at {name} as {denial.account}. {reason}",
        {"label": "Log in as someone else", "href": again or web.url("login/start?anew=1"), "primary": True},
    )


def _of_groups(web: Web, denial: Denial, login: Login) -> tuple[str, str] | None:
    """Title and reason where the provider left out the groups of somebody who is, or may be, in the right one."""
    missing = [claim for claim in web.settings.groups_claims if claim in denial.unsaid]
    if not missing:
        return None
    claims = " and ".join(f"'{claim}'" for claim in missing)
    name, contact = web.settings.provider_name, web.settings.contact
    held = None
    try:
        if web.settings.directory_check == "off":
            raise NoRight("PROKUBE_AUTH_DIRECTORY_CHECK is off")
        held = web.directory.admits(str(login.sources[0]["sub"]))
        if held is None:
            return None  # Keycloak leaves out the claim of who is in no group
    except (NoRight, ProviderDown):
        pass  # so nobody knows
    _tell(web, denial, login, missing, held)
    if held is None:
        wanted = " or ".join(f"'{each}'" for each in web.settings.user_groups)
        return TITLE, (
            f"{name} did not send the claim {claims} of this account. Either the account is not a member of "
            f"{wanted}, or a setting is missing in {name}. Ask {contact}."
        )
    return f"{name} did not send your groups", (
        f"You are a member of '{held.name}' and may log in here, but {name} did not send the claim {claims} to "
        f"this server. Ask {contact} to fix it."
    )


def _tell(web: Web, denial: Denial, login: Login, missing: list[str], held: Membership | None) -> None:
    """Say in the log which claim is missing, where it was looked for, and what brings it."""
    settings = web.settings
    if {name for source in login.sources for name in source.get("_claim_names") or ()} & set(missing):
        _logger.warning("login of %s refused: %s", denial.account, GROUPS_ELSEWHERE)
        return
    advice = f"The server requests the scopes {' '.join(settings.oidc_scopes)} ({offers.SCOPES})"
    with suppress(ProviderDown):
        document = web.provider.metadata()
        advice = offers.scope_for_groups(document, settings) or advice
        if offers.is_keycloak(document, settings):
            advice = offers.mapper_for_groups(settings)
    _logger.warning(
        "login of %s refused: neither the ID token nor the access token nor userinfo has the claim %s%s. %s. The "
        "claims received: %s",
        denial.account,
        " or ".join(missing),
        "" if held is None else f", although the account is a member of {held.name}",
        advice,
        ", ".join(sorted({name for source in login.sources for name in source})),
    )
