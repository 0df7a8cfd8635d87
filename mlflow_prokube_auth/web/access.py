"""Access to our own routes, decided before the view runs, from the table of routes alone."""

from __future__ import annotations

from ..api_routes import ADMIN, ADMIN_SESSION, ANYBODY, SESSION, SIGNED_IN
from ..errors import AdministratorsOnly, Unauthenticated
from ..identity.caller import current_identity
from ..settings import Settings

# What each asks for: somebody, a session, an administrator.
_NEEDS = {
    ANYBODY: (False, False, False),
    SIGNED_IN: (True, False, False),
    SESSION: (True, True, False),
    ADMIN: (True, False, True),
    ADMIN_SESSION: (True, True, True),
}


def check(access: str, settings: Settings) -> None:
    """Refuse a caller to whom a route is not open.

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
        raise Unauthenticated("You are not logged in.")
    if administrator and not identity.person.is_admin:
        raise AdministratorsOnly(
            f"Only administrators may do this. You are {identity.person.username}, who is no administrator of MLflow. "
            f"Administrators come from {settings.provider_name}: ask {settings.contact}."
        )
    if session and identity.credential != "session":
        raise Unauthenticated("Log in with the browser first: this needs a session, not an access key or a token.")
