"""What the pages do under a person's hands: keys pressed twice, Escape, scripts that do not come, colours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ..support.chromium import MENU_BUTTON, open_page
from ..support.world import World

ALICE = "alice@example.com"
THEME = "_mlflow_dark_mode_toggle_enabled"
DARK, LIGHT = "rgb(17, 23, 28)", "rgb(245, 247, 249)"


def log_in(page: Page, world: World, where: str) -> None:
    page.goto(f"{world.url}/prokube-auth/{where}")
    page.click("#login-button")
    page.get_by_role("button", name=ALICE).click()
    page.wait_for_url(f"{world.url}/prokube-auth/{where}*")


def key_id(page: Page, world: World) -> str | None:
    key: dict[str, str] | None = page.request.get(f"{world.url}/prokube-auth/api/me").json()["key"]
    return key["key_id"] if key is not None else None


def give_key(world: World, days: int = 30) -> None:
    browser, _ = world.log_in(ALICE)
    assert world.make_key(browser, days=days).status_code == 201


def take_key(world: World) -> None:
    world.sql("UPDATE prokube_access_keys SET ended_at = 1, active_user_id = NULL WHERE ended_at IS NULL")


def background(page: Page) -> Any:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.fixture
def page(world: World, chromium: Browser) -> Iterator[Page]:
    """Alice, who has a key that was never used, on her Permissions page."""
    give_key(world)
    page = open_page(chromium)
    log_in(page, world, "permissions")
    expect(page.locator("#create-key")).to_be_enabled()
    yield page
    page.context.close()


def test_enter_pressed_twice_makes_no_key(world: World, page: Page) -> None:
    before = key_id(page, world)
    page.locator("#create-key").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#presets-title")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#key-note")).to_be_focused()
    page.keyboard.press("Enter")  # in a field of no form
    page.keyboard.press("Tab")
    expect(page.locator('[data-days="7"]')).to_be_focused()
    expect(page.locator("#new-key-panel")).to_be_hidden()
    assert key_id(page, world) == before


def test_escape_and_cancel_close_a_panel_and_give_the_focus_back(page: Page) -> None:
    for button, panel, cancel in (
        ("#create-key", "#key-presets", "#cancel-create"),
        ("#revoke-key", "#revoke-confirm", "#cancel-revoke"),
    ):
        for leave in (partial(page.keyboard.press, "Escape"), partial(page.click, cancel)):
            page.click(button)
            expect(page.locator(panel)).to_be_visible()
            expect(page.locator(button)).to_have_attribute("aria-expanded", "true")
            leave()
            expect(page.locator(panel)).to_be_hidden()
            expect(page.locator(button)).to_have_attribute("aria-expanded", "false")
            expect(page.locator(button)).to_be_focused()


def test_a_revoked_key_is_confirmed_where_it_stood(world: World, page: Page, pictures: Path) -> None:
    page.click("#revoke-key")
    page.click("#confirm-revoke")
    expect(page.locator("#key-revoked")).to_have_text("Your access key was revoked.")
    expect(page.locator("#key-revoked")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Your access key was revoked.")).to_have_count(1)
    expect(page.locator("#create-key")).to_be_focused()
    expect(page.locator("#create-key")).to_have_text("Create access key")
    expect(page.locator("#key-none")).to_have_text("You have no access key.")
    for gone in ("#key-facts", "#revoke-key", "#revoke-confirm"):
        expect(page.locator(gone)).to_be_hidden()
    assert key_id(page, world) is None
    page.screenshot(path=pictures / "revoked-1280-light.png")
    page.keyboard.press("Enter")
    expect(page.locator("#key-revoked")).to_be_hidden()
    expect(page.locator("#replace-warning")).to_be_hidden()


def test_presets_show_their_date_and_a_note_stays_with_the_key(world: World, page: Page) -> None:
    page.click("#create-key")
    shown = page.locator('[data-days="30"] [data-until]')
    day = page.evaluate("new Date(Date.now() + 30 * 864e5).toLocaleDateString(undefined, { dateStyle: 'medium' })")
    expect(shown).to_have_text(f"until {day}")
    page.fill("#key-note", "laptop & <CI>")
    page.click('[data-days="7"]')
    expect(page.locator('[data-fact="note"]')).to_have_text("laptop & <CI>")
    page.reload()
    expect(page.locator('[data-fact="note"]')).to_have_text("laptop & <CI>")
    page.click("#create-key")
    expect(page.locator("#key-note")).to_have_value("laptop & <CI>")  # the next key is for the same, mostly
    page.fill("#key-note", "")
    page.click('[data-days="7"]')
    expect(page.locator("#key-note-fact")).to_be_hidden()
    assert page.request.get(f"{world.url}/prokube-auth/api/me").json()["key"]["note"] == ""


def test_a_new_key_steps_back_while_it_is_about_to_be_replaced(world: World, page: Page) -> None:
    page.click("#create-key")
    expect(page.locator("#replace-warning")).to_contain_text("It was never used.")
    page.fill("#expires-on", "2030-01-01")
    page.click('[data-days="7"]')
    expect(page.locator("#new-key-panel")).to_be_visible()
    made = page.locator("#new-key").input_value()
    page.click("#create-key")
    expect(page.locator("#new-key-panel")).to_be_hidden()
    expect(page.locator("#expires-on")).to_have_value("")
    expect(page.locator("#replace-warning")).to_contain_text("It was never used.")
    page.keyboard.press("Escape")
    expect(page.locator("#new-key-panel")).to_be_visible()
    page.click("#revoke-key")
    expect(page.locator("#new-key-panel")).to_be_hidden()
    page.click("#confirm-revoke")
    expect(page.locator("#key-revoked")).to_be_visible()
    expect(page.locator("#new-key-panel")).to_be_hidden()
    assert made not in page.content()


def test_a_key_just_made_for_a_week_is_not_said_to_expire_soon(world: World, page: Page) -> None:
    page.click("#create-key")
    page.click('[data-days="7"]')
    page.reload()
    expect(page.locator("#key-facts")).to_be_visible()
    expect(page.locator("#key-expiry")).to_have_count(0)
    with page.expect_response("**/prokube-auth/api/me"):
        page.goto(world.url + "/")
    page.wait_for_selector(MENU_BUTTON)
    expect(page.locator("#prokube-key-hint")).to_have_count(0)


def test_the_last_quarter_of_a_keys_life_is_warned_of_on_the_page_and_in_mlflow(world: World, page: Page) -> None:
    give_key(world, 7)
    world.sql(
        "UPDATE prokube_access_keys SET created_at = created_at - 518400, expires_at = expires_at - 518400 "
        "WHERE ended_at IS NULL"
    )  # six of its seven days are gone
    page.reload()
    expect(page.locator("#key-expiry")).to_contain_text("expires in")
    page.goto(world.url + "/")
    expect(page.locator("#prokube-key-hint")).to_contain_text("expires in")


def test_escape_dismisses_the_hint_about_the_key(world: World, page: Page) -> None:
    take_key(world)
    page.goto(world.url + "/")
    page.wait_for_selector(MENU_BUTTON)
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")  # MLflow's own dialog at the first visit
    hint = page.locator("#prokube-key-hint")
    expect(hint).to_contain_text("You have no access key.")
    hint.get_by_role("link").focus()
    page.keyboard.press("Escape")
    expect(hint).to_have_count(0)
    with page.expect_response("**/prokube-auth/api/me"):
        page.reload()
    page.wait_for_selector(MENU_BUTTON)
    expect(hint).to_have_count(0)


@pytest.mark.parametrize("name", ["permissions.js", "http.js"], ids=["the page's own", "one that it imports"])
def test_a_script_that_does_not_load_is_told(world: World, page: Page, pictures: Path, name: str) -> None:
    page.route(f"**/assets/*/{name}", lambda route: route.abort())
    page.reload()
    expect(page.locator("#not-loaded")).to_contain_text("did not load")
    expect(page.get_by_role("alert").filter(has_text="Reload the page.")).to_be_visible()
    page.screenshot(path=pictures / "not-loaded-1280-light.png")
    expect(page.locator(".no-js")).to_be_hidden()
    page.route("**/assets/*/early.js", lambda route: route.abort())
    page.reload()
    expect(page.locator(".no-js")).to_be_visible()


def test_our_pages_follow_the_switch_in_mlflow(world: World, chromium: Browser) -> None:
    page = open_page(chromium, scheme="dark")
    page.goto(f"{world.url}/prokube-auth/login")
    assert background(page) == DARK
    for value, expected in (("false", LIGHT), ("true", DARK)):
        page.evaluate("([name, value]) => localStorage.setItem(name, value)", [THEME, value])
        page.emulate_media(color_scheme="light" if value == "true" else "dark")
        page.reload()
        assert background(page) == expected
    page.evaluate("localStorage.clear()")
    log_in(page, world, "permissions")
    page.goto(world.url + "/")
    page.wait_for_selector(MENU_BUTTON)
    assert page.evaluate(f"localStorage.getItem('{THEME}')") == "false", "MLflow keeps its switch elsewhere now"
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_new_key_and_its_snippets_fit_their_window(
    world: World, chromium: Browser, pictures: Path, width: int, scheme: str
) -> None:
    page = open_page(chromium, width, scheme)
    log_in(page, world, "permissions")
    page.click("#create-key")
    page.click('[data-days="30"]')
    expect(page.locator("#copy-key")).to_be_focused()
    page.screenshot(path=pictures / f"new-key-{width}-{scheme}.png", full_page=True)
    for tab in page.get_by_role("tab").all():
        tab.click()
        cut = "pre => pre.scrollWidth > pre.clientWidth"
        assert not page.locator(".snippet:not([hidden]) pre").evaluate(cut)
    page.screenshot(path=pictures / f"new-key-last-tab-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.context.close()


def test_the_key_card_ends_where_its_buttons_end(page: Page) -> None:
    gap = page.evaluate(
        "() => { const button = document.querySelector('#create-key'), card = button.closest('.card');"
        "return card.getBoundingClientRect().bottom - button.getBoundingClientRect().bottom; }"
    )
    assert gap == pytest.approx(24, abs=2)  # the card's padding


def test_who_types_the_address_of_logout_is_asked(world: World, page: Page, pictures: Path) -> None:
    page.goto(f"{world.url}/prokube-auth/logout")
    expect(page.get_by_role("heading", name="Log out?")).to_be_visible()
    page.screenshot(path=pictures / "log-out-1280-light.png")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/prokube-auth/logged-out*")
    page.goto(f"{world.url}/prokube-auth/logout")
    expect(page.locator("#login-button")).to_be_visible()


def test_an_unknown_address_leads_through_login_to_mlflow(world: World, chromium: Browser) -> None:
    page = open_page(chromium)
    page.goto(f"{world.url}/prokube-auth/nonsense")
    page.click("#login-button")
    page.get_by_role("button", name=ALICE).click()
    page.wait_for_url(f"{world.url}/")
    page.wait_for_selector(MENU_BUTTON)
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_consent_page_without_a_command_says_how_to_start_it(
    world: World, chromium: Browser, pictures: Path, width: int, scheme: str
) -> None:
    page = open_page(chromium, width, scheme)
    page.goto(f"{world.url}/prokube-auth/cli")
    expect(page.locator("#message-text")).to_contain_text("Start this login with mlflow-prokube-auth login")
    expect(page.locator("#message-command")).to_contain_text(world.url)
    page.screenshot(path=pictures / f"cli-alone-{width}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.context.close()
