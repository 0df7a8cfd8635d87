"""Groups that Keycloak tells by userinfo alone ("Add to userinfo"), and what it leaves out."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from ..support.keycloak.server import Keycloak
from ..support.keycloak.site import USERS, Site, User, eventually, logged_in, running_site, who

MAPPER = "groups with full path"
GRACE_SECONDS = 8 * 3600
Key = tuple[str, str]


@pytest.fixture
def by_userinfo_alone(keycloak: Keycloak) -> Iterator[None]:
    """The group mapper with nothing but "Add to userinfo"; as it was, afterwards."""
    mapper = keycloak.admin.mappers(keycloak.client_id)[MAPPER]
    tokens = {"id.token.claim": "false", "access.token.claim": "false", "introspection.token.claim": "false"}
    keycloak.admin.put_mapper(keycloak.client_id, mapper, **tokens)
    yield
    keycloak.admin.put_mapper(keycloak.client_id, mapper)


pytestmark = pytest.mark.usefixtures("by_userinfo_alone")


@pytest.fixture(scope="module", params=["auto", "off"])
def world(
    request: pytest.FixtureRequest, keycloak: Keycloak, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Servers that re-check sessions each second, with the directory and without; keys alone have nobody looked up."""
    changes = {
        "SESSION_RECHECK_SECONDS": "1",
        "DIRECTORY_RECHECK_SECONDS": "3600",
        "DIRECTORY_CHECK": request.param,
    }
    directory = tmp_path_factory.mktemp(f"userinfo-{request.param}")
    with running_site(keycloak, chromium, directory, **changes) as running:
        yield running


def asked_again(world: Site, page: Page, user: User) -> int:
    """When Keycloak last said in full, or its directory, that the user's session is in order; asked just now."""
    time.sleep(1.5)  # past the interval
    assert world.current(page) is not None
    with closing(sqlite3.connect(world.directory / "mlflow.db", timeout=20)) as connection:
        query = "SELECT max(checked_at) FROM prokube_sessions JOIN users ON users.id = user_id WHERE username = ?"
        return int(connection.execute(query, (user.email,)).fetchone()[0])


def has_directory(world: Site) -> bool:
    return "auto" in world.directory.name


def test_sessions_and_keys_outlive_the_recheck(world: Site) -> None:
    alice = world.new_user(USERS)
    page, key = logged_in(world, alice)
    first = asked_again(world, page, alice)
    assert asked_again(world, page, alice) > first
    assert who(world, key) == (200, False)
    assert "no longer sends the claim" not in world.log.read_text()


def test_who_is_left_in_another_group_is_out_at_once(world: Site) -> None:
    world.keycloak.admin.create_group("/another")
    bob = world.new_user(USERS, "/another")
    page, key = logged_in(world, bob)
    world.keycloak.admin.set_groups(bob.id, ["/another"])
    eventually(lambda: world.current(page), None)
    assert who(world, key) == (401, None)


def test_who_is_left_in_no_group_is_out_at_once_by_the_directory_or_after_the_grace(world: Site) -> None:
    bob = world.new_user(USERS)
    page, key = logged_in(world, bob)
    world.keycloak.admin.set_groups(bob.id, [])  # Keycloak leaves the claim out
    if not has_directory(world):
        first = asked_again(world, page, bob)
        assert asked_again(world, page, bob) == first
        assert who(world, key) == (200, False)
        with closing(sqlite3.connect(world.directory / "mlflow.db", timeout=20)) as connection, connection:
            connection.execute(
                "UPDATE prokube_sessions SET checked_at = checked_at - ?, claimed_until = NULL", (GRACE_SECONDS + 60,)
            )
    eventually(lambda: world.current(page), None)
    assert who(world, key) == (401, None)


def test_a_mapper_that_is_gone_withdraws_nobody(world: Site) -> None:
    alice = world.new_user(USERS)
    page, key = logged_in(world, alice)
    world.keycloak.admin.delete_mapper(world.keycloak.client_id, MAPPER)
    first = asked_again(world, page, alice)
    second = asked_again(world, page, alice)
    assert (second > first) is has_directory(world)
    assert who(world, key) == (200, False)
    assert f"no longer sends the claim 'groups' of {alice.email}" in world.log.read_text()
