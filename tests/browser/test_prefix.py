"""What a person sees in a browser when MLflow lives under ``--static-prefix``."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from ..chromium import MENU_BUTTON, open_menu
from ..server.world import World
from .test_journey import open_page


def test_from_a_deep_link_through_login_to_the_permissions_page(world: World, chromium: Browser) -> None:
    page = open_page(chromium)
    strays: list[str] = []
    page.on("response", lambda got: strays.append(f"{got.status} {got.url}") if got.status in (401, 403, 404) else None)
    page.goto(world.url + "/#/models?searchInput=x")
    page.click("#login-button")
    page.get_by_role("button", name="alice@example.com").click()
    page.wait_for_url(world.url + "/#/models?searchInput=x")
    open_menu(page)
    expect(page.locator("#prokube-menu-logout")).to_be_visible()
    expect(page.locator("#prokube-menu-permissions")).to_contain_text("Permissions")
    page.click("#prokube-menu-permissions")
    page.wait_for_url(world.url + "/prokube-auth/permissions")
    expect(page.locator("#create-key")).to_be_visible()
    assert strays == []


def test_the_external_url_without_a_slash_keeps_the_hash_through_login(world: World, chromium: Browser) -> None:
    page = open_page(chromium)
    page.goto(world.url + "#/models")
    page.click("#login-button")
    page.get_by_role("button", name="bob@example.com").click()
    page.wait_for_url(world.url + "/#/models")
    page.wait_for_selector(MENU_BUTTON)


def test_logging_out_ends_on_a_page_under_the_prefix(world: World, chromium: Browser) -> None:
    page = open_page(chromium)
    page.goto(world.url + "/")
    page.click("#login-button")
    page.get_by_role("button", name="bob@example.com").click()
    open_menu(page)
    page.click("#prokube-menu-logout")
    page.wait_for_url(world.url + "/prokube-auth/logged-out*")
    page.get_by_role("link", name="Log in again").click()
    expect(page.locator("#login-button")).to_be_visible()
