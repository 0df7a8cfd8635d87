"""Globally unique names: a reservation before MLflow creates, the words when a name is taken.

Of many requests for one name, a primary key lets one reserve it; the others wait for what comes of it. The request
that reserved the name creates the resource, the engine grants MANAGE to its creator, and the reservation is settled.
A request that comes in the meantime from the user who reserved the name gets the grant at once
(:meth:`NamePolicy.heal`), as does a creator whose first request died before the grant. Settling happens once and is
one transaction with what depends on it. Reservations whose resource is gone are taken over.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from ..errors import AlreadyExists, Conflict, PermissionDenied, Refusal
from ..model import Actor, Person
from ..store.names import NameLock, Names, Reservation
from . import words
from .kinds import LONGEST_NAME, of, word_of_named
from .named import (
    CREATES,
    DELETES,
    LOOKUPS,
    RENAMES,
    Catalog,
    NamedResource,
    NameReservation,
    Rules,
    check,
)
from .waiting import Pauses, Waiting, pauses, wait_for

# A reservation whose resource does not exist yet, or is just being deleted, is believed for so long.
IN_FLIGHT_SECONDS = 60
# So long a request waits for another one that creates, renames or deletes the same name: for one of its own user, whose
# answer it needs, and for another's.
PATIENCE_SECONDS, PATIENCE_WITH_OTHERS_SECONDS = 10.0, 3.0


class NamePolicy:
    """Decides on names; see the module's docstring."""

    def __init__(
        self,
        names: Names,
        catalog: Catalog,
        rules: Rules,
        contact: str,
        acting: Callable[[Person], Actor],
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(12),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._names = names
        self._catalog = catalog
        self._rules = rules
        self._contact = contact
        self._acting = acting
        self._clock = clock
        self._new_id = new_id
        self._sleep = sleep

    def claim(self, route: str, params: Mapping[str, Any], person: Person) -> NameReservation | None:
        """As :meth:`claiming`, in a thread that may sleep."""
        return wait_for(self.claiming(route, params, person), self._sleep)

    def claiming(self, route: str, params: Mapping[str, Any], person: Person) -> Waiting[NameReservation | None]:
        """Reserve the name that a create or rename asks for; waits for requests that have reserved or hold it.

        Raises:
            PermissionDenied: it is someone else's.
            AlreadyExists: it is that of something which ``person`` may read.
            Conflict: the resource with the name is being renamed or deleted.
        """
        kind, parameter = CREATES.get(route) or RENAMES.get(route) or ("", "")
        name = params.get(parameter) if kind else None
        if not isinstance(name, str) or not name:
            return None  # MLflow says what is wrong with it
        old_name = self._catalog.name_of(kind, params) if route in RENAMES else None
        if old_name == name:
            return None
        check(kind, name)
        if old_name is not None:
            self._rules.check(kind, name, person, self._contact)
            self._check_rename(kind, old_name, name, person)
        return (yield from self._claiming(kind, name, person, old_name))

    def claim_beside(self, route: str, params: Mapping[str, Any], person: Person) -> NameReservation | None:
        """Reserve the name of what MLflow gets or creates beside what a request is about; None where it is there.

        Raises:
            PermissionDenied: it is there, and the person may not change it; or the name is a team's.
        """
        wanted = self._catalog.beside(route, params)
        if wanted is None:
            return None
        kind, name = wanted
        claim = wait_for(self.claiming_absent(kind, name, person), self._sleep)
        found = self._catalog.find(kind, name) if claim is None else None
        if found is not None and not person.is_admin and not self._catalog.changeable(found, person.username):
            raise PermissionDenied(words.not_yours_beside(word_of_named(kind), name, self._contact))
        return claim

    def claiming_absent(
        self, kind: str, name: str, person: Person, workspace: str | None = None
    ) -> Waiting[NameReservation | None]:
        """Reserve a name under which MLflow creates something on the fly; None where it is there.

        ``workspace``: that in which MLflow looks for it; in another one it would create a twin. None for any.

        Raises:
            PermissionDenied: another request creates it now, or the name is a team's.
            PermissionDenied, AlreadyExists: it is in another workspace.
        """
        found = self._catalog.find(kind, name)
        if found is None:
            check(kind, name)
            try:
                claim = yield from self._claiming(kind, name, person)
                return replace(claim, on_the_fly=True)
            except AlreadyExists:
                found = self._catalog.find(kind, name)
        else:
            yield from self._until_settled(kind, name, person)
        if found is not None and workspace is not None and found.workspace != workspace:
            raise self._exists(found, person, own=False)
        return None

    def _claiming(self, kind: str, name: str, person: Person, old_name: str | None = None) -> Waiting[NameReservation]:
        self._rules.check(kind, name, person, self._contact)
        old = self._names.find(kind, old_name) if old_name is not None else None
        # A rename holds its old name meanwhile: two that hold one another's name must not wait for each other.
        mine, others, held = (
            pauses(seconds)
            for seconds in (PATIENCE_SECONDS, PATIENCE_WITH_OTHERS_SECONDS, 0 if old_name else PATIENCE_SECONDS)
        )
        while True:
            claim_id, now_ms = self._new_id(), int(self._clock() * 1000)
            standing = self._names.reserve(kind, name, person.user_id, now_ms, claim_id)
            if standing is None:
                return self._reserved(NameReservation(kind, name, person, claim_id, True, old, old_name))
            if (standing.held_until or 0) * 1000 > now_ms:
                pause = next(held, None)
                if pause is None:
                    raise in_between(kind, name)
            else:
                pause = self._look(standing, person, now_ms, mine, others)
            if pause is not None:
                yield pause
            elif _in_flight(standing, now_ms):
                if self._names.join(standing):
                    return NameReservation(kind, name, person, standing.claim_id, False, old, old_name)
            elif self._names.take_over(standing, person.user_id, now_ms, claim_id):
                return self._reserved(NameReservation(kind, name, person, claim_id, True, old, old_name))

    def _look(self, standing: Reservation, person: Person, now_ms: int, mine: Pauses, others: Pauses) -> float | None:
        """How long to wait for what comes of a reservation; None to go on under one's own, or to take over a stale one.

        Raises:
            PermissionDenied, AlreadyExists, Conflict: as :meth:`claiming`.
        """
        own, in_flight = standing.user_id == person.user_id, _in_flight(standing, now_ms)
        # MLflow would allow a twin in another workspace.
        found = self._catalog.find(standing.kind, standing.name)
        if found is None and not in_flight:
            return None
        if found is not None and own and standing.pending:
            self._heal_one(standing, person)
        settled = found is not None and (not in_flight or self._may_read(found, person))
        pause = None if settled else next(mine if own else others, None)
        if pause is None and found is not None:
            refusal = self._exists(found, person, own=own)
            pause = next(mine if own else others, None) if isinstance(refusal, Conflict) else None
            if pause is None:
                raise refusal
        elif pause is None and not own:
            raise self.taken(standing.kind, standing.name)
        return pause

    def _reserved(self, claim: NameReservation) -> NameReservation:
        """The name is reserved for this very request. A resource that has it without a reservation is older than ours.

        Raises:
            PermissionDenied, AlreadyExists: as :meth:`claiming`.
        """
        found = self._catalog.find(claim.kind, claim.name)
        if found is not None:
            self._names.release(claim.kind, claim.name, claim.id)
            raise self._exists(found, claim.person, own=False)
        if of(claim.kind).is_keyed_by_name:
            self._names.while_pending(claim.kind, claim.name, claim.id, self._sweep(claim, claim.name))
        return claim

    def _check_rename(self, kind: str, old_name: str, name: str, person: Person) -> None:
        """Into and out of a team's prefix only whoever manages the resource renames: grants come and go with it."""
        if person.is_admin or not (self._rules.matching(kind, old_name) or self._rules.matching(kind, name)):
            return
        found = self._catalog.find(kind, old_name)
        if found is None or not self._catalog.manageable(found, person.username):
            raise PermissionDenied(
                f"A rename of the {word_of_named(kind)} '{old_name}' into or out of a team's prefix needs MANAGE on "
                f"it. Ask {self._contact} for access."
            )

    def lock(self, route: str, params: Mapping[str, Any], person: Person) -> NameLock | None:
        """Before a rename or delete that frees a name on which grants are kept: nobody gets it in between.

        The caller must have been allowed to, and is checked again: the name may have changed hands.

        Raises:
            Conflict: another request has been renaming or deleting it for long.
        """
        kind, parameter = DELETES.get(route) or (RENAMES[route][0] if route in RENAMES else "", "name")
        name = params.get(parameter) if of(kind).is_keyed_by_name else None
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            return None
        return wait_for(self._holding(kind, name, person), self._sleep)

    def locking_native(self, kind: str, name: str, person: Person) -> Waiting[NameLock | None]:
        """The same where the engine decides afterwards: strangers hold nothing."""
        found = self._catalog.find(kind, name)
        if found is None or not (person.is_admin or self._catalog.readable(found, person.username)):
            return None
        return (yield from self._holding(kind, name, person))

    def _holding(self, kind: str, name: str, person: Person) -> Waiting[NameLock]:
        waits = pauses(PATIENCE_SECONDS)
        while True:
            held = self._names.lock(kind, name, person.user_id, int(self._clock()), IN_FLIGHT_SECONDS)
            if held is not None:
                return held
            pause = next(waits, None)
            if pause is None:
                raise in_between(kind, name)
            yield pause

    def unlock(self, held: NameLock) -> None:
        """The rename or delete is over, whatever came of it."""
        self._names.unlock(held, gone=self._catalog.find(held.kind, held.name) is None)

    def created(self, claim: NameReservation) -> None:
        """MLflow has created it, and its engine is about to grant MANAGE.

        SQLite gives the id of what ``mlflow gc`` removed last to what is created next: no grant is older than this.
        """
        found = self._catalog.find(claim.kind, claim.name) if claim.old_name is None else None
        if found is not None and not of(claim.kind).is_keyed_by_name:
            self._names.while_pending(claim.kind, claim.name, claim.id, self._sweep(claim, found.pattern))

    def succeeded(self, claim: NameReservation) -> None:
        """MLflow has created or renamed it, and its engine has granted MANAGE."""
        found = self._catalog.find(claim.kind, claim.name)
        if found is None and claim.on_the_fly:
            self._names.release(claim.kind, claim.name, claim.id)
            return
        follow = (
            self._rules.sync_grants(found, self._acting(claim.person), claim.old_name)
            if found is not None
            else lambda connection: None
        )

        def then(connection: Connection) -> None:
            if found is not None and claim.on_the_fly:
                self._catalog.grant_manage(found, claim.person.user_id, connection)
            if follow is not None:
                follow(connection)

        self._names.settle(claim.kind, claim.name, claim.id, then)
        if claim.old is not None:
            self._names.release(claim.kind, claim.old.name, claim.old.claim_id)

    def failed(self, claim: NameReservation, *, exists: bool) -> Refusal | None:
        """MLflow has refused or crashed; the words for it, where the name was the reason.

        ``exists``: MLflow said that something has the name, so that this request did not create it.
        """
        found = self._catalog.find(claim.kind, claim.name)
        if claim.fresh and (found is None or exists):
            self._names.release(claim.kind, claim.name, claim.id)
        elif found is not None and not exists:
            # It was created, and then something went wrong: what is missing is granted now, or at the next request.
            self.heal(claim.person)
        return self._exists(found, claim.person, own=True) if found is not None and exists else None

    def _sweep(self, claim: NameReservation, pattern: str) -> Callable[[Connection], None]:
        return lambda connection: self._catalog.sweep(claim.kind, pattern, claim.person.user_id, connection)

    def _may_read(self, found: NamedResource, person: Person) -> bool:
        return person.is_admin or self._catalog.readable(found, person.username)

    def _exists(self, found: NamedResource, person: Person, *, own: bool) -> Refusal:
        """The refusal for the name of what is there; ``own``: the person has reserved the name, or had."""
        # Asked before who may read it: a grant that comes in between is the creator's, who may be this very person.
        granted = person.is_admin or self._catalog.is_granted(found)
        if not self._may_read(found, person):
            if own and not granted and found.created_ms + IN_FLIGHT_SECONDS * 1000 > int(self._clock() * 1000):
                return in_between(found.kind, found.name)
            # Grants go after what they are on: it may have been deleted since it was found, and have been theirs.
            there = self._catalog.find(found.kind, found.name) == found
            return self.taken(found.kind, found.name) if there else in_between(found.kind, found.name)
        if found.trashed:
            return AlreadyExists(words.in_trash(found.name, found.pattern))
        return AlreadyExists(words.exists(word_of_named(found.kind), found.name))

    def heal(self, person: Person) -> bool:
        """Grant what a person has created and was not granted yet; whether they may see more than before.

        The request that created it is just about to be granted it, or died before that.
        """
        healed = False
        for reservation in self._names.pending(person.user_id):
            healed |= self._heal_one(reservation, person)
        return healed

    def settled(self, route: str, params: Mapping[str, Any]) -> bool:
        """Wait for the request that creates what a lookup by name was refused; whether there is one.

        A team's members may read what is created under its prefix as soon as the name is settled.
        """
        kind, parameter = LOOKUPS.get(route, ("", ""))
        name = params.get(parameter)
        return isinstance(name, str) and wait_for(self._until_settled(kind, name), self._sleep)

    def _until_settled(self, kind: str, name: str, person: Person | None = None) -> Waiting[bool]:
        """Wait for the request that creates the resource with the name; whether there was one.

        Where that is another request of ``person``, they are granted what it has created, as by :meth:`heal`.
        """
        standing, waited = self._names.find(kind, name), False
        own = standing is not None and person is not None and standing.user_id == person.user_id
        for pause in pauses(PATIENCE_SECONDS if own else PATIENCE_WITH_OTHERS_SECONDS):
            if standing is None or not _in_flight(standing, int(self._clock() * 1000)):
                break
            waited = True
            if person is not None and standing.user_id == person.user_id and self._heal_one(standing, person):
                break
            yield pause
            standing = self._names.find(kind, name)
        return waited

    def _heal_one(self, reservation: Reservation, person: Person) -> bool:
        # Grant only what came into being under this reservation and what nobody holds a grant on:
        # whoever merely asks for another's name has a pending reservation for a moment, too.
        found = self._catalog.find(reservation.kind, reservation.name)
        if found is None or not reservation.healable or found.created_ms < reservation.reserved_ms:
            return False
        if self._catalog.is_granted(found):
            return True  # since a moment ago, by the request that created it
        follow = self._rules.sync_grants(found, self._acting(person))

        def then(connection: Connection) -> None:
            self._catalog.grant_manage(found, person.user_id, connection)
            follow(connection)

        self._names.settle(reservation.kind, reservation.name, reservation.claim_id, then)
        return True

    def taken(self, kind: str, name: str) -> PermissionDenied:
        """The refusal for a name that is someone else's."""
        return PermissionDenied(words.taken(word_of_named(kind), name, self._contact))

    def not_theirs(self, kind: str, names: list[str]) -> PermissionDenied:
        """The same where MLflow creates or changes named resources, one of which the caller may not change."""
        return PermissionDenied(words.taken(word_of_named(kind), names[0], self._contact, "change", len(names) - 1))


def in_between(kind: str, name: str) -> Conflict:
    """The refusal while the resource with the name is being created, renamed or deleted."""
    return Conflict(
        f"The {word_of_named(kind)} '{name}' is being created, renamed or deleted at this moment. Try again shortly."
    )


def _in_flight(standing: Reservation, now_ms: int) -> bool:
    """Whether the request that made a reservation may still be at work."""
    return standing.pending and standing.reserved_ms + IN_FLIGHT_SECONDS * 1000 > now_ms
