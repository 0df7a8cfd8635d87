"""Login: the page with the button, the way to Keycloak and the way back."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote

from flask import redirect, request, session

from .. import logs
from ..errors import TooMany, Unavailable
from ..identity.caller import current_identity
from ..identity.claims import Denial, admit, implied, said
from ..identity.kept import Kept
from ..identity.oidc import Login, LoginFailed
from ..identity.provider import OtherIssuer, ProviderDown
from ..policy import words
from ..store import audit
from ..store.people import Blocked, NameTaken
from ..store.sessions import KeycloakSession
from .context import Web, client_address

_logger = logs.logger(__name__)
# Authlib keeps a login that was begun under this and its state; so many may be under way in one browser.
AUTHLIB_STATE = "_state_keycloak_"
MAX_LOGINS = 5
# A hash of MLflow's UI, or a path on this server that is no "//host", has no backslash and walks up nowhere.
_NEXT = re.compile(r"(?:#/|/(?!/))[\x21-\x5b\x5d-\x7e]*")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


def safe_next(web: Web, target: str | None) -> str:
    """Where to go after login: ``#/...`` of MLflow's UI or a path of this server; else the UI."""
    return within(web.base, target or "")


def within(base: str, target: str) -> str:
    """``target`` as a path that no browser reads as one outside of ``base``; ``base`` where it is another."""
    if len(target) > 2000 or not _NEXT.fullmatch(target):
        return base
    if target.startswith("#"):
        return base + target
    path = re.split("[?#]", target, maxsplit=1)[0]
    return target if path.startswith(base) and not _DOTS.search(path) else base


def page(web: Web) -> Any:
    """The page with the button."""
    target = request.args.get("next", "")
    try:
        identity = current_identity()
    except Unavailable:  # Keycloak has been away for longer than this browser's session may go on without it
        return _provider_down(web, target)
    if identity is not None:
        return redirect(safe_next(web, target))
    if session.pop("silent", None):  # a session that idled out at Keycloak: no click where its own lives on
        return redirect(_start_url(web, target))
    return web.page("login.html", next=target, start_url=_start_url(web, target), problem=None)


def _start_url(web: Web, target: str) -> str:
    return web.url(f"login/start?next={quote(target, safe='')}")


def start(web: Web) -> Any:
    """To Keycloak, with PKCE, state and nonce kept in the session's row."""
    target = request.args.get("next", "")
    if not web.visitors.may_begin(client_address()):
        raise TooMany("Too many logins begin at your address. Wait a minute and try again.")
    for key in [key for key in session if key.startswith(AUTHLIB_STATE)][: -MAX_LOGINS + 1]:
        session.pop(key)
    try:
        response = web.relying_party.begin(f"{web.settings.external_url}/prokube-auth/callback")
    except ProviderDown as error:
        return _provider_down(web, target, error)
    session["next"] = safe_next(web, target)
    return response


def _provider_down(web: Web, target: str, error: ProviderDown | None = None) -> Any:
    problem = "Keycloak does not answer at the moment. Running sessions and access keys go on; try again shortly."
    if error is not None:
        _logger.error("login: the identity provider (%s) does not answer (%s)", web.settings.discovery_url, error)
    if isinstance(error, OtherIssuer):
        problem = f"Nobody can log in until {web.settings.contact} has mended a setting: {error}."
    local_url = web.url(f"login/local?next={quote(target, safe='')}") if web.services.local_admins.exist() else None
    return web.page(
        "login.html", 503, next=target, start_url=_start_url(web, target), problem=problem, local_url=local_url
    )


def callback(web: Web) -> Any:
    """Back from Keycloak: check, bind, begin the session."""
    with web.visitors.completing(client_address()) as allowed:
        if not allowed:
            raise TooMany("Too many people log in at this moment. Go back and try again in a few seconds.")
        return _completed(web)


def _completed(web: Web) -> Any:
    target = session.pop("next", "")
    try:
        login = web.relying_party.complete()
    except ProviderDown as error:
        return _provider_down(web, target, error)
    except LoginFailed as error:
        _logger.warning("login refused: %s", error)
        return web.message(
            400,
            "The login was not completed",
            "It took too long, was begun in another browser, or its answer does not hold. Nothing was changed. "
            f"If it happens again, ask {web.settings.contact}.",
            {"label": "Try again", "href": web.url(f"login?next={quote(target, safe='')}"), "primary": True},
        )
    verdict = admit(login.sources, web.settings)
    if isinstance(verdict, Denial):
        _withdraw(web, verdict, login)
        return _denied(web, verdict, login)
    try:
        person = web.services.people.log_in(verdict, int(time.time()), client_address())
    except Blocked:
        return _denied(web, Denial(verdict.username, "An administrator of MLflow has blocked this account."), login)
    except NameTaken as error:
        return _denied(web, Denial(verdict.username, words.user_name_taken(error.name, kept=error.kept)), login)
    web.store.grant_default_workspace_use(person)
    kept = Kept(login.refresh_token, login.id_token, said(login.sources, web.settings))
    session.log_in(person.user_id, KeycloakSession(login.sid, kept.sealed(web.box)))  # type: ignore[attr-defined]
    return redirect(safe_next(web, target))


def _withdraw(web: Web, denial: Denial, login: Login) -> None:
    """Who is told at a login to be out is out with all that earlier logins opened, as by a re-check."""
    standing = web.services.people.standing(web.settings.oidc_issuer, str(login.sources[0]["sub"]))
    if standing is None or standing.disabled:
        return
    if implied(web.settings, standing.admitted_by, standing.admin_by) <= said(login.sources, web.settings):
        web.services.people.withdraw(standing.person.user_id, denial.reason, int(time.time()))


def _denied(web: Web, denial: Denial, login: Login) -> Any:
    with web.services.database.write() as connection:
        audit.record(connection, "login.denied", denial.account, client=client_address(), reason=denial.reason)
    session.end()  # type: ignore[attr-defined]  # our session
    again = web.relying_party.end_session_url(login.id_token, f"{web.settings.external_url}/prokube-auth/login")
    return web.message(
        403,
        "You may not log in here",
        f"You are logged in at Keycloak as {denial.account}. {denial.reason} Ask {web.settings.contact} for access.",
        {"label": "Sign in as someone else", "href": again or web.url("login"), "primary": True},
    )
