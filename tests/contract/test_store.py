"""The stores on a migrated database, SQLite and PostgreSQL alike."""

from __future__ import annotations

from functools import partial

import pytest
from mlflow.exceptions import MlflowException
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import inspect as inspect_database
from sqlalchemy import text

from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import AccessKey, keycloak
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.database import SchemaOutdated, check_schema, migrate, migrate_down, open_engine
from mlflow_prokube_auth.store.names import NameLock
from mlflow_prokube_auth.store.people import NameTaken
from mlflow_prokube_auth.store.schema import metadata
from mlflow_prokube_auth.store.sessions import KeycloakSession

from ..support.people import acting, admission, all_at_once, let_in


def test_migrations_go_down_and_up_again(uri: str) -> None:
    database = open_engine(uri)
    migrate(database, migrate_mlflow)
    check_schema(database)
    migrate_down(database, "base")
    assert not [name for name in inspect_database(database).get_table_names() if name.startswith("prokube_")]
    with pytest.raises(SchemaOutdated, match="db upgrade"):
        check_schema(database)
    migrate(database, migrate_mlflow)
    check_schema(database)


def test_migrations_build_the_tables_that_the_code_works_with(uri: str) -> None:
    database = open_engine(uri)
    migrate(database, migrate_mlflow)
    inspector = inspect_database(database)
    for table in metadata.sorted_tables:
        if not table.name.startswith("prokube_"):
            continue
        built = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert {name: column["nullable"] for name, column in built.items()} == {
            column.name: column.nullable for column in table.columns
        }
        indexed = {tuple(index["column_names"]) for index in inspector.get_indexes(table.name)}
        assert {tuple(column.name for column in index.columns) for index in table.indexes} <= indexed
    database.dispose()


def test_many_migrate_at_once_without_a_race(uri: str) -> None:
    def work() -> None:
        migrate(open_engine(uri), migrate_mlflow)

    assert all_at_once(*[work] * 4) == [None] * 4


def test_a_second_key_replaces_the_first(services: Services) -> None:
    person = let_in(services, admission("a@x"))
    first, second = compose(b"a" * 41), compose(b"b" * 41)
    services.access_keys.mint(first, person.user_id, 1000, acting(name="a@x"))
    services.access_keys.mint(second, person.user_id, 1000, acting(200, "a@x"))
    old = services.access_keys.owner(first.key_id)
    assert old is not None
    assert (old.key.ended_by, old.key.ended_at) == ("replaced", 200)
    active = services.access_keys.active(person.user_id)
    assert active is not None
    assert active.key_id == second.key_id


def test_of_many_keys_made_at_once_one_is_in_force(services: Services) -> None:
    person = let_in(services, admission("a@x"))
    made = [compose(bytes([number]) * 41) for number in range(6)]
    works = [partial(services.access_keys.mint, token, person.user_id, 1000, acting(name="a@x")) for token in made]
    outcomes = all_at_once(*works)
    # Each has ended another one, but for the first.
    assert outcomes.count(None) == 1
    assert len({each.key_id for each in outcomes if isinstance(each, AccessKey)}) == 5
    owners = [owner for token in made if (owner := services.access_keys.owner(token.key_id)) is not None]
    assert sum(owner.key.ended_at is None for owner in owners) == 1


def test_a_new_address_renames_and_the_old_name_stays_theirs(services: Services) -> None:
    before = let_in(services, admission("old@x"))
    after = let_in(services, admission("new@x"), 200)
    assert after.user_id == before.user_id
    assert services.people.owns_name(before.user_id, "OLD@x")
    with pytest.raises(NameTaken):
        let_in(services, admission("old@x", subject="s-2"), 300)
    with pytest.raises(NameTaken):
        let_in(services, admission("new@x", subject="s-2"), 300)


def test_the_admin_flag_follows_each_login(services: Services) -> None:
    let_in(services, admission("a@x", admin="prokube-admins"))
    found = services.people.find("A@X")
    assert found is not None
    assert found.is_admin
    let_in(services, admission("a@x"), 200)
    found = services.people.find("a@x")
    assert found is not None
    assert not found.is_admin


def test_a_basic_auth_user_is_bound_by_a_verified_address_only(services: Services) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    plain.create_user("carol@x", "password-of-carol")
    with pytest.raises(NameTaken):
        let_in(services, admission("carol@x", verified=False))
    bound = let_in(services, admission("carol@x"))
    assert bound.user_id == plain.get_user("carol@x").id
    assert not plain.authenticate_user("carol@x", "password-of-carol")


def test_of_two_basic_auth_names_that_differ_in_case_the_plain_one_is_bound(services: Services) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    plain.create_user("Carol@X", "password-of-carol")
    exact = plain.create_user("carol@x", "password-of-carol")
    assert let_in(services, admission("carol@x")).user_id == exact.id


def test_a_basic_auth_name_with_capitals_is_lower_cased_wherever_mlflow_keeps_it(services: Services) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    plain.create_user("Carol@X", "password-of-carol")
    with services.database.write() as connection:
        connection.execute(text("CREATE TABLE jobs (creator VARCHAR(255))"))
        connection.execute(text("INSERT INTO jobs VALUES ('Carol@X'), ('dave@x')"))
    let_in(services, admission("carol@x"))
    with services.database.read() as connection:
        creators = [row.creator for row in connection.execute(text("SELECT creator FROM jobs ORDER BY creator"))]
    assert creators == ["carol@x", "dave@x"]


def test_a_basic_auth_administrator_is_one_here_only_where_keycloak_says_so(services: Services) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    plain.create_user("carol@x", "password-of-carol", is_admin=True)
    assert not let_in(services, admission("carol@x")).is_admin
    assert not plain.get_user("carol@x").is_admin


def test_a_session_needs_its_secret_and_ends(services: Services) -> None:
    person = let_in(services, admission("a@x"))
    services.sessions.create("id", "secret", person.user_id, "{}", 100, 1000)
    assert services.sessions.find("id", "wrong", 101) is None
    found = services.sessions.find("id", "secret", 101)
    assert found is not None
    assert found.standing is not None
    assert found.standing.person == person
    assert services.sessions.find("id", "secret", 1000) is None
    services.sessions.end("id")
    assert services.sessions.find("id", "secret", 101) is None


def test_a_usable_workspace_opens_nothing_inside_it(services: Services) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db(services.database.uri)
    person = let_in(services, admission("a@x"))
    store.set_workspace_permission("default", "a@x", "USE")
    assert store.list_grants(person.user_id, "default", {"experiment"}) == []
    assert len(store.list_grants(person.user_id, "default", {"workspace"})) == 1


def test_deleting_a_resource_sweeps_the_grants_of_teams_too(services: Services) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db(services.database.uri)
    role = store.create_role("team", "default")
    store.add_role_permission(role.id, "registered_model", "m", "READ")
    store.delete_grants_for_resource("registered_model", "m", workspace_scoped=True)
    assert store.list_role_permissions(role.id) == []


def test_a_withdrawal_outlives_a_recheck_that_was_under_way(services: Services) -> None:
    let_in(services, admission("a@x", admin="prokube-admins"))
    asked = services.people.standing("https://kc", "s-1")
    assert asked is not None
    services.people.withdraw(asked.person.user_id, "out of the group", keycloak(101))
    assert services.people.confirm(admission("a@x", admin="prokube-admins"), asked, keycloak(102)) is None
    found = services.people.standing("https://kc", "s-1")
    assert found is not None
    assert (found.disabled, found.person.is_admin) == (True, False)


def test_rights_that_were_lost_meanwhile_do_not_come_back_with_an_older_answer(services: Services) -> None:
    let_in(services, admission("a@x", admin="prokube-admins"))
    asked = services.people.standing("https://kc", "s-1")
    assert asked is not None
    services.people.confirm(admission("a@x"), asked, keycloak(101))  # another session's answer
    person = services.people.confirm(admission("a@x", admin="prokube-admins"), asked, keycloak(102))
    assert person is not None
    assert not person.is_admin


def test_an_answer_in_part_takes_rights_and_confirms_nothing(services: Services) -> None:
    let_in(services, admission("a@x", admin="prokube-admins"))
    services.people.ask_soon("https://kc", "s-1")
    asked = services.people.standing("https://kc", "s-1")
    assert asked is not None
    person = services.people.confirm(admission("a@x"), asked, keycloak(200), in_full=False)
    assert person is not None
    found = services.people.standing("https://kc", "s-1")
    assert found is not None
    assert (found.person.is_admin, found.confirmed_at, found.check_due) == (False, 100, True)


def test_tokens_that_another_process_refreshed_meanwhile_are_not_overwritten(services: Services) -> None:
    person = let_in(services, admission("a@x"))
    services.sessions.create("id", "secret", person.user_id, "{}", 100, 1000, KeycloakSession(None, "first"))
    row = services.sessions.find("id", "secret", 101)
    assert row is not None
    late = services.sessions.keep(row, "second")
    assert services.sessions.tokens_of("id") == "second"
    services.sessions.keep(late, "third")
    services.sessions.checked(late, "fourth", 200)
    assert services.sessions.tokens_of("id") == "third"
    found = services.sessions.find("id", "secret", 201)
    assert found is not None
    assert found.checked_at == 100


def test_a_hint_that_comes_while_the_directory_is_asked_is_followed(services: Services) -> None:
    let_in(services, admission("a@x"))
    asked = services.people.standing("https://kc", "s-1")
    assert asked is not None
    assert services.people.claim_check(asked.person.user_id, 100, 20)
    services.people.ask_soon("https://kc", "s-1")
    services.people.checked(asked, True, False, keycloak(101))
    found = services.people.standing("https://kc", "s-1")
    assert found is not None
    assert found.check_due
    assert services.people.claim_check(asked.person.user_id, 101, 20)


def test_a_login_after_a_withdrawal_lets_the_person_in_again(services: Services) -> None:
    person = let_in(services, admission("a@x"))
    services.people.withdraw(person.user_id, "out of the group", keycloak(101))
    let_in(services, admission("a@x"), 102)
    found = services.people.standing("https://kc", "s-1")
    assert found is not None
    assert not found.disabled


def test_what_is_left_on_a_freed_name_is_swept_but_for_the_new_owners_own(services: Services) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    old = let_in(services, admission("old@x", "s-1"))
    new = let_in(services, admission("new@x", "s-2"))
    for who in (old, new):
        for kind in ("registered_model", "experiment"):
            store.grant_if_absent(who.user_id, "default", kind, "17", "MANAGE")
    with services.database.write() as connection:
        store.sweep("registered_model", "17", new.user_id, connection)
    held = {
        (user.user_id, grant.resource_type)
        for user in (old, new)
        for role in store.list_user_roles(user.user_id)
        for grant in role.permissions
    }
    assert held == {(old.user_id, "experiment"), (new.user_id, "experiment"), (new.user_id, "registered_model")}


@pytest.mark.parametrize(("kind", "pattern"), [("experiment", "01"), ("experiment", "name"), ("scorer", "1/a b")])
def test_no_grant_is_kept_on_another_spelling_of_an_id(services: Services, kind: str, pattern: str) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    person = let_in(services, admission("a@x"))
    with pytest.raises(MlflowException, match="as the server writes it"):
        store.grant_if_absent(person.user_id, "default", kind, pattern, "DENY")
    assert not any(role.permissions for role in store.list_user_roles(person.user_id))


def test_of_many_that_hold_a_name_one_does_until_it_lets_go(services: Services) -> None:
    names = services.names
    assert names.reserve("registered_model", "m", 1, 100, "claim") is None
    names.settle("registered_model", "m", "claim")
    answers = all_at_once(*(partial(names.lock, "registered_model", "m", user, 200, 60) for user in range(1, 7)))
    held = [answer for answer in answers if answer is not None]
    assert len(held) == 1
    assert isinstance(held[0], NameLock)
    names.unlock(held[0], gone=False)
    kept = names.find("registered_model", "m")
    assert kept is not None
    assert (kept.user_id, kept.pending, kept.held_until) == (1, False, None)
    again = names.lock("registered_model", "m", 2, 201, 60)
    assert again is not None
    names.unlock(again, gone=True)
    assert names.find("registered_model", "m") is None


def test_nobody_frees_or_settles_another_requests_reservation(services: Services) -> None:
    services.names.reserve("experiment", "e", 1, 100, "one")
    services.names.release("experiment", "e", "other")
    services.names.settle("experiment", "e", "other")
    kept = services.names.find("experiment", "e")
    assert kept is not None
    assert (kept.user_id, kept.pending) == (1, True)


def test_of_many_that_settle_a_reservation_one_does_what_goes_with_it(services: Services) -> None:
    services.names.reserve("experiment", "e", 1, 100, "claim")
    done: list[int] = []
    settled = all_at_once(
        *(
            partial(services.names.settle, "experiment", "e", "claim", lambda connection: done.append(1))
            for _ in range(6)
        )
    )
    assert (sorted(settled, key=repr), done) == ([False] * 5 + [True], [1])


def test_a_creators_grant_that_is_made_twice_at_once_stands_once_for_both(services: Services) -> None:
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    person = let_in(services, admission("a@x"))
    store.own_role(person.user_id, "default")
    grant = partial(store.grant_user_permission, person.username, "experiment", "1", "MANAGE")
    assert all_at_once(*(grant for _ in range(6))) == [None] * 6
    assert [each.resource_pattern for each in store.list_grants(person.user_id, "default", ["experiment"])] == ["1"]
