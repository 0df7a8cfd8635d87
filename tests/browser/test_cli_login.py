"""What a person sees of ``mlflow-prokube-auth login``: the question, and what comes of the answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from mlflow_prokube_auth.identity.key_format import PATTERN

from ..support.chromium import open_page
from ..support.fake_browser import ASKED, BOB
from ..support.world import World

CURRENT = "/ajax-api/2.0/mlflow/users/current"


@contextmanager
def command(world: World, home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command and the address that it opens, with a browser that does nothing by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROKUBE_", "MLFLOW_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow_prokube_auth.cli.main", "login", "--tracking-uri", world.url, *words],
        env={**clean, "HOME": str(home), "BROWSER": "true %s"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        yield process, next(line.strip() for line in process.stderr if line.startswith("  http"))
    finally:
        process.kill()
        process.communicate()


def key_in(home: Path) -> str:
    found: str = re.findall(PATTERN, (home / ".mlflow" / "credentials").read_text())[0]
    return found


def through_login(page: Page, address: str, email: str = BOB) -> None:
    page.goto(address)
    page.click("#login-button")
    page.get_by_role("button", name=email).click()
    expect(page.locator("#allow")).to_be_enabled()


def complaints_of(page: Page) -> list[str]:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    return complaints


def test_allow_leads_back_to_the_terminal_that_is_logged_in(
    world: World, chromium: Browser, pictures: Path, tmp_path: Path
) -> None:
    page = open_page(chromium)
    complaints = complaints_of(page)
    with command(world, tmp_path, "--days", "7") as (process, address):
        through_login(page, address)
        expect(page.locator("#consent-account")).to_have_text(BOB)
        expect(page.locator("#consent-days")).to_contain_text("7 days")
        page.locator("#allow").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Allowed", exact=True)).to_be_visible()
        assert re.match(r"http://127\.0\.0\.1:\d+/callback\?code=", page.url)
        page.screenshot(path=pictures / "cli-login-done-1280-light.png")
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"export MLFLOW_TRACKING_URI={world.url}\n"), err
    answer = httpx.get(world.url + CURRENT, auth=(BOB, key_in(tmp_path)))
    assert answer.json()["user"]["username"] == BOB
    assert complaints == []


def test_without_a_port_the_code_is_shown_and_copied(
    world: World, chromium: Browser, pictures: Path, tmp_path: Path
) -> None:
    page = open_page(chromium, 390, "dark")
    complaints = complaints_of(page)
    with command(world, tmp_path, "--no-browser") as (process, address):
        through_login(page, address)
        page.click("#allow")
        expect(page.locator("#code-title")).to_be_visible()
        expect(page.locator("#allow")).to_be_hidden()
        expect(page.locator("#copy-code")).to_be_focused()
        page.screenshot(path=pictures / "cli-login-code-390-dark.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.click("#copy-code")
        expect(page.locator("#copy-status")).to_have_text("Copied")
        code = page.evaluate("navigator.clipboard.readText()")
        out, err = process.communicate(code + "\n", timeout=60)
    assert (process.returncode, out) == (0, f"export MLFLOW_TRACKING_URI={world.url}\n"), err
    assert httpx.get(world.url + CURRENT, auth=(BOB, key_in(tmp_path))).status_code == 200
    assert complaints == []


def test_cancel_ends_the_command(world: World, chromium: Browser, tmp_path: Path) -> None:
    page = open_page(chromium)
    with command(world, tmp_path) as (process, address):
        through_login(page, address)
        page.click("#cancel")
        expect(page.get_by_role("heading", name="Not logged in")).to_be_visible()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "you cancelled in the browser" in err
    assert not (tmp_path / ".mlflow" / "credentials").exists()


def test_cancel_without_a_waiting_command_leads_to_mlflow(world: World, chromium: Browser) -> None:
    page = open_page(chromium)
    asked = {name: value for name, value in ASKED.items() if name != "port"}
    through_login(page, f"{world.url}/prokube-auth/cli?{httpx.QueryParams(asked)}")
    page.click("#cancel")
    page.wait_for_url(world.url + "/")


def test_a_session_that_ended_meanwhile_leads_through_login_and_back_to_the_question(
    world: World, chromium: Browser
) -> None:
    page = open_page(chromium)
    through_login(page, f"{world.url}/prokube-auth/cli?{httpx.QueryParams(ASKED)}")
    page.context.clear_cookies(name="prokube_auth_session")
    page.click("#allow")
    expect(page.locator("#page-error")).to_contain_text("You were logged out")
    page.get_by_role("link", name="Log in again").click()
    page.click("#login-button")
    expect(page.locator("#consent-name")).to_have_text("laptop")
    expect(page.locator("#allow")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_question_fits_its_window_with_the_longest_names(
    world: World, chromium: Browser, pictures: Path, width: int, scheme: str
) -> None:
    browser, _ = world.log_in(BOB)
    world.make_key(browser)
    page = open_page(chromium, width, scheme)
    complaints = complaints_of(page)
    asked = {**ASKED, "name": "a-notebook-of-team-weather-in-the-namespace-of-bob-" + "0" * 49}
    through_login(page, f"{world.url}/prokube-auth/cli?{httpx.QueryParams(asked)}")
    expect(page.locator("#replace-warning")).to_contain_text("stops working at once")
    expect(page.locator("#consent-caution")).to_contain_text("Only allow a command that you have just started yourself")
    page.screenshot(path=pictures / f"cli-login-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
