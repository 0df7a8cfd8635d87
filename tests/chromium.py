"""Chromium, driven by Playwright; skipped with a reason where there is none, failed where there must be one."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
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
