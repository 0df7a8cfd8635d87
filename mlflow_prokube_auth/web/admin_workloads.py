"""Administrators' JSON on workloads: which tokens of trusted issuers are a service account."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from .. import api_models as takes
from ..workloads import WorkloadAdministration
from .administration import account, administration
from .context import Web, acting


def _workloads(web: Web) -> WorkloadAdministration:
    return administration(web).workloads(web.settings.trust)


def show(web: Web, query: takes.Account) -> Any:
    """The bindings of an account, and what it may be bound to."""
    found, trust = account(web, query.user), web.settings.trust
    items = _workloads(web).list(found)
    return jsonify(items=items, total=len(items), issuers=trust.issuers, audiences=trust.audiences)


def bind(web: Web, query: takes.Account, body: takes.NewWorkload) -> Any:
    """Bind a service account to tokens. This needs a session, as creating a key does."""
    response = jsonify(_workloads(web).bind(account(web, query.user), body, acting()))
    response.status_code = 201
    return response


def unbind(web: Web, query: takes.WorkloadId) -> Any:
    """Remove a binding."""
    _workloads(web).unbind(account(web, query.user), query.id, acting())
    return Response(status=204)
