"""What somebody who is logged in sees at an address that is none."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ..support.chromium import log_in, open_page
from ..support.demo import Demo

MISTYPED = (
    "no/such/page",
    "gateway/nothing",
    "api/2.0/mlflow/nothing",
    "api/2.0/mlflow/runs/create",
    "prokube-auth/nothing",
)


@pytest.fixture(scope="module")
def alice(demo: Demo, chromium: Browser) -> Page:
    page = open_page(chromium)
    log_in(page, demo, "alice")
    page.wait_for_selector("aside")
    return page


@pytest.mark.parametrize("typed", MISTYPED)
def test_a_mistyped_address_gets_a_page(demo: Demo, alice: Page, pictures: Path, typed: str) -> None:
    answer = alice.goto(f"{demo.url}/{typed}")
    assert answer is not None
    assert answer.status == 404
    expect(alice.locator("#message-title")).to_have_text("There is no such page")
    expect(alice.locator("#message-text")).to_contain_text(f"This server has no page '/{typed}'.")
    alice.screenshot(path=pictures / f"no-such-page-{typed.replace('/', '-')}.png")
    alice.get_by_role("link", name="Open MLflow").click()
    alice.wait_for_selector("aside")


@pytest.mark.parametrize("typed", MISTYPED)
def test_a_client_still_gets_json(demo: Demo, typed: str) -> None:
    answer = httpx.get(f"{demo.url}/{typed}", auth=demo.auth("alice"), timeout=60)
    wanted = (405, "BAD_REQUEST") if typed.endswith("runs/create") else (404, "ENDPOINT_NOT_FOUND")
    assert (answer.status_code, answer.json()["error_code"]) == wanted


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_an_address_of_mlflows_without_its_hash_leads_to_the_page(
    demo: Demo, chromium: Browser, pictures: Path, width: int, scheme: str
) -> None:
    page = open_page(chromium, width, scheme)
    log_in(page, demo, "alice")
    page.wait_for_selector("aside, main")
    page.goto(f"{demo.url}/models/a%20model")
    expect(page.locator("#message-text")).to_contain_text("have a # before the path")
    page.screenshot(path=pictures / f"without-its-hash-{width}-{scheme}.png")
    page.get_by_role("link", name="Open #/models/a model").click()
    page.wait_for_url("**/#/models/a%20model")
    page.context.close()
