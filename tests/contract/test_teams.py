"""Teams and their rules on a migrated database, SQLite and PostgreSQL alike."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from mlflow_prokube_auth.identity.claims import Membership, teams_of
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.model import Actor, Person, Resource
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.schema import roles, team_roles
from mlflow_prokube_auth.store.teams import TeamExists

from ..support.people import all_at_once, levels, log_in
from ..support.settings import GOOD

ADMIN = Actor("admin")


def names(services: Services, person: Person) -> list[str]:
    return [team.name for team in services.teams.of(person.user_id)]


@pytest.mark.parametrize(
    ("patterns", "memberships", "expected"),
    [
        ("", ["groups:/team-a", "groups:/org/team-b", "realm_access.roles:offline_access"], ("team-a", "org/team-b")),
        ("", ["groups:/prokube-users", "groups:prokube-admins", "groups:team-a"], ("team-a",)),
        ("", ["groups:/team-x/prokube-admins"], ("team-x/prokube-admins",)),
        ("", ["groups:/__user_7__", "groups:/", "groups:" + "x" * 151], ()),
        ("team-*", ["groups:/team-a", "groups:/other", "realm_access.roles:team-r"], ("team-a", "team-r")),
        ("/team-*", ["groups:/team-a", "groups:/x/team-b"], ("team-a",)),
        ("^team-[ab]$", ["groups:/team-a", "groups:/team-c", "groups:/team-ab"], ("team-a",)),
    ],
)
def test_which_groups_are_teams(patterns: str, memberships: list[str], expected: tuple[str, ...]) -> None:
    settings = load({**GOOD, "PROKUBE_AUTH_TEAM_GROUPS": patterns})
    assert teams_of([Membership.parse(text) for text in memberships], settings) == expected


def test_membership_follows_each_login(services: Services) -> None:
    bob = log_in(services, "b@x", "team-a", "team-b")
    assert names(services, bob) == ["team-a", "team-b"]
    log_in(services, "b@x", "team-b", "team-c")
    assert names(services, bob) == ["team-b", "team-c"]
    log_in(services, "b@x")
    assert names(services, bob) == []


def test_of_many_first_members_at_once_all_are_in_one_team(services: Services) -> None:
    answers = all_at_once(*(lambda n=n: log_in(services, f"u{n}@x", "team-a") for n in range(6)))
    people = [answer for answer in answers if isinstance(answer, Person)]
    assert len(people) == 6, answers
    assert len(services.teams.everyone()) == 1
    assert all(names(services, person) == ["team-a"] for person in people)


def test_a_login_leaves_teams_made_by_hand_alone(services: Services) -> None:
    bob = log_in(services, "b@x", "team-a")
    hand = services.teams.create("by-hand", 100, "admin")
    services.teams.join(hand, bob.user_id)
    log_in(services, "b@x")
    assert names(services, bob) == ["by-hand"]
    log_in(services, "b@x", "by-hand")  # a group of that name does not take the team over
    services.teams.leave(hand, bob.user_id)
    log_in(services, "b@x", "by-hand")
    assert names(services, bob) == []
    with pytest.raises(TeamExists):
        services.teams.create("by-hand", 100, "admin")


def test_a_group_takes_over_no_role_that_an_administrator_has_made(services: Services) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    role = store.create_role("data", "default")
    store.add_role_permission(role.id, "registered_model", "secret", "MANAGE")
    bob = log_in(services, "b@x", "data")
    assert names(services, bob) == ["data"]
    assert levels(services, bob) == {}


def test_a_rule_gives_the_members_what_is_there_and_what_comes_and_ends(services: Services) -> None:
    bob, carol = log_in(services, "b@x", "team-a"), log_in(services, "c@x")
    team = services.teams.find("team-a")
    assert team is not None
    rule = services.teams.add_rule(team, "registered_model", "team-a-", "EDIT", "admin")
    there = [Resource("registered_model", f"team-a-{n}", "default") for n in range(3)]
    services.teams.apply(rule, team, there, ADMIN)
    services.teams.apply(rule, team, [*there, Resource("registered_model", "team-a-new", "default")], ADMIN)
    assert levels(services, bob) == dict.fromkeys(["team-a-0", "team-a-1", "team-a-2", "team-a-new"], "EDIT")
    assert levels(services, carol) == {}
    dave = log_in(services, "d@x", "team-a")  # a later member has it all
    assert len(levels(services, dave)) == 4
    with services.database.write() as connection:
        services.teams.withdraw_within(connection, rule, there[0], ADMIN)
    assert "team-a-0" not in levels(services, bob)
    log_in(services, "b@x")  # out of the group
    assert levels(services, bob) == {}
    services.teams.delete_rule(rule, team, "admin")
    assert levels(services, dave) == {}
    assert services.teams.rules() == []


def test_one_team_has_one_rule_for_a_prefix(services: Services) -> None:
    team = services.teams.create("t", 100, "admin")
    services.teams.add_rule(team, "experiment", "t-", "READ", "admin")
    with pytest.raises(TeamExists):
        services.teams.add_rule(team, "experiment", "t-", "EDIT", "admin")


def test_a_deleted_team_leaves_nothing(services: Services) -> None:
    bob = log_in(services, "b@x")
    team = services.teams.create("t", 100, "admin")
    services.teams.join(team, bob.user_id)
    rule = services.teams.add_rule(team, "registered_model", "t-", "EDIT", "admin")
    services.teams.apply(rule, team, [Resource("registered_model", "t-1", "default")], ADMIN)
    services.teams.role_of(team, "other")
    services.teams.delete(team, "admin")
    assert (services.teams.everyone(), services.teams.rules(), levels(services, bob)) == ([], [], {})
    with services.database.read() as connection:
        assert connection.execute(select(team_roles)).all() == []
        assert connection.execute(select(roles.c.name).where(roles.c.name.like("t%"))).all() == []


def test_in_another_workspace_a_team_has_its_members_too(services: Services) -> None:
    bob = log_in(services, "b@x", "team-a")
    team = services.teams.find("team-a")
    assert team is not None
    role_id = services.teams.role_of(team, "other")
    assert services.teams.role_of(team, "other") == role_id
    assert services.teams.team_of_role(role_id) == (team, 0)
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    assert {role.workspace for role in store.list_user_roles(bob.user_id)} == {"default", "other"}


def test_who_the_directory_says_is_out_of_a_group_leaves_its_team(services: Services) -> None:
    bob = log_in(services, "b@x", "team-a", "team-b")
    services.teams.drop_from(bob.user_id, ["team-a"], "b@x")
    assert names(services, bob) == ["team-b"]


def test_a_deleted_workspace_leaves_no_role_that_counts_as_a_teams(services: Services) -> None:
    bob = log_in(services, "b@x", "team-a")
    team = services.teams.find("team-a")
    assert team is not None
    role_id = services.teams.role_of(team, "other")
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.delete_roles_for_workspace("other")
    assert services.teams.team_of_role(role_id) is None
    assert {role.workspace for role in store.list_user_roles(bob.user_id)} == {"default"}
    assert services.teams.role_of(team, "other")
