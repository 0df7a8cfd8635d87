"""Login: the page with the button, the way to Keycloak and the way back."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import redirect, request, session

from .. import logs, plain
from ..errors import TooMany, Unavailable
from ..identity.caller import actor_named, current_identity
from ..identity.claims import Denial, admit, implied, said
from ..identity.failures import LoginFailed, new_state, unknown_state
from ..identity.faults import ProviderDown, WrongSetting
from ..identity.kept import Kept
from ..identity.oidc import Login
from ..model import keycloak
from ..policy import words
from ..store.people import Blocked, NameTaken
from ..store.sessions import KeycloakSession
from . import denials
from .context import Web, client_address

_logger = logs.logger(__name__)
# Authlib keeps a login that was begun under this and its state; so many may be under way in one browser.
AUTHLIB_STATE = "_state_keycloak_"
MAX_LOGINS = 5
# Where a session keeps to which page each of them leads, by state. It outlives the first of them that is completed.
TARGETS = "targets"
# Where a session keeps which groups of the login are no teams here, for the Permissions page, and how many.
NO_TEAMS, MOST_NO_TEAMS = "no_teams", 20
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
    """To Keycloak, with PKCE, state and nonce kept in the session's row.

    Keycloak leads back to the external URL: under another host name the browser would not send the session's cookie
    there, so the login begins anew at the right one. Once: a proxy may hide the host name that the browser knows.
    """
    target = request.args.get("next", "")
    ours = urlsplit(web.settings.origin)
    if "moved" not in request.args and _host(request.host, request.scheme) != _host(ours.netloc, ours.scheme):
        query = urlencode({**request.args.to_dict(), "moved": "1"})
        return redirect(f"{web.settings.external_url}/prokube-auth/login/start?{query}")
    if not web.visitors.may_begin(client_address()):
        raise TooMany("Too many logins from your address. Wait a minute and try again.")
    for key in [key for key in session if key.startswith(AUTHLIB_STATE)][: -MAX_LOGINS + 1]:
        session.pop(key)
    state = new_state(int(time.time()))
    try:
        response = web.relying_party.begin(state, anew=request.args.get("anew") == "1")
    except ProviderDown as error:
        return _provider_down(web, target, error)
    targets = [*session.get(TARGETS, {}).items(), (state, safe_next(web, target))]
    session[TARGETS] = dict(targets[-MAX_LOGINS:])
    return response


def _host(netloc: str, scheme: str) -> str:
    """A host and port as browsers compare them: without the scheme's own port (RFC 3986, section 6.2.3)."""
    return netloc.lower().removesuffix(":443" if scheme == "https" else ":80")


def _provider_down(web: Web, target: str, error: ProviderDown | None = None) -> Any:
    name = web.settings.provider_name
    problem = f"{name} does not answer at the moment. Sessions and access keys keep working. Try again shortly."
    if isinstance(error, WrongSetting):
        _logger.error("login: nobody can log in: %s", error)
        problem = f"Nobody can log in until {web.settings.contact} has corrected a setting: {error}."
    elif error is not None:
        _logger.error("login: the identity provider (%s) does not answer (%s)", web.settings.discovery_url, error)
    local_url = web.url(f"login/local?next={quote(target, safe='')}") if web.services.local_admins.exist() else None
    return web.page(
        "login.html", 503, next=target, start_url=_start_url(web, target), problem=problem, local_url=local_url
    )


def callback(web: Web) -> Any:
    """Back from Keycloak: check, bind, begin the session."""
    with web.visitors.completing(client_address()) as allowed:
        if not allowed:
            raise TooMany("Too many people are logging in at the moment. Go back and try again in a few seconds.")
        return _completed(web)


def _completed(web: Web) -> Any:
    state = request.args.get("state", "")
    targets = dict(session.get(TARGETS, {}))
    target = targets.pop(state, "")
    if AUTHLIB_STATE + state not in session:
        return _not_pending(web, state, target)
    try:
        login = web.relying_party.complete()
    except ProviderDown as error:
        return _provider_down(web, target, error)
    except LoginFailed as error:
        session.pop(AUTHLIB_STATE + state, None)
        session[TARGETS] = targets
        return _failed(web, error, target)
    verdict = admit(login.sources, web.settings)
    if isinstance(verdict, Denial):
        _withdraw(web, verdict, login)
        return denials.page(web, verdict, login)
    try:
        person = web.services.people.log_in(verdict, actor_named(verdict.username))
    except Blocked:
        return denials.page(
            web, Denial(verdict.username, "An administrator of MLflow has blocked this account."), login
        )
    except NameTaken as error:
        if error.bound:
            _logger.warning(
                "login refused: the account '%s' is bound to another identity than subject '%s' of issuer %s",
                error.name, plain.escaped(verdict.subject, 80), verdict.issuer,
            )  # fmt: skip
        why = words.no_login_by_name(error.name, web.settings.provider_name, kept=error.kept, bound=error.bound)
        return denials.page(web, Denial(verdict.username, why), login)
    web.store.grant_default_workspace_use(person)
    kept = Kept(login.refresh_token, login.id_token, said(login.sources, web.settings))
    session.log_in(person.user_id, KeycloakSession(login.sid, kept.sealed(web.box)))  # type: ignore[attr-defined]
    if targets:
        session[TARGETS] = targets
    if verdict.no_teams:
        session[NO_TEAMS] = verdict.no_teams[:MOST_NO_TEAMS]
    return redirect(safe_next(web, target))


def _not_pending(web: Web, state: str, target: str) -> Any:
    """The end of a login of which this browser's session knows nothing; who is logged in simply goes on.

    Another tab was faster, or the address is a bookmark.
    """
    try:
        identity = current_identity()
    except Unavailable:
        return _provider_down(web, target)
    if identity is not None:
        return redirect(safe_next(web, target))
    cookie = web.settings.session_cookie in request.cookies
    return _failed(web, unknown_state(state, int(time.time()), web.settings.login_seconds, cookie=cookie), target)


def _failed(web: Web, error: LoginFailed, target: str) -> Any:
    _logger.warning("login refused: %s", error)
    values = {
        "provider": web.settings.provider_name,
        "contact": web.settings.contact,
        "url": web.settings.external_url,
        "minutes": max(1, round(web.settings.login_seconds / 60)),
    }
    return web.message(
        400,
        error.cause.title.format(**values),
        error.cause.text.format(**values),
        {"label": "Log in again", "href": web.url(f"login?next={quote(target, safe='')}"), "primary": True},
    )


def _withdraw(web: Web, denial: Denial, login: Login) -> None:
    """A login that the provider's answer denies also ends earlier sessions and the key, as a re-check does."""
    standing = web.services.people.standing(web.settings.oidc_issuer, str(login.sources[0]["sub"]))
    if standing is None or standing.disabled:
        return
    if implied(web.settings, standing.admitted_by, standing.admin_by) <= said(login.sources, web.settings):
        web.services.people.withdraw(standing.person.user_id, denial.reason, keycloak(int(time.time())))
