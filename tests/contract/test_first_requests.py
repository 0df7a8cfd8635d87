"""Requests that come at once for a person whom nobody has seen before, or whose name has just changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import event, text

from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import Admission, Person, keycloak
from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.database import migrate, open_engine
from mlflow_prokube_auth.store.people import Blocked, NameTaken

from ..support.people import acting, admission, all_at_once, let_in
from ..support.postgres import Postgres
from ..support.settings import GOOD

THREADS, ROUNDS = 12, 5


@contextmanager
def just_before(services: Services, statement: str, happens: Callable[[], object]) -> Iterator[list[str]]:
    """Have something happen just before the first statement that begins so; yields the statements up to there."""
    seen: list[str] = []

    def listen(_connection: Any, _cursor: Any, sent: str, *_: Any) -> None:
        if not seen or seen[-1] != statement:
            seen.append(statement if " ".join(sent.split()).startswith(statement) else sent)
            if seen[-1] == statement:
                happens()

    event.listen(services.database.engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        event.remove(services.database.engine, "before_cursor_execute", listen)
    assert seen[-1] == statement, f"never sent: {statement}"


@pytest.fixture
def sibling(services: Services) -> Iterator[Services]:
    """The same stores in another process, as it were."""
    opened = open_services(load(GOOD), services.database.uri)
    yield opened
    opened.database.engine.dispose()


def in_teams(email: str, subject: str = "s-1", *teams: str) -> Admission:
    return replace(admission(email, subject), teams=teams or ("team-a", "team-b"))


NAMES, MAKE = "SELECT users.id, users.username", "INSERT INTO users"


@pytest.mark.parametrize("moment", [NAMES, MAKE])
def test_an_account_that_a_sibling_request_has_just_made_is_ones_own(
    services: Services, sibling: Services, moment: str
) -> None:
    made: list[Person] = []
    with just_before(services, moment, lambda: made.append(let_in(sibling, in_teams("a@x")))):
        person = let_in(services, in_teams("a@x"))
    assert [person] == made
    assert [team.name for team in services.teams.of(person.user_id)] == ["team-a", "team-b"]


@pytest.mark.parametrize("moment", [NAMES, MAKE])
def test_a_name_that_somebody_else_has_just_taken_is_refused(
    services: Services, sibling: Services, moment: str
) -> None:
    other = partial(let_in, sibling, admission("a@x", "s-2"))
    with just_before(services, moment, other), pytest.raises(NameTaken):
        let_in(services, admission("a@x", "s-1"))
    assert services.people.standing("https://kc", "s-1") is None


# The first that it reads, and the first that it writes: from then on, nobody else writes to SQLite.
@pytest.mark.parametrize("moment", [NAMES, "DELETE FROM prokube_rebinds"])
def test_a_user_of_basic_auth_whom_a_sibling_request_has_just_bound_is_ones_own(
    services: Services, sibling: Services, moment: str
) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    plain.create_user("carol@x", "password-of-carol")
    made: list[Person] = []
    with just_before(services, moment, lambda: made.append(let_in(sibling, admission("carol@x")))):
        person = let_in(services, admission("carol@x"))
    assert [person] == made
    assert person.user_id == plain.get_user("carol@x").id


def test_a_blocked_account_is_refused_however_its_login_is_interrupted(services: Services, sibling: Services) -> None:
    def make_and_block() -> None:
        let_in(sibling, admission("a@x"))
        account = sibling.accounts.find("a@x")
        assert account is not None
        sibling.accounts.set_blocked(account, True, acting())

    with just_before(services, MAKE, make_and_block), pytest.raises(Blocked):
        let_in(services, admission("a@x"))


def test_a_service_accounts_name_that_was_just_taken_is_refused(services: Services, sibling: Services) -> None:
    other = partial(let_in, sibling, admission("svc"))
    with just_before(services, MAKE, other), pytest.raises(NameTaken):
        services.accounts.create_service("svc", "", acting())


@pytest.mark.parametrize("uri", ["postgresql"], indirect=True)
def test_a_role_that_was_just_given_a_teams_name_keeps_nobody_out(services: Services, sibling: Services) -> None:
    store = ProkubeStore(sibling.database, sibling.teams)
    store.init_db("")
    with just_before(services, "INSERT INTO roles", lambda: store.create_role("team-a", "default")):
        person = let_in(services, in_teams("a@x", "s-1", "team-a"))
    assert [team.name for team in services.teams.of(person.user_id)] == ["team-a"]
    assert {role.name for role in store.list_user_roles(person.user_id)} == {"team-a (group)"}


def test_of_many_first_requests_at_once_all_are_of_one_account(services: Services) -> None:
    for number in range(ROUNDS):
        login = partial(let_in, services, in_teams(f"u{number}@x", f"s-{number}"))
        people = all_at_once(*[login] * THREADS)
        assert people == [services.people.find(f"u{number}@x")] * THREADS


def test_of_many_first_requests_of_two_people_for_one_name_all_of_one_persons_succeed(services: Services) -> None:
    for number in range(ROUNDS):
        logins = [partial(let_in, services, admission(f"u{number}@x", f"s-{number}-{who}")) for who in "ab"]
        answers = all_at_once(*logins * (THREADS // 2))
        standings = [services.people.standing("https://kc", f"s-{number}-{who}") for who in "ab"]
        assert sum(each is not None for each in standings) == 1
        for index, standing in enumerate(standings):
            expected = [standing.person if standing is not None else NameTaken] * (THREADS // 2)
            assert [each if isinstance(each, Person) else type(each) for each in answers[index::2]] == expected


def test_of_many_first_requests_of_a_user_of_basic_auth_all_bind_that_user(services: Services) -> None:
    plain = SqlAlchemyStore()
    plain.init_db(services.database.uri)
    for number in range(ROUNDS):
        user_id = plain.create_user(f"u{number}@x", "password-of-the-user").id
        login = partial(let_in, services, in_teams(f"u{number}@x", f"s-{number}"))
        assert all_at_once(*[login] * THREADS) == [Person(user_id, f"u{number}@x", False)] * THREADS


def test_of_many_logins_and_rechecks_with_a_new_address_all_are_of_the_renamed_account(services: Services) -> None:
    let_in(services, admission("u0@x"))
    for number in range(1, ROUNDS + 1):
        standing = services.people.standing("https://kc", "s-1")
        assert standing is not None
        new = in_teams(f"u{number}@x", "s-1", f"team-{number}")
        login = partial(let_in, services, new, 100 + number)
        recheck = partial(services.people.confirm, new, standing, keycloak(100 + number))
        works: list[Callable[[], object]] = [login, recheck]
        people = all_at_once(*works * (THREADS // 2))
        assert people == [replace(standing.person, username=f"u{number}@x")] * THREADS
        assert services.people.owns_name(standing.person.user_id, f"u{number - 1}@x")


def waiting_for_locks(services: Services) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with services.database.read() as connection:
        return int(connection.execute(text(query)).scalar_one())


class Beside:
    """Work in a thread that has come to its end, or waits for a lock, before anything else goes on."""

    def __init__(self, services: Services, work: Callable[[], object]) -> None:
        self._services = services
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._answer: object = None

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except Exception as error:
            self._answer = error

    def __call__(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 30
        while self._thread.is_alive() and not waiting_for_locks(self._services):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @property
    def answer(self) -> object:
        self._thread.join()
        return self._answer


@pytest.mark.parametrize("uri", ["postgresql"], indirect=True)
def test_a_login_and_a_recheck_with_a_new_address_do_not_lock_one_another_out(
    services: Services, sibling: Services
) -> None:
    let_in(services, admission("old@x"))
    standing = services.people.standing("https://kc", "s-1")
    assert standing is not None
    recheck = Beside(sibling, partial(sibling.people.confirm, admission("new@x"), standing, keycloak(200)))
    with just_before(services, "UPDATE prokube_identities", recheck):
        person = let_in(services, admission("new@x"), 200)
    assert person == Person(standing.person.user_id, "new@x", False)
    assert recheck.answer == person


@pytest.mark.parametrize("uri", ["postgresql"], indirect=True)
def test_a_login_and_the_deletion_of_its_account_do_not_lock_one_another_out(
    services: Services, sibling: Services
) -> None:
    before = let_in(services, admission("a@x"))
    account = services.accounts.find("a@x")
    assert account is not None
    deletion = Beside(sibling, partial(sibling.accounts.delete, account, None, acting()))
    with just_before(services, "UPDATE users", deletion):
        assert let_in(services, admission("a@x"), 200) == before
    assert deletion.answer == 0
    assert services.accounts.find("a@x") is None


def test_a_database_that_serializes_transactions_lets_siblings_in_too(postgres: Postgres) -> None:
    uri = postgres.new_database()
    made = open_engine(uri)
    migrate(made, migrate_mlflow)
    made.dispose()
    services = open_services(load(GOOD), f"{uri}?options=-c%20default_transaction_isolation%3Dserializable")
    sibling = open_services(load(GOOD), uri)
    people: list[Person] = []
    for number, moment in enumerate((NAMES, MAKE)):
        who = admission(f"u{number}@x", f"s-{number}")
        other = partial(let_in, sibling, who)
        with just_before(services, moment, other):
            people.append(let_in(services, who))
    assert people == [sibling.people.find("u0@x"), sibling.people.find("u1@x")]
    for opened in (services, sibling):
        opened.database.engine.dispose()
