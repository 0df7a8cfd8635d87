"""Administrators' JSON on accounts: people and service accounts, their keys and sessions."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify, request

from ..errors import BadRequest
from ..housekeeping import EXPIRING_DAYS
from ..store.people import Person
from .access_key import expiry, mint
from .administration import account, acting, administration, administrator, body, slice_of
from .context import Web, session_identity


def users(web: Web) -> Any:
    """People, page by page."""
    return _page(web, service=False)


def service_accounts(web: Web) -> Any:
    """Service accounts, page by page."""
    return _page(web, service=True)


def _page(web: Web, *, service: bool) -> Any:
    administrator()
    first, size = slice_of(request.args)
    search = request.args.get("search", "")
    found, total = administration(web).page(search, service=service, first=first, size=size)
    return jsonify(items=found, total=total)


def create_service(web: Web) -> Any:
    """A new service account; it has no key yet."""
    actor, sent, admin = acting(), body(), administration(web)
    made = admin.create_service(sent.get("name"), sent.get("description"), actor)
    response = jsonify(admin.describe(made))
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
    actor = acting()
    administration(web).revoke_key(account(web, name), actor)
    return Response(status=204)


def end_sessions(web: Web, name: str) -> Any:
    """End an account's sessions."""
    actor = acting()
    administration(web).end_sessions(account(web, name), actor)
    return Response(status=204)


def block(web: Web, name: str) -> Any:
    """Shut an account at once."""
    actor, admin = acting(), administration(web)
    return jsonify(admin.describe(admin.block(account(web, name), actor)))


def unblock(web: Web, name: str) -> Any:
    """Open it again."""
    actor, admin = acting(), administration(web)
    return jsonify(admin.describe(admin.unblock(account(web, name), actor)))


def delete(web: Web, name: str) -> Any:
    """Delete an account; ``heir`` manages from then on what nobody else does."""
    actor = acting()
    return jsonify(administration(web).delete(account(web, name), request.args.get("heir"), actor))


def expiring_keys(web: Web) -> Any:
    """Accounts whose key expires within 14 days, the next first."""
    administrator()
    first, size = slice_of(request.args)
    found = administration(web).expiring(EXPIRING_DAYS)
    return jsonify(items=found[first : first + size], total=len(found))
