"""Accounts whose identity is a new one: bound at once by a known subject, or by a login with the verified address."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store import audit
from mlflow_prokube_auth.store.people import Blocked, NameTaken
from mlflow_prokube_auth.store.rebinds import Bound, IdentityTaken

from ..support.people import acting, admission, all_at_once, let_in

ANN, NEW_ISSUER = "ann@x", "https://new"
OLD = admission(ANN, "old")
NEW = replace(OLD, issuer=NEW_ISSUER, subject="new")


@pytest.fixture
def ann(services: Services) -> Bound:
    """An account that is bound to the identity ``old``."""
    let_in(services, OLD)
    return services.rebinds.bound(issuer=OLD.issuer)[0]


def events(services: Services, action: str) -> list[dict[str, object]]:
    with services.database.read() as connection:
        found, _ = audit.page(connection, audit.Filter(action=action))
    return [{"actor": each.actor, "target": each.target, **each.detail} for each in found]


def test_without_an_administrators_word_another_identity_gets_nothing(services: Services, ann: Bound) -> None:
    with pytest.raises(NameTaken) as refused:
        let_in(services, NEW)
    assert refused.value.bound


def test_the_login_that_was_allowed_gets_the_account_and_no_second_one_does(services: Services, ann: Bound) -> None:
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting())
    assert let_in(services, NEW, at=999).user_id == ann.user_id
    assert services.rebinds.bound(user_ids=[ann.user_id]) == [replace(ann, issuer=NEW_ISSUER, subject="new")]
    assert [(each["target"], each["subject"]) for each in events(services, "user.rebound")] == [(ANN, "new")]
    for other in (OLD, replace(NEW, subject="third")):
        with pytest.raises(NameTaken):
            let_in(services, other, at=999)


@pytest.mark.parametrize(
    "other",
    [replace(NEW, issuer="https://third"), replace(NEW, name_verified=False), replace(NEW, username="ben@x")],
    ids=["another issuer", "an address that is not verified", "another address"],
)
def test_no_other_login_gets_the_account(services: Services, ann: Bound, other: Admission) -> None:
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting())
    with suppress(NameTaken):
        assert let_in(services, other).user_id != ann.user_id
    assert services.rebinds.bound(user_ids=[ann.user_id]) == [ann]


def test_what_was_allowed_ends(services: Services, ann: Bound) -> None:
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting())
    with pytest.raises(NameTaken):
        let_in(services, NEW, at=1000)
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=2000, actor=acting())
    assert let_in(services, NEW, at=1000).user_id == ann.user_id


def test_a_blocked_account_stays_blocked(services: Services, ann: Bound) -> None:
    account = services.accounts.find(ANN)
    assert account is not None
    services.accounts.set_blocked(account, True, acting())
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting())
    with pytest.raises(Blocked):
        let_in(services, NEW)


def test_of_two_identities_that_log_in_at_once_one_gets_the_account(services: Services, ann: Bound) -> None:
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting())
    outcomes = all_at_once(
        lambda: let_in(services, NEW), lambda: let_in(services, replace(NEW, subject="other")),
    )  # fmt: skip
    assert sorted(type(each).__name__ for each in outcomes) == ["NameTaken", "Person"]


def test_a_known_subject_gets_the_account_at_once(services: Services, ann: Bound) -> None:
    before = services.people.standing_of(ann.user_id)
    services.rebinds.allow([ann], "https://third", expires_at=1000, actor=acting())
    services.rebinds.bind(ann, OLD.issuer, "new", acting())
    after = services.people.standing_of(ann.user_id)
    assert before is not None
    assert after is not None
    assert (after.subject, after.check_due, after.generation) == ("new", True, before.generation + 1)
    with pytest.raises(NameTaken):  # what was allowed before is gone
        let_in(services, replace(NEW, issuer="https://third"))
    assert let_in(services, replace(OLD, subject="new")).user_id == ann.user_id


def test_an_identity_of_another_account_is_refused_with_its_name(services: Services, ann: Bound) -> None:
    let_in(services, admission("ben@x", "ben"))
    with pytest.raises(IdentityTaken, match="ben@x"):
        services.rebinds.bind(ann, OLD.issuer, "ben", acting())
    assert services.rebinds.bound(user_ids=[ann.user_id]) == [ann]
    assert events(services, "user.rebind") == []


def test_an_account_that_is_deleted_leaves_nothing_that_a_login_may_use(services: Services, ann: Bound) -> None:
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting())
    account = services.accounts.find(ANN)
    assert account is not None
    services.accounts.delete(account, None, acting())
    with pytest.raises(NameTaken) as refused:
        let_in(services, NEW)
    assert refused.value.kept


def test_each_account_that_may_be_bound_anew_is_in_the_trail(services: Services, ann: Bound) -> None:
    services.rebinds.allow([ann], NEW_ISSUER, expires_at=1000, actor=acting(name="root"))
    expected = {"actor": "root", "target": ANN, "issuer": NEW_ISSUER, "expires_at": 1000}
    assert events(services, "user.rebind") == [expected]
