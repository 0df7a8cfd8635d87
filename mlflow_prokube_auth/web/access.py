"""Who may call a route of ours, decided before its view runs: the table of routes says it, and nothing else does."""

from __future__ import annotations

from ..api_routes import ADMIN, ADMIN_SESSION, ANYBODY, SESSION, SIGNED_IN
from ..errors import AdministratorsOnly, Unauthenticated
from ..identity.caller import current_identity

# What each asks for: somebody, a session, an administrator.
_NEEDS = {
    ANYBODY: (False, False, False),
    SIGNED_IN: (True, False, False),
    SESSION: (True, True, False),
    ADMIN: (True, False, True),
    ADMIN_SESSION: (True, True, True),
}


def check(access: str, contact: str) -> None:
    """Refuse a caller to whom a route is not open; ``contact`` is whom to ask.

    Raises:
        Unauthenticated: nobody is calling, or with a key where a session is needed: no key makes a key.
        AdministratorsOnly: somebody who is no administrator, where one is needed.
        Refusal: a credential that does not hold, or a database that does not answer.
    """
    somebody, session, administrator = _NEEDS[access]
    if not somebody:
        return
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("You are not signed in.")
    if administrator and not identity.person.is_admin:
        raise AdministratorsOnly(
            f"Only administrators may do this. You are {identity.person.username}, who is no administrator of MLflow. "
            f"Administrators come from Keycloak: ask {contact}."
        )
    if session and identity.credential != "session":
        raise Unauthenticated("Log in with the browser first: this needs a session, not an access key.")
