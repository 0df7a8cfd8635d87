"""Consents of the command-line login, on SQLite and PostgreSQL alike: each is used once."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from mlflow_prokube_auth.model import Person, keycloak
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.consents import Consent
from mlflow_prokube_auth.store.schema import audit_events, consents
from mlflow_prokube_auth.store.sessions import KeycloakSession

from ..support.people import acting, admission, all_at_once, let_in


def person(services: Services) -> Person:
    return let_in(services, admission("a@x"))


def stored(services: Services) -> int:
    with services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(consents)).scalar_one())


def test_a_consent_is_taken_once_with_all_that_it_holds(services: Services) -> None:
    alice = person(services)
    services.consents.create("code", alice, "c" * 43, 30, acting())
    taken = services.consents.take("code", 101)
    assert taken is not None
    assert (taken.challenge, taken.days) == ("c" * 43, 30)
    assert taken.standing is not None
    assert (taken.standing.person, taken.standing.disabled) == (alice, False)
    assert services.consents.take("code", 101) is None
    assert services.consents.take("another", 101) is None


def test_of_many_who_take_one_code_at_once_one_succeeds(services: Services) -> None:
    services.consents.create("code", person(services), "c" * 43, 30, acting())
    found = all_at_once(*[lambda: services.consents.take("code", 101)] * 8)
    assert len(found) == 8
    assert sum(isinstance(each, Consent) for each in found) == 1


def test_a_consent_ends_after_five_minutes_and_is_swept(services: Services) -> None:
    alice = person(services)
    services.consents.create("early", alice, "c" * 43, 30, acting())
    services.consents.create("late", alice, "c" * 43, 30, acting(101))
    assert services.consents.take("early", 400) is None
    assert services.consents.take("late", 400) is not None
    services.consents.create("old", alice, "c" * 43, 30, acting())
    services.consents.create("new", alice, "c" * 43, 30, acting(400))
    assert stored(services) == 1


def test_only_a_hash_of_the_code_is_stored_and_the_consent_is_in_the_audit_trail(services: Services) -> None:
    alice = person(services)
    services.consents.create("code", alice, "c" * 43, 30, acting(100, "a@x", "10.0.0.9"), name="laptop")
    with services.database.read() as connection:
        row = connection.execute(select(consents)).mappings().one()
        event = connection.execute(select(audit_events).order_by(audit_events.c.id.desc())).mappings().first()
    # echo -n code | sha256sum
    assert row["code_digest"] == "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b"
    assert event is not None
    assert (event["actor"], event["action"], event["client"]) == ("a@x", "access_key.consent", "10.0.0.9")
    assert json.loads(event["detail"]) == {"days": 30, "name": "laptop"}


def test_the_standing_is_that_of_the_moment_of_use(services: Services) -> None:
    alice = person(services)
    services.consents.create("code", alice, "c" * 43, 30, acting())
    standing = services.people.standing("https://kc", "s-1")
    assert standing is not None
    services.people.checked(standing, False, False, keycloak(101))
    taken = services.consents.take("code", 102)
    assert taken is not None
    assert taken.standing is not None
    assert taken.standing.disabled


@pytest.mark.parametrize("way", ["withdrawn", "key revoked", "logged out", "logged out at Keycloak", "forgotten"])
def test_a_consent_ends_with_what_it_came_from(services: Services, way: str) -> None:
    alice = person(services)
    services.sessions.create("id", "secret", alice.user_id, "{}", 100, 9000, KeycloakSession("sid-1", None))
    services.consents.create("code", alice, "c" * 43, 30, acting())
    if way == "withdrawn":
        services.people.withdraw(alice.user_id, "out of the group", keycloak(101))
    elif way == "key revoked":
        services.access_keys.revoke(alice.user_id, acting(101, "a@x"))
    elif way == "logged out":
        services.sessions.end_of("https://kc", "s-1", None)
    elif way == "logged out at Keycloak":
        services.sessions.end_of("https://kc", None, "sid-1")
    else:
        services.consents.forget(alice.user_id)
    assert services.consents.take("code", 102) is None
