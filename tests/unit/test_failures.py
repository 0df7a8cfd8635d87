"""Causes of failed logins: what is known of a login of which the browser's session knows nothing."""

from __future__ import annotations

import pytest

from mlflow_prokube_auth.identity import failures
from mlflow_prokube_auth.identity.failures import Cause, new_state, refused, unknown_state

NOW, MINUTES = 1_700_000_000, 600


def test_states_differ_and_tell_when_they_were_made() -> None:
    one, other = new_state(NOW), new_state(NOW)
    assert one != other
    assert len(one.partition(".")[2]) == 32
    assert unknown_state(one, NOW + MINUTES - 1, MINUTES, cookie=True).cause is failures.OTHER_COOKIE


@pytest.mark.parametrize(
    ("state", "cookie", "cause"),
    [
        (f"{NOW - MINUTES}.x", True, failures.EXPIRED),
        (f"{NOW - MINUTES}.x", False, failures.EXPIRED),
        (f"{NOW - 5}.x", False, failures.NO_COOKIE),
        (f"{NOW - 5}.x", True, failures.OTHER_COOKIE),
        ("", True, failures.NOT_BEGUN),
        ("x", False, failures.NOT_BEGUN),
        (".x", False, failures.NOT_BEGUN),
        (f"{NOW}", False, failures.NOT_BEGUN),
        ("-5.x", False, failures.NOT_BEGUN),
        ("\u0665.x", False, failures.NOT_BEGUN),
        ("9" * 5000 + ".x", False, failures.NOT_BEGUN),
    ],
)
def test_what_a_state_and_a_cookie_tell(state: str, cookie: bool, cause: Cause) -> None:
    assert unknown_state(state, NOW, MINUTES, cookie=cookie).cause is cause


@pytest.mark.parametrize(
    ("error", "in_callback", "cause", "words"),
    [
        ("access_denied", True, failures.CANCELLED, "returned the browser with 'access_denied'"),
        ("unauthorized_client", True, failures.REQUEST_REFUSED, "standard flow"),
        ("unauthorized_client", False, failures.CLIENT_REFUSED, "PROKUBE_AUTH_OIDC_CLIENT_SECRET"),
        ("invalid_grant", False, failures.CODE_REFUSED, "authorization code"),
        ("x" * 200, True, failures.REQUEST_REFUSED, "with 'xxx"),
    ],
)
def test_what_an_error_of_the_provider_means(error: str, in_callback: bool, cause: Cause, words: str) -> None:
    found = refused("Keycloak", error, in_callback=in_callback)
    assert (found.cause, words in str(found)) == (cause, True), str(found)
    assert len(str(found)) < 250
