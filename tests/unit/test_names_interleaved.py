"""Requests for one name, interleaved at each step: reserve, create, grant, settle; and a crash at any of them.

MLflow and its engine are a few lines here, so that each step is the machine's choice; the reservations are real.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, event

from mlflow_prokube_auth.errors import AlreadyExists, PermissionDenied
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.named import NamedResource, NameReservation
from mlflow_prokube_auth.policy.names import IN_FLIGHT_SECONDS, NamePolicy
from mlflow_prokube_auth.policy.rules import TeamRules
from mlflow_prokube_auth.policy.waiting import Waiting
from mlflow_prokube_auth.store.database import Database
from mlflow_prokube_auth.store.names import Names
from mlflow_prokube_auth.store.schema import metadata
from mlflow_prokube_auth.store.teams import Teams

PEOPLE = (Person(1, "ann", False), Person(2, "ben", False))
ROUTE, NAME = ("experiments/create", "registered-models/create"), "new"
# So often a request that waits looks again before it gives up.
UNTIL_IMPATIENT = 100
# To shrink a failure takes minutes: whoever hunts for the shortest one adds ``Phase.shrink``.
PHASES = (Phase.explicit, Phase.generate)


@dataclass
class Thing:
    """What MLflow has created, by which request, and who may what."""

    found: NamedResource
    creator: Person
    by: Request
    grants: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Request:
    """One request: where it is, and how it ended."""

    person: Person
    waiting: Waiting[NameReservation | None] | None = None
    claim: NameReservation | None = None
    created: bool | None = None
    announced: bool = False
    granted: bool = False
    end: str = ""


class Mlflow:
    """MLflow's table of one name, with its unique constraint, and its engine's grants."""

    def __init__(self) -> None:
        self.thing: Thing | None = None
        self.made = 0

    def find(self, kind: str, name: str) -> NamedResource | None:
        return self.thing.found if self.thing is not None else None

    def readable(self, found: NamedResource, username: str) -> bool:
        return self.thing is not None and username in self.thing.grants | self.thing.shared

    manageable = changeable = readable

    def is_granted(self, found: NamedResource) -> bool:
        return self.thing is not None and bool(self.thing.grants | self.thing.shared)

    def grant_manage(self, found: NamedResource, user_id: int, connection: Connection) -> None:
        assert self.thing is not None
        self.thing.grants.add(next(person.username for person in PEOPLE if person.user_id == user_id))

    def sweep(self, kind: str, name: str, user_id: int, connection: Connection) -> None:
        assert self.thing is None or not self.thing.shared, "what was shared is swept"

    def beside(self, route: str, params: Mapping[str, Any]) -> tuple[str, str] | None:
        return None

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        return None


class Interleaving(RuleBasedStateMachine):
    """One name, two people, as many requests as come."""

    route = ROUTE[0]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{self.folder.name}/names.db")
        event.listen(self.database.engine, "connect", lambda made, _: made.execute("PRAGMA synchronous = OFF"))
        metadata.create_all(self.database.engine)
        self.now, self.mlflow, self.names = 1000.0, Mlflow(), Names(self.database)
        self.policy = NamePolicy(
            self.names, self.mlflow, TeamRules(Teams(self.database)), "the admin", clock=lambda: self.now
        )
        self.requests: list[Request] = []
        self.crashes = 0

    def teardown(self) -> None:
        # Whatever is under way comes to its end; with no crash, somebody has created the name.
        for _ in range(2):
            for request in [each for each in self.requests if not each.end]:
                self.advance(request, UNTIL_IMPATIENT)
        ends = [each.end for each in self.requests]
        assert "" not in ends, ends
        if self.requests and not self.crashes:
            assert "created" in ends, ends
        self.database.engine.dispose()
        self.folder.cleanup()

    @rule(who=st.sampled_from(PEOPLE))
    def start(self, who: Person) -> None:
        request = Request(who)
        request.waiting = self.policy.claiming(self.route, {"name": NAME}, who)
        self.requests.append(request)

    @rule(data=st.data(), times=st.sampled_from((1, 1, 1, UNTIL_IMPATIENT)))
    def step(self, data: st.DataObject, times: int) -> None:
        under_way = [each for each in self.requests if not each.end]
        if under_way:
            self.advance(under_way[data.draw(st.integers(0, len(under_way) - 1))], times)

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        under_way = [each for each in self.requests if not each.end]
        if under_way:
            under_way[data.draw(st.integers(0, len(under_way) - 1))].end = "crashed"
            self.crashes += 1

    @rule(seconds=st.sampled_from((0.5, IN_FLIGHT_SECONDS + 1.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(who=st.sampled_from(PEOPLE))
    def look_up(self, who: Person) -> None:
        """As the hook before a request does where the engine refuses."""
        thing = self.mlflow.thing
        if thing is None or self.mlflow.readable(thing.found, who.username):
            return
        self.policy.heal(who)
        reserved = self.names.find(thing.found.kind, NAME)
        own = thing.by.claim is not None and reserved is not None and thing.by.claim.id == reserved.claim_id
        if thing.creator is who and own and reserved is not None and reserved.healable:
            assert self.mlflow.readable(thing.found, who.username), "the creator is refused their own"

    @rule()
    def share(self) -> None:
        thing = self.mlflow.thing
        if thing is not None and thing.creator.username in thing.grants:
            thing.shared |= {person.username for person in PEOPLE} - {thing.creator.username}

    @rule()
    def remove(self) -> None:
        """``mlflow gc``, which tells nobody; only of what is finished."""
        if self.mlflow.thing is not None and self.mlflow.thing.by.end:
            self.mlflow.thing = None
            self.crashes += 1  # what comes next may wait for a reservation that nobody ends

    @invariant()
    def nobody_manages_what_they_have_not_created(self) -> None:
        thing = self.mlflow.thing
        if thing is not None:
            assert thing.grants <= {thing.creator.username}, "granted to somebody else"

    def advance(self, request: Request, times: int) -> None:
        for _ in range(times):
            if request.end:
                return
            self.one_step(request)

    def one_step(self, request: Request) -> None:
        if request.claim is None:
            self.reserve(request)
        elif request.created is None:
            request.created = self.create(request)
        elif request.created and not request.announced:
            self.policy.created(request.claim)
            request.announced = True
        elif request.created and not request.granted:
            if self.mlflow.thing is not None and self.mlflow.thing.by is request:
                self.mlflow.thing.grants.add(request.person.username)
            request.granted = True
        elif request.created:
            self.policy.succeeded(request.claim)
            request.end = "created"
        else:
            refusal = self.policy.failed(request.claim, exists=True)
            request.end = "refused"
            if self.mlflow.thing is not None:
                self.check(request, refusal)

    def reserve(self, request: Request) -> None:
        assert request.waiting is not None
        try:
            next(request.waiting)
        except StopIteration as done:
            request.claim = done.value
        except (AlreadyExists, PermissionDenied) as refusal:
            request.end = "refused"
            self.check(request, refusal)

    def create(self, request: Request) -> bool:
        if self.mlflow.thing is not None:
            return False  # the unique constraint of MLflow's table
        self.mlflow.made += 1
        kind = "experiment" if self.route == ROUTE[0] else "registered_model"
        pattern = str(self.mlflow.made) if kind == "experiment" else NAME
        found = NamedResource(kind, NAME, kind, pattern, int(self.now * 1000), "default", False)
        self.mlflow.thing = Thing(found, request.person, request)
        return True

    def check(self, request: Request, refusal: object) -> None:
        """The words fit: it exists for whoever may read it, and is taken for the rest."""
        thing = self.mlflow.thing
        if thing is None:
            return  # taken by a request that is under way, or that has died
        readable = self.mlflow.readable(thing.found, request.person.username)
        assert isinstance(refusal, AlreadyExists if readable else PermissionDenied)


class InterleavingOfModels(Interleaving):
    """Where grants are on the name itself."""

    route = ROUTE[1]


def run(machine: type[Interleaving]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=120, stateful_step_count=40, phases=PHASES))


def test_of_interleaved_requests_for_an_experiment_each_gets_what_it_should() -> None:
    run(Interleaving)


def test_of_interleaved_requests_for_a_model_each_gets_what_it_should() -> None:
    run(InterleavingOfModels)
