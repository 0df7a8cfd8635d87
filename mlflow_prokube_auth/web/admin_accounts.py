"""Administrators' JSON on accounts: people and service accounts, their keys and sessions."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify, request

from ..errors import BadRequest
from ..model import EXPIRING_DAYS, Person
from ..store.accounts import Account
from .access_key import expiry, mint
from .administration import account, acting, administration, body, slice_of
from .context import Web, caller


def users(web: Web) -> Any:
    """People, page by page."""
    return _page(web, service=False)


def service_accounts(web: Web) -> Any:
    """Service accounts, page by page."""
    return _page(web, service=True)


def _page(web: Web, *, service: bool) -> Any:
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


def _named(web: Web) -> Account:
    """The account that the query names; a name may hold whatever a path would read in its own way.

    Raises:
        BadRequest: it names none.
        NotFound: there is no such account.
    """
    return account(web, _given("user"))


def _given(parameter: str) -> str:
    """A name as it was sent: one that could not be given today may be there from before."""
    name = request.args.get(parameter, "")
    if not name.strip():
        raise BadRequest(f"'{parameter}' is missing. Expected a name in the query: ?{parameter}=...")
    return name


def mint_key(web: Web) -> Any:
    """Make the one key of a service account, replacing the one before. Needs a session: no key mints a key."""
    person, found = caller(), _named(web)
    if not found.is_service:
        raise BadRequest(f"'{found.username}' is no service account: people create their own access keys.")
    now = int(time.time())
    expires_at = expiry(body(), now, web.settings.token_max_days)
    owner = Person(found.user_id, found.username, found.is_admin)
    return mint(web, owner, now, expires_at, actor=person.username)


def revoke_key(web: Web) -> Any:
    """End an account's key."""
    actor = acting()
    administration(web).revoke_key(_named(web), actor)
    return Response(status=204)


def end_sessions(web: Web) -> Any:
    """End an account's sessions."""
    actor = acting()
    administration(web).end_sessions(_named(web), actor)
    return Response(status=204)


def block(web: Web) -> Any:
    """Shut an account at once."""
    actor, admin = acting(), administration(web)
    return jsonify(admin.describe(admin.block(_named(web), actor)))


def unblock(web: Web) -> Any:
    """Open it again."""
    actor, admin = acting(), administration(web)
    return jsonify(admin.describe(admin.unblock(_named(web), actor)))


def delete(web: Web) -> Any:
    """Delete an account; ``heir`` manages from then on what nobody else does."""
    actor = acting()
    return jsonify(administration(web).delete(_named(web), request.args.get("heir"), actor))


def kept_names(web: Web) -> Any:
    """Kept names, page by page."""
    first, size = slice_of(request.args)
    found, total = administration(web).kept_names(request.args.get("search", ""), first=first, size=size)
    return jsonify(items=found, total=total)


def release_name(web: Web) -> Any:
    """Release a kept name."""
    actor, anyway = acting(), request.args.get("anyway", "false")
    if anyway not in ("true", "false"):
        raise BadRequest(f"'anyway' is {anyway!r:.40}, expected true or false.")
    administration(web).release_name(_given("name"), actor, anyway=anyway == "true")
    return Response(status=204)


def expiring_keys(web: Web) -> Any:
    """Accounts whose key expires within 14 days, the next first."""
    first, size = slice_of(request.args)
    found = administration(web).expiring(EXPIRING_DAYS)
    return jsonify(items=found[first : first + size], total=len(found))
