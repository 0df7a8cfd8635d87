"""Local administrators on a migrated database: who may be one, and the throttle of wrong passwords."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
from passlib.context import CryptContext
from sqlalchemy import select

from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.model import Admission, Person
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.local_admins import (
    HASHES_AT_ONCE,
    LOCK_SECONDS,
    MAX_FAILURES,
    WAITING_AT_ONCE,
    LocalAdmins,
    Refused,
    Unusable,
    _hashing,
)
from mlflow_prokube_auth.store.people import NameTaken
from mlflow_prokube_auth.store.schema import audit_events, identities, local_admins, sessions, user_names, users

from ..support.people import acting, all_at_once, let_in

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of the same kind that cost next to nothing."""
    context = CryptContext(schemes=["argon2"], argon2__memory_cost=64, argon2__time_cost=1, argon2__parallelism=1)
    monkeypatch.setattr("mlflow_prokube_auth.store.local_admins._hashing", context)


def admission(email: str, subject: str = "s-1", verified: bool = True) -> Admission:
    return Admission("https://kc", subject, email, verified, email, ("prokube-users",), "prokube-users", None)


def set_one(services: Services, name: str = "root", password: str = PASSWORD, now: int = 100) -> bool:
    return services.local_admins.set(name, password, acting(now, "operator test", "cli"))


def check(services: Services, password: str, now: int = 200, name: str = "root") -> Person | Refused:
    return services.local_admins.check(name, password, acting(now, "anonymous", "192.0.2.1"))


def actions(services: Services) -> list[tuple[str, str]]:
    with services.database.read() as connection:
        rows = connection.execute(select(audit_events.c.action, audit_events.c.actor).order_by(audit_events.c.id))
        return [(row.action, row.actor) for row in rows]


def test_who_is_set_is_an_administrator_with_a_reserved_name_and_no_mlflow_password(services: Services) -> None:
    assert not services.local_admins.exist()
    assert set_one(services, "Root") is False
    assert services.local_admins.exist()
    with services.database.read() as connection:
        user = connection.execute(select(users)).one()
        identity = connection.execute(select(identities)).mappings().one()
        reserved = connection.execute(select(user_names.c.name, user_names.c.user_id)).one()
        kept = connection.execute(select(local_admins.c.password_hash)).scalar_one()
    assert (user.username, user.password_hash, user.is_admin) == ("root", "!", True)
    assert (identity["issuer"], identity["subject"], identity["admitted_by"]) == ("local", "root", "local:break-glass")
    assert tuple(reserved) == ("root", user.id)
    assert kept.startswith("$argon2id$")
    assert [admin.name for admin in services.local_admins.everyone()] == ["root"]


def test_the_right_password_is_the_person_and_a_wrong_one_is_not(services: Services) -> None:
    set_one(services)
    assert check(services, PASSWORD + "x") is Refused.WRONG
    found = check(services, PASSWORD, name="ROOT")
    assert isinstance(found, Person)
    assert (found.username, found.is_admin) == ("root", True)
    assert services.people.find("root") == found
    assert [admin.last_login_at for admin in services.local_admins.everyone()] == [200]


@pytest.mark.parametrize("password", ["", "x" * 5000, "a\0b", "\udc80" * 14])
def test_what_can_be_no_password_is_a_wrong_one(services: Services, password: str) -> None:
    set_one(services)
    assert check(services, password) is Refused.WRONG


@pytest.mark.parametrize("name", ["nobody", "", "a\0b", "x" * 300])
def test_an_unknown_name_is_refused(services: Services, name: str) -> None:
    set_one(services)
    assert check(services, PASSWORD, name=name) is Refused.UNKNOWN


def test_the_fifth_failure_locks_and_the_lock_holds_for_the_right_password_too(services: Services) -> None:
    set_one(services)
    for _ in range(5):
        assert check(services, "wrong", 200) is Refused.WRONG
    assert check(services, PASSWORD, 200) is Refused.LOCKED
    assert check(services, PASSWORD, 200 + 899) is Refused.LOCKED
    assert isinstance(check(services, PASSWORD, 200 + 900), Person)


def test_after_a_lock_five_more_failures_lock_again(services: Services) -> None:
    set_one(services)
    for _ in range(5):
        check(services, "wrong", 200)
    for _ in range(5):
        assert check(services, "wrong", 1100) is Refused.WRONG
    assert check(services, PASSWORD, 1101) is Refused.LOCKED


def test_a_success_forgets_the_failures_before_it(services: Services) -> None:
    set_one(services)
    for _ in range(3):
        for _ in range(4):
            check(services, "wrong")
        assert isinstance(check(services, PASSWORD), Person)


def test_the_lock_is_in_the_database_and_holds_for_another_process(services: Services) -> None:
    set_one(services)
    for _ in range(5):
        check(services, "wrong")
    assert LocalAdmins(services.database).check("root", PASSWORD, acting(201, "anonymous")) is Refused.LOCKED


def test_of_many_guesses_at_once_five_are_compared(services: Services) -> None:
    set_one(services)

    def guess() -> Person | Refused:
        # As processes would: each with its own turns.
        return LocalAdmins(services.database).check("root", "wrong", acting(200, "anonymous"))

    answers = all_at_once(*[guess] * 12)
    assert (answers.count(Refused.WRONG), answers.count(Refused.LOCKED)) == (MAX_FAILURES, 7)


def test_a_new_password_replaces_the_old_lifts_the_lock_and_ends_sessions(services: Services) -> None:
    set_one(services)
    person = check(services, PASSWORD)
    assert isinstance(person, Person)
    services.sessions.create("id", "secret", person.user_id, "{}", 200, 9000)
    for _ in range(5):
        check(services, "wrong")
    assert set_one(services, "root", "another long password", 300) is True
    assert services.sessions.find("id", "secret", 301) is None
    assert check(services, PASSWORD, 301) is Refused.WRONG
    assert check(services, "another long password", 301) == person


def test_a_password_replaced_while_it_is_being_checked_lets_nobody_in(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_one(services)

    def slow(password: str, hashed: str) -> bool:
        set_one(services, "root", "another long password", 200)
        return True

    monkeypatch.setattr("mlflow_prokube_auth.store.local_admins._matches", slow)
    assert check(services, PASSWORD) is Refused.WRONG


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What passwords were compared with; none is right."""
    found: list[list[str]] = []

    def count(password: str, hashed: str) -> bool:
        found.append(hashed.split("$")[1:4])
        return False

    monkeypatch.setattr("mlflow_prokube_auth.store.local_admins._matches", count)
    return found


def test_the_same_work_is_done_for_unknown_locked_and_wrong(services: Services, compared: list[list[str]]) -> None:
    set_one(services)
    for now in range(200, 206):
        check(services, "wrong", now)
    check(services, "wrong", 206, name="nobody")
    assert compared == [["argon2id", "v=19", "m=64,t=1,p=1"]] * 7


def test_a_flood_of_unknown_names_is_worth_one_hash_a_second_and_writes_nothing(
    services: Services, compared: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_one(services)
    check(services, "wrong", 200, name="nobody-0")
    with monkeypatch.context() as patched:
        patched.setattr(services.database, "write", None)
        for number in range(1, 500):
            assert check(services, "wrong", 200 + number // 100, name=f"nobody-{number}") is Refused.UNKNOWN
    assert len(compared) == 5


def test_a_password_costs_what_rfc_9106_recommends() -> None:
    assert _hashing.hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_unknown_names_take_no_turn_of_a_local_administrators(services: Services) -> None:
    set_one(services)
    admins = services.local_admins
    with ExitStack() as busy:
        for number in range(HASHES_AT_ONCE):
            assert busy.enter_context(admins._turn(f"another-{number}"))
        for number in range(50):  # from whatever address
            assert check(services, PASSWORD, name=f"nobody-{number}") is Refused.UNKNOWN
        assert admins._names == {f"another-{number}" for number in range(HASHES_AT_ONCE)}
    assert isinstance(check(services, PASSWORD), Person)


def test_more_attempts_at_once_than_may_wait_are_refused_and_not_counted(services: Services) -> None:
    set_one(services)
    admins = services.local_admins
    with admins._turn("root"):  # one at a time for a name
        assert check(services, "wrong") is Refused.BUSY
    admins._names |= {f"waiting-{number}" for number in range(HASHES_AT_ONCE + WAITING_AT_ONCE)}
    assert check(services, "wrong") is Refused.BUSY
    admins._names.clear()
    with services.database.read() as connection:
        assert connection.execute(select(local_admins.c.failures)).scalar_one() == 0
    assert isinstance(check(services, PASSWORD), Person)


def test_a_new_password_ends_whatever_the_old_one_had_opened(services: Services) -> None:
    set_one(services)
    person = check(services, PASSWORD)
    assert isinstance(person, Person)
    key = compose(b"a" * 41)
    services.access_keys.mint(key, person.user_id, 9000, acting(200, "root"))
    services.consents.create("code", person, "c" * 43, 30, acting(200))
    set_one(services, password="another password of the admin", now=300)
    owner = services.access_keys.owner(key.key_id)
    assert owner is not None
    assert owner.key.ended_by == "revoked"
    assert services.consents.take("code", 301) is None


def test_removing_ends_sessions_key_and_rights_at_once(services: Services) -> None:
    set_one(services)
    person = check(services, PASSWORD)
    assert isinstance(person, Person)
    services.sessions.create("id", "secret", person.user_id, "{}", 200, 9000)
    key = compose(b"a" * 41)
    services.access_keys.mint(key, person.user_id, 9000, acting(200, "root"))
    assert services.local_admins.remove("ROOT", acting(300, "operator test"))
    assert not services.local_admins.exist()
    assert services.sessions.find("id", "secret", 301) is None
    owner = services.access_keys.owner(key.key_id)
    assert owner is not None
    assert (owner.key.ended_by, owner.key.ended_at, owner.person.is_admin) == ("revoked", 300, False)
    assert owner.standing is not None
    assert owner.standing.disabled
    assert check(services, PASSWORD, 301) is Refused.UNKNOWN
    assert not services.local_admins.remove("root", acting(302, "operator test"))
    with pytest.raises(NameTaken):
        let_in(services, admission("root"), 303)


def test_who_was_removed_may_be_set_again(services: Services) -> None:
    set_one(services)
    services.local_admins.remove("root", acting(150, "operator test"))
    assert set_one(services) is False
    assert isinstance(check(services, PASSWORD), Person)


def test_a_name_of_a_keycloak_identity_is_refused_now_and_in_the_past(services: Services) -> None:
    let_in(services, admission("old@x"))
    let_in(services, admission("new@x"), 200)
    for name in ("old@x", "NEW@x"):
        with pytest.raises(NameTaken):
            set_one(services, name)
    assert not services.local_admins.exist()
    assert services.people.find("new@x") is not None


def test_a_keycloak_identity_never_gets_the_name_of_a_local_administrator(services: Services) -> None:
    set_one(services, "root@x")
    with pytest.raises(NameTaken):
        let_in(services, admission("root@x"), 200)


def test_of_basic_auths_users_an_administrator_may_become_a_local_one(services: Services) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    admin = plain.create_user("Admin", "password-of-admin", is_admin=True)
    plain.create_user("carol@x", "password-of-carol")
    with pytest.raises(NameTaken):
        set_one(services, "carol@x")
    set_one(services, "admin")
    person = check(services, PASSWORD, name="admin")
    assert isinstance(person, Person)
    assert person.user_id == admin.id
    assert not plain.authenticate_user("admin", "password-of-admin")


def test_one_name_set_many_times_at_once_is_one_administrator(services: Services) -> None:
    answers = all_at_once(*[lambda: set_one(services)] * 4)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert isinstance(check(services, PASSWORD), Person)


@pytest.mark.parametrize("name", ["", " ", "a:b", "a b", "a\nb", "x" * 256])
def test_a_name_that_cannot_be_one_is_refused(services: Services, name: str) -> None:
    with pytest.raises(Unusable, match="user name"):
        set_one(services, name)


@pytest.mark.parametrize("password", ["", "thirteen chars"[:13], "x" * 1025, "\udc80" * 14])
def test_a_password_that_cannot_be_one_is_refused_without_quoting_it(services: Services, password: str) -> None:
    with pytest.raises(Unusable) as caught:
        set_one(services, "root", password)
    assert not password or password not in str(caught.value)


def test_success_failure_and_lock_are_audited_with_the_address_and_no_password(services: Services) -> None:
    set_one(services)
    check(services, PASSWORD)
    for _ in range(5):
        check(services, "a wrong one")
    assert actions(services) == [
        ("local_admin.set", "operator test"),
        ("login.local", "root"),
        *[("login.local.denied", "root")] * 5,
        ("login.local.lock", "root"),
    ]
    with services.database.read() as connection:
        rows = connection.execute(select(audit_events)).all()
        assert {row.client for row in rows} == {"cli", "192.0.2.1"}
        for row in rows:
            assert "a wrong one" not in str(row)
            assert PASSWORD not in str(row)
        assert connection.execute(select(sessions.c.id)).first() is None


def test_refused_attempts_do_not_fill_the_audit_trail_and_name_nobody_unknown(services: Services) -> None:
    set_one(services)
    for number in range(5):
        check(services, PASSWORD, name=f"typed-password-{number}")
    assert actions(services) == [("local_admin.set", "operator test"), ("login.local.refused", "anonymous")]


def test_the_lock_lasts_a_quarter_of_an_hour() -> None:
    assert (MAX_FAILURES, LOCK_SECONDS) == (5, 900)
