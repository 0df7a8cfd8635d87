"""Clocks that disagree: a minute is tolerated, ten are refused with a word about clocks. Keycloak's is the true one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ..support.keycloak.server import Keycloak
from ..support.keycloak.site import CURRENT, Site, running_site
from ..support.long_forms import LONG_FORM

USERS = "/prokube-users"


def clock_off_by(seconds: int) -> dict[str, str]:
    """Variables of a process with another clock."""
    return {
        # The loader itself puts in the machine's library folder.
        "LD_PRELOAD": "/usr/$LIB/faketime/libfaketimeMT.so.1",
        "FAKETIME": f"{seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # waits keep their length
        "NO_FAKE_STAT": "1",
    }


def need_faketime() -> None:
    """Skip a test, or fail it where everything must be there, on a machine without faketime."""
    if shutil.which("faketime") is None:
        reason = "no faketime was found: install Debian's package of that name to run a server with another clock"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def skewed(
    request: pytest.FixtureRequest, keycloak: Keycloak, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A server whose clock is off by as many seconds as the test says."""
    need_faketime()
    account = keycloak.admin.service_account(keycloak.client_id)
    keycloak.admin.set_groups(account, [USERS])
    try:
        with running_site(
            keycloak, chromium, tmp_path_factory.mktemp("skewed"), clock_off_by(request.param)
        ) as running:
            yield running
    finally:
        keycloak.admin.set_groups(account, [])


def with_access_token(world: Site) -> httpx.Response:
    headers = {"Authorization": f"Bearer {world.keycloak.client_credentials_token()}"}
    return httpx.get(world.url + CURRENT, headers=headers, timeout=30)


@pytest.mark.parametrize("skewed", [-60, 60], indirect=True)
def test_a_clock_that_is_a_minute_off_lets_people_in(skewed: Site) -> None:
    alice, page = skewed.new_user(USERS), skewed.new_page()
    skewed.log_in(page, alice)
    page.wait_for_url(f"{skewed.url}/")
    user = skewed.current(page)
    assert user is not None
    assert user["username"] == alice.email
    assert with_access_token(skewed).status_code == 200
    # A logout token holds as well.
    skewed.keycloak.admin.log_out_user(alice.id)
    assert skewed.current(page) is None


# Ten minutes behind is among the causes of test_misconfigurations.py.
@pytest.mark.parametrize("skewed", [pytest.param(-600, marks=LONG_FORM), 600], indirect=True)
def test_a_clock_that_is_ten_minutes_off_lets_nobody_in(skewed: Site) -> None:
    alice, page = skewed.new_user(USERS), skewed.new_page()
    skewed.log_in(page, alice)
    expect(page.locator("#message-title")).to_have_text("The clocks of this server and Keycloak differ")
    assert skewed.current(page) is None
    assert "check the clocks of both servers" in skewed.log.read_text()
    refused = with_access_token(skewed)
    assert refused.status_code == 401
    assert "check the clocks of both servers" in refused.json()["message"]
