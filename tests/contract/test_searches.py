"""The criterion that narrows searches, in SQLite and PostgreSQL: many grants, and grants on nonsense."""

from __future__ import annotations

from contextvars import copy_context
from pathlib import Path

import pytest
from flask import Flask
from mlflow.store.tracking.dbmodels.models import SqlExperiment
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import select

from mlflow_prokube_auth.identity.caller import CALLER, Caller, Identity, RequestFacts
from mlflow_prokube_auth.mlflow_auth import searches
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.lookups import UserGrants
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.role_grants import RoleGrantCache
from mlflow_prokube_auth.store.schema import role_permissions

from ..support.people import log_in

NONSENSE = ["*x", "one", "1.5", "-1", " 1", "01", "99999999999", "4294967297", "\uff19", ""]


@pytest.fixture
def tracking(services: Services, tmp_path: Path) -> SqlAlchemyStore:
    store = SqlAlchemyStore(services.database.uri, str(tmp_path))
    for number in range(4):
        store.create_experiment(f"x-{number}")
    return store


def held(services: Services, patterns: list[str], level: str = "READ") -> UserGrants:
    alice = log_in(services, "a@x")
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    role_id = store.own_role(alice.user_id, "default")
    rows = [
        {"role_id": role_id, "resource_type": "experiment", "resource_pattern": pattern, "permission": level}
        for pattern in patterns
    ]
    with services.database.write() as connection:
        connection.execute(role_permissions.insert(), rows)
    kept = RoleGrantCache(services.database)
    return UserGrants(kept.of(kept.roles_of(alice.user_id)))


def here(services: Services, *, together: bool = True) -> searches.Place:
    return searches.Place(services.database.engine.dialect.name, together)


def finds(tracking: SqlAlchemyStore, narrowed: searches.Narrowed | None) -> list[int]:
    assert narrowed is not None
    with tracking.ManagedSessionMaker() as session:
        column = SqlExperiment.experiment_id
        query = select(column).where(narrowed.criterion).order_by(column).limit(10)
        return list(session.execute(query).scalars())


@pytest.mark.parametrize("number", [3, 900])
@pytest.mark.parametrize("wanted", ["", "name = 'x-1'", "name LIKE 'x-%'"])
def test_few_and_many_grants_find_the_same(
    services: Services, tracking: SqlAlchemyStore, number: int, wanted: str
) -> None:
    found = held(services, [*NONSENSE, "2", "3", *(str(each) for each in range(1000, 1000 + number))])
    with Flask("test").test_request_context("/", method="POST", json={"filter": wanted}):
        assert finds(tracking, searches._experiments(found, here(services))) == [2, 3]


def test_many_of_many_grants_may_be_denied(services: Services, tracking: SqlAlchemyStore) -> None:
    found = held(services, ["1", "2", "3", *(str(each) for each in range(1000, 1900))])
    role = found._roles[0]
    role.grants["experiment"].update({"2": "DENY", "01": "DENY"})  # type: ignore[attr-defined]  # as loaded
    assert finds(tracking, searches._experiments(found, here(services))) == [1, 3]


def test_many_grants_that_are_on_nothing_find_nothing(services: Services, tracking: SqlAlchemyStore) -> None:
    found = held(services, [f"x{number}" for number in range(900)])
    assert finds(tracking, searches._experiments(found, here(services))) == []


def test_more_grants_than_are_sent_are_looked_up(
    services: Services, tracking: SqlAlchemyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "MOST_LISTED", 800)
    found = held(services, ["2", *(str(each) for each in range(1000, 1900))])
    assert finds(tracking, searches._experiments(found, here(services))) == [2]
    assert searches._experiments(found, here(services, together=False)) is None


def test_many_grants_in_another_database_narrow_where_it_takes_a_list(
    services: Services, tracking: SqlAlchemyStore
) -> None:
    found = held(services, ["2", *(str(each) for each in range(1000, 1900))])
    assert finds(tracking, searches._experiments(found, here(services, together=False))) == [2]
    assert searches._experiments(found, searches.Place("mysql", together=False)) is None


def test_all_but_what_is_denied(services: Services, tracking: SqlAlchemyStore) -> None:
    found = held(services, ["2", "one"], "DENY")
    role = found._roles[0]
    role.grants["experiment"]["*"] = "READ"  # type: ignore[index]  # as loaded
    assert finds(tracking, searches._experiments(found, here(services))) == [0, 1, 3, 4]


def test_a_search_of_fastapis_counts_for_its_own_request_alone(services: Services) -> None:
    """uvicorn may serve the connection's next request, perhaps another user's, in the same context."""
    narrowing = searches.Searches(lambda user_id, workspace: None, lambda: "default", services.database.engine)

    def calls(name: str) -> Caller:
        identity = Identity(Person(1, name, is_admin=False), "access key")
        return Caller(RequestFacts("GET", "/", {}, ""), lambda _: identity)

    def request() -> None:
        CALLER.set(calls("a@x"))
        with narrowing.narrowed("mcp-servers"):
            assert searches.beside_flask() is not None
            with Flask("test").test_request_context():
                assert searches.beside_flask() is None
            CALLER.set(calls("b@x"))
            assert searches.beside_flask() is None
        with narrowing.narrowed("no-search"):
            assert searches.beside_flask() is None

    copy_context().run(request)
