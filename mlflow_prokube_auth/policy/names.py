"""Globally unique names: a reservation before MLflow creates, the words when a name is taken.

The reservation settles races (a primary key) and lets a creator whose grant was lost in a crash get it
back; reservations whose resource is gone are taken over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import AlreadyExists, PermissionDenied, Refusal
from ..store.names import Names, Reservation
from ..store.people import Person
from . import words

# A reservation whose resource does not exist yet is believed for so long.
IN_FLIGHT_SECONDS = 60
KIND_WORDS = {
    "experiment": "experiment",
    "registered_model": "model or prompt",
    "gateway_secret": "gateway secret",
    "gateway_endpoint": "gateway endpoint",
    "gateway_model_definition": "gateway model definition",
    "mcp_server": "MCP server",
}
# Route (after /api/<version>/mlflow/) -> kind and the parameter that holds the new name.
CREATES = {
    "experiments/create": ("experiment", "name"),
    "registered-models/create": ("registered_model", "name"),
    "gateway/secrets/create": ("gateway_secret", "secret_name"),
    "gateway/endpoints/create": ("gateway_endpoint", "name"),
    "gateway/model-definitions/create": ("gateway_model_definition", "name"),
    "mcp-servers": ("mcp_server", "name"),
}
RENAMES = {
    "experiments/update": ("experiment", "new_name"),
    "registered-models/rename": ("registered_model", "new_name"),
    "gateway/endpoints/update": ("gateway_endpoint", "name"),
    "gateway/model-definitions/update": ("gateway_model_definition", "name"),
}


@dataclass(frozen=True)
class Found:
    """What bears a name: its grant's address (``resource_type``, ``pattern``) and where it lives."""

    kind: str
    name: str
    resource_type: str
    pattern: str
    created_ms: int
    workspace: str
    trashed: bool


class Catalog(Protocol):
    """What exists in MLflow, in every workspace and in the trash, and who may read it."""

    def find(self, kind: str, name: str) -> Found | None:
        """What bears the name."""

    def readable(self, found: Found, username: str) -> bool:
        """Whether that user may read it."""

    def is_granted(self, found: Found) -> bool:
        """Whether anybody holds a grant on it."""

    def grant_manage(self, found: Found, username: str) -> None:
        """Give that user MANAGE on it."""

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        """The present name of what a rename request addresses."""


@dataclass
class Claim:
    """A name that the running request wants."""

    kind: str
    name: str
    person: Person
    fresh: bool
    old_name: str | None = None


class NamePolicy:
    """Decides on names; see the module's docstring."""

    def __init__(self, names: Names, catalog: Catalog, contact: str, clock: Callable[[], float] = time.time) -> None:
        self._names = names
        self._catalog = catalog
        self._contact = contact
        self._clock = clock

    def claim(self, route: str, params: Mapping[str, Any], person: Person) -> Claim | None:
        """Reserve the name that a create or rename asks for.

        Raises:
            PermissionDenied: it is someone else's.
            AlreadyExists: it is that of something which ``person`` may read.
        """
        kind, parameter = CREATES.get(route) or RENAMES.get(route) or ("", "")
        name = params.get(parameter) if kind else None
        if not isinstance(name, str) or not name or len(name) > 500:
            return None  # MLflow says what is wrong with it
        old_name = self._catalog.name_of(kind, params) if route in RENAMES else None
        if old_name == name:
            return None
        now = int(self._clock())
        standing = self._names.reserve(kind, name, person.user_id, now)
        mine = standing is None or standing.user_id == person.user_id
        # MLflow would allow a twin in another workspace.
        found = self._catalog.find(kind, name)
        if found is not None:
            if standing is None:
                self._names.release(kind, name)
            if mine and standing is not None and standing.pending:
                self.heal(person)
            raise self._exists(found, person)
        if mine or standing is None:
            return Claim(kind, name, person, standing is None, old_name)
        in_flight = standing.pending and standing.reserved_at + IN_FLIGHT_SECONDS > now
        if in_flight or not self._names.take_over(standing, person.user_id, now):
            raise self.taken(kind, name)
        return Claim(kind, name, person, True, old_name)

    def succeeded(self, claim: Claim) -> None:
        """MLflow has created or renamed it, and its engine has granted MANAGE."""
        self._names.settle(claim.kind, claim.name)
        if claim.old_name is not None:
            self._names.release(claim.kind, claim.old_name)

    def failed(self, claim: Claim) -> Refusal | None:
        """MLflow has refused or crashed; the words for it, where the name was the reason."""
        found = self._catalog.find(claim.kind, claim.name)
        if not claim.fresh:  # another request of the same user was faster
            return None if found is None else self._exists(found, claim.person)
        # What bears a name that was free before was created by this very request, whatever went wrong after:
        # the reservation stays, and heals its creator.
        if found is None:
            self._names.release(claim.kind, claim.name)
        return None

    def _exists(self, found: Found, person: Person) -> Refusal:
        if not person.is_admin and not self._catalog.readable(found, person.username):
            return self.taken(found.kind, found.name)
        if found.trashed:
            return AlreadyExists(words.in_trash(found.name, found.pattern))
        return AlreadyExists(words.exists(KIND_WORDS[found.kind], found.name))

    def heal(self, person: Person) -> bool:
        """Grant what a crash kept from its creator; whether there was anything."""
        healed = False
        for reservation in self._names.pending(person.user_id):
            healed |= self._heal_one(reservation, person)
        return healed

    def _heal_one(self, reservation: Reservation, person: Person) -> bool:
        # Grant only what came into being under this reservation and what nobody holds a grant on:
        # whoever merely asks for another's name has a pending reservation for a moment, too.
        found = self._catalog.find(reservation.kind, reservation.name)
        if found is None or found.created_ms < reservation.reserved_at * 1000 or self._catalog.is_granted(found):
            return False
        self._catalog.grant_manage(found, person.username)
        self._names.settle(reservation.kind, reservation.name)
        return True

    def taken(self, kind: str, name: str) -> PermissionDenied:
        """The refusal for a name that is someone else's."""
        return PermissionDenied(words.taken(KIND_WORDS[kind], name, self._contact))
