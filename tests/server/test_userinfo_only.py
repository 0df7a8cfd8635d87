"""A provider that tells claims by userinfo alone, as certified ones do by default (OpenID Connect Core 1.0, 5.4)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from mlflow_prokube_auth.demo.provider import Place
from mlflow_prokube_auth.identity.kept import opened
from mlflow_prokube_auth.identity.token_cipher import TokenCipher

from ..support.processes import SECRET_KEY, free_port
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
USERS, ADMINS = "/prokube-users", "/prokube-admins"
ALICE = "alice@example.com"
GRACE_SECONDS = 8 * 3600
# Past the session's interval, and past the grace beyond it.
DUE, OVERDUE = 3600, GRACE_SECONDS + 400


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    directory = tmp_path_factory.mktemp("userinfo-only")
    options = {"userinfo_only": True}
    claims = "groups,preferred_username"  # the second names no group of anybody's
    with running_world(
        directory, f"http://127.0.0.1:{port}", port, provider_options=options, GROUPS_CLAIMS=claims
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def all_is_well(world: World) -> Iterator[None]:
    """Each test leaves the provider as it was."""
    yield
    provider = world.provider
    provider.withheld, provider.userinfo_status, provider.userinfo_subject = frozenset(), None, None
    provider.places, provider.userinfo_only = {}, True
    provider.set_groups(ALICE, [USERS])
    provider.set_groups("admin@example.com", [USERS, ADMINS])


class Person:
    """Somebody who is logged in and has made an access key."""

    def __init__(self, world: World, email: str = ALICE) -> None:
        self.world = world
        self.browser, _ = world.log_in(email)
        self.row = self.browser.cookies["prokube_auth_session"].split(".")[0]
        self.auth = (email, world.make_key(self.browser).json()["access_key"])

    def recheck(self, seconds_ago: int = DUE) -> int:
        """The answer to a request of the session, whose last check was so long ago."""
        self.world.sql(
            "UPDATE prokube_sessions SET checked_at = ?, claimed_until = NULL WHERE id = ?",
            int(time.time()) - seconds_ago,
            self.row,
        )
        return self.browser.get(CURRENT).status_code

    def checked_at(self) -> int:
        return int(self.world.rows("SELECT checked_at FROM prokube_sessions WHERE id = ?", self.row)[0][0])

    def use_key(self) -> httpx.Response:
        return httpx.get(self.world.url + CURRENT, auth=self.auth, timeout=30)

    @property
    def can(self) -> tuple[bool, bool]:
        """Whether the session and the key are let in."""
        return self.browser.get(CURRENT).is_success, self.use_key().is_success


def test_a_recheck_reads_what_login_reads(world: World) -> None:
    alice = Person(world)
    before = time.time()
    for _ in range(2):  # the second needs the refresh token that the first one brought
        assert alice.recheck() == 200
        assert alice.checked_at() >= int(before), "the answer was not taken as one in full"
    assert alice.can == (True, True)


PLACES: tuple[Place, ...] = ("ID token", "access token", "userinfo")


@pytest.mark.parametrize("later", PLACES)
@pytest.mark.parametrize("first", PLACES)
def test_each_claim_may_be_told_at_another_place_later(world: World, first: Place, later: Place) -> None:
    provider = world.provider
    provider.userinfo_only = False
    for name in ("email", "email_verified", "groups"):
        provider.places = {name: first}
        alice = Person(world)
        before, told = alice.checked_at(), len(world.log.read_text())
        provider.places = {name: later}
        assert alice.recheck() == 200
        assert alice.checked_at() >= before
        assert "no longer sends the claim" not in world.log.read_text()[told:]
        assert alice.can == (True, True)


@pytest.mark.parametrize("place", PLACES)
def test_at_each_place_another_list_of_groups_withdraws(world: World, place: Place) -> None:
    provider = world.provider
    provider.userinfo_only, provider.places = False, {"groups": place}
    alice = Person(world)
    provider.set_groups(ALICE, ["/another"])
    assert alice.recheck() == 401
    assert alice.can == (False, False)


def test_rights_and_the_name_follow_userinfo(world: World) -> None:
    admin = Person(world, "admin@example.com")
    assert admin.browser.get(CURRENT).json()["user"]["is_admin"]
    world.provider.set_groups("admin@example.com", [USERS])
    world.provider.set_email("admin@example.com", "ada@example.com")
    try:
        assert admin.recheck() == 200
        user = admin.browser.get(CURRENT).json()["user"]
    finally:
        world.provider.set_email("ada@example.com", "admin@example.com")
        world.log_in("admin@example.com")
    assert (user["username"], user["is_admin"]) == ("ada@example.com", False)


@pytest.mark.parametrize("groups", [(), ("/another",)], ids=["an empty list", "a list without it"])
def test_a_group_that_userinfo_does_not_list_any_more_withdraws(world: World, groups: tuple[str, ...]) -> None:
    alice = Person(world)
    world.provider.set_groups(ALICE, groups)
    assert alice.recheck() == 401
    assert alice.can == (False, False)
    assert "no longer lets 'alice@example.com' use this server" in alice.use_key().json()["message"]


@pytest.mark.parametrize("name", ["email", "email_verified", "groups"])
def test_a_claim_that_vanishes_is_no_withdrawal_within_the_grace_and_one_after_it(world: World, name: str) -> None:
    alice = Person(world)
    world.provider.withheld = frozenset({name})
    told = len(world.log.read_text())
    assert alice.recheck() == 200
    assert alice.can == (True, True)
    log = world.log.read_text()[told:]
    assert f"no longer sends the claim '{name}' of alice@example.com" in log
    assert alice.recheck(OVERDUE) == 401
    assert alice.can == (False, False)


def test_a_claim_that_comes_back_within_the_grace_is_as_if_it_had_never_been_away(world: World) -> None:
    alice = Person(world)
    world.provider.withheld = frozenset({"groups"})
    assert alice.recheck() == 200
    unsaid = alice.checked_at()
    world.provider.withheld = frozenset()
    assert alice.recheck() == 200
    assert alice.checked_at() > unsaid
    assert alice.can == (True, True)


def test_an_answer_on_whose_gaps_nothing_hangs_counts_in_full(world: World) -> None:
    alice = Person(world)
    before = time.time()
    told = len(world.log.read_text())
    world.provider.withheld = frozenset({"preferred_username"})
    assert alice.recheck() == 200
    assert alice.checked_at() >= int(before)
    assert "no longer sends the claim" not in world.log.read_text()[told:]


def test_what_an_answer_says_counts_whatever_it_leaves_out(world: World) -> None:
    alice, admin = Person(world), Person(world, "admin@example.com")
    world.provider.withheld = frozenset({"email"})
    world.provider.set_groups(ALICE, ["/another"])
    world.provider.set_groups("admin@example.com", [USERS])
    assert alice.recheck() == 401
    assert alice.can == (False, False)
    assert admin.recheck() == 200
    assert not admin.browser.get(CURRENT).json()["user"]["is_admin"]


@pytest.mark.parametrize("status", [500, 503, 401, 403, 404])
def test_an_endpoint_that_tells_nothing_is_an_outage_to_who_is_logged_in(world: World, status: int) -> None:
    alice = Person(world)
    world.provider.userinfo_status = status
    assert alice.recheck() == 200
    assert alice.can == (True, True)
    world.provider.userinfo_status = None
    assert alice.recheck() == 200  # the refresh token of the answer that was no use is not lost
    assert alice.can == (True, True)


def test_an_endpoint_that_does_not_answer_is_an_outage_to_who_logs_in(world: World) -> None:
    world.provider.userinfo_status = 503
    _, answer = world.log_in(ALICE)
    assert (answer.status_code, "Keycloak does not answer" in answer.text) == (503, True)


def test_a_session_from_before_claims_were_remembered_is_judged_by_what_admitted_its_person(world: World) -> None:
    alice = Person(world)
    box = TokenCipher(SECRET_KEY, None)
    kept = opened(box, world.rows("SELECT tokens FROM prokube_sessions WHERE id = ?", alice.row)[0][0])
    assert kept is not None
    assert kept.claims == frozenset({"email", "email_verified", "groups", "preferred_username"})
    tokens = box.seal(json.dumps({"refresh_token": kept.refresh_token, "id_token": kept.id_token}))
    world.sql("UPDATE prokube_sessions SET tokens = ? WHERE id = ?", tokens, alice.row)
    world.provider.withheld = frozenset({"groups"})
    assert alice.recheck() == 200
    assert alice.can == (True, True)


def test_userinfo_of_another_subject_is_not_used(world: World) -> None:
    alice = Person(world)
    world.provider.userinfo_subject = "demo-bob"
    browser, answer = world.log_in(ALICE)
    assert (answer.status_code, browser.get(CURRENT).status_code) == (400, 401)
    assert alice.recheck() == 401
    assert alice.can == (False, True)  # the session is over; nothing was said of the person
    assert "userinfo is of another subject" in world.log.read_text()


def test_a_denied_login_withdraws_what_a_recheck_would(world: World) -> None:
    alice = Person(world)
    world.provider.withheld = frozenset({"groups"})
    assert world.log_in(ALICE)[1].status_code == 403
    assert alice.can == (True, True)  # that answer said nothing
    world.provider.withheld = frozenset()
    world.provider.set_groups(ALICE, ["/another"])
    assert world.log_in(ALICE)[1].status_code == 403
    assert alice.can == (False, False)


def test_an_access_token_that_says_nothing_of_its_owner_is_refused_with_what_to_do(world: World) -> None:
    now = int(time.time())
    claims = {"iss": world.provider.issuer, "sub": "demo-alice", "aud": "mlflow", "typ": "Bearer"}
    token = world.provider.keys.sign({**claims, "iat": now, "exp": now + 300})
    answer = httpx.get(world.url + CURRENT, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    for words in ("does not carry the claim 'email'", "to access tokens", "access key"):
        assert words in answer.json()["message"]
