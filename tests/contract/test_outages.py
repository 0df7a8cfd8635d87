"""A database that goes away is told as that, whatever MLflow's store makes of the error."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_managed_session_maker
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import sessionmaker

from mlflow_prokube_auth.mlflow_auth import outages

from ..support.postgres import Postgres

KILL = "SELECT pg_terminate_backend({})"
DRIVERS = ("postgresql", "postgresql+psycopg")


@pytest.fixture(params=DRIVERS)
def uri(request: pytest.FixtureRequest, postgres: Postgres) -> str:
    return postgres.new_database().replace("postgresql", request.param, 1)


@pytest.fixture
def here() -> Iterator[None]:
    outages.install()
    with flask.Flask("test").test_request_context("/"):
        yield


def test_what_follows_a_lost_connection_in_mlflows_store_is_an_outage(uri: str, here: None) -> None:
    engine, other = create_engine(uri), create_engine(uri)
    maker = _get_managed_session_maker(sessionmaker(engine), "postgresql")

    def work() -> None:
        with maker() as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            with other.begin() as connection:
                connection.execute(text(KILL.format(pid)))
            with pytest.raises(DBAPIError):
                session.execute(text("SELECT 1"))
            session.execute(text("SELECT 1"))  # SQLAlchemy says that the transaction is to be rolled back

    with pytest.raises(MlflowException) as raised:
        work()
    assert raised.value.error_code == "BAD_REQUEST"
    assert outages.is_lost()
    engine.dispose()
    other.dispose()


def test_a_database_that_takes_no_connection_is_an_outage(here: None) -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DBAPIError), engine.connect():
        pass
    assert outages.is_lost()


def test_what_a_database_refuses_is_none(uri: str, here: None) -> None:
    engine = create_engine(uri)
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (a integer PRIMARY KEY)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
        with pytest.raises(IntegrityError):
            connection.execute(text("INSERT INTO t VALUES (1)"))
    assert not outages.is_lost()
    assert outages.is_lost("QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00")
    engine.dispose()
