"""Administrators' JSON on accounts: people and service accounts, their keys and sessions."""

from __future__ import annotations

import re
import time
from typing import Any

from flask import Response, jsonify, request

from ..errors import BadRequest, Conflict
from ..policy import words
from ..store.accounts import Account, NeedsHeir
from ..store.local_admins import LOCAL_ISSUER
from ..store.people import NameTaken, Person
from .access_key import DAY, expiry, iso, mint
from .administration import account, administrator, body, slice_of, text
from .context import Web, client_address, session_identity

SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
EXPIRING_DAYS = 14


def describe(web: Web, each: Account) -> dict[str, Any]:
    """An account as a page shows it."""
    status = "blocked" if each.blocked else "disabled" if each.disabled else "active"
    return {
        "username": each.username,
        "display_name": each.display_name,
        "kind": "service" if each.is_service else "local" if each.issuer == LOCAL_ISSUER else "person",
        "is_admin": each.is_admin,
        "status": status if each.issuer is not None else "never logged in",
        "last_login_at": iso(each.last_login_at) if each.last_login_at else None,
        "key_expires_at": iso(each.key_expires_at) if each.key_expires_at else None,
        "key_last_used_at": iso(each.key_last_used_at) if each.key_last_used_at else None,
        "teams": [team.name for team in web.services.teams.of(each.user_id)],
    }


def users(web: Web) -> Any:
    """People, page by page."""
    return _page(web, service=False)


def service_accounts(web: Web) -> Any:
    """Service accounts, page by page."""
    return _page(web, service=True)


def _page(web: Web, *, service: bool) -> Any:
    administrator()
    first, size = slice_of(request.args)
    found, total = web.services.accounts.page(
        request.args.get("search", ""), service=service, first=first, size=size
    )
    return jsonify(items=[describe(web, each) for each in found], total=total)


def create_service(web: Web) -> Any:
    """A new service account; it has no key yet."""
    person, sent = administrator(), body()
    name = text(sent, "name", 100).lower()
    if not SERVICE_NAME.fullmatch(name):
        raise BadRequest(
            f"'name' is '{name}', expected a letter or digit, then those or . _ - and no '@': addresses are for people."
        )
    description = sent.get("description") or ""
    if not isinstance(description, str) or len(description) > 255:
        raise BadRequest("'description' is no text of at most 255 characters.")
    try:
        web.services.accounts.create_service(name, description, int(time.time()), person.username, client_address())
    except NameTaken:
        raise Conflict(f"The name '{name}' belongs, or belonged, to somebody. Choose another.") from None
    response = jsonify(describe(web, account(web, name)))
    response.status_code = 201
    return response


def mint_key(web: Web, name: str) -> Any:
    """Make the one key of a service account, replacing the one before. Needs a session: no key mints a key."""
    administrator()
    person, found = session_identity().person, account(web, name)
    if not found.is_service:
        raise BadRequest(f"'{found.username}' is no service account: people create their own access keys.")
    now = int(time.time())
    expires_at = expiry(body(), now, web.settings.token_max_days)
    owner = Person(found.user_id, found.username, found.is_admin)
    return mint(web, owner, now, expires_at, actor=person.username)


def revoke_key(web: Web, name: str) -> Any:
    """End an account's key."""
    person, found = administrator(), account(web, name)
    web.services.tokens.revoke(found.user_id, int(time.time()), person.username, client_address())
    return Response(status=204)


def end_sessions(web: Web, name: str) -> Any:
    """End an account's sessions."""
    person, found = administrator(), account(web, name)
    web.services.accounts.end_sessions(found, person.username, client_address())
    return Response(status=204)


def block(web: Web, name: str) -> Any:
    """Shut an account at once."""
    person, found = administrator(), account(web, name)
    if found.user_id == person.user_id:
        raise BadRequest("That is your own account. Another administrator may block it.")
    if found.issuer is None:
        raise BadRequest(f"'{found.username}' has never logged in, so there is nothing to block.")
    if found.issuer == LOCAL_ISSUER:
        raise BadRequest(f"'{found.username}' is a local administrator. Use `mlflow-prokube-auth break-glass remove`.")
    web.services.accounts.set_blocked(found, True, person.username, client_address())
    return jsonify(describe(web, account(web, name)))


def unblock(web: Web, name: str) -> Any:
    """Open it again."""
    person, found = administrator(), account(web, name)
    web.services.accounts.set_blocked(found, False, person.username, client_address())
    return jsonify(describe(web, account(web, name)))


def delete(web: Web, name: str) -> Any:
    """Delete an account; ``heir`` manages from then on what nobody else does."""
    person, found = administrator(), account(web, name)
    if found.user_id == person.user_id:
        raise BadRequest("That is your own account. Another administrator may delete it.")
    if found.issuer == LOCAL_ISSUER:
        raise BadRequest(f"'{found.username}' is a local administrator. Use `mlflow-prokube-auth break-glass remove`.")
    heir_name, heir = request.args.get("heir"), None
    if heir_name:
        known = account(web, heir_name)
        if known.user_id == found.user_id:
            raise BadRequest("The heir is the account that is to be deleted. Expected another in 'heir'.")
        heir = Person(known.user_id, known.username, known.is_admin)
    try:
        inherited = web.services.accounts.delete(found, heir, person.username, client_address())
    except NeedsHeir as error:
        some = ", ".join(f"{words.kind_of(each.resource_type)} '{each.pattern}'" for each in error.resources[:5])
        raise Conflict(
            f"'{found.username}' alone manages {len(error.resources)} resources ({some}). "
            "Name in 'heir' who is to manage them."
        ) from None
    return jsonify(deleted=found.username, heir=heir.username if heir else None, inherited=inherited)


def expiring_keys(web: Web) -> Any:
    """Accounts whose key expires within 14 days, the next first."""
    administrator()
    first, size = slice_of(request.args)
    found = web.services.accounts.expiring(int(time.time()), EXPIRING_DAYS * DAY)
    return jsonify(items=[describe(web, each) for each in found[first : first + size]], total=len(found))
