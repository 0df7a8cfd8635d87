"""Nothing is left to nobody: accounts, teams, members and rules that are the last to manage something."""

from __future__ import annotations

import pytest

from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.model import Actor, Person, Resource, Team
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.accounts import Account
from mlflow_prokube_auth.store.ownership import NeedsSuccessor

from ..support.people import acting, levels, log_in

SHARED = Resource("registered_model", "m", "default")


def account(services: Services, person: Person) -> Account:
    found = services.accounts.find(person.username)
    assert found is not None
    return found


def team_that_manages(services: Services, *members: Person, resource: Resource = SHARED) -> Team:
    team = services.teams.create("t", acting())
    for each in members:
        services.teams.join(team, each.user_id, acting())
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.set_grants(resource, {services.teams.role_of(team, resource.workspace): "MANAGE"})
    return team


def test_the_last_member_of_a_team_is_deleted_only_with_a_successor(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    team = team_that_manages(services, alice)
    with pytest.raises(NeedsSuccessor) as refused:
        services.accounts.delete(account(services, alice), None, acting())
    assert refused.value.resources == [SHARED]
    assert services.accounts.delete(account(services, alice), bob, acting()) == 1
    assert levels(services, bob) == {"m": "MANAGE"}
    assert [holder.name for holder in services.grants.holders(SHARED)] == ["b@x", team.name]


def test_one_of_two_members_is_deleted_without_one(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    team_that_manages(services, alice, bob)
    assert services.accounts.delete(account(services, alice), None, acting()) == 0
    assert levels(services, bob) == {"m": "MANAGE"}


def test_a_team_that_alone_manages_is_deleted_only_with_a_successor(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    team = team_that_manages(services, alice, bob)
    with pytest.raises(NeedsSuccessor) as refused:
        services.teams.delete(team, acting())
    assert refused.value.resources == [SHARED]
    assert services.teams.find("t") == team
    assert services.teams.delete(team, acting(), successor_id=bob.user_id) == 1
    assert (levels(services, alice), levels(services, bob)) == ({}, {"m": "MANAGE"})


def test_a_team_beside_another_manager_is_deleted_without_one(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    team = team_that_manages(services, alice)
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.grant_if_absent(bob.user_id, "default", "registered_model", "m", "MANAGE")
    assert services.teams.delete(team, acting()) == 0


def test_a_manager_in_another_workspace_manages_something_else(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    team = team_that_manages(services, alice)
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.grant_if_absent(bob.user_id, "other", "registered_model", "m", "MANAGE")
    with pytest.raises(NeedsSuccessor):
        services.teams.delete(team, acting())


def test_the_last_member_stays_while_the_team_alone_manages_something(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    team = team_that_manages(services, alice, bob)
    services.teams.leave(team, alice.user_id, acting())
    with pytest.raises(NeedsSuccessor):
        services.teams.leave(team, bob.user_id, acting())
    assert services.teams.members(team) == ["b@x"]


def test_a_rule_by_which_alone_somebody_manages_stays(services: Services) -> None:
    alice = log_in(services, "a@x")
    team = services.teams.create("t", acting())
    services.teams.join(team, alice.user_id, acting())
    rule = services.teams.add_rule(team, "registered_model", "m", "MANAGE", acting())
    services.teams.apply(rule, team, [SHARED], Actor("admin", 100))
    with pytest.raises(NeedsSuccessor):
        services.teams.delete_rule(rule, team, acting())
    assert levels(services, alice) == {"m": "MANAGE"}
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.grant_if_absent(alice.user_id, "default", "registered_model", "m", "MANAGE")
    services.teams.delete_rule(rule, team, acting())
    assert services.teams.rules() == []
