"""Login and logout in a real browser, through a real Keycloak."""

from __future__ import annotations

from playwright.sync_api import expect

from ..support.chromium import MENU_BUTTON, open_menu
from ..support.keycloak.site import Site, fill_in

USERS, ADMINS = "/prokube-users", "/prokube-admins"


def test_a_member_logs_in_and_sees_mlflow(world: Site) -> None:
    alice, page = world.new_user(USERS), world.new_page()
    page.goto(f"{world.url}/#/models?searchInput=x")
    page.click("#login-button")
    fill_in(page, alice)
    page.wait_for_url(f"{world.url}/#/models?searchInput=x")
    expect(page.locator(MENU_BUTTON)).to_be_visible()
    user = world.current(page)
    assert user is not None
    assert (user["username"], user["is_admin"]) == (alice.email, False)


def test_an_administrator_is_one(world: Site) -> None:
    admin, page = world.new_user(ADMINS), world.new_page()
    world.log_in(page, admin)
    page.wait_for_url(f"{world.url}/")
    user = world.current(page)
    assert user is not None
    assert (user["username"], user["is_admin"]) == (admin.email, True)


def test_who_is_in_no_group_reads_which_one_is_lacking_and_may_come_as_someone_else(world: Site) -> None:
    mallory, alice, page = world.new_user(), world.new_user(USERS), world.new_page()
    world.log_in(page, mallory)
    expect(page.locator("#message-title")).to_have_text("You may not log in here")
    for words in (mallory.email, "prokube-users"):
        expect(page.locator("main")).to_contain_text(words)
    assert world.current(page) is None
    page.get_by_role("link", name="Log in as someone else").click()
    page.wait_for_url("**/prokube-auth/login*")
    page.click("#login-button")
    fill_in(page, alice)  # Keycloak's session of the first account is over, so its form stands here.
    page.wait_for_url(f"{world.url}/")


def test_a_nested_group_of_the_administrators_name_admits_nobody(world: Site) -> None:
    world.keycloak.admin.create_group("/team-x/prokube-admins")
    page = world.new_page()
    world.log_in(page, world.new_user("/team-x/prokube-admins"))
    expect(page.locator("#message-title")).to_have_text("You may not log in here")
    assert world.current(page) is None


def test_a_nested_group_of_the_administrators_name_makes_no_member_an_administrator(world: Site) -> None:
    world.keycloak.admin.create_group("/team-x/prokube-admins")
    page = world.new_page()
    world.log_in(page, world.new_user(USERS, "/team-x/prokube-admins"))
    page.wait_for_url(f"{world.url}/")
    user = world.current(page)
    assert user is not None
    assert user["is_admin"] is False


def test_an_unverified_email_is_refused(world: Site) -> None:
    bob, page = world.new_user(USERS), world.new_page()
    world.keycloak.admin.change_email(bob.id, bob.email, verified=False)
    world.log_in(page, bob)
    expect(page.locator("main")).to_contain_text("not verified")
    assert world.current(page) is None


def test_logout_ends_the_session_at_keycloak_too(world: Site) -> None:
    alice, page = world.new_user(USERS), world.new_page()
    world.log_in(page, alice)
    page.wait_for_selector(MENU_BUTTON)
    assert len(world.keycloak.admin.sessions(alice.id)) == 1
    open_menu(page)
    page.click("#prokube-menu-logout")
    page.wait_for_url("**/prokube-auth/logged-out*")
    assert world.keycloak.admin.sessions(alice.id) == []
    assert world.current(page) is None
    page.goto(world.url)
    page.click("#login-button")
    expect(page.locator("#password")).to_be_visible()


def test_a_changed_email_renames_the_user_who_stays_the_same(world: Site) -> None:
    alice, page = world.new_user(USERS), world.new_page()
    world.log_in(page, alice)
    page.wait_for_url(f"{world.url}/")
    before = world.current(page)
    world.keycloak.admin.change_email(alice.id, f"new-{alice.email}")
    page = world.new_page()
    world.log_in(page, alice)
    page.wait_for_url(f"{world.url}/")
    after = world.current(page)
    assert before is not None
    assert after is not None
    assert (before["username"], after["username"]) == (alice.email, f"new-{alice.email}")
    assert before["id"] == after["id"]


def test_sessions_and_logins_go_on_after_keycloak_restarted_with_other_keys(world: Site) -> None:
    alice, old_page, page = world.new_user(USERS), world.new_page(), world.new_page()
    world.log_in(old_page, alice)
    old_page.wait_for_url(f"{world.url}/")
    world.keycloak.admin.rotate_keys()
    world.keycloak.restart()
    world.log_in(page, alice)
    page.wait_for_url(f"{world.url}/")
    assert world.current(page) is not None
    assert world.current(old_page) is not None


def test_logout_works_for_who_logged_in_before_the_keys_were_retired(world: Site) -> None:
    alice, page = world.new_user(USERS), world.new_page()
    world.log_in(page, alice)
    page.wait_for_url(f"{world.url}/")
    world.keycloak.admin.rotate_keys()
    answer = page.evaluate("fetch('/prokube-auth/logout', {method: 'POST'}).then(r => r.json())")
    page.goto(answer["redirect"])
    # Without a hint, Keycloak asks before it logs somebody out.
    if page.locator("#kc-logout").count():
        page.click("#kc-logout")
    assert page.url.startswith(f"{world.url}/prokube-auth/logged-out")
    assert world.keycloak.admin.sessions(alice.id) == []
