"""Globally unique names: a reservation before MLflow creates, the words when a name is taken.

The reservation settles races (a primary key) and lets a creator whose grant was lost in a crash get it
back; reservations whose resource is gone are taken over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import AlreadyExists, BadRequest, Conflict, PermissionDenied, Refusal
from ..store.names import Held, Names, Reservation
from ..store.people import Person
from ..store.teams import Resource
from . import words

# A reservation whose resource does not exist yet, or is just being deleted, is believed for so long.
IN_FLIGHT_SECONDS = 60
LONGEST_NAME = 500
# Where the name itself stands in grants: MLflow's column of them holds so much.
LONGEST_GRANTED = 255
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
# Where grants name the resource itself: whoever gets the name would get the grants that were left on it.
DELETES = {"registered-models/delete": ("registered_model", "name")}
NAME_KEYED = frozenset({"registered_model", "mcp_server"})


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

    @property
    def resource(self) -> Resource:
        """What a grant on it is on."""
        return Resource(self.resource_type, self.pattern, self.workspace)


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

    def manageable(self, found: Found, username: str) -> bool:
        """Whether that user may manage it."""

    def sweep(self, kind: str, name: str, user_id: int) -> None:
        """Delete the grants that anybody but that user still holds on what is free, or was just created."""

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        """The present name of what a rename request addresses."""


class Rules(Protocol):
    """Teams' rules on names."""

    def matching(self, kind: str, name: str) -> Sequence[Any]:
        """The rules whose prefix this name has."""

    def check(self, kind: str, name: str, person: Person, contact: str) -> None:
        """Raise where the prefix is a team's of which the person is no member."""

    def bears(self, found: Found, old_name: str | None = None) -> None:
        """A resource has this name now, and had the old one before."""


@dataclass
class Claim:
    """A name that the running request wants."""

    kind: str
    name: str
    person: Person
    fresh: bool
    old: Reservation | None = None
    old_name: str | None = None


class NamePolicy:
    """Decides on names; see the module's docstring."""

    def __init__(
        self, names: Names, catalog: Catalog, rules: Rules, contact: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._names = names
        self._catalog = catalog
        self._rules = rules
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
        if not isinstance(name, str) or not name:
            return None  # MLflow says what is wrong with it
        old_name = self._catalog.name_of(kind, params) if route in RENAMES else None
        if old_name == name:
            return None
        check(kind, name)
        self._rules.check(kind, name, person, self._contact)
        if old_name is not None:
            self._check_rename(kind, old_name, name, person)
        old = self._names.find(kind, old_name) if old_name is not None else None
        now = int(self._clock())
        standing = self._names.reserve(kind, name, person.user_id, now)
        if standing is not None and (standing.held_until or 0) > now:
            raise in_between(kind, name)
        mine = standing is None or standing.user_id == person.user_id
        # MLflow would allow a twin in another workspace.
        found = self._catalog.find(kind, name)
        if found is not None:
            if standing is None:
                self._names.release(kind, name, person.user_id)
            if mine and standing is not None and standing.pending:
                self.heal(person)
            raise self._exists(found, person)
        if not mine and standing is not None:
            in_flight = standing.pending and standing.reserved_at + IN_FLIGHT_SECONDS > now
            if in_flight or not self._names.take_over(standing, person.user_id, now):
                raise self.taken(kind, name)
            standing = None
        if kind in NAME_KEYED:
            self._catalog.sweep(kind, name, person.user_id)
        return Claim(kind, name, person, standing is None, old, old_name)

    def _check_rename(self, kind: str, old_name: str, name: str, person: Person) -> None:
        """Into and out of a team's prefix only whoever manages the resource renames: grants come and go with it."""
        if person.is_admin or not (self._rules.matching(kind, old_name) or self._rules.matching(kind, name)):
            return
        found = self._catalog.find(kind, old_name)
        if found is None or not self._catalog.manageable(found, person.username):
            raise PermissionDenied(
                f"A rename of the {KIND_WORDS[kind]} '{old_name}' into or out of a team's prefix needs MANAGE on it. "
                f"Ask {self._contact} for access."
            )

    def hold(self, route: str, params: Mapping[str, Any], person: Person) -> Held | None:
        """Before a rename or delete that frees a name on which grants are kept: nobody gets it in between.

        Whoever asks must have been allowed to, and must be asked about again: the name may have changed hands.

        Raises:
            Conflict: another request renames or deletes it in this moment.
        """
        kind, parameter = DELETES.get(route) or (RENAMES[route][0] if route in RENAMES else "", "name")
        name = params.get(parameter) if kind in NAME_KEYED else None
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            return None
        return self._hold(kind, name, person)

    def hold_native(self, kind: str, name: str, person: Person) -> Held | None:
        """The same where the engine decides afterwards: strangers hold nothing."""
        found = self._catalog.find(kind, name)
        if found is None or not (person.is_admin or self._catalog.readable(found, person.username)):
            return None
        return self._hold(kind, name, person)

    def _hold(self, kind: str, name: str, person: Person) -> Held:
        held = self._names.hold(kind, name, person.user_id, int(self._clock()), IN_FLIGHT_SECONDS)
        if held is None:
            raise in_between(kind, name)
        return held

    def let_go(self, held: Held) -> None:
        """The rename or delete is over, whatever came of it."""
        self._names.let_go(held, gone=self._catalog.find(held.kind, held.name) is None)

    def succeeded(self, claim: Claim) -> None:
        """MLflow has created or renamed it, and its engine has granted MANAGE."""
        found = self._catalog.find(claim.kind, claim.name)
        if found is not None:
            if claim.fresh and claim.old_name is None:
                # SQLite gives the id of what `mlflow gc` removed last to what is created next: no grant is older.
                self._catalog.sweep(claim.kind, found.pattern, claim.person.user_id)
            self._rules.bears(found, claim.old_name)
        self._names.settle(claim.kind, claim.name, claim.person.user_id)
        if claim.old is not None:
            self._names.release(claim.kind, claim.old.name, claim.old.user_id)

    def failed(self, claim: Claim) -> Refusal | None:
        """MLflow has refused or crashed; the words for it, where the name was the reason."""
        found = self._catalog.find(claim.kind, claim.name)
        if not claim.fresh:  # another request of the same user was faster
            return None if found is None else self._exists(found, claim.person)
        # What bears a name that was free before was created by this very request, whatever went wrong after:
        # the reservation stays, and heals its creator.
        if found is None:
            self._names.release(claim.kind, claim.name, claim.person.user_id)
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
        self._rules.bears(found)
        self._names.settle(reservation.kind, reservation.name, reservation.user_id)
        return True

    def taken(self, kind: str, name: str) -> PermissionDenied:
        """The refusal for a name that is someone else's."""
        return PermissionDenied(words.taken(KIND_WORDS[kind], name, self._contact))


def check(kind: str, name: str) -> None:
    """Whether a name can be one here.

    Raises:
        BadRequest: it is too long, no text, or would be a wildcard where grants are kept.
    """
    longest = LONGEST_GRANTED if kind in NAME_KEYED else LONGEST_NAME
    expected = f"A name has 1 to {longest} characters."
    if len(name) > longest:
        raise BadRequest(f"The {KIND_WORDS[kind]} name has {len(name)} characters. {expected}")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name):
        raise BadRequest(f"The {KIND_WORDS[kind]} name holds what is no character. {expected}")
    # A grant on "*" is one on all of its kind (mlflow/server/auth/permissions.py): its creator would get MANAGE on it.
    if kind in NAME_KEYED and "*" in name:
        raise BadRequest(f"The {KIND_WORDS[kind]} name '{name}' holds a '*', which stands for any name in permissions.")


def in_between(kind: str, name: str) -> Conflict:
    """The refusal while what bears the name is being renamed or deleted."""
    return Conflict(f"The {KIND_WORDS[kind]} '{name}' is just being renamed or deleted. Try again in a moment.")
