"""Globally unique names: a reservation before MLflow creates, the words when a name is taken.

The reservation settles races (a primary key) and lets a creator whose grant was lost in a crash get it
back; reservations whose resource is gone are taken over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import PermissionDenied
from ..store.names import Names, Reservation
from ..store.people import Person
from . import words

# A reservation whose resource does not exist yet is believed for so long.
IN_FLIGHT_SECONDS = 60
KIND_WORDS = {"experiment": "experiment", "registered_model": "model or prompt"}
# Route (after /api/2.0/mlflow/) -> kind and the parameter that holds the new name.
CREATES = {"experiments/create": ("experiment", "name"), "registered-models/create": ("registered_model", "name")}
RENAMES = {
    "experiments/update": ("experiment", "new_name"),
    "registered-models/rename": ("registered_model", "new_name"),
}
DELETES = {"registered-models/delete": ("registered_model", "name")}


class Catalog(Protocol):
    """What exists in MLflow, and who may read it."""

    def exists(self, kind: str, name: str) -> bool:
        """Whether anything, in the trash too, bears the name."""

    def unowned_since(self, kind: str, name: str, since: int) -> bool:
        """Whether what bears the name was created at or after ``since`` (UTC s) and bears no grant."""

    def readable(self, kind: str, name: str, person: Person) -> bool:
        """Whether ``person`` may read what bears the name."""

    def trashed_id(self, kind: str, name: str) -> str | None:
        """The id of what bears the name, if it is in the trash."""

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        """The present name of what a rename request addresses."""

    def grant_manage(self, kind: str, name: str, person: Person) -> None:
        """Give ``person`` MANAGE on what bears the name."""


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
        if standing is None:
            return Claim(kind, name, person, True, old_name)
        if standing.user_id != person.user_id and not self._catalog.exists(kind, name):
            in_flight = standing.pending and standing.reserved_at + IN_FLIGHT_SECONDS > now
            if in_flight or not self._names.take_over(standing, person.user_id, now):
                raise self.taken(kind, name)
            return Claim(kind, name, person, True, old_name)
        if standing.user_id == person.user_id and standing.pending:
            self.heal(person)
        return Claim(kind, name, person, False, old_name)

    def succeeded(self, claim: Claim) -> None:
        """MLflow has created or renamed it, and its engine has granted MANAGE."""
        self._names.settle(claim.kind, claim.name)
        if claim.old_name is not None:
            self._names.release(claim.kind, claim.old_name)

    def failed(self, claim: Claim) -> None:
        """MLflow has refused."""
        if claim.fresh:
            self._names.release(claim.kind, claim.name)

    def already_exists(self, claim: Claim) -> str:
        """The words for someone who may read what bears the name.

        Raises:
            PermissionDenied: they may not.
        """
        if not claim.person.is_admin and not self._catalog.readable(claim.kind, claim.name, claim.person):
            raise self.taken(claim.kind, claim.name)
        trashed = self._catalog.trashed_id(claim.kind, claim.name)
        if trashed is not None:
            return words.in_trash(claim.name, trashed)
        return f"The {KIND_WORDS[claim.kind]} name '{claim.name}' already exists."

    def deleted(self, route: str, params: Mapping[str, Any]) -> None:
        """What bore the name is gone for good."""
        if route in DELETES:
            kind, parameter = DELETES[route]
            self._names.release(kind, str(params.get(parameter, "")))

    def heal(self, person: Person) -> bool:
        """Grant what a crash kept from its creator; whether there was anything."""
        healed = False
        for reservation in self._names.pending(person.user_id):
            healed |= self._heal_one(reservation, person)
        return healed

    def _heal_one(self, reservation: Reservation, person: Person) -> bool:
        # Grant only what came into being under this reservation and what nobody holds a grant on:
        # whoever merely asks for another's name has a pending reservation for a moment, too.
        if not self._catalog.unowned_since(reservation.kind, reservation.name, reservation.reserved_at):
            return False
        self._catalog.grant_manage(reservation.kind, reservation.name, person)
        self._names.settle(reservation.kind, reservation.name)
        return True

    def taken(self, kind: str, name: str) -> PermissionDenied:
        """The refusal for a name that is someone else's."""
        return PermissionDenied(words.taken(KIND_WORDS[kind], name, self._contact))
