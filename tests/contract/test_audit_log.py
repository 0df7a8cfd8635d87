"""Log lines of the audit trail: what was not committed did not happen."""

from __future__ import annotations

import json
import logging
from contextlib import suppress

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store import audit
from mlflow_prokube_auth.store.audit_actions import UnknownAction

from ..support.people import acting, log_in


class Undone(Exception):
    """Ends a transaction without a commit."""


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "mlflow_prokube_auth.audit")
    return caplog


def lines(logged: pytest.LogCaptureFixture) -> list[str]:
    """The actions told since the last question."""
    found = [json.loads(record.message)["action"] for record in logged.records if record.name.endswith(".audit")]
    logged.clear()
    return found


def tell(connection: Connection, action: str) -> None:
    audit.record(connection, action, acting())


def test_an_event_is_logged_once_it_is_committed(services: Services, logged: pytest.LogCaptureFixture) -> None:
    with services.database.write() as connection:
        tell(connection, "login")
        tell(connection, "logout")
        assert lines(logged) == []
    assert lines(logged) == ["login", "logout"]
    with services.database.write() as connection:
        connection.execute(text("SELECT 1"))
    assert lines(logged) == []


def test_what_is_rolled_back_is_not_logged(services: Services, logged: pytest.LogCaptureFixture) -> None:
    with suppress(Undone), services.database.write() as connection:
        tell(connection, "login")
        raise Undone
    with services.database.write() as connection:
        tell(connection, "logout")
    assert lines(logged) == ["logout"]


def test_of_savepoints_those_that_stand_are_logged(services: Services, logged: pytest.LogCaptureFixture) -> None:
    with services.database.write() as connection:
        with suppress(Undone), connection.begin_nested():
            tell(connection, "team.create")
            raise Undone
        tell(connection, "login")
        with connection.begin_nested():
            tell(connection, "logout")
            with suppress(Undone), connection.begin_nested():
                tell(connection, "team.join")
                raise Undone
            tell(connection, "team.leave")
        with suppress(Undone), connection.begin_nested():
            tell(connection, "team.delete")
            raise Undone
    assert lines(logged) == ["login", "logout", "team.leave"]


@pytest.mark.parametrize("uri", ["sqlite"], indirect=True)
def test_what_the_commit_refuses_is_not_logged(services: Services, logged: pytest.LogCaptureFixture) -> None:
    deferred = "CREATE TABLE child (parent INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)"

    def orphan() -> None:
        with services.database.write() as connection:
            connection.execute(text(deferred))
            connection.execute(text("INSERT INTO child VALUES (98765)"))
            tell(connection, "login")

    with pytest.raises(IntegrityError):
        orphan()
    assert lines(logged) == []


def test_what_dies_with_its_connection_is_not_logged(services: Services, logged: pytest.LogCaptureFixture) -> None:
    with suppress(Undone), services.database.write() as connection:
        tell(connection, "login")
        connection.invalidate()
        raise Undone
    assert lines(logged) == []


def test_grants_of_mlflows_sessions_are_logged_with_their_commit(
    services: Services, logged: pytest.LogCaptureFixture
) -> None:
    alice = log_in(services, "a@x")
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    lines(logged)
    store.grant_user_permission(alice.username, "experiment", "1", "READ")
    assert "grant.create" in lines(logged)
    with suppress(MlflowException), store.ManagedSessionMaker(read_only=False) as session:
        store._get_or_create_synthetic_user_role(session, alice.user_id, "elsewhere")
        session.flush()
        raise MlflowException("no")
    assert lines(logged) == []


def test_an_action_that_is_not_in_the_table_is_refused(services: Services) -> None:
    with services.database.write() as connection, pytest.raises(UnknownAction, match=r"'token\.create' is no action"):
        tell(connection, "token.create")
