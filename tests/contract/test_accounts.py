"""Accounts on a migrated database: listed, blocked, made for services, deleted without a trace or an orphan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, text

from mlflow_prokube_auth.administration import Administration
from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import Person, Resource, keycloak
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.accounts import Account
from mlflow_prokube_auth.store.database import migrate, migrate_down, open_engine
from mlflow_prokube_auth.store.ownership import NeedsSuccessor
from mlflow_prokube_auth.store.people import Blocked, NameTaken
from mlflow_prokube_auth.store.schema import counted_versions, metadata, role_permissions, roles

from ..support.people import acting, admission, let_in
from ..support.statements import counted, engines

ONE, TWO, THREE = (digit * 64 for digit in "123")


def log_in(services: Services, name: str) -> Person:
    return let_in(services, admission(name, f"s-{name}"))


def account(services: Services, name: str) -> Account:
    found = services.accounts.find(name)
    assert found is not None
    return found


def store(services: Services) -> ProkubeStore:
    made = ProkubeStore(services.database, services.teams)
    made.init_db("")
    return made


def managed(services: Services, person: Person) -> set[tuple[str, str, str]]:
    return {
        (grant.resource_type, grant.resource_pattern, grant.permission)
        for role in store(services).list_user_roles(person.user_id)
        for grant in role.permissions
    }


def test_accounts_are_found_by_name_page_by_page(services: Services) -> None:
    for number in range(7):
        log_in(services, f"user-{number}@x")
    services.accounts.create_service("svc-train", "Training", acting())
    names = []
    for first in (0, 3, 6):
        page, total = services.accounts.page("USER-", first=first, size=3)
        names += [each.username for each in page]
        assert total == 7
    assert names == [f"user-{number}@x" for number in range(7)]
    assert [each.username for each in services.accounts.page("train")[0]] == ["svc-train"]
    assert services.accounts.page("", service=True)[1] == 1
    assert services.accounts.page("", service=False)[1] == 7
    assert services.accounts.page("_")[1] == 0  # no wildcard
    assert services.accounts.page("%")[1] == 0


def test_a_page_of_accounts_asks_the_database_no_more_for_more_of_them(services: Services) -> None:
    administration, numbers = Administration(services, "Keycloak"), []
    for many in (2, 40):
        for number in range(many):
            let_in(services, replace(admission(f"{number}@x", f"s-{number}"), teams=("team-a", f"team-{number}")))
        with counted(*engines(services)) as sent:
            found, total = administration.page("", service=False, first=0, size=100)
        assert (len(found), total) == (many, many)
        assert {each["username"]: each["teams"] for each in found} == {
            f"{number}@x": sorted(["team-a", f"team-{number}"]) for number in range(many)
        }
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]


def test_a_service_account_has_a_name_that_nobody_has_or_had(services: Services) -> None:
    alice = log_in(services, "a@x")
    let_in(services, replace(admission("new@x", "s-a@x")), 101)  # renamed
    for name in ("a@x", "new@x", "NEW@x"):
        with pytest.raises(NameTaken):
            services.accounts.create_service(name, "", acting())
    made = services.accounts.create_service(" Svc-One ", "Training", acting())
    assert (made.username, made.is_admin) == ("svc-one", False)
    assert account(services, "svc-one").is_service
    with pytest.raises(NameTaken):
        services.accounts.create_service("svc-one", "", acting())
    with pytest.raises(NameTaken):  # nobody becomes it by a login
        let_in(services, admission("svc-one", "s-9"), 102)
    assert alice.user_id != made.user_id


def test_a_blocked_account_stays_so_whatever_keycloak_says(services: Services) -> None:
    alice = log_in(services, "a@x")
    services.sessions.create("id", "secret", alice.user_id, "{}", 100, 9000)
    before = services.people.standing("https://kc", "s-a@x")
    assert before is not None
    services.accounts.set_blocked(account(services, "a@x"), True, acting())
    assert services.sessions.find("id", "secret", 101) is None
    with pytest.raises(Blocked):
        log_in(services, "a@x")
    assert services.people.confirm(admission("a@x", "s-a@x"), before, keycloak(102)) is None
    services.people.checked(before, True, False, keycloak(103))
    standing = services.people.standing("https://kc", "s-a@x")
    assert standing is not None
    assert (standing.disabled, standing.blocked) == (True, True)
    services.accounts.set_blocked(account(services, "a@x"), False, acting())
    assert log_in(services, "a@x") == alice


def test_keys_that_expire_soon_are_listed(services: Services) -> None:
    for number, expires in enumerate((150, 1000, 5000)):
        person = log_in(services, f"u{number}@x")
        services.access_keys.mint(compose(bytes([number]) * 41), person.user_id, expires, acting(name="test"))
    assert [each.username for each in services.accounts.expiring(200, 1000)] == ["u1@x"]


def test_deleting_needs_an_heir_for_what_nobody_else_manages(services: Services) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    mlflow = store(services)
    for pattern in ("1", "2"):
        mlflow.grant_if_absent(alice.user_id, "default", "experiment", pattern, "MANAGE")
    mlflow.grant_if_absent(bob.user_id, "default", "experiment", "2", "MANAGE")
    mlflow.grant_if_absent(bob.user_id, "default", "experiment", "1", "READ")
    with pytest.raises(NeedsSuccessor) as refused:
        services.accounts.delete(account(services, "a@x"), None, acting())
    assert refused.value.resources == [Resource("experiment", "1", "default")]
    assert account(services, "a@x")
    assert services.accounts.delete(account(services, "a@x"), bob, acting()) == 1
    assert managed(services, bob) == {("experiment", "1", "MANAGE"), ("experiment", "2", "MANAGE")}


def test_a_deleted_account_leaves_nothing_behind(services: Services) -> None:
    service = services.accounts.create_service("svc", "", acting())
    mlflow, other = store(services), log_in(services, "b@x")
    mlflow.grant_if_absent(service.user_id, "default", "experiment", "1", "READ")
    mlflow.grant_if_absent(service.user_id, "other", "registered_model", "m", "EDIT")
    team = services.teams.create("t", acting())
    services.teams.join(team, service.user_id, acting())
    services.access_keys.mint(compose(b"a" * 41), service.user_id, 9000, acting())
    services.sessions.create("id", "secret", service.user_id, "{}", 100, 9000)
    services.consents.create("code", service, "c" * 43, 30, acting())
    services.names.reserve("experiment", "pending", service.user_id, 100, "claim")
    assert services.accounts.delete(account(services, "svc"), None, acting()) == 0
    with services.database.read() as connection:
        for table in metadata.tables.values():
            if table.name == "prokube_audit_events":
                continue
            for column in ("user_id", "active_user_id"):
                if column in table.c:
                    left = connection.execute(select(table).where(table.c[column] == service.user_id)).all()
                    assert left == [], table.name
        names = {row[0] for row in connection.execute(select(roles.c.name))}
        assert f"__user_{service.user_id}__" not in names
        assert connection.execute(select(role_permissions)).all() == []
    assert services.accounts.find("svc") is None
    assert managed(services, other) == set()
    services.accounts.release_name("svc", acting(), anyway=True)
    assert services.accounts.create_service("svc", "", acting(200)).username == "svc"


def test_versions_count_by_their_creators_while_their_accounts_are_open(services: Services) -> None:
    alice, bob, robot = log_in(services, "a@x"), log_in(services, "b@x"), services.accounts.create_service
    service = robot("svc", "", acting())
    for digest, creator in ((ONE, alice), (ONE, alice), (ONE, bob), (TWO, service)):
        services.counted_versions.add(digest, creator.user_id)
    assert services.counted_versions.creators([ONE, TWO, THREE]) == {ONE: [alice, bob], TWO: [service]}
    services.accounts.set_blocked(account(services, "a@x"), True, acting())
    services.people.withdraw(bob.user_id, "disabled in Keycloak", keycloak(200))
    assert services.counted_versions.creators([ONE, TWO]) == {TWO: [service]}
    services.accounts.set_blocked(account(services, "a@x"), False, acting())
    assert services.counted_versions.creators([ONE]) == {ONE: [alice]}
    assert services.counted_versions.creators([]) == {}


def test_a_deleted_accounts_versions_are_the_successors_and_else_nobodys(services: Services) -> None:
    alice, bob, carol = (log_in(services, f"{name}@x") for name in "abc")
    for digest, creator in ((ONE, alice), (TWO, alice), (TWO, bob), (THREE, carol)):
        services.counted_versions.add(digest, creator.user_id)
    services.accounts.delete(account(services, "a@x"), bob, acting())
    services.accounts.delete(account(services, "c@x"), None, acting())
    assert services.counted_versions.creators([ONE, TWO, THREE]) == {ONE: [bob], TWO: [bob]}


def test_of_versions_that_counted_before_their_creators_were_kept_none_counts(uri: str) -> None:
    database = open_engine(uri)
    migrate(database, migrate_mlflow)
    migrate_down(database, "0008")
    with database.begin() as connection:
        connection.execute(text("INSERT INTO prokube_counted_versions (digest) VALUES (:digest)"), {"digest": ONE})
    migrate(database, migrate_mlflow)
    with database.connect() as connection:
        assert connection.execute(select(counted_versions)).all() == []
    database.dispose()
