"""Workloads in the database, and who a token of a trusted issuer is: on each kind of database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from mlflow_prokube_auth.errors import AccountOut, Unauthenticated, Unavailable
from mlflow_prokube_auth.identity.authenticators import Recently
from mlflow_prokube_auth.identity.caller import Identity, RequestFacts
from mlflow_prokube_auth.identity.presented import presented
from mlflow_prokube_auth.identity.recheck import AccountRevalidator
from mlflow_prokube_auth.identity.workloads import TrustedTokens, WorkloadTokens
from mlflow_prokube_auth.model import DAY, Actor, Admission, Person
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.settings import Settings, load
from mlflow_prokube_auth.store.audit import Filter
from mlflow_prokube_auth.store.workloads import AccountGone, AlreadyBound, Binding

from ..support.issuers import TRAINER, TestIssuer, running_issuer
from ..support.people import let_in
from ..support.settings import GOOD

AUDIENCE = "https://mlflow.test/mlflow"
ISSUER = "https://issuer.test"
ANN = Actor("ann@example.com", 1_700_000_000, "10.0.0.1", 1)


def account(services: Services, name: str = "trainer") -> Person:
    return services.accounts.create_service(name, "", ANN)


def actions(services: Services, words: str = "workload") -> list[tuple[str, str]]:
    with services.database.read() as connection:
        from mlflow_prokube_auth.store import audit

        return [(event.action, event.target) for event in audit.before(connection, Filter(action=words), None, 50)]


def bind(services: Services, person: Person, issuer: str = ISSUER, **more: Any) -> Binding:
    values = {"audience": AUDIENCE, "claims": {"sub": TRAINER}, "expires_at": None, "actor": ANN, **more}
    return services.workloads.bind(person.user_id, issuer, **values)


# --- the store ---------------------------------------------------------------------------------


def test_a_binding_is_listed_with_its_issuer_and_its_account(services: Services) -> None:
    one, other = account(services), account(services, "other")
    made = bind(services, one, claims={"sub": TRAINER, "b": "x"}, expires_at=ANN.at + 60)
    assert made == Binding(
        made.id, one.user_id, "trainer", ISSUER, AUDIENCE, {"b": "x", "sub": TRAINER}, ANN.at, ANN.at + 60, None, None
    )
    second = bind(services, other, issuer=f"{ISSUER}/")
    assert services.workloads.of_issuer(ISSUER) == [made]
    assert services.workloads.of_issuer(f"{ISSUER}/") == services.workloads.of_user(other.user_id) == [second]
    assert services.workloads.of_user(one.user_id) == [made]
    assert actions(services) == [("workload.bind", "other"), ("workload.bind", "trainer")]


def test_no_two_bindings_are_the_same_whoever_makes_them_at_once(services: Services) -> None:
    people = [account(services, f"account-{number}") for number in range(4)]

    def attempt(person: Person) -> str:
        try:
            return bind(services, person, claims={"sub": TRAINER, "x": "y"}).username
        except AlreadyBound as error:
            return f"bound to {error}"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, people))
    [winner] = [each for each in told if not each.startswith("bound")]
    assert sorted(told) == sorted([winner, *[f"bound to {winner}"] * 3])
    assert len(actions(services)) == 1
    with pytest.raises(AlreadyBound, match=winner):
        bind(services, people[0], claims={"x": "y", "sub": TRAINER})
    bind(services, people[0], claims={"x": "y", "sub": TRAINER}, audience="other")


def test_a_binding_is_removed_by_its_own_account_alone(services: Services) -> None:
    one, other = account(services), account(services, "other")
    made = bind(services, one)
    assert not services.workloads.unbind(made.id, other.user_id, ANN)
    assert services.workloads.of_user(one.user_id) == [made]
    assert services.workloads.unbind(made.id, one.user_id, ANN)
    assert not services.workloads.unbind(made.id, one.user_id, ANN)
    assert services.workloads.of_issuer(ISSUER) == []
    assert actions(services) == [("workload.unbind", "trainer"), ("workload.bind", "trainer")]


def test_a_deleted_account_loses_its_bindings_and_gets_no_new_one(services: Services) -> None:
    one = account(services)
    bind(services, one)
    found = services.accounts.find("trainer")
    assert found is not None
    services.accounts.delete(found, None, ANN)
    assert services.workloads.of_issuer(ISSUER) == []
    with pytest.raises(AccountGone):
        bind(services, one)
    assert actions(services) == [("workload.bind", "trainer")]


def test_the_last_use_is_kept_and_the_first_of_a_day_is_audited(services: Services) -> None:
    made = bind(services, account(services))
    midnight = 20_000 * DAY
    for at, noted in [
        (midnight + 5, midnight + 5), (midnight + 30, midnight + 5), (midnight + 80, midnight + 80),
        (midnight + DAY - 1, midnight + DAY - 1), (midnight + DAY, midnight + DAY),
        (midnight + DAY + 59, midnight + DAY), (midnight + DAY + 60, midnight + DAY + 60),
    ]:  # fmt: skip
        services.workloads.used(made, TRAINER, Actor("trainer", at, "10.0.0.9", made.user_id))
        [now] = services.workloads.of_user(made.user_id)
        assert (now.last_used_at, now.last_used_from) == (noted, "10.0.0.9")
    assert actions(services, "workload.use") == [("workload.use", "trainer")] * 2
    services.workloads.unbind(made.id, made.user_id, ANN)
    services.workloads.used(made, TRAINER, Actor("trainer", midnight + 9 * DAY, "", made.user_id))
    assert actions(services, "workload.use") == [("workload.use", "trainer")] * 2


# --- who a token is ----------------------------------------------------------------------------


class Standings:
    """As :class:`AccountRevalidator` of accounts that Keycloak knows nothing of."""

    def __init__(self, settings: Settings) -> None:
        nothing = cast(Any, None)
        self.real = AccountRevalidator(
            settings, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
        )


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    with running_issuer(AUDIENCE) as running:
        yield running


Ask = Callable[[str], Identity | None]


@pytest.fixture
def ask(services: Services, issuer: TestIssuer) -> Ask:
    settings = load({**GOOD, "PROKUBE_AUTH_TRUSTED_ISSUERS": issuer.url})
    credentials = WorkloadTokens(
        TrustedTokens(settings), settings.trust.audiences, services.workloads, services.people,
        Standings(settings).real, Recently(lambda write: write()), "the admin",
    )  # fmt: skip

    def ask(token: str) -> Identity | None:
        facts = RequestFacts("GET", "/api", {"authorization": f"Bearer {token}"}, "10.0.0.1")
        return credentials(presented(facts, "session"))

    return ask


def refusal(ask: Ask, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        ask(token)
    assert token not in str(refused.value)
    return str(refused.value)


def test_a_token_is_the_account_that_is_bound_to_it(services: Services, issuer: TestIssuer, ask: Ask) -> None:
    person = account(services)
    bind(services, person, issuer.url)
    identity = ask(issuer.token())
    assert identity is not None
    assert (identity.person, identity.credential, identity.header) == (person, "workload", "authorization")
    [used] = services.workloads.of_user(person.user_id)
    assert used.last_used_from == "10.0.0.1"
    assert actions(services, "workload.use") == [("workload.use", "trainer")]


@pytest.mark.parametrize(
    "subject",
    ["system:serviceaccount:team-b:trainer", "system:serviceaccount:team-ab:trainer", "system:serviceaccount:team-a:",
     f"{TRAINER}2", "", None, [TRAINER]],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("bound", [TRAINER, "system:serviceaccount:team-a:*"])
def test_another_subject_is_nobody(services: Services, issuer: TestIssuer, ask: Ask, subject: Any, bound: str) -> None:
    bind(services, account(services), issuer.url, claims={"sub": bound})
    if (subject, bound) == (f"{TRAINER}2", "system:serviceaccount:team-a:*"):
        assert ask(issuer.token(sub=subject)) is not None
        return
    assert "No service account is bound to this token" in refusal(ask, issuer.token(sub=subject))


def test_each_claim_of_a_binding_counts(services: Services, issuer: TestIssuer, ask: Ask) -> None:
    bind(services, account(services), issuer.url, claims={"repository": "org/repo", "ref": "refs/heads/main"})
    assert ask(issuer.token(repository="org/repo", ref="refs/heads/main")) is not None
    for claims in ({"repository": "org/repo"}, {"repository": "org/repo", "ref": "refs/pull/1/merge"},
                   {"repository": "org/repo2", "ref": "refs/heads/main"}):  # fmt: skip
        assert "No service account is bound" in refusal(ask, issuer.token(**claims))


def test_a_binding_to_another_audience_or_issuer_does_not_count(
    services: Services, issuer: TestIssuer, ask: Ask
) -> None:
    person = account(services)
    bind(services, person, issuer.url, audience="https://other.test")
    bind(services, person, f"{issuer.url}/")
    for audience in (AUDIENCE, [AUDIENCE, "https://other.test"]):
        assert "No service account is bound" in refusal(ask, issuer.token(aud=audience))
    assert "for another audience" in refusal(ask, issuer.token(aud="https://other.test"))


def test_a_token_that_could_be_two_accounts_is_neither(
    services: Services, issuer: TestIssuer, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = account(services), account(services, "secret-name")
    bind(services, one, issuer.url)
    bind(services, one, issuer.url, claims={"sub": TRAINER, "ref": "x"})
    assert ask(issuer.token(ref="x")) is not None  # two bindings, one account
    second = bind(services, other, issuer.url, claims={"sub": "system:serviceaccount:team-a:*"})
    token = issuer.token()
    told = refusal(ask, token)
    assert "matches more than one service account" in told
    assert "secret-name" not in told
    assert "it matches several accounts: secret-name, trainer" in caplog.text
    assert token not in caplog.text
    found = services.accounts.find("secret-name")
    assert found is not None
    services.accounts.set_blocked(found, True, ANN)
    assert "matches more than one service account" in refusal(ask, token)
    services.workloads.unbind(second.id, other.user_id, ANN)
    assert ask(token) is not None


def test_an_expired_binding_does_not_count(services: Services, issuer: TestIssuer, ask: Ask) -> None:
    now = int(time.time())
    expired = bind(services, account(services, "old"), issuer.url, expires_at=now - 1)
    assert "The binding of this token" in refusal(ask, issuer.token())
    wide = bind(services, account(services), issuer.url, claims={"sub": "system:serviceaccount:team-a:*"})
    identity = ask(issuer.token())
    assert identity is not None
    assert identity.person.username == "trainer"
    assert expired.id != wide.id


def test_what_is_revoked_is_refused_at_once(services: Services, issuer: TestIssuer, ask: Ask) -> None:
    person, token = account(services), issuer.token()
    made = bind(services, person, issuer.url)
    assert ask(token) is not None
    services.workloads.unbind(made.id, person.user_id, ANN)
    assert "No service account is bound" in refusal(ask, token)
    bind(services, person, issuer.url)
    assert ask(token) is not None
    found = services.accounts.find("trainer")
    assert found is not None
    services.accounts.set_blocked(found, True, ANN)
    with pytest.raises(AccountOut, match="has blocked the account 'trainer'"):
        ask(token)
    services.accounts.set_blocked(found, False, ANN)
    assert ask(token) is not None
    services.accounts.delete(found, None, ANN)
    assert "No service account is bound" in refusal(ask, token)


def test_a_person_is_never_a_workload(services: Services, issuer: TestIssuer, ask: Ask) -> None:
    person = let_in(services, Admission("https://kc", "s-1", "ann@example.com", True, "Ann", ("g",), "g", None))
    bind(services, person, issuer.url)
    with pytest.raises(AccountOut):
        ask(issuer.token())


def test_an_issuer_that_is_down_is_no_reason_to_believe(services: Services, issuer: TestIssuer, ask: Ask) -> None:
    bind(services, account(services), issuer.url)
    issuer.fail()
    with pytest.raises(Unavailable):
        ask(issuer.token())
