"""Binding a service account to tokens of a trusted issuer, as an administrator does it on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ..support.chromium import open_page
from ..support.issuers import TRAINER, TestIssuer, running_issuer
from ..support.processes import free_port
from ..support.sharing import OWN
from ..support.world import World, running_world


@pytest.fixture(scope="module")
def place(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, TestIssuer]]:
    """Asks for the browser first, so that nothing is started where there is none."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running_issuer(url) as issuer,
        running_world(tmp_path_factory.mktemp("workloads"), url, port, TRUSTED_ISSUERS=issuer.url) as world,
    ):
        yield world, issuer


def test_an_account_is_bound_to_a_pods_tokens_and_freed_of_them(
    place: tuple[World, TestIssuer], chromium: Browser, pictures: Path
) -> None:
    world, issuer = place
    page = open_page(chromium)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{world.url}/prokube-auth/admin/service-accounts")
    page.click("#login-button")
    page.get_by_role("button", name="admin@example.com").click()
    page.get_by_label("Name", exact=True).fill("trainer")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#page-done")).to_contain_text("Created the service account trainer")
    page.locator('#list tr[data-name="trainer"]').get_by_role("button", name="Manage").click()
    panel = page.locator(".unfolded")
    expect(panel.get_by_role("heading", name="Workloads")).to_be_visible()
    bind, claims = panel.get_by_role("button", name="Bind to these tokens"), panel.get_by_label("Claims")

    claims.fill("ref = refs/heads/main")
    bind.click()
    expect(panel.get_by_role("alert")).to_contain_text("say nothing of who has the token")
    claims.fill(f"sub = {TRAINER}\nsub = other")
    bind.click()
    expect(panel.get_by_role("alert")).to_have_text("Name each claim once.")
    assert httpx.get(world.url + OWN + "/me", headers=bearer(issuer)).status_code == 401

    claims.fill(f"sub = {TRAINER}\n")
    bind.click()
    expect(page.locator("#page-done")).to_have_text(f"Tokens of {issuer.url} with these claims now log in as trainer.")
    [row] = panel.locator("li[data-workload]").all()
    expect(row).to_contain_text(f"sub = {TRAINER}")
    expect(row).to_contain_text(f"{issuer.url}, for {world.url}, last used: never")
    assert httpx.get(world.url + OWN + "/me", headers=bearer(issuer)).json()["username"] == "trainer"

    page.screenshot(path=pictures / "admin-workloads-1280-light.png", full_page=True)
    row.get_by_role("button", name="Remove").click()
    expect(panel.locator("[data-question]")).to_contain_text(f"sub = {TRAINER}")
    expect(panel.get_by_role("button", name="Cancel")).to_be_focused()
    panel.locator("[data-confirm]").click()
    expect(page.locator("#page-done")).to_have_text("Removed the binding of trainer.")
    expect(panel).to_contain_text("Not bound to any token.")
    assert httpx.get(world.url + OWN + "/me", headers=bearer(issuer)).status_code == 401
    assert complaints == []
    page.context.close()


def bearer(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token()}"}
