"""Endpoints of MLflow's basic-auth: those that make no sense with Keycloak say so; the list shows who it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify

from ..errors import NotOffered, Unauthenticated
from ..identity.caller import current_identity
from ..identity.middleware import answer
from .context import Web

NOT_OFFERED = {
    "signup": "People sign up by logging in with Keycloak; there is no sign-up form.",
    "<lambda>": "People sign up by logging in with Keycloak; there is no sign-up form.",
    "create_user": "Users come from Keycloak: add the person to its user group, then they log in.",
    "update_user_password": "There are no passwords here: people log in with Keycloak and clients use access keys.",
    "update_user_admin": "Administrators come from Keycloak: add the person to its admin group.",
    "delete_user": "Users are removed in Keycloak: take the person out of its user group or disable them there.",
}


def replace(app: Flask, web: Web) -> None:
    """Put our views in the place of the engine's."""
    for endpoint, message in NOT_OFFERED.items():
        if endpoint in app.view_functions:
            app.view_functions[endpoint] = _not_offered(message)
    app.view_functions["list_users"] = lambda: list_users(web)


def _not_offered(message: str) -> Callable[[], Response]:
    def view() -> Response:
        return Response(*answer(NotOffered(message)))

    return view


def list_users(web: Web) -> Any:
    """Everybody for administrators; else oneself and those with whom one shares a team or a resource."""
    identity = current_identity()
    if identity is None:
        return Response(*answer(Unauthenticated("You are not signed in.")))
    person = identity.person
    users = web.store.list_users_with_roles()
    known = None if person.is_admin else web.store.known_to(person.user_id)
    return jsonify(
        users=[
            {
                "id": user.id,
                "username": user.username,
                "is_admin": user.is_admin,
                "roles": [role.to_json() for role in roles] if person.is_admin or user.id == person.user_id else [],
            }
            for user, roles in users
            if known is None or user.id in known
        ]
    )
