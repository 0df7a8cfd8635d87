"""What Keycloak withdraws ends here within the intervals, for browsers and for access keys."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ..support.keycloak.server import Keycloak
from ..support.keycloak.site import ADMINS, API, CURRENT, USERS, Site, eventually, logged_in, running_site, who


@pytest.fixture(scope="module")
def world(keycloak: Keycloak, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that asks Keycloak every second, and that knows realm roles, too."""
    for role, composites in (("pk-user", []), ("pk-member", ["pk-user"])):
        keycloak.admin.create_role(role, composites=composites)
    with running_site(
        keycloak,
        chromium,
        tmp_path_factory.mktemp("withdrawal"),
        SESSION_RECHECK_SECONDS="1",
        DIRECTORY_RECHECK_SECONDS="1",
        USER_GROUPS="prokube-users,pk-user",
    ) as running:
        yield running


def test_a_disabled_user_is_refused_and_an_enabled_one_comes_back(world: Site) -> None:
    alice = world.new_user(USERS)
    page, key = logged_in(world, alice)
    assert who(world, key) == (200, False)
    world.keycloak.admin.set_enabled(alice.id, False)
    eventually(lambda: who(world, key), (401, None))
    eventually(lambda: world.current(page), None)
    refusal = httpx.get(world.url + CURRENT, auth=key).json()
    assert refusal["error_code"] == "UNAUTHENTICATED"
    assert f"no longer lets '{alice.email}' use this server" in refusal["message"]
    world.keycloak.admin.set_enabled(alice.id, True)
    eventually(lambda: who(world, key), (200, False))


def test_a_deleted_users_key_is_refused(world: Site) -> None:
    bob = world.new_user(USERS)
    page, key = logged_in(world, bob)
    world.keycloak.admin.delete_user(bob.id)
    eventually(lambda: who(world, key), (401, None))
    eventually(lambda: world.current(page), None)


def test_a_key_that_was_not_used_for_long_is_refused_at_its_very_first_use(world: Site) -> None:
    bob = world.new_user(USERS)
    _, key = logged_in(world, bob)
    world.keycloak.admin.set_enabled(bob.id, False)
    with closing(sqlite3.connect(world.directory / "mlflow.db", timeout=20)) as connection:

        def old() -> bool:
            """Whether nobody was confirmed for an hour; a check that was under way may end after the update."""
            with connection:
                connection.execute("UPDATE prokube_identities SET last_confirmed_at = last_confirmed_at - 3600")
            time.sleep(1)
            newest = connection.execute("SELECT max(last_confirmed_at) FROM prokube_identities").fetchone()
            return bool(newest[0] < time.time() - 3000)

        eventually(old, True)
    assert who(world, key) == (401, None)


@pytest.mark.parametrize("way", ["group", "role", "composite role"])
def test_who_loses_what_admitted_them_is_refused(world: Site, way: str) -> None:
    admin = world.keycloak.admin
    user = world.new_user(*([USERS] if way == "group" else []))
    role = {"role": "pk-user", "composite role": "pk-member"}.get(way)
    if role is not None:
        admin.assign_role(user.id, role)
    page, key = logged_in(world, user)
    time.sleep(2.5)  # past both intervals: Keycloak has been asked about what is still true
    assert who(world, key) == (200, False)
    if role is None:
        admin.set_groups(user.id, [])
    else:
        admin.withdraw_role(user.id, role)
    eventually(lambda: who(world, key), (401, None))
    eventually(lambda: world.current(page), None)


def test_an_administrator_who_is_none_any_more_loses_the_rights_without_a_new_login(world: Site) -> None:
    admin = world.new_user(USERS, ADMINS)
    page, key = logged_in(world, admin)
    assert who(world, key) == (200, True)
    world.keycloak.admin.set_groups(admin.id, [USERS])
    eventually(lambda: who(world, key), (200, False))
    eventually(lambda: (world.current(page) or {}).get("is_admin"), False)
    assert httpx.get(f"{world.url}{API}/users/list", auth=key).json()["users"] == [
        user for user in httpx.get(f"{world.url}{API}/users/list", auth=key).json()["users"]
        if user["username"] == admin.email
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["one person's", "all of the realm"])
def test_log_out_all_sessions_in_keycloak_ends_ours(world: Site, way: str) -> None:
    alice = world.new_user(USERS)
    page, key = logged_in(world, alice)
    if way == "one person's":
        world.keycloak.admin.log_out_user(alice.id)
    else:
        world.keycloak.admin.log_out_all()
    eventually(lambda: world.current(page), None)
    assert who(world, key) == (200, False)  # the person may still come in, and so may the key


def test_a_new_address_keeps_grants_key_jobs_and_review_queues(world: Site) -> None:
    alice = world.new_user(USERS)
    page, key = logged_in(world, alice)
    name = f"weather of {alice.name}"
    made = httpx.post(f"{world.url}{API}/experiments/create", json={"name": name}, auth=key).json()["experiment_id"]
    database = world.directory / "mlflow.db"
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (id, creation_time, job_name, params, status, retry_count, last_update_time, creator) "
            "VALUES (?, 1, 'j', '{}', 0, 0, 1, ?)",
            (made, alice.email),
        )
        connection.execute("INSERT INTO review_queues VALUES (?, ?, 'q', 'x', ?, 1, 1, 'q')", (made, made, alice.email))
        connection.execute("INSERT INTO review_queue_users VALUES (?, ?)", (made, alice.email))
    new = f"new-{alice.email}"
    world.keycloak.admin.change_email(alice.id, new)
    eventually(lambda: (world.current(page) or {}).get("username"), new)
    for username in (alice.email, new, new.upper()):
        answer = httpx.get(
            f"{world.url}{API}/experiments/get-by-name", params={"experiment_name": name}, auth=(username, key[1])
        )
        assert (username, answer.status_code) == (username, 200)
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        for query in (
            "SELECT creator FROM jobs WHERE id = ?",
            "SELECT created_by FROM review_queues WHERE queue_id = ?",
            "SELECT user_id FROM review_queue_users WHERE queue_id = ?",
        ):
            assert connection.execute(query, (made,)).fetchall() == [(new,)]


def test_an_address_that_another_identity_takes_over_is_refused(world: Site) -> None:
    alice, eve = world.new_user(USERS), world.new_user(USERS)
    _, key = logged_in(world, alice)
    world.keycloak.admin.change_email(alice.id, f"moved-{alice.email}")
    world.keycloak.admin.change_email(eve.id, alice.email)
    other = world.new_page()
    world.log_in(other, eve)
    expect(other.locator("#message-title")).to_have_text("You may not log in here")
    expect(other.locator("main")).to_contain_text(
        re.compile("belong(s|ed) to another account here|is bound to another identity")
    )
    assert world.current(other) is None
    assert who(world, key) == (200, False)


def test_an_access_token_of_a_clients_service_account_counts_once_it_is_in_the_group(world: Site) -> None:
    headers = {"Authorization": f"Bearer {world.keycloak.client_credentials_token()}"}
    refused = httpx.get(world.url + CURRENT, headers=headers)
    assert (refused.status_code, "not a member of the group" in refused.json()["message"]) == (401, True)
    account = world.keycloak.admin.service_account(world.keycloak.client_id)
    world.keycloak.admin.set_groups(account, [USERS])
    headers = {"Authorization": f"Bearer {world.keycloak.client_credentials_token()}"}
    answer = httpx.get(world.url + CURRENT, headers=headers)
    assert answer.json()["user"]["username"] == f"service-account-{world.keycloak.client_id}"
    world.keycloak.admin.set_groups(account, [])
    eventually(lambda: httpx.get(world.url + CURRENT, headers=headers).status_code, 401)


def test_while_keycloak_is_down_sessions_and_keys_go_on_and_logins_get_a_clear_page(world: Site) -> None:
    alice = world.new_user(USERS)
    page, key = logged_in(world, alice)
    world.keycloak.stop()
    try:
        time.sleep(2.5)  # past both intervals
        assert who(world, key) == (200, False)
        assert world.current(page) is not None
        late = world.new_page()
        late.goto(f"{world.url}/prokube-auth/login")
        late.click("#login-button")
        expect(late.locator("#problem")).to_contain_text("Keycloak does not answer")
        with closing(sqlite3.connect(world.directory / "mlflow.db", timeout=20)) as connection, connection:
            connection.execute(
                "UPDATE prokube_identities SET last_confirmed_at = last_confirmed_at - 40000, claimed_until = NULL"
            )
        assert who(world, key) == (503, None)
    finally:
        world.keycloak.start()
    eventually(lambda: who(world, key), (200, False))
    eventually(lambda: world.current(page) is not None, True)


def test_the_log_holds_no_secret(world: Site) -> None:
    alice = world.new_user(USERS)
    _, key = logged_in(world, alice)
    log = world.log.read_text()
    for secret in (key[1], world.keycloak.client_secret, alice.password, "eyJ"):
        assert secret not in log
