"""Dex: groups and refresh tokens come with a scope each, and there is no logout."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from ..support.postgres import Postgres
from ..support.processes import free_port
from ..support.providers.dex import Dex, running_dex
from ..support.providers.site import ADMINS, CURRENT, USERS, Person, Site, running_site

ALICE, BOB = "alice@example.com", "bob@example.com"
GRACE_SECONDS = 8 * 3600


@dataclass
class Sites:
    """A server that asks for all scopes, and one with the default ones."""

    dex: Dex
    asking: Site
    plain: Site


@pytest.fixture(scope="module")
def sites(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    folders = [tmp_path_factory.mktemp(f"dex-{name}") for name in ("asking", "plain")]
    scopes = "openid,email,profile,groups,offline_access"
    with (
        running_dex(folders[0], postgres, *urls) as dex,
        running_site(dex, folders[0], urls[0], PROVIDER_NAME="Dex", OIDC_SCOPES=scopes) as asking,
        running_site(dex, folders[1], urls[1], PROVIDER_NAME="Dex", ADMIN_GROUPS="unknown") as plain,
    ):
        yield Sites(dex, asking, plain)


@pytest.fixture
def world(sites: Sites) -> Site:
    """The server that asks for all scopes; its people as they are in the beginning."""
    sites.dex.put(ALICE, [USERS, "team-a"])
    return sites.asking


@pytest.fixture
def dex(sites: Sites) -> Dex:
    return sites.dex


def test_login_brings_name_groups_and_teams(world: Site, dex: Dex) -> None:
    dex.put(BOB, [USERS, ADMINS])
    alice, bob = Person(world, ALICE), Person(world, BOB)
    found = [alice.current(), bob.current()]
    assert [(user["username"], user["is_admin"]) for user in found if user] == [(ALICE, False), (BOB, True)]
    assert (alice.teams(), alice.key()) == ({"team-a"}, 200)


def test_rechecks_bring_groups_and_withdrawal_for_session_and_key(world: Site, dex: Dex) -> None:
    alice = Person(world, ALICE)
    before = alice.checked_at()
    dex.put(ALICE, [USERS, ADMINS, "team-b"])
    assert alice.recheck() == 200
    assert alice.checked_at() >= before
    assert ((alice.current() or {})["is_admin"], alice.teams()) == (True, {"team-b"})
    dex.put(ALICE, ["another"])
    assert alice.recheck() == 401
    assert (alice.current(), alice.key()) == (None, 401)


def test_who_is_left_without_groups_stays_for_the_grace_alone(world: Site, dex: Dex) -> None:
    """Dex leaves out an empty list, as Keycloak does, and has no user directory to query."""
    alice = Person(world, ALICE)
    dex.put(ALICE, [])
    assert (alice.recheck(), alice.key()) == (200, 200)
    assert f"Dex no longer sends the claim 'groups' of {ALICE}" in world.log.read_text()
    assert (alice.recheck(GRACE_SECONDS + 400), alice.key()) == (401, 401)


def test_a_deleted_account_is_an_outage_to_us(world: Site, dex: Dex) -> None:
    """Dex answers 500 to its refresh token, as to any failure of its own (2.45)."""
    alice = Person(world, ALICE)
    dex.remove(ALICE)
    assert alice.recheck() == 200
    assert alice.recheck(GRACE_SECONDS + 400) == 503
    assert "session re-check: Dex" in world.log.read_text()


def test_a_revoked_refresh_token_ends_the_session(world: Site, dex: Dex) -> None:
    alice = Person(world, ALICE)
    dex.revoke(ALICE)
    assert (alice.recheck(), alice.current()) == (401, None)
    assert alice.key() == 200


def test_logout_is_here_alone_and_nothing_else_is_promised(world: Site, dex: Dex) -> None:
    alice = Person(world, ALICE)
    asked = html.unescape(alice.browser.get(f"{world.url}/prokube-auth/logout").text)
    assert "Logging out ends your session here; access keys keep working." in asked
    ended = world.write(alice.browser, "logout").json()["redirect"]
    assert "Your session in Dex may continue" in alice.browser.get(world.url + ended).text
    assert (alice.current(), alice.key()) == (None, 200)


def test_what_the_default_scopes_lack_is_said_at_start_and_where_it_hurts(sites: Sites, dex: Dex) -> None:
    dex.put(ALICE, [USERS])
    _, answer = sites.plain.log_in(ALICE)
    assert answer.status_code == 403
    assert "Dex did not send the claim" in answer.text
    log = sites.plain.log.read_text()
    hint = "Dex offers the scope `groups`, which is not requested: add it to PROKUBE_AUTH_OIDC_SCOPES"
    assert f"groups may be missing: {hint}" in log
    assert f"nor userinfo has the claim groups or realm_access.roles. {hint}" in log
    assert "sessions may never be re-checked: Dex may issue refresh tokens only for the scope `offline_access`" in log
    assert "login: Dex sent no refresh token" in log
    assert "realm-management" not in log
    asking = sites.asking.log.read_text()
    assert "groups may be missing" not in asking
    assert "may never be re-checked" not in asking


def test_a_key_of_another_is_refused(world: Site, dex: Dex) -> None:
    alice = Person(world, ALICE)
    assert httpx.get(world.url + CURRENT, auth=(BOB, alice.auth[1]), timeout=30).status_code == 401
