"""npm's ``oidc-provider``, a certified one: claims by userinfo alone, its default, or in the ID token as well."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ..support.processes import free_port
from ..support.providers.form_login import walk
from ..support.providers.oidc_provider import OidcProvider, running_oidc_provider
from ..support.providers.site import ADMINS, CURRENT, USERS, Person, Site, running_site

ALICE, BOB = "alice@example.com", "bob@example.com"
NAME = "Certified Login"
GRACE_SECONDS = 8 * 3600


@pytest.fixture(scope="module", params=["userinfo alone", "the ID token too, and an issuer with a slash"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("oidc-provider")
    url = f"http://127.0.0.1:{free_port()}"
    alone = request.param == "userinfo alone"
    scopes = "openid,email,profile,groups"
    with (
        running_oidc_provider(directory, url, conform=alone, slash=not alone) as provider,
        running_site(provider, directory, url, PROVIDER_NAME=NAME, OIDC_SCOPES=scopes) as site,
    ):
        yield site


@pytest.fixture
def provider(world: Site) -> OidcProvider:
    """The provider, with its people as they are in the beginning."""
    assert isinstance(world.provider, OidcProvider)
    world.provider.put(ALICE, [USERS, "team-a"])
    return world.provider


def test_login_brings_name_groups_and_teams(world: Site, provider: OidcProvider) -> None:
    provider.put(BOB, [USERS, ADMINS, "team-b"])
    alice, bob = Person(world, ALICE), Person(world, BOB)
    found = [alice.current(), bob.current()]
    assert [(user["username"], user["is_admin"]) for user in found if user] == [(ALICE, False), (BOB, True)]
    assert (alice.teams(), bob.teams()) == ({"team-a"}, {"team-b"})
    assert (alice.key(), bob.key()) == (200, 200)
    issuers = world.rows("SELECT DISTINCT issuer FROM prokube_identities")
    assert issuers == [(provider.issuer,)]


def test_rechecks_read_what_login_reads(world: Site, provider: OidcProvider) -> None:
    alice = Person(world, ALICE)
    before = alice.checked_at()
    for _ in range(3):  # each needs the refresh token that the one before has brought
        assert alice.recheck() == 200
        assert alice.checked_at() >= before, "the answer was not taken as one in full"
    assert alice.key() == 200


def test_teams_and_administrators_rights_follow_without_a_new_login(world: Site, provider: OidcProvider) -> None:
    alice = Person(world, ALICE)
    provider.put(ALICE, [USERS, ADMINS, "team-c"])
    assert alice.recheck() == 200
    assert (alice.current() or {})["is_admin"]
    assert alice.teams() == {"team-c"}
    provider.put(ALICE, [USERS])
    assert alice.recheck() == 200
    assert not (alice.current() or {})["is_admin"]
    assert alice.teams() == set()


@pytest.mark.parametrize("groups", [(), ("another",)])
def test_who_leaves_the_user_group_is_out_with_session_and_key(
    world: Site, provider: OidcProvider, groups: tuple[str, ...]
) -> None:
    alice = Person(world, ALICE)
    provider.put(ALICE, groups)
    assert alice.recheck() == 401
    assert (alice.current(), alice.key()) == (None, 401)
    refused = httpx.get(world.url + CURRENT, auth=alice.auth, timeout=30).json()["message"]
    assert f"{NAME} no longer lets '{ALICE}' use this server" in refused


@pytest.mark.parametrize("claim", ["email", "email_verified", "groups"])
def test_a_claim_that_vanishes_withdraws_nobody_within_the_grace(
    world: Site, provider: OidcProvider, claim: str
) -> None:
    alice = Person(world, ALICE)
    told = len(world.log.read_text())
    provider.withhold(ALICE, claim)
    assert alice.recheck() == 200
    assert (alice.key(), alice.teams()) == (200, {"team-a"})
    assert f"{NAME} no longer sends the claim '{claim}' of {ALICE}" in world.log.read_text()[told:]
    assert alice.recheck(GRACE_SECONDS + 400) == 401
    assert alice.key() == 401


def test_a_deleted_account_ends_the_session(world: Site, provider: OidcProvider) -> None:
    alice = Person(world, ALICE)
    provider.remove(ALICE)
    assert alice.recheck() == 401
    assert alice.current() is None
    # Nothing was said of the person, and this provider has no user directory to query: see the log at start.
    assert alice.key() == 200
    assert f"{NAME} is no Keycloak and has no user directory to query" in world.log.read_text()
    assert "realm-management" not in world.log.read_text()


def test_logout_ends_the_providers_session_and_all_that_came_of_it(world: Site, provider: OidcProvider) -> None:
    first = Person(world, ALICE)
    second, _ = world.log_in(ALICE, first.browser)  # the same session at the provider
    sent = world.write(second, "logout").json()["redirect"]
    assert parse_qs(urlsplit(sent).query).keys() >= {"client_id", "id_token_hint", "post_logout_redirect_uri"}
    back = walk(second, sent, f"{world.url}/", {"logout": "yes"})
    assert back.startswith(f"{world.url}/prokube-auth/logged-out")
    assert f"Your session here and in {NAME} is over" in second.get(back).text
    # By a logout token on the back channel.
    assert world.rows("SELECT count(*) FROM prokube_sessions WHERE id = ?", first.row) == [(0,)]
    start = second.get(f"{world.url}/prokube-auth/login/start").headers["location"]
    asked = second.get(start, follow_redirects=True)
    assert 'name="login"' in asked.text, "the provider's session goes on"


def test_who_is_in_no_group_is_told_so_in_the_providers_name(world: Site, provider: OidcProvider) -> None:
    provider.put("carol@example.com", ["another"])
    _, answer = world.log_in("carol@example.com")
    assert answer.status_code == 403
    assert f"logged in at {NAME} as carol@example.com" in answer.text
    provider.withhold("carol@example.com", "groups")
    _, answer = world.log_in("carol@example.com")
    assert f"{NAME} did not send the claim" in answer.text
    assert "nor userinfo has the claim groups or realm_access.roles. " in world.log.read_text()
