"""Endpoints of MLflow's basic-auth: what makes no sense with a login elsewhere says so; the list shows who it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, make_response

from ..errors import NotOffered, PermissionDenied
from ..identity.middleware import answer
from ..model import Person
from ..policy import words
from ..web.context import Web, caller
from .protocol import request_params

NOT_OFFERED = {
    "signup": "People sign up by logging in with {provider}; there is no sign-up form.",
    "<lambda>": "People sign up by logging in with {provider}; there is no sign-up form.",
    "create_user": "Users come from {provider}: add the person to the user group there; then they can log in.",
    "update_user_password": "There are no passwords here: people log in with {provider} and clients use access keys.",
    "update_user_admin": "Administrators come from {provider}: add the person to the admin group there.",
    "delete_user": "Users are removed in {provider}: remove the person from the user group or disable them there.",
}


def replace(app: Flask, web: Web) -> None:
    """Put our views in the place of the engine's."""
    for endpoint, message in NOT_OFFERED.items():
        if endpoint in app.view_functions:
            app.view_functions[endpoint] = _not_offered(message.format(provider=web.settings.provider_name))
    app.view_functions["list_users"] = lambda: list_users(web)
    app.view_functions["list_roles"] = lambda view=app.view_functions["list_roles"]: list_roles(web, view)
    for endpoint in ("get_role", "list_role_permissions"):
        app.view_functions[endpoint] = lambda view=app.view_functions[endpoint]: own_role(web, view)


def _visible(web: Web, person: Person) -> Callable[[int, str], bool]:
    """Which roles, by id and workspace, a person may look into: their own, and those of a workspace that they manage.

    MLflow shows every role of a workspace, people's own with all their grants included, to whoever has one there.
    """
    own = {role.id for role in web.store.list_user_roles(person.user_id)}
    managed = web.store.list_workspace_admin_workspaces(person.user_id)
    return lambda role_id, workspace: person.is_admin or role_id in own or workspace in managed


def list_roles(web: Web, view: Callable[[], Any]) -> Any:
    """MLflow's list of roles, without other people's."""
    response = make_response(view())
    if response.status_code != 200:
        return response
    visible = _visible(web, caller())
    return jsonify(roles=[role for role in response.get_json()["roles"] if visible(role["id"], role["workspace"])])


def own_role(web: Web, view: Callable[[], Any]) -> Any:
    """One role, or its grants, as far as :func:`_visible` goes. The engine has found that the role exists."""
    wanted = str(request_params()["role_id"])
    if not _visible(web, caller())(int(wanted), web.store.get_role(int(wanted)).workspace):
        denied = words.denied(words.Subject("role", wanted, by_name=False), "read", web.settings.contact)
        return Response(*answer(PermissionDenied(denied)))
    return view()


def _not_offered(message: str) -> Callable[[], Response]:
    def view() -> Response:
        return Response(*answer(NotOffered(message)))

    return view


def list_users(web: Web) -> Any:
    """Everybody for administrators; else oneself and those with whom one shares a team or a resource."""
    person = caller()
    users = web.store.list_users_with_roles()
    known = None if person.is_admin else web.store.visible_user_ids(person.user_id)
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
