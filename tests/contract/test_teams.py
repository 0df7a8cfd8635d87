"""Teams and their rules on a migrated database, SQLite and PostgreSQL alike."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from mlflow_prokube_auth.identity.caller import CALLER, Caller, Identity, RequestFacts
from mlflow_prokube_auth.identity.claims import Membership, teams_of
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.model import Actor, Person, Resource, keycloak
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store import audit
from mlflow_prokube_auth.store.schema import roles, team_roles
from mlflow_prokube_auth.store.teams import TeamExists

from ..support.people import acting, all_at_once, levels, log_in
from ..support.settings import GOOD
from ..support.statements import counted, engines

ADMIN = Actor("admin", 100)


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
    hand = services.teams.create("by-hand", acting())
    services.teams.join(hand, bob.user_id, acting())
    log_in(services, "b@x")
    assert names(services, bob) == ["by-hand"]
    log_in(services, "b@x", "by-hand")  # a group of that name does not take the team over
    services.teams.leave(hand, bob.user_id, acting())
    log_in(services, "b@x", "by-hand")
    assert names(services, bob) == []
    with pytest.raises(TeamExists):
        services.teams.create("by-hand", acting())


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
    rule = services.teams.add_rule(team, "registered_model", "team-a-", "EDIT", acting())
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
    services.teams.delete_rule(rule, team, acting())
    assert levels(services, dave) == {}
    assert services.teams.rules() == []


def test_one_team_has_one_rule_for_a_prefix(services: Services) -> None:
    team = services.teams.create("t", acting())
    services.teams.add_rule(team, "experiment", "t-", "READ", acting())
    with pytest.raises(TeamExists):
        services.teams.add_rule(team, "experiment", "t-", "EDIT", acting())


def test_a_deleted_team_leaves_nothing(services: Services) -> None:
    bob = log_in(services, "b@x")
    team = services.teams.create("t", acting())
    services.teams.join(team, bob.user_id, acting())
    rule = services.teams.add_rule(team, "registered_model", "t-", "EDIT", acting())
    services.teams.apply(rule, team, [Resource("registered_model", "t-1", "default")], ADMIN)
    services.teams.role_of(team, "other")
    services.teams.delete(team, acting())
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
    services.teams.drop_from(bob.user_id, ["team-a"], "b@x", keycloak(100))
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


def test_who_chooses_members_by_mlflows_endpoint_is_named_in_the_audit_trail(services: Services) -> None:
    root, bob = log_in(services, "root@x"), log_in(services, "b@x")
    team = services.teams.create("by-hand", ADMIN)
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    facts = RequestFacts("POST", "/", {}, "192.0.2.1")
    token = CALLER.set(Caller(facts, lambda facts: Identity(root, "session")))
    try:
        role_id = services.teams.role_of(team, "default")
        store.assign_role_to_user(bob.user_id, role_id)
        store.unassign_role_from_user(bob.user_id, role_id)
    finally:
        CALLER.reset(token)
    with services.database.read() as connection:
        events, _ = audit.page(connection, audit.Filter(target="by-hand"))
    found = [(each.action, each.actor, each.client) for each in events if each.action.startswith("team.")][::-1]
    assert found[1:] == [("team.join", "root@x", "192.0.2.1"), ("team.leave", "root@x", "192.0.2.1")]


def test_a_login_asks_the_database_no_more_for_more_groups(services: Services) -> None:
    numbers = []
    for many in (5, 800):
        groups = [f"group-{many}-{n}" for n in range(many)]
        sizes = []
        for wanted in (groups, groups, groups[: many // 2], []):  # the first login, the same again, out of some, of all
            with counted(*engines(services)) as sent:
                person = log_in(services, f"u{many}@x", *wanted)
            assert names(services, person) == sorted(wanted)
            sizes.append(len(sent))
        numbers.append(sizes)
    assert numbers[0] == numbers[1]


def test_first_logins_at_once_share_hundreds_of_teams(services: Services) -> None:
    groups = [f"group-{n}" for n in range(400)]
    answers = all_at_once(*(lambda n=n: log_in(services, f"u{n}@x", *groups[n * 10 :]) for n in range(6)))
    people = [answer for answer in answers if isinstance(answer, Person)]
    assert len(people) == 6, answers
    assert len(services.teams.everyone()) == 400
    assert [len(names(services, person)) for person in people] == [400, 390, 380, 370, 360, 350]


def test_a_new_member_of_many_teams_is_in_all_their_roles(services: Services) -> None:
    log_in(services, "a@x", "team-a", "team-b")
    team = services.teams.find("team-a")
    assert team is not None
    rule = services.teams.add_rule(team, "registered_model", "team-a-", "EDIT", acting())
    services.teams.apply(rule, team, [Resource("registered_model", "team-a-1", "default")], ADMIN)
    services.teams.role_of(team, "other")
    bob = log_in(services, "b@x", "team-a", "team-b", "team-c")
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    assert levels(services, bob) == {"team-a-1": "EDIT"}
    assert [(role.name, role.workspace) for role in store.list_user_roles(bob.user_id) if "team" in role.name] == [
        ("team-a", "default"),
        ("team-b", "default"),
        ("team-a: registered_model team-a-*", "default"),
        ("team-a", "other"),
        ("team-c", "default"),
    ]


def test_each_team_that_somebody_joins_or_leaves_stands_in_the_audit_trail(services: Services) -> None:
    log_in(services, "b@x", "team-a", "team-b")
    log_in(services, "b@x", "team-b", "team-c")
    with services.database.read() as connection:
        events, _ = audit.page(connection, audit.Filter(target="b@x"))
    found = [(each.action, each.actor, each.detail["team"]) for each in reversed(events) if "team" in each.detail]
    assert found == [
        ("team.join", "keycloak", "team-a"),
        ("team.join", "keycloak", "team-b"),
        ("team.join", "keycloak", "team-c"),
        ("team.leave", "keycloak", "team-a"),
    ]


def test_groups_whose_names_of_roles_would_meet_become_teams_each(services: Services) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.create_role("data", "default")
    bob = log_in(services, "b@x", "data", "data (group)")
    assert names(services, bob) == ["data", "data (group)"]
    assert {role.name for role in store.list_user_roles(bob.user_id)} >= {
        "data (group)",
        "data (group) (group)",
    }


def test_a_team_that_has_lost_its_role_gets_one_with_the_next_login(services: Services) -> None:
    bob = log_in(services, "b@x", "team-a")
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.delete_roles_for_workspace("default")
    log_in(services, "b@x", "team-a")
    assert names(services, bob) == ["team-a"]
