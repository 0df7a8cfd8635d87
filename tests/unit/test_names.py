"""The policy on names: races, crashes, and those who merely ask for another's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from mlflow_prokube_auth.errors import AlreadyExists, BadRequest, Conflict, PermissionDenied
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.named import NamedResource
from mlflow_prokube_auth.policy.names import IN_FLIGHT_SECONDS, NamePolicy
from mlflow_prokube_auth.policy.rules import TeamRules
from mlflow_prokube_auth.policy.waiting import wait_for
from mlflow_prokube_auth.store.database import Database
from mlflow_prokube_auth.store.names import Names
from mlflow_prokube_auth.store.schema import metadata, users
from mlflow_prokube_auth.store.teams import Teams

from ..support.people import acting

ALICE, MALLORY = Person(1, "alice", False), Person(2, "mallory", False)
CREATE = ("experiments/create", {"name": "weather"})


class FakeCatalog:
    """MLflow in memory: name -> (created at, owners)."""

    def __init__(self) -> None:
        self.things: dict[str, tuple[int, set[str]]] = {}
        self.swept: list[tuple[str, str, int]] = []
        self.renamed: str | None = None

    def find(self, kind: str, name: str) -> NamedResource | None:
        if name not in self.things:
            return None
        return NamedResource(kind, name, kind, name, self.things[name][0] * 1000, "default", False)

    def readable(self, found: NamedResource, username: str) -> bool:
        return username in self.things[found.name][1]

    def manageable(self, found: NamedResource, username: str) -> bool:
        return username in self.things[found.name][1]

    changeable = manageable

    def beside(self, route: str, params: Mapping[str, Any]) -> tuple[str, str] | None:
        return ("experiment", f"gateway/{params['name']}") if route == "gateway/endpoints/create" else None

    def is_granted(self, found: NamedResource) -> bool:
        return bool(self.things[found.name][1])

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        return self.renamed

    def sweep(self, kind: str, name: str, user_id: int, connection: Connection) -> None:
        self.swept.append((kind, name, user_id))

    def grant_manage(self, found: NamedResource, user_id: int, connection: Connection) -> None:
        self.things[found.name][1].add({person.user_id: person.username for person in (ALICE, MALLORY)}[user_id])


class Scene:
    def __init__(self, directory: Path) -> None:
        database = Database(f"sqlite:///{directory}/names.db")
        metadata.create_all(database.engine)
        with database.write() as connection:
            for person in (ALICE, MALLORY):
                connection.execute(users.insert().values(id=person.user_id, username=person.username, is_admin=False))
        self.now = 1000
        self.catalog = FakeCatalog()
        self.names = Names(database)
        self.teams = Teams(database)
        self.policy = NamePolicy(
            self.names, self.catalog, TeamRules(self.teams), "the admin",
            lambda person: acting(self.now, person.username),
            clock=lambda: self.now, sleep=self._sleep,
        )  # fmt: skip
        # What other requests do while one waits for them, the last one first.
        self.meanwhile: list[Callable[[], object]] = []

    def _sleep(self, _seconds: float) -> None:
        if self.meanwhile:
            self.meanwhile.pop()()


@pytest.fixture
def world(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_asking_for_anothers_name_never_grants_it(world: Scene) -> None:
    world.catalog.things["weather"] = (500, set())  # older than the plugin: nobody holds a grant on it
    with pytest.raises(PermissionDenied):
        world.policy.claim(*CREATE, MALLORY)
    world.names.reserve("experiment", "weather", MALLORY.user_id, world.now * 1000, "claim")
    assert not world.policy.heal(MALLORY)  # a parallel request, before the first has been refused
    assert world.catalog.things["weather"][1] == set()


def test_a_creator_whose_grant_was_lost_in_a_crash_gets_it_back(world: Scene) -> None:
    world.policy.claim(*CREATE, ALICE)
    world.catalog.things["weather"] = (1000, set())  # created, and then the worker died
    assert world.policy.heal(ALICE)
    assert world.catalog.things["weather"][1] == {"alice"}
    assert not world.policy.heal(ALICE)


def test_what_was_taken_away_on_purpose_is_not_healed(world: Scene) -> None:
    claim = world.policy.claim(*CREATE, ALICE)
    assert claim is not None
    world.catalog.things["weather"] = (1000, {"alice"})
    world.policy.succeeded(claim)
    world.catalog.things["weather"][1].clear()
    assert not world.policy.heal(ALICE)


def test_a_name_in_flight_is_refused_and_a_stale_one_is_taken_over_once(world: Scene) -> None:
    world.policy.claim(*CREATE, ALICE)
    with pytest.raises(PermissionDenied):
        world.policy.claim(*CREATE, MALLORY)
    world.now += IN_FLIGHT_SECONDS
    assert world.policy.claim(*CREATE, MALLORY) is not None
    with pytest.raises(PermissionDenied):
        world.policy.claim(*CREATE, ALICE)


def test_a_failed_creation_frees_the_name(world: Scene) -> None:
    claim = world.policy.claim(*CREATE, ALICE)
    assert claim is not None
    world.policy.failed(claim, exists=False)
    assert world.policy.claim(*CREATE, MALLORY) is not None


def test_who_waits_for_anothers_request_gets_the_name_where_that_fails(world: Scene) -> None:
    claim = world.policy.claim(*CREATE, ALICE)
    assert claim is not None
    world.meanwhile = [lambda: world.policy.failed(claim, exists=False)]
    theirs = world.policy.claim(*CREATE, MALLORY)
    assert theirs is not None
    assert (theirs.person, theirs.fresh) == (MALLORY, True)


def test_a_second_request_of_the_creator_is_told_that_it_exists_once_it_may_read_it(world: Scene) -> None:
    claim = world.policy.claim(*CREATE, ALICE)
    assert claim is not None

    def create_and_grant() -> None:
        world.catalog.things["weather"] = (1000, {"alice"})
        world.policy.succeeded(claim)

    world.meanwhile = [create_and_grant]
    with pytest.raises(AlreadyExists):
        world.policy.claim(*CREATE, ALICE)


def test_a_second_request_goes_on_by_itself_where_the_first_never_answers(world: Scene) -> None:
    first = world.policy.claim(*CREATE, ALICE)
    second = world.policy.claim(*CREATE, ALICE)
    assert first is not None
    assert second is not None
    assert (second.id, second.fresh) == (first.id, False)
    world.policy.failed(second, exists=False)
    assert world.names.find("experiment", "weather") is not None  # the first may still be at work
    world.catalog.things["weather"] = (1000, {"alice"})
    world.policy.succeeded(first)
    assert world.names.created_by(ALICE.user_id) == {("experiment", "weather"): False}


@pytest.mark.parametrize("kind", ["experiment", "model"])
def test_who_looks_a_name_up_waits_for_the_request_that_creates_it(world: Scene, kind: str) -> None:
    create, lookup = {
        "experiment": (CREATE, ("experiments/get-by-name", {"experiment_name": "weather"})),
        "model": (MODEL, ("registered-models/get", {"name": "weather"})),
    }[kind]
    assert not world.policy.settled(*lookup)
    claim = world.policy.claim(*create, ALICE)
    assert claim is not None
    world.meanwhile = [lambda: world.policy.succeeded(claim)]
    assert world.policy.settled(*lookup)
    assert world.meanwhile == []
    assert not world.policy.settled(*lookup)


def test_what_a_late_request_creates_is_not_granted_to_whoever_took_its_name_over(world: Scene) -> None:
    assert world.policy.claim(*CREATE, ALICE) is not None
    world.now += IN_FLIGHT_SECONDS
    theirs = world.policy.claim(*CREATE, MALLORY)
    assert theirs is not None
    world.catalog.things["weather"] = (world.now, set())  # by alice's request, which had not died
    assert not world.policy.heal(MALLORY)
    # Nobody was granted it yet: it may be the work of another request of theirs.
    assert isinstance(world.policy.failed(theirs, exists=True), Conflict)
    world.catalog.things["weather"] = (world.now, {ALICE.username})
    with pytest.raises(PermissionDenied):
        world.policy.claim(*CREATE, MALLORY)
    assert world.catalog.things["weather"][1] == {ALICE.username}


@pytest.mark.parametrize("first_ends", ["created, and removed", "failed"])
def test_what_a_second_request_creates_late_is_granted_to_nobody_who_took_its_name_over(
    world: Scene, first_ends: str
) -> None:
    first, second = (world.policy.claim(*CREATE, ALICE) for _ in range(2))
    assert first is not None
    assert second is not None
    if first_ends == "failed":
        world.policy.failed(first, exists=False)
    else:
        world.catalog.things["weather"] = (1000, {"alice"})
        world.policy.succeeded(first)
        del world.catalog.things["weather"]
    for _ in range(2):
        assert world.policy.claim(*CREATE, MALLORY) is not None
        world.now += IN_FLIGHT_SECONDS
    world.catalog.things["weather"] = (world.now, set())  # by alice's second request
    assert not world.policy.heal(MALLORY)
    assert world.catalog.things["weather"][1] == set()


def test_what_was_shared_after_healing_survives_the_end_of_the_request_that_created_it(world: Scene) -> None:
    claim = world.policy.claim(*CREATE, ALICE)
    assert claim is not None
    world.catalog.things["weather"] = (1000, set())
    assert world.policy.heal(ALICE)  # a second request of hers looks it up, and shares it
    world.policy.created(claim)
    world.policy.succeeded(claim)
    assert world.catalog.swept == []


def test_what_an_id_had_before_is_swept_before_its_creator_is_granted_anything(world: Scene) -> None:
    claim = world.policy.claim(*CREATE, ALICE)
    assert claim is not None
    world.catalog.things["weather"] = (1000, set())
    world.policy.created(claim)
    world.catalog.things["weather"] = (1000, {"alice"})
    world.policy.succeeded(claim)
    assert world.catalog.swept == [("experiment", "weather", ALICE.user_id)]


ENDPOINT = ("gateway/endpoints/create", {"name": "chat"})


def test_what_mlflow_creates_on_the_fly_belongs_to_who_asked_for_it(world: Scene) -> None:
    claim = world.policy.claim_beside(*ENDPOINT, ALICE)
    assert claim is not None
    world.catalog.things["gateway/chat"] = (1000, set())  # MLflow's engine grants nothing on it
    world.policy.created(claim)
    world.policy.succeeded(claim)
    assert world.catalog.things["gateway/chat"][1] == {"alice"}
    assert world.names.created_by(ALICE.user_id) == {("experiment", "gateway/chat"): False}


def test_what_is_there_already_is_used_by_whoever_may_change_it_alone(world: Scene) -> None:
    world.catalog.things["gateway/chat"] = (500, {"alice"})
    assert world.policy.claim_beside(*ENDPOINT, ALICE) is None
    with pytest.raises(PermissionDenied, match="records the calls of this endpoint in the experiment 'gateway/chat'"):
        world.policy.claim_beside(*ENDPOINT, MALLORY)


@pytest.mark.parametrize("created", [False, True])
def test_of_a_request_that_failed_only_what_it_created_on_the_fly_is_kept(world: Scene, created: bool) -> None:
    claim = world.policy.claim_beside(*ENDPOINT, ALICE)
    assert claim is not None
    if created:
        world.catalog.things["gateway/chat"] = (1000, set())
    world.policy.failed(claim, exists=False)
    reserved = world.names.find("experiment", "gateway/chat")
    assert (reserved is not None) == created
    if created:
        assert world.catalog.things["gateway/chat"][1] == {"alice"}


def test_what_was_not_created_after_all_leaves_no_reservation(world: Scene) -> None:
    claim = world.policy.claim_beside(*ENDPOINT, ALICE)
    assert claim is not None
    world.policy.succeeded(claim)
    assert world.names.find("experiment", "gateway/chat") is None


DELETE = ("registered-models/delete", {"name": "weather"})
MODEL = ("registered-models/create", {"name": "weather"})


def test_while_a_model_is_deleted_nobody_gets_its_name(world: Scene) -> None:
    world.catalog.things["weather"] = (500, {"alice"})
    held = world.policy.lock(*DELETE, ALICE)
    assert held is not None
    with pytest.raises(Conflict):
        world.policy.lock(*DELETE, ALICE)
    del world.catalog.things["weather"]  # MLflow has deleted it; its engine has yet to sweep the grants
    for person in (MALLORY, ALICE):
        with pytest.raises(Conflict):
            world.policy.claim(*MODEL, person)
    world.policy.unlock(held)
    assert world.policy.claim(*MODEL, MALLORY) is not None
    assert world.catalog.swept == [("registered_model", "weather", MALLORY.user_id)]


def test_while_a_model_is_renamed_nobody_gets_its_old_name(world: Scene) -> None:
    world.catalog.things["weather"] = (500, {"alice"})
    held = world.policy.lock("registered-models/rename", {"name": "weather", "new_name": "climate"}, ALICE)
    assert held is not None
    world.catalog.things["climate"] = world.catalog.things.pop("weather")
    with pytest.raises(Conflict):
        world.policy.claim(*MODEL, MALLORY)
    world.policy.unlock(held)
    assert world.policy.claim(*MODEL, MALLORY) is not None


def test_a_delete_that_failed_leaves_the_name_as_it_was(world: Scene) -> None:
    world.catalog.things["weather"] = (500, {"alice"})
    for reserved in (False, True):
        if reserved:
            world.names.reserve("registered_model", "weather", ALICE.user_id, 900, "claim")
        before = world.names.find("registered_model", "weather")
        held = world.policy.lock(*DELETE, MALLORY)
        assert held is not None
        world.policy.unlock(held)
        assert world.names.find("registered_model", "weather") == before


def test_a_hold_ends_by_itself_when_its_process_died(world: Scene) -> None:
    world.catalog.things["weather"] = (500, {"alice"})
    world.policy.lock(*DELETE, ALICE)
    world.now += IN_FLIGHT_SECONDS
    assert world.policy.lock(*DELETE, ALICE) is not None


def test_a_stranger_holds_no_name_where_the_engine_has_yet_to_decide(world: Scene) -> None:
    world.catalog.things["io.x/weather"] = (500, {"alice"})
    held = [
        wait_for(world.policy.locking_native("mcp_server", "io.x/weather", who), sleep=lambda seconds: None)
        for who in (MALLORY, ALICE)
    ]
    assert [each is not None for each in held] == [False, True]


def claiming_absent(world: Scene, who: Person, workspace: str | None) -> Any:
    return wait_for(world.policy.claiming_absent("skill", "@x/weather", who, workspace), sleep=lambda seconds: None)


def test_what_is_created_on_the_fly_is_looked_for_where_mlflow_does_and_has_no_twin_elsewhere(world: Scene) -> None:
    claim = claiming_absent(world, ALICE, "default")
    assert (claim.name, claim.on_the_fly) == ("@x/weather", True)
    world.catalog.things["@x/weather"] = (1000, {"alice"})
    world.policy.succeeded(claim)
    for who in (ALICE, MALLORY):
        assert claiming_absent(world, who, "default") is None  # the engine decides
        assert claiming_absent(world, who, None) is None
    with pytest.raises(AlreadyExists):
        claiming_absent(world, ALICE, "lab")
    with pytest.raises(PermissionDenied, match="for example with your team as prefix \\('@x/<team>-weather'\\)"):
        claiming_absent(world, MALLORY, "lab")


def test_who_waits_for_a_delete_finds_the_name_free(world: Scene) -> None:
    world.catalog.things["weather"] = (500, {"alice"})
    held = world.policy.lock(*DELETE, ALICE)
    assert held is not None

    def delete() -> None:
        del world.catalog.things["weather"]
        world.policy.unlock(held)

    world.meanwhile = [delete]
    assert world.policy.claim(*MODEL, MALLORY) is not None


def test_a_hold_that_has_run_out_ends_no_later_one(world: Scene) -> None:
    world.catalog.things["weather"] = (500, {"alice"})
    late = world.policy.lock(*DELETE, ALICE)
    world.now += IN_FLIGHT_SECONDS
    now = world.policy.lock(*DELETE, ALICE)
    assert late is not None
    assert now is not None
    world.policy.unlock(late)
    reserved = world.names.find("registered_model", "weather")
    assert reserved is not None
    assert reserved.held_until == now.until


@pytest.mark.parametrize("name", ["*", "a*", "x" * 256, "a\0b", "\ud800"])
def test_what_can_be_no_name_is_refused(world: Scene, name: str) -> None:
    with pytest.raises(BadRequest):
        world.policy.claim("registered-models/create", {"name": name}, ALICE)


@pytest.fixture
def ruled(world: Scene) -> Scene:
    """The prefix "team-a-" is EDIT to a team of which alice is a member."""
    team = world.teams.create("team-a", acting(1000))
    world.teams.join(team, ALICE.user_id, acting())
    world.teams.add_rule(team, "registered_model", "team-a-", "EDIT", acting())
    return world


def test_only_the_team_and_administrators_create_in_its_prefix(ruled: Scene) -> None:
    create = ("registered-models/create", {"name": "team-a-x"})
    with pytest.raises(
        PermissionDenied, match=r"Only members of a team may use names of a [\w ]+ that begin with 'team-a-'"
    ):
        ruled.policy.claim(*create, MALLORY)
    assert ruled.names.find("registered_model", "team-a-x") is None
    assert ruled.policy.claim(*create, ALICE) is not None
    admin = replace(MALLORY, is_admin=True)
    assert ruled.policy.claim("registered-models/create", {"name": "team-a-y"}, admin) is not None
    assert ruled.policy.claim("experiments/create", {"name": "team-a-x"}, MALLORY) is not None  # another kind


@pytest.mark.parametrize(("old", "new"), [("plain", "team-a-x"), ("team-a-x", "plain")])
def test_a_rename_into_or_out_of_a_prefix_needs_manage(ruled: Scene, old: str, new: str) -> None:
    rename = ("registered-models/rename", {"name": old, "new_name": new})
    ruled.catalog.renamed = old
    ruled.catalog.things[old] = (500, set())
    with pytest.raises(PermissionDenied, match="needs MANAGE"):
        ruled.policy.claim(*rename, ALICE)
    ruled.catalog.things[old] = (500, {"alice"})
    assert ruled.policy.claim(*rename, ALICE) is not None
