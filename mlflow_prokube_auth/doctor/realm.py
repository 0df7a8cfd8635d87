"""What Keycloak's Admin REST API says of the realm and the client. ``get`` asks it for a path below the realm's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from ..identity.faults import GrantRefused
from ..settings import Settings
from .finding import Finding

Get = Callable[[str], Any]


def clients_of(settings: Settings, get: Get) -> list[dict[str, Any]]:
    """Our client, where there is one."""
    return get(f"clients?clientId={quote(settings.oidc_client_id, safe='')}") or []


def mappers_of(settings: Settings, get: Get) -> list[dict[str, Any]]:
    """The protocol mappers of the client and of its default scopes.

    Raises:
        GrantRefused: `view-clients` is missing.
    """
    mappers: list[dict[str, Any]] = []
    for client in clients_of(settings, get):
        mappers += client.get("protocolMappers") or []
        for scope in get(f"clients/{client['id']}/default-client-scopes") or []:
            mappers += get(f"client-scopes/{scope['id']}/protocol-mappers/models") or []
    return mappers


def known_groups(settings: Settings, get: Get) -> Iterator[Finding]:
    """Whether the realm has the groups, or roles, that the settings name; `view-users` allows reading only groups."""
    for variable, names in (("USER_GROUPS", settings.user_groups), ("ADMIN_GROUPS", settings.admin_groups)):
        try:
            unknown = [name for name in names if not _is_there(name.removeprefix("/"), get)]
        except GrantRefused:
            return
        if unknown:
            listed = ", ".join(f"'{name}'" for name in unknown)
            text = f"the realm has no top-level group {listed}. Unless it is a role, make it, or correct"
            yield Finding("warn", variable.lower().replace("_", " "), f"{text} PROKUBE_AUTH_{variable}")


def _is_there(name: str, get: Get) -> bool:
    found = get(f"groups?search={quote(name, safe='')}&exact=true&briefRepresentation=true") or []
    if any(group.get("name") == name for group in found):
        return True
    try:
        return get(f"roles/{quote(name, safe='')}") is not None
    except GrantRefused:
        return False
