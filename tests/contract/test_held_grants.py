"""What a process keeps of grants: never longer than they hold, and never other than MLflow's own rules say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import mlflow.server.auth as auth
import pytest
from mlflow.server.auth.permissions import GrantLoadKey
from mlflow.server.auth.requirements import fold_grants_for_key, is_workspace_admin_grant
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import text

from mlflow_prokube_auth.identity.caller import CALLER, Caller, Identity, RequestFacts
from mlflow_prokube_auth.mlflow_auth import lookups
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import Person, Resource, keycloak
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store import role_versions
from mlflow_prokube_auth.store.database import SchemaOutdated, check_schema, migrate
from mlflow_prokube_auth.store.role_grants import RoleGrantCache
from mlflow_prokube_auth.store.schema import role_permissions, roles, user_role_assignments

from ..support.people import acting, log_in
from ..support.statements import counted, engines

LEVELS = ("READ", "USE", "EDIT", "MANAGE", "DENY", "NO_PERMISSIONS")
KINDS = ("experiment", "registered_model", "prompt")
FACTS = RequestFacts("GET", "/", {}, "")


@pytest.fixture
def store(services: Services) -> ProkubeStore:
    made = ProkubeStore(services.database, services.teams)
    made.init_db("")
    return made


@pytest.fixture
def calling(services: Services) -> Iterator[Any]:
    """Begins a request of a person's, as the authenticators do: with the roles as of now."""
    tokens = []

    def begin(person: Person) -> Caller:
        held = RoleGrantCache(services.database)
        identity = Identity(person, "access key", roles=held.roles_of(person.user_id))
        caller = Caller(FACTS, lambda facts: identity)
        tokens.append(CALLER.set(caller))
        return caller

    yield begin
    for token in reversed(tokens):
        CALLER.reset(token)


def held(store: ProkubeStore, person: Person, kind: str = "experiment") -> dict[str, str]:
    return {row.resource_pattern: row.permission for row in store.list_grants(person.user_id, "default", [kind])}


def test_the_next_request_sees_each_change_whoever_makes_it(
    services: Services, store: ProkubeStore, calling: Any
) -> None:
    alice = log_in(services, "a@x", "team-a")
    team = services.teams.find("team-a")
    assert team is not None
    role_id = services.teams.role_of(team, "default")
    changes: list[tuple[Any, dict[str, str]]] = [
        (lambda: store.grant_if_absent(alice.user_id, "default", "experiment", "1", "READ"), {"1": "READ"}),
        (
            lambda: store.set_grants(Resource("experiment", "2", "default"), {role_id: "EDIT"}),
            {"1": "READ", "2": "EDIT"},
        ),
        (
            lambda: sql(services, "UPDATE role_permissions SET permission = 'READ' WHERE resource_pattern = '2'"),
            {"1": "READ", "2": "READ"},
        ),
        (lambda: store.delete_grants_for_resource("experiment", "1"), {"2": "READ"}),
        (lambda: store.rename_grants_for_resource("experiment", "2", "3"), {"3": "READ"}),
        (lambda: services.teams.drop_from(alice.user_id, ["team-a"], "a@x", keycloak(100)), {}),
        (lambda: services.teams.join(team, alice.user_id, acting()), {"3": "READ"}),
        (lambda: sql(services, "DELETE FROM role_permissions"), {}),
    ]
    for change, expected in changes:
        calling(alice)
        held(store, alice)  # what is kept by now must not last
        CALLER.set(None)
        change()
        calling(alice)
        assert held(store, alice) == expected


def sql(services: Services, statement: str) -> None:
    with services.database.write() as connection:
        connection.execute(text(statement))


def test_a_request_sees_what_it_has_granted_itself(services: Services, store: ProkubeStore, calling: Any) -> None:
    alice = log_in(services, "a@x")
    calling(alice)
    assert held(store, alice) == {}
    store.grant_if_absent(alice.user_id, "default", "experiment", "1", "MANAGE")
    assert held(store, alice) == {"1": "MANAGE"}


def test_a_role_that_gets_the_id_of_a_deleted_one_grants_nothing_of_it(
    services: Services, store: ProkubeStore, calling: Any
) -> None:
    alice = log_in(services, "a@x", "team-a")
    team = services.teams.find("team-a")
    assert team is not None
    role_id = services.teams.role_of(team, "default")
    store.set_grants(Resource("experiment", "1", "default"), {role_id: "MANAGE"})
    calling(alice)
    assert held(store, alice) == {"1": "MANAGE"}
    CALLER.set(None)
    with services.database.write() as connection:
        connection.execute(role_permissions.delete().where(role_permissions.c.role_id == role_id))
        connection.execute(user_role_assignments.delete().where(user_role_assignments.c.role_id == role_id))
        connection.execute(roles.delete().where(roles.c.id == role_id))
        connection.execute(roles.insert().values(id=role_id, name="another", workspace="default"))
        connection.execute(user_role_assignments.insert().values(user_id=alice.user_id, role_id=role_id))
    calling(alice)
    assert held(store, alice) == {}


def test_a_change_that_is_rolled_back_is_none(services: Services, store: ProkubeStore, calling: Any) -> None:
    alice = log_in(services, "a@x")
    store.grant_if_absent(alice.user_id, "default", "experiment", "1", "READ")
    with services.database.engine.connect() as connection:
        connection.execute(role_permissions.delete())
        connection.rollback()
    calling(alice)
    assert held(store, alice) == {"1": "READ"}


def test_nobody_else_is_answered_out_of_what_the_caller_holds(
    services: Services, store: ProkubeStore, calling: Any
) -> None:
    alice, bob = log_in(services, "a@x"), log_in(services, "b@x")
    store.grant_if_absent(alice.user_id, "default", "experiment", "1", "READ")
    store.grant_if_absent(bob.user_id, "default", "experiment", "2", "EDIT")
    calling(alice)
    assert store.held(bob.user_id, "default") is None
    assert held(store, bob) == {"2": "EDIT"}
    assert held(store, alice) == {"1": "READ"}


def test_a_database_that_was_restored_from_a_backup_is_believed(
    services: Services, store: ProkubeStore, calling: Any
) -> None:
    alice = log_in(services, "a@x")
    store.grant_if_absent(alice.user_id, "default", "experiment", "1", "READ")
    store.grant_if_absent(alice.user_id, "default", "experiment", "2", "READ")
    calling(alice)
    assert held(store, alice) == {"1": "READ", "2": "READ"}
    with services.database.write() as connection:
        role_versions.drop_triggers(connection)
        connection.execute(text("DELETE FROM role_permissions WHERE resource_pattern = '2'"))
        connection.execute(text("UPDATE prokube_role_versions SET version = 1"))
    calling(alice)
    assert held(store, alice) == {"1": "READ"}


def test_no_more_is_kept_than_allowed_and_nothing_is_lost_by_that(services: Services) -> None:
    people = [log_in(services, f"u{number}@x") for number in range(6)]
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    for number, person in enumerate(people):
        for pattern in range(number):
            store.grant_if_absent(person.user_id, "default", "experiment", str(pattern), "READ")
    kept = RoleGrantCache(services.database, most=8)
    for _ in range(2):
        for number, person in enumerate(people):
            found = kept.of(kept.roles_of(person.user_id))
            assert sum(len(role.grants.get("experiment", {})) for role in found) == number
    assert kept._kept.currsize <= 8


def test_the_roles_used_last_are_kept_and_one_that_is_too_large_drops_no_other(services: Services) -> None:
    people = dict(zip("abcd", (log_in(services, f"{name}@x") for name in "abcd"), strict=True))
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    for name, person in people.items():
        for pattern in range(9 if name == "d" else 1):
            store.grant_if_absent(person.user_id, "default", "experiment", str(pattern), "READ")
    kept = RoleGrantCache(services.database, most=4)  # two roles with a grant each
    texts = {name: kept.roles_of(person.user_id) for name, person in people.items()}

    def load(name: str) -> bool:
        """Whether the database was asked."""
        with counted(*engines(services)) as asked:
            assert len(kept.of(texts[name])) == 1
        return bool(asked)

    assert [load(name) for name in "ab"] == [True, True]
    assert [load(name) for name in "ab"] == [False, False]
    assert [load(name) for name in "aca"] == [False, True, False]  # for c, b had to go
    assert [load(name) for name in "dd"] == [True, True]
    assert [load(name) for name in "acb"] == [False, False, True]


def test_without_its_triggers_a_server_does_not_start_and_a_migration_makes_them(services: Services) -> None:
    with services.database.write() as connection:
        role_versions.drop_triggers(connection)
    with pytest.raises(SchemaOutdated, match="db upgrade"):
        check_schema(services.database.engine)
    migrate(services.database.engine, migrate_mlflow)
    check_schema(services.database.engine)


@pytest.mark.parametrize("seed", range(4))
def test_the_lookups_by_key_answer_as_mlflows_own(
    services: Services, store: ProkubeStore, calling: Any, seed: int
) -> None:
    chance = random.Random(seed)
    alice = log_in(services, "a@x", "t1", "t2", "t3")
    wild_rows(services, alice, chance)
    caller = calling(alice)
    lookups.install(store)
    for workspace in ("default", "other"):
        for _ in range(60):
            kinds = chance.sample((*KINDS, "run", "workspace"), chance.randint(1, 3))
            keys = [GrantLoadKey(kind, chance.choice(["1", "2", "3", "4", "*"])) for kind in kinds]
            original = lookups.visible(SqlAlchemyStore.list_grants(store, alice.user_id, workspace, kinds), kinds)
            if any(map(is_workspace_admin_grant, original)):
                expected = [auth.MANAGE] * len(keys)
            else:
                expected = [fold_grants_for_key(original, key) for key in keys]
            assert auth.resolve_permissions(alice.username, workspace, keys) == expected
            rows = store.list_grants(alice.user_id, workspace, kinds)
            assert sorted(rows) == sorted(original)
            assert [auth.fold_grants_for_key(rows, key) for key in keys] == [
                fold_grants_for_key(original, key) for key in keys
            ]
    assert caller.roles()


def wild_rows(services: Services, person: Person, chance: random.Random) -> None:
    with services.database.write() as connection:
        for name in ("t1", "t2", "t3"):
            team = services.teams.find(name)
            assert team is not None
            for workspace in ("default", "other"):
                role_id = services.teams.role_within(connection, team, workspace)
                for kind in (*KINDS, "run"):
                    for pattern in ("1", "2", "3", "*"):
                        if chance.random() < 0.3:
                            connection.execute(
                                role_permissions.insert().values(
                                    role_id=role_id, resource_type=kind, resource_pattern=pattern,
                                    permission=chance.choice(LEVELS),
                                )
                            )  # fmt: skip
                if chance.random() < 0.3:
                    connection.execute(
                        role_permissions.insert().values(
                            role_id=role_id, resource_type="workspace", resource_pattern="*",
                            permission=chance.choice(("USE", "USE", "MANAGE")),
                        )
                    )  # fmt: skip
