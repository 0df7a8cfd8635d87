"""Administrators' JSON on accounts: people and service accounts, their keys and sessions."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from .. import api_models as takes
from ..errors import BadRequest
from ..model import EXPIRING_DAYS, REBIND_DAYS, Person
from .access_key import expiry, mint
from .administration import account, administration
from .context import Web, acting


def users(web: Web, query: takes.Search) -> Any:
    """People, page by page."""
    return _page(web, query, service=False)


def service_accounts(web: Web, query: takes.Search) -> Any:
    """Service accounts, page by page."""
    return _page(web, query, service=True)


def _page(web: Web, query: takes.Search, *, service: bool) -> Any:
    found, total = administration(web).page(query.search, service=service, first=query.first, size=query.size)
    return jsonify(items=found, total=total)


def create_service(web: Web, body: takes.NewServiceAccount) -> Any:
    """A new service account; it has no key yet."""
    admin = administration(web)
    made = admin.create_service(body, acting())
    response = jsonify(admin.describe(made))
    response.status_code = 201
    return response


def mint_key(web: Web, query: takes.Account, body: takes.NewKey) -> Any:
    """Create the access key of a service account; it replaces the previous one. This needs a session, not a key."""
    actor, found = acting(), account(web, query.user)
    if not found.is_service:
        raise BadRequest(f"'{found.username}' is not a service account: people create their own access keys.")
    expires_at = expiry(body, actor.at, web.settings.token_max_days)
    owner = Person(found.user_id, found.username, found.is_admin)
    return mint(web, owner, expires_at, actor, body.note or "")


def revoke_key(web: Web, query: takes.Account) -> Any:
    """End an account's key."""
    administration(web).revoke_key(account(web, query.user), acting())
    return Response(status=204)


def end_sessions(web: Web, query: takes.Account) -> Any:
    """End an account's sessions."""
    administration(web).end_sessions(account(web, query.user), acting())
    return Response(status=204)


def block(web: Web, query: takes.Account) -> Any:
    """Block an account at once."""
    admin = administration(web)
    return jsonify(admin.describe(admin.block(account(web, query.user), acting())))


def unblock(web: Web, query: takes.Account) -> Any:
    """Open it again."""
    admin = administration(web)
    return jsonify(admin.describe(admin.unblock(account(web, query.user), acting())))


def rebind(web: Web, query: takes.Account, body: takes.Rebind) -> Any:
    """Bind an account to another identity of the configured issuer."""
    administration(web).rebind(query.user, web.settings.oidc_issuer, body.subject, REBIND_DAYS, acting())
    return Response(status=204)


def delete(web: Web, query: takes.Deletion) -> Any:
    """Delete an account; ``successor`` manages from then on what nobody else does."""
    return jsonify(administration(web).delete(account(web, query.user), query.successor, acting()))


def kept_names(web: Web, query: takes.Search) -> Any:
    """Kept names, page by page."""
    found, total = administration(web).kept_names(query.search, first=query.first, size=query.size)
    return jsonify(items=found, total=total)


def uses_of_name(web: Web, query: takes.UsesOfName) -> Any:
    """Where MLflow still keeps a user name, page by page."""
    found = administration(web).uses_of_name(query.name)
    return jsonify(items=query.of(found), total=len(found))


def release_name(web: Web, query: takes.KeptName) -> Any:
    """Release a kept name."""
    administration(web).release_name(query.name, acting(), anyway=query.anyway)
    return Response(status=204)


def expiring_keys(web: Web, query: takes.Search) -> Any:
    """Accounts whose key expires within 14 days, the next first."""
    wanted = query.search.strip().lower()
    found = [
        each
        for each in administration(web).expiring(EXPIRING_DAYS)
        if wanted in each["username"].lower() or wanted in each["display_name"].lower()
    ]
    return jsonify(items=query.of(found), total=len(found))
