"""Keys of an old server: they open what their owners' access keys would, until their date or the first new key."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from werkzeug import security

from mlflow_prokube_auth.errors import BadCredentials, KeyEnded, KeyExpired, Unavailable
from mlflow_prokube_auth.identity import legacy_keys as checked
from mlflow_prokube_auth.identity.authenticators import Recently
from mlflow_prokube_auth.identity.caller import Identity, RequestFacts
from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.identity.legacy_keys import LegacyKeyCredentials
from mlflow_prokube_auth.identity.presented import presented
from mlflow_prokube_auth.identity.recheck import AccountRevalidator
from mlflow_prokube_auth.model import AccountState, Actor, Admission, Person
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.legacy_keys import TOLD_SECONDS, NewLegacyKey, take_over
from mlflow_prokube_auth.store.new_accounts import expect

from ..support.people import let_in

ANN, KEY = "ann@example.com", "Old" + "k" * 21
HASH = security.generate_password_hash(KEY, method="pbkdf2:sha256:1000")


class Vouching:
    """As :class:`AccountRevalidator` where Keycloak is asked for nothing."""

    def for_standing(self, standing: AccountState) -> Person:
        return standing.person


class Opened:
    """An account that nobody has logged in to, with a key that works for an hour."""

    def __init__(self, services: Services, lives: int = 3600, is_admin: bool = False) -> None:
        self.services, self.now = services, int(time.time())
        self.actor = Actor("operator", self.now, "cli")
        with services.database.write() as connection:
            self.user_id = expect(connection, ANN, is_admin=is_admin)
            take_over(connection, self.user_id, [NewLegacyKey("password", None, HASH, self.now + lives)], self.actor)
        self.credentials = LegacyKeyCredentials(
            services.legacy_keys,
            cast(AccountRevalidator, Vouching()),
            Recently(lambda write: write()),
            "https://keys",
            "the admin",
        )

    def given(self, name: str, password: str) -> Identity | None:
        words = base64.b64encode(f"{name}:{password}".encode()).decode()
        facts = RequestFacts("GET", "/api", {"authorization": f"Basic {words}"}, "10.0.0.1")
        return self.credentials(presented(facts, "session"))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords for which a slow hash was spent."""
    spent: list[str] = []
    real = security.check_password_hash

    def counted(hashed: str, password: str) -> bool:
        spent.append(password)
        return real(hashed, password)

    monkeypatch.setattr(security, "check_password_hash", counted)
    return spent


def test_a_key_opens_its_account_before_and_after_the_first_login(services: Services, hashed: list[str]) -> None:
    opened = Opened(services)
    for name in (ANN, "Ann@Example.com "):
        identity = opened.given(name, KEY)
        assert identity is not None
        assert (identity.person, identity.credential) == (Person(opened.user_id, ANN, False), "legacy key")
    assert hashed == [KEY]
    bound = let_in(services, Admission("https://kc", "s-1", ANN, True, "Ann", ("g",), "g", None))
    assert bound.user_id == opened.user_id
    again = opened.given(ANN, f"{KEY}\n")
    assert again is not None
    assert hashed == [KEY]
    used = services.legacy_keys.in_force(opened.now)
    assert [(name, key.last_used_at is not None) for name, key in used] == [(ANN, True)]


def test_what_is_no_such_key_is_for_others_to_judge(services: Services, hashed: list[str]) -> None:
    opened = Opened(services)
    assert opened.given(ANN, "other") is None
    assert opened.given("ben@example.com", KEY) is None
    assert opened.given(ANN, compose(secrets.token_bytes(41)).text) is None
    # Each costs a slow hash, whoever it names; what has the form of our own keys costs none.
    assert hashed == ["other", KEY]
    with pytest.raises(BadCredentials):
        opened.given("ann\0", KEY)


def test_who_has_no_key_costs_as_much_as_who_has_one(services: Services, hashed: list[str]) -> None:
    opened = Opened(services)
    for name in (ANN, "ben@example.com", "cleo@example.com"):
        for number in range(30):
            assert opened.given(name, f"guess-{number}") is None
        assert len(hashed) == checked.WRONG_AT_MOST
        hashed.clear()
    # Keys that a row is found by count with the others.
    for name in (ANN, "ben@example.com", "dora@example.com"):
        assert opened.given(name, "mlf_4567abcd_none") is None
    assert hashed == ["mlf_4567abcd_none"]


def test_without_old_keys_no_slow_hash_is_spent(services: Services, hashed: list[str]) -> None:
    opened = Opened(services, lives=-TOLD_SECONDS - 1)
    for name, password in ((ANN, KEY), ("ben@example.com", "guess")):
        assert opened.given(name, password) is None
    assert hashed == []


def test_those_that_would_wait_for_too_many_are_told_to_come_back(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, going = Opened(services), threading.Event()
    begun = threading.Semaphore(0)

    def slow(_hashed: str, _password: str) -> bool:
        begun.release()
        return going.wait(60) and False

    monkeypatch.setattr(security, "check_password_hash", slow)
    most = checked.AT_A_TIME + checked.WAITING_AT_MOST
    with ThreadPoolExecutor(most) as pool:
        waiting = [pool.submit(opened.given, f"{number}@example.com", "guess") for number in range(checked.AT_A_TIME)]
        for _ in waiting:
            assert begun.acquire(timeout=60)
        places = opened.credentials._remembered._places
        for _ in range(checked.WAITING_AT_MOST):
            assert places.acquire(blocking=False)
        with pytest.raises(Unavailable, match="Try again in a few seconds"):
            opened.given(ANN, KEY)
        going.set()
        assert [each.result(60) for each in waiting] == [None] * checked.AT_A_TIME


def test_an_administrators_key_has_a_users_rights_before_the_first_login(services: Services) -> None:
    opened = Opened(services, is_admin=True)
    before = opened.given(ANN, KEY)
    assert before is not None
    assert not before.person.is_admin
    let_in(services, Admission("https://kc", "s-1", ANN, True, "Ann", ("g",), "g", "admins"))
    after = opened.given(ANN, KEY)
    assert after is not None
    assert after.person.is_admin


def test_guesses_spend_a_bounded_number_of_slow_hashes(services: Services, hashed: list[str]) -> None:
    opened = Opened(services)
    assert opened.given(ANN, KEY) is not None
    for number in range(30):
        assert opened.given(ANN, f"guess-{number}") is None
    assert len(hashed) == 1 + checked.WRONG_AT_MOST
    assert opened.given(ANN, KEY) is not None


def test_the_first_new_key_ends_it_at_once(services: Services) -> None:
    opened = Opened(services)
    assert opened.given(ANN, KEY) is not None
    services.access_keys.mint(compose(secrets.token_bytes(41)), opened.user_id, opened.now + 60, opened.actor)
    with pytest.raises(KeyEnded, match="replaced"):
        opened.given(ANN, KEY)
    assert services.legacy_keys.uses([opened.user_id], opened.now) == {}
    # What was ended is not taken over again.
    with services.database.write() as connection:
        made = take_over(
            connection, opened.user_id, [NewLegacyKey("password", None, HASH, opened.now + 60)], opened.actor
        )
    assert made == 0


def test_revoking_ends_it_at_once(services: Services) -> None:
    opened = Opened(services)
    assert opened.given(ANN, KEY) is not None
    assert services.access_keys.revoke(opened.user_id, opened.actor)
    with pytest.raises(KeyEnded, match="revoked"):
        opened.given(ANN, KEY)
    assert not services.access_keys.revoke(opened.user_id, opened.actor)


def test_it_ends_with_its_day(services: Services) -> None:
    opened = Opened(services, lives=-1)
    with pytest.raises(KeyExpired):
        opened.given(ANN, KEY)


def test_a_token_is_found_by_its_prefix(services: Services, hashed: list[str]) -> None:
    opened = Opened(services)
    tokens = [f"mlf_{prefix}_secret_{prefix}" for prefix in ("0123abcd", "4567abcd")]
    with services.database.write() as connection:
        keys = [
            NewLegacyKey(f"t{number}", token.split("_")[1], security.generate_password_hash(token), opened.now + 60)
            for number, token in enumerate(tokens)
        ]
        take_over(connection, opened.user_id, keys, opened.actor)
    assert opened.given(ANN, tokens[1]) is not None
    assert hashed == [tokens[1]]
    assert opened.given(ANN, "mlf_4567abcd_other") is None


def test_no_text_of_a_key_holds_its_hash(services: Services) -> None:
    opened = Opened(services)
    assert HASH not in repr(services.legacy_keys.in_force(opened.now))
    assert HASH not in repr(NewLegacyKey("a", None, HASH, 1))
