"""The criterion that narrows searches, in SQLite and PostgreSQL: many grants, and grants on nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.store.tracking.dbmodels.models import SqlExperiment
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import select

from mlflow_prokube_auth.mlflow_auth import searches
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.lookups import UserGrants
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


@pytest.mark.parametrize("number", [3, 900])
def test_few_and_many_grants_find_the_same(services: Services, tracking: SqlAlchemyStore, number: int) -> None:
    found = held(services, [*NONSENSE, "2", "3", *(str(each) for each in range(1000, 1000 + number))])
    narrowed = searches._experiments(found, True)
    assert narrowed is not None
    with tracking.ManagedSessionMaker() as session:
        column = SqlExperiment.experiment_id
        query = select(column).where(narrowed.criterion).order_by(column).limit(10)
        assert session.execute(query).scalars().all() == [2, 3]


def test_many_grants_in_another_database_are_the_engines_alone(services: Services) -> None:
    found = held(services, [str(each) for each in range(900)])
    assert searches._experiments(found, False) is None


def test_all_but_what_is_denied(services: Services, tracking: SqlAlchemyStore) -> None:
    found = held(services, ["2", "one"], "DENY")
    role = found._roles[0]
    role.grants["experiment"]["*"] = "READ"  # type: ignore[index]  # as loaded
    narrowed = searches._experiments(found, True)
    assert narrowed is not None
    with tracking.ManagedSessionMaker() as session:
        column = SqlExperiment.experiment_id
        query = select(column).where(narrowed.criterion).order_by(column).limit(10)
        assert session.execute(query).scalars().all() == [0, 1, 3, 4]
