"""Requests for one name, interleaved at each step: reserve, create, grant, settle, delete; and a crash at any of them.

MLflow and its engine are a few lines here, so that each step is the machine's choice; the reservations are real.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, event

from mlflow_prokube_auth.errors import AlreadyExists, Conflict, PermissionDenied
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.named import NamedResource, NameReservation
from mlflow_prokube_auth.policy.names import IN_FLIGHT_SECONDS, NamePolicy
from mlflow_prokube_auth.policy.rules import TeamRules
from mlflow_prokube_auth.policy.waiting import Waiting, wait_for
from mlflow_prokube_auth.store.database import Database
from mlflow_prokube_auth.store.names import NameLock, Names
from mlflow_prokube_auth.store.schema import metadata
from mlflow_prokube_auth.store.teams import Teams

from ..support.people import acting

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
        # What other requests do between two questions of one request, once.
        self.meanwhile: Callable[[], None] | None = None

    def find(self, kind: str, name: str) -> NamedResource | None:
        return self.thing.found if self.thing is not None else None

    def readable(self, found: NamedResource, username: str) -> bool:
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()
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
            self.names,
            self.mlflow,
            TeamRules(Teams(self.database)),
            "the admin",
            lambda person: acting(int(self.now), person.username),
            clock=lambda: self.now,
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
        except (AlreadyExists, Conflict, PermissionDenied) as refusal:
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
        if isinstance(refusal, Conflict):  # created a moment ago, perhaps by another request of theirs
            assert not thing.grants | thing.shared
            return
        readable = self.mlflow.readable(thing.found, request.person.username)
        assert isinstance(refusal, AlreadyExists if readable else PermissionDenied)


class InterleavingOfModels(Interleaving):
    """Where grants are on the name itself."""

    route = ROUTE[1]


@dataclass(eq=False)
class Deletion:
    """A request that deletes what bears the name: it holds the name, deletes, has the grants swept, lets go."""

    waiting: Waiting[NameLock | None]
    held: NameLock | None = None
    deleted: bool = False
    end: str = ""


class OneCreatesAndDeletes(InterleavingOfModels):
    """All requests are of one person, some of them delete; whatever they see of one another, the name is theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.deletions: list[Deletion] = []

    def teardown(self) -> None:
        for deletion in self.deletions:
            self.advance_deletion(deletion, UNTIL_IMPATIENT)
        super().teardown()

    def crash(self, data: st.DataObject) -> None:
        """No rule here: nothing is promised of what a crash amid a creation leaves while deletions go on."""

    @rule(seconds=st.just(0.5))
    def time_passes(self, seconds: float) -> None:
        """Less than a reservation is believed for: a request that hangs for longer has lost it to the next one."""
        super().time_passes(seconds)

    @rule(who=st.just(PEOPLE[0]))
    def start(self, who: Person) -> None:
        super().start(who)

    @rule(who=st.just(PEOPLE[0]))
    def look_up(self, who: Person) -> None:
        super().look_up(who)

    @rule()
    def start_deletion(self) -> None:
        thing = self.mlflow.thing
        if thing is not None and PEOPLE[0].username in thing.grants:
            self.deletions.append(Deletion(self.policy.locking_native(thing.found.kind, NAME, PEOPLE[0])))

    @rule(data=st.data(), times=st.integers(1, 4))
    def step_of_a_deletion(self, data: st.DataObject, times: int) -> None:
        under_way = [each for each in self.deletions if not each.end]
        if under_way:
            self.advance_deletion(data.draw(st.sampled_from(under_way)), times)

    @rule(times=st.integers(1, 4))
    def ask_amid_a_deletion(self, times: int) -> None:
        """A request finds what bears the name; by the time it asks who may read that, it is being deleted."""
        self.start(PEOPLE[0])
        self.start_deletion()
        if self.deletions:
            self.mlflow.meanwhile = lambda: self.advance_deletion(self.deletions[-1], times)
            self.advance(self.requests[-1], 1)
            self.mlflow.meanwhile = None

    def advance_deletion(self, deletion: Deletion, times: int) -> None:
        for _ in range(times):
            if deletion.end:
                return
            thing = self.mlflow.thing
            if deletion.held is None:
                try:
                    next(deletion.waiting)
                except StopIteration as done:
                    deletion.held = done.value
                    deletion.end = "" if done.value is not None else "refused"
                except Conflict:
                    deletion.end = "refused"
            elif not deletion.deleted and (thing is None or PEOPLE[0].username not in thing.grants):
                self.policy.unlock(deletion.held)  # the engine is asked again, and refuses
                deletion.end = "refused"
            elif not deletion.deleted:
                self.mlflow.thing, deletion.deleted = None, True
            else:
                self.policy.unlock(deletion.held)
                deletion.end = "deleted"

    def check(self, request: Request, refusal: object) -> None:
        assert not isinstance(refusal, PermissionDenied), "the only person there is told that a name is another's"


def run(machine: type[Interleaving]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=120, stateful_step_count=40, phases=PHASES))


def test_of_interleaved_requests_for_an_experiment_each_gets_what_it_should() -> None:
    run(Interleaving)


def test_nobody_is_told_that_their_own_name_is_anothers_while_they_delete_it() -> None:
    run(OneCreatesAndDeletes)


def test_of_interleaved_requests_for_a_model_each_gets_what_it_should() -> None:
    run(InterleavingOfModels)


def test_a_request_that_went_on_beside_a_slow_one_of_the_same_person_keeps_the_name_theirs() -> None:
    """The slow one reserved the name; it loses to the other, and frees the name before that one is granted."""
    machine, ann = OneCreatesAndDeletes(), PEOPLE[0]
    machine.start(ann)
    machine.start(ann)
    slow, quick = machine.requests
    machine.advance(slow, 1)
    while quick.claim is None:
        machine.advance(quick, 1)
    machine.advance(quick, 1)
    assert quick.created is True
    assert not quick.granted
    machine.advance(slow, 2)
    assert slow.end == "refused"
    machine.start(ann)
    machine.advance(machine.requests[-1], 1)  # asserts that it is not told that the name is another's
    machine.teardown()


def test_what_another_request_has_just_created_is_waited_for_where_mlflow_creates_it_on_the_fly() -> None:
    """As of the versions of a new MCP server: the server is there, and its creator not granted it yet."""
    machine, ann = OneCreatesAndDeletes(), PEOPLE[0]
    machine.start(ann)
    first = machine.requests[0]
    machine.advance(first, 2)
    thing = machine.mlflow.thing
    assert first.created is True
    assert thing is not None
    assert not thing.grants
    second = machine.policy.claiming_absent("registered_model", NAME, ann)
    assert wait_for(second, lambda seconds: None) is None
    assert thing.grants == {ann.username}
    machine.teardown()
