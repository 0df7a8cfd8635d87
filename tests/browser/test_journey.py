"""What a person sees in a browser."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ..support.chromium import MENU_BUTTON, click, log_in, new_context, open_menu, open_page
from ..support.demo import Demo


def test_from_a_deep_link_through_login_to_a_copied_key(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "alice", "/#/models?searchInput=x")
    page.wait_for_url(demo.url + "/#/models?searchInput=x")
    open_menu(page)
    expect(page.locator("#prokube-menu-logout")).to_be_visible()
    page.click("#prokube-menu-permissions")
    page.wait_for_url("**/prokube-auth/permissions")
    page.click("#create-key")
    page.click('[data-days="30"]')
    page.click("#copy-key")
    expect(page.locator("#copy-status")).to_contain_text("Copied")
    key = page.evaluate("navigator.clipboard.readText()")
    answer = httpx.get(f"{demo.url}/ajax-api/2.0/mlflow/users/current", auth=("alice@example.com", key))
    assert answer.json()["user"]["username"] == "alice@example.com"
    assert f"MLFLOW_TRACKING_PASSWORD={key}" in (page.locator("#snippet-env").text_content() or "")


@pytest.mark.parametrize("size", [(1366, 768), (1280, 720), (1280, 800)], ids=str)
def test_keys_and_logout_are_in_sight_inside_an_experiment(
    demo: Demo, chromium: Browser, pictures: Path, size: tuple[int, int]
) -> None:
    page = new_context(chromium, viewport={"width": size[0], "height": size[1]}).new_page()
    log_in(page, demo, "alice")
    created = page.evaluate(
        """async (name) => (await fetch("/ajax-api/2.0/mlflow/experiments/create", {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name }),
        })).json()""",
        f"in-sight-{size[1]}",
    )
    page.goto(f"{demo.url}/#/experiments/{created['experiment_id']}/runs")
    for state in ("open", "collapsed"):
        if state == "collapsed":
            click(page, "aside button")
        for entry, name in (("permissions", "Permissions & access keys"), ("logout", "Log out")):
            link = page.locator(f"#prokube-side-{entry}")
            expect(link).to_be_in_viewport(ratio=1)
            if state == "collapsed":
                expect(link).to_have_accessible_name(name)
        page.screenshot(path=pictures / f"sidebar-{size[0]}x{size[1]}-{state}.png")
    # The assistant is for administrators: it neither opens by itself nor offers itself.
    expect(page.locator(".assistant-fab-label")).to_be_hidden()
    expect(page.get_by_text("Welcome to MLflow Assistant")).to_have_count(0)
    expect(page.locator("#prokube-side-admin")).to_have_count(0)
    page.click("#prokube-side-permissions")
    page.wait_for_url("**/prokube-auth/permissions")
    page.go_back()
    page.click("#prokube-side-logout")
    page.wait_for_url("**/prokube-auth/logged-out*")


def test_administrators_have_their_entry_and_their_assistant(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "admin")
    expect(page.locator(".assistant-fab-label, :text('MLflow Assistant')").first).to_be_attached()
    click(page, "#prokube-side-admin")
    page.wait_for_url("**/prokube-auth/admin")


def test_the_menu_works_by_keyboard_and_logs_out(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "bob")
    open_menu(page)
    expect(page.locator("#prokube-menu-logout")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("#prokube-menu-logout")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/prokube-auth/logged-out*")
    page.goto(demo.url)
    expect(page.locator("#login-button")).to_be_visible()


def test_a_session_that_ends_while_the_page_is_open_says_so_and_leads_back(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "bob", "/#/models")
    page.wait_for_selector(MENU_BUTTON)
    page.context.clear_cookies(name="prokube_auth_session")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    banner = page.locator("#prokube-signed-out")
    expect(banner).to_contain_text("You were logged out")
    click(page, "#prokube-signed-out a")
    page.click("#login-button")
    page.wait_for_url(demo.url + "/#/models")


def test_who_may_not_log_in_reads_why(demo: Demo, chromium: Browser, pictures: Path) -> None:
    page = open_page(chromium)
    log_in(page, demo, "mallory")
    expect(page.locator("#message-title")).to_have_text("You may not log in here")
    expect(page.locator("main")).to_contain_text("logged in at Keycloak as mallory@example.com. This account is not")
    assert page.locator("main").inner_text().count("mallory@example.com") == 1
    page.screenshot(path=pictures / "denied-1280-light.png")
    page.get_by_role("link", name="Log in as someone else").click()
    page.wait_for_url("**/prokube-auth/login*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_their_window_and_break_no_policy(
    demo: Demo, chromium: Browser, pictures: Path, width: int, scheme: str
) -> None:
    page = open_page(chromium, width, scheme)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(demo.url + "/prokube-auth/login")
    page.screenshot(path=pictures / f"login-{width}-{scheme}.png")
    httpx.post(
        f"{demo.url}/api/2.0/mlflow/experiments/create",
        json={"name": f"a long experiment name of team weather {width} {scheme}"},
        auth=demo.auth("admin"),
    )
    log_in(page, demo, "admin", "/prokube-auth/permissions")
    page.wait_for_url("**/prokube-auth/permissions")
    page.screenshot(path=pictures / f"permissions-{width}-{scheme}.png", full_page=True)
    page.goto(demo.url + "/prokube-auth/permissions#create-key")
    page.reload()
    expect(page.locator('[data-days="7"]')).to_be_visible()
    page.screenshot(path=pictures / f"create-key-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []


def test_who_has_no_key_is_offered_one_and_may_dismiss_it(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "bob", "/prokube-auth/permissions")
    page.click("#revoke-key")
    page.click("#confirm-revoke")
    expect(page.locator("#key-none")).to_be_visible()
    page.goto(demo.url)
    page.wait_for_selector(MENU_BUTTON)
    hint = page.locator("#prokube-key-hint")
    expect(hint).to_contain_text("no access key")
    click(page, "#prokube-key-hint-dismiss")
    page.reload()
    page.wait_for_selector(MENU_BUTTON)
    expect(hint).to_have_count(0)
    page.evaluate("localStorage.clear()")
    page.reload()
    hint.get_by_role("link").click()
    expect(page.locator('[data-days="30"]')).to_be_visible()
