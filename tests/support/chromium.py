"""Chromium, driven by Playwright; skipped with a reason where there is none, failed where there must be one."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from .demo import Demo

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MENU_BUTTON = 'button[aria-label^="Account menu for "]'
# MLflow's introductions at a first visit come some time after the page and cover it; whoever closed them has these.
TOURS = ("mlflow.detectIssues.guidanceShown_v1", "mlflow.flagForReview.guidanceShown_v1")
_RUNNING = pytest.StashKey[Browser]()


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Browser:
    """The browser; one for all folders that use this fixture, since Playwright runs only once in a process."""
    config = request.config
    if _RUNNING in config.stash:
        return config.stash[_RUNNING]
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if path is None:
        reason = "no Chromium was found: install your system's `chromium` package to run the browser tests"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    playwright = sync_playwright().start()
    config.add_cleanup(playwright.stop)
    browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    config.add_cleanup(browser.close)  # Cleanups run last in, first out.
    config.stash[_RUNNING] = browser
    expect.set_options(timeout=60_000)  # Server, identity provider and browser share the machine's cores.
    return browser


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Somebody's browser, who has seen MLflow's introductions before."""
    context = browser.new_context(**options)
    for tour in TOURS:
        context.add_init_script(f"try {{ localStorage.setItem({tour!r}, 'true'); }} catch (refused) {{ }}")
    return context


def click(page: Page, selector: str) -> None:
    """Click something in MLflow's UI, which a dialog of its own may cover sooner or later."""
    page.wait_for_selector(selector)
    for _ in range(20):
        page.keyboard.press("Escape")
        with suppress(PlaywrightTimeout):
            page.click(selector, timeout=3_000)
            return
    pytest.fail(f"{selector} cannot be clicked")


def open_menu(page: Page) -> None:
    """Open MLflow's avatar menu."""
    click(page, MENU_BUTTON)
    page.wait_for_selector("[role=menu]")


def open_page(chromium: Browser, width: int = 1280, scheme: str = "light") -> Page:
    context = new_context(chromium, viewport={"width": width, "height": 860}, color_scheme=scheme)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    return page


def log_in(page: Page, demo: Demo, who: str, where: str = "/") -> None:
    page.goto(demo.url + where)
    page.click("#login-button")
    page.get_by_role("button", name=f"{who}@example.com").click()
