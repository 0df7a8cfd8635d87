"""Who may log in, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from mlflow_prokube_auth.identity.claims import Admission, Denial, admit
from mlflow_prokube_auth.settings import load

from .test_settings import GOOD


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
