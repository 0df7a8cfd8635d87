"""All our pages under axe-core, light and dark, on a laptop and on a telephone; pictures of each are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from mlflow_prokube_auth.web.admin_pages import SECTIONS

from ..support.chromium import log_in, open_page
from ..support.demo import Demo
from ..support.npm import AXE, npm_package

BOB = "bob@example.com"
PANELS = {"users": BOB, "service-accounts": "weather-nightly", "teams": "weather"}


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core (https://github.com/dequelabs/axe-core)."""
    return (npm_package(*AXE) / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def experiment(demo: Demo, chromium: Browser) -> str:
    """What there is to see: a shared experiment, a service account, a team with a member and a rule."""
    with httpx.Client(base_url=demo.url, auth=demo.auth("alice"), timeout=60) as client:
        made = client.post("/api/2.0/mlflow/experiments/create", json={"name": "seen by axe"})
        pattern = str(made.json()["experiment_id"])
        share = {"kind": "experiment", "id": pattern, "level": "READ", "user": BOB}
        assert client.post("/prokube-auth/api/sharing", json=share).status_code == 200
    page = open_page(chromium)
    log_in(page, demo, "admin")
    page.wait_for_url(demo.url + "/")
    for path, body in (
        ("service-accounts", {"name": "weather-nightly"}),
        ("teams", {"team": "weather"}),
        ("team-members", {"team": "weather", "user": BOB}),
        ("team-rules", {"team": "weather", "kind": "registered_model", "prefix": "weather-", "level": "EDIT"}),
    ):
        address = f"{demo.url}/prokube-auth/api/admin/{path}"
        assert page.request.post(address, data=body, headers={"Origin": demo.url}).status in (200, 201)
    page.context.close()
    return pattern


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_ours_breaks_a_rule_of_axe(
    demo: Demo, chromium: Browser, axe: str, experiment: str, pictures: Path, scheme: str, width: int
) -> None:
    found: list[str] = []
    page = open_page(chromium, width, scheme)
    page.set_viewport_size({"width": width, "height": 768})

    def check(name: str) -> None:
        page.screenshot(path=pictures / f"axe-{name}-{width}-{scheme}.png", full_page=True)
        # Not as a script of the page: our policy allows none but ours.
        page.evaluate(axe)
        violations = page.evaluate("axe.run().then(({ violations }) => violations)")
        found.extend(
            f"{name}: {each['id']} ({each['help']}): {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in violations
        )
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name

    for name, visit in before_login(demo, page).items():
        visit()
        check(name)
    log_in(page, demo, "admin", "/prokube-auth/permissions")
    for name, visit in after_login(demo, page, experiment).items():
        visit()
        check(name)
    page.context.close()
    assert found == []


def before_login(demo: Demo, page: Page) -> dict[str, Callable[[], object]]:
    own = f"{demo.url}/prokube-auth/"

    def command() -> None:
        query = "state=s&challenge=" + "c" * 43 + "&days=7&name=laptop&port=1234"
        page.goto(f"{own}cli?{query}")
        expect(page.locator("h1")).to_be_visible()

    return {
        "login": lambda: page.goto(own + "login"),
        "login-failed": lambda: page.goto(own + "callback?error=access_denied&state=s"),
        "logged-out": lambda: page.goto(own + "logged-out"),
        "command-before-login": command,
    }


def after_login(demo: Demo, page: Page, experiment: str) -> dict[str, Callable[[], object]]:
    own = f"{demo.url}/prokube-auth/"

    def permissions() -> None:
        page.goto(own + "permissions")
        expect(page.locator("#create-key")).to_be_enabled()

    def new_key() -> None:
        page.click("#create-key")
        page.click('[data-days="7"]')
        expect(page.locator("#copy-key")).to_be_focused()

    def share() -> None:
        page.goto(f"{own}share?kind=experiment&id={experiment}")
        expect(page.locator("#share-button")).to_be_enabled()

    def remove() -> None:
        page.get_by_role("button", name=f"Remove {BOB}").click()
        expect(page.locator("[data-question]")).to_be_visible()

    def hand_over() -> None:
        page.locator("#hand-over-to").fill(BOB)
        page.locator("#hand-over-button").click()
        expect(page.locator("#hand-over [data-question]")).to_be_visible()

    def section(name: str) -> None:
        page.goto(f"{own}admin/{name}")
        expect(page.locator("#list, #nothing").locator("visible=true")).to_have_count(1)

    def panel(name: str) -> None:
        page.locator(f'#list tr[data-name="{PANELS[name]}"]').get_by_role("button", name="Manage").click()
        expect(page.locator(".unfolded").get_by_role("button", name="Delete").last).to_be_visible()

    def question() -> None:
        page.locator(".unfolded").get_by_role("button", name="Delete").last.click()
        expect(page.locator("[data-question]")).to_be_visible()

    def rule() -> None:
        section("teams")
        panel("teams")
        page.get_by_label("whose name begins with").fill("se")
        page.get_by_role("button", name="Check the rule").click()
        expect(page.locator("#rule-effects")).to_be_visible()

    def why() -> None:
        page.locator("#why").get_by_label("Who").fill(BOB)
        page.locator("#why").get_by_label("of this name or ID").fill(experiment)
        page.get_by_role("button", name="Why?").click()
        expect(page.locator("#why-answer")).to_be_visible()

    visits: dict[str, Callable[[], object]] = {
        "permissions": permissions,
        "new-key": new_key,
        "presets": lambda: page.click("#create-key"),
        "revoke": lambda: page.click("#revoke-key"),
        "share": share,
        "share-remove": remove,
        "share-hand-over": hand_over,
        "logout": lambda: page.goto(own + "logout"),
        "not-found": lambda: page.goto(own + "admin/nonsense"),
    }
    for name in SECTIONS:
        visits[f"admin-{name}"] = lambda name=name: section(name)  # type: ignore[misc]  # a default, not an argument
        if name in PANELS:
            visits[f"admin-{name}-panel"] = lambda name=name: panel(name)  # type: ignore[misc]
            visits[f"admin-{name}-question"] = question
        if name == "permissions":
            visits["admin-why"] = why
    visits["admin-rule"] = rule
    return visits
