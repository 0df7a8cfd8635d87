"""Teams follow Keycloak's groups, for browsers and for access keys."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from ..support.keycloak.server import Keycloak
from ..support.keycloak.site import API, USERS, Site, User, eventually, logged_in, running_site

TEAM, OTHER = "/team-a", "/org/team-a"


@pytest.fixture(scope="module")
def world(keycloak: Keycloak, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that asks Keycloak every second."""
    for path in (TEAM, "/org", OTHER):
        keycloak.admin.create_group(path)
    directory = tmp_path_factory.mktemp("teams")
    with running_site(
        keycloak, chromium, directory, SESSION_RECHECK_SECONDS="1", DIRECTORY_RECHECK_SECONDS="1"
    ) as running:
        yield running


def shared_experiment(world: Site, name: str) -> tuple[str, tuple[str, str], User]:
    """An experiment that its owner shares with the team: its id, the owner's key, the owner."""
    owner = world.new_user(USERS, TEAM)
    _, key = logged_in(world, owner)
    made = httpx.post(f"{world.url}{API}/experiments/create", json={"name": name}, auth=key, timeout=30)
    pattern = made.json()["experiment_id"]
    body = {"kind": "experiment", "id": pattern, "team": "team-a", "level": "READ"}
    shared = httpx.post(f"{world.url}/prokube-auth/api/sharing", json=body, auth=key, timeout=30)
    assert shared.status_code == 200, shared.text
    return pattern, key, owner


def test_who_leaves_the_group_loses_what_the_team_holds_with_key_and_browser(world: Site) -> None:
    pattern, _, _ = shared_experiment(world, "shared-with-team-a")
    bob, stranger = world.new_user(USERS, TEAM), world.new_user(USERS, OTHER)
    page, key = logged_in(world, bob)
    _, strangers_key = logged_in(world, stranger)

    def by_key(auth: tuple[str, str] = key) -> int:
        wanted = {"experiment_id": pattern}
        return httpx.get(f"{world.url}{API}/experiments/get", params=wanted, auth=auth, timeout=30).status_code

    def in_browser() -> int:
        return page.request.get(f"{world.url}{API}/experiments/get?experiment_id={pattern}").status

    assert (by_key(), in_browser()) == (200, 200)
    assert by_key(strangers_key) == 403  # a group of that name below another is another team
    world.keycloak.admin.set_groups(bob.id, [USERS])
    eventually(by_key, 403)
    eventually(in_browser, 403)
    current = httpx.get(f"{world.url}{API}/users/current", auth=key, timeout=30)
    assert current.status_code == 200


def test_who_moves_to_a_group_below_another_leaves_the_team_with_an_unused_browser_too(world: Site) -> None:
    pattern, _, _ = shared_experiment(world, "shared-before-a-move")
    bob = world.new_user(USERS, TEAM)
    _, key = logged_in(world, bob)
    world.keycloak.admin.set_groups(bob.id, [USERS, OTHER])

    def by_key() -> int:
        wanted = {"experiment_id": pattern}
        return httpx.get(f"{world.url}{API}/experiments/get", params=wanted, auth=key, timeout=30).status_code

    eventually(by_key, 403)
