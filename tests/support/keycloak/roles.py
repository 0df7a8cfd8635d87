"""Roles of the client's service account, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .server import Keycloak


@contextmanager
def role(keycloak: Keycloak, name: str, *, given: bool) -> Iterator[None]:
    """While it lasts, the client's service account has a role of ``realm-management``, or has it not."""
    admin, account = keycloak.admin, keycloak.admin.service_account(keycloak.client_id)
    management = admin.client("realm-management")["id"]
    chosen = [admin.call("GET", f"/clients/{management}/roles/{name}").json()]
    path = f"/users/{account}/role-mappings/clients/{management}"
    admin.call("POST" if given else "DELETE", path, chosen)
    try:
        yield
    finally:
        admin.call("DELETE" if given else "POST", path, chosen)
