"""Who may log in, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from mlflow_prokube_auth.identity.claims import Denial, Membership, admit, implied, known, said
from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.settings import load

from ..support.settings import GOOD


def person(**changes: Any) -> dict[str, Any]:
    return {"sub": "s-1", "email": "Alice@Example.com", "email_verified": True, "groups": ["/prokube-users"], **changes}


def verdict(*sources: dict[str, Any], **settings: str) -> Admission | Denial:
    return admit(sources, load({**GOOD, **{f"PROKUBE_AUTH_{name}": value for name, value in settings.items()}}))


def test_a_member_of_the_user_group_comes_in_under_the_lower_case_address() -> None:
    admitted = verdict(person())
    assert isinstance(admitted, Admission)
    assert (admitted.username, admitted.is_admin, admitted.admitted_by) == (
        "alice@example.com",
        False,
        "groups:/prokube-users",
    )


@pytest.mark.parametrize(
    ("groups", "is_admin"),
    [
        (["/prokube-users", "/prokube-admins"], True),
        (["prokube-admins"], True),
        (["/prokube-users", "/team-x/prokube-admins"], False),
        (["/prokube-users", "/prokube-admins/sub"], False),
        (["/prokube-users", "PROKUBE-ADMINS"], False),
    ],
)
def test_only_the_top_level_group_makes_an_administrator(groups: list[str], is_admin: bool) -> None:
    admitted = verdict(person(groups=groups))
    assert isinstance(admitted, Admission)
    assert admitted.is_admin is is_admin


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"groups": []}, "not a member of the group 'prokube-users'"),
        ({"groups": None}, "not a member"),
        ({"groups": {"prokube-users": True}}, "not a member"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": "true"}, "not verified"),
        ({"email": "a:b@example.com"}, "not usable"),
        ({"email": ["x"]}, "not usable"),
    ],
)
def test_others_are_told_what_they_lack(changes: dict[str, Any], words: str) -> None:
    denied = verdict(person(**changes))
    assert isinstance(denied, Denial)
    assert words in denied.reason


def test_realm_roles_of_the_access_token_count() -> None:
    admitted = verdict(person(groups=[]), {"realm_access": {"roles": ["pk-user"]}}, USER_GROUPS="pk-user")
    assert isinstance(admitted, Admission)


def test_the_service_account_of_a_client_comes_in_under_its_own_name() -> None:
    claims = {
        "sub": "s-9",
        "client_id": "pipelines",
        "preferred_username": "service-account-pipelines",
        "groups": ["/prokube-users"],
    }
    admitted = verdict(claims)
    assert isinstance(admitted, Admission)
    assert admitted.username == "service-account-pipelines"
    without_client = {name: value for name, value in claims.items() if name != "client_id"}
    assert isinstance(verdict(without_client), Denial)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"email", "email_verified", "groups"}),
        ({"groups": []}, {"email", "email_verified", "groups"}),
        ({"groups": None}, {"email", "email_verified"}),
        ({"email": ""}, {"email_verified", "groups"}),
        ({"email_verified": False}, {"email", "email_verified", "groups"}),
        ({"realm_access": {"roles": []}}, {"email", "email_verified", "groups", "realm_access.roles"}),
        ({"realm_access": {}}, {"email", "email_verified", "groups"}),
    ],
)
def test_an_empty_list_is_an_answer_and_an_absent_claim_is_none(changes: dict[str, Any], expected: set[str]) -> None:
    assert said([{"sub": "s-1"}, person(**changes)], load(GOOD)) == expected


def test_whether_an_address_is_verified_decides_only_where_it_is_asked_for() -> None:
    for changes in ({"REQUIRE_VERIFIED_EMAIL": "false"}, {"USERNAME_CLAIM": "preferred_username"}):
        settings = load({**GOOD, **{f"PROKUBE_AUTH_{name}": value for name, value in changes.items()}})
        assert said([person(preferred_username="alice")], settings) == {settings.username_claim, "groups"}


def test_what_admitted_somebody_implies_the_claims_that_were_there() -> None:
    expected = {"email", "email_verified", "groups"}
    assert implied(load(GOOD), "groups:/prokube-users", None) == expected
    assert implied(load(GOOD), "groups:/prokube-users", "realm_access.roles:prokube-admins") == {
        *expected, "realm_access.roles",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "unsaid"),
    [
        (person(email=None), ("email",)),
        (person(email_verified=None), ("email_verified",)),
        (person(groups=None), ("groups", "realm_access.roles")),
        (person(groups=[]), ("realm_access.roles",)),
        (person(groups=[], realm_access={"roles": []}), ()),
        (person(email="a:b"), ()),
    ],
)
def test_a_denial_says_which_claims_are_not_there(claims: dict[str, Any], unsaid: tuple[str, ...]) -> None:
    denied = verdict(claims)
    assert isinstance(denied, Denial)
    assert denied.unsaid == unsaid


def test_what_was_known_stands_in_for_the_claims_that_are_gone() -> None:
    memberships = [Membership("groups", "/prokube-users"), Membership("realm_access.roles", "prokube-admins")]
    gone = ["email", "email_verified", "groups", "realm_access.roles"]
    before = known(load(GOOD), gone, "alice@example.com", memberships)
    admitted = admit([{"sub": "s-1"}, *before], load(GOOD))
    assert isinstance(admitted, Admission)
    assert (admitted.username, admitted.admitted_by, admitted.admin_by) == (
        "alice@example.com",
        "groups:/prokube-users",
        "realm_access.roles:prokube-admins",
    )
    named = known(load(GOOD), gone[:2], "alice@example.com", memberships)
    assert isinstance(admit([{"sub": "s-1", "groups": []}, *named], load(GOOD)), Denial)


def test_the_display_name_is_found_in_any_source() -> None:
    admitted = verdict({"sub": "s-1"}, person(name="Alice Example"))
    assert isinstance(admitted, Admission)
    assert admitted.display_name == "Alice Example"
