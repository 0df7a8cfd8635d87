"""What we add to MLflow's own pages, and what is not there for people whom the server would refuse it."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ..support.chromium import click, log_in, new_context, open_menu, open_page
from ..support.demo import Demo

API = "/api/2.0/mlflow"
TURN = uuid.uuid4().hex[:6]
EXPERIMENT, MODEL, PROMPT = f"a page of its own {TURN}", f"a model {TURN}", f"greeting-{TURN}"
SHARE = "#prokube-share"
MANAGE = '[role="menu"] [data-component-id="mlflow.sidebar.manage"]'
START_DEMO = '[data-component-id="mlflow.home.demo-banner.launch"]'
CLEAR_DEMO = '[data-component-id="mlflow.settings.demo.clear-all-button"]'
SETTINGS = 'aside a[href^="#/settings"]'
WEBHOOKS = 'aside a[href^="#/settings/webhooks"]'
BUDGETS = 'aside a[href="#/gateway/budgets"]'


def create(demo: Demo, path: str, **body: object) -> Any:
    answer = httpx.post(f"{demo.url}{API}/{path}", json=body, auth=demo.auth("alice"), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def places(demo: Demo) -> dict[str, str]:
    """Pages of alice's things, which bob may read: where they are, by what they show."""
    experiment = create(demo, "experiments/create", name=EXPERIMENT)["experiment_id"]
    prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    create(demo, "registered-models/create", name=MODEL)
    create(demo, "registered-models/create", name=PROMPT, tags=[prompt])
    text = [prompt, {"key": "mlflow.prompt.text", "value": "Hello {{name}}"}]
    create(demo, "model-versions/create", name=PROMPT, source="prompt-template", tags=text)
    for kind, key in (("experiment", experiment), ("registered_model", MODEL), ("prompt", PROMPT)):
        body = {"kind": kind, "id": key, "user": "bob@example.com", "level": "READ"}
        shared = httpx.post(f"{demo.url}/prokube-auth/api/sharing", json=body, auth=demo.auth("alice"), timeout=60)
        assert shared.status_code == 200, shared.text
    return {
        "experiment": f"experiments/{experiment}/runs",
        "model": f"models/{quote(MODEL)}",
        "prompt": f"prompts/{PROMPT}",
    }


def logged_in(
    chromium: Browser, demo: Demo, who: str, width: int = 1366, height: int = 768, scheme: str = "light"
) -> Page:
    context = new_context(chromium, viewport={"width": width, "height": height}, color_scheme=scheme)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    if scheme == "dark":
        context.add_init_script("localStorage.setItem('_mlflow_dark_mode_toggle_enabled', 'true')")
    page = context.new_page()
    page.set_default_timeout(60_000)
    log_in(page, demo, who)
    page.wait_for_selector("aside, main")
    return page


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1366, 768, "light"), (1366, 768, "dark"), (390, 844, "light")]
)
def test_share_stands_beside_the_pages_own_menu(
    demo: Demo, chromium: Browser, places: dict[str, str], pictures: Path, width: int, height: int, scheme: str
) -> None:
    page = logged_in(chromium, demo, "alice", width, height, scheme)
    for word, where in places.items():
        page.goto(f"{demo.url}/#/{where}")
        share = page.locator(SHARE)
        expect(share).to_have_text(f"Share {word}")
        expect(share).to_be_visible()
        assert share.evaluate("link => link.nextElementSibling.tagName") == "BUTTON"
        page.screenshot(path=pictures / f"share-{word}-{width}-{scheme}.png")
    page.goto(f"{demo.url}/#/models")
    expect(page.locator(SHARE)).to_have_count(0)
    page.goto(f"{demo.url}/#/{places['experiment']}")
    click(page, SHARE)
    page.wait_for_url("**/prokube-auth/share?kind=experiment&*")
    expect(page.locator("#resource-name")).to_have_text(EXPERIMENT)
    page.context.close()


def test_a_reader_is_offered_no_share_and_told_why_where_they_ask_for_it(
    demo: Demo, chromium: Browser, places: dict[str, str], pictures: Path
) -> None:
    page = logged_in(chromium, demo, "bob")
    for where in places.values():
        with page.expect_response("**/prokube-auth/api/level?*") as answer:
            page.goto(f"{demo.url}/#/{where}")
        assert answer.value.json()["level"] == "READ"
        open_menu(page)
        expect(page.locator("#prokube-menu-logout")).to_be_visible()
        expect(page.locator("#prokube-menu-share")).to_have_count(0)
        expect(page.locator(SHARE)).to_have_count(0)
        page.keyboard.press("Escape")
    page.goto(f"{demo.url}/prokube-auth/share?kind=prompt&id={PROMPT}")
    expect(page.locator("#message-text")).to_have_text(
        f"You may read the prompt '{PROMPT}', but not share it: you have READ, and sharing needs MANAGE. "
        "Ask the MLflow admin to share it."
    )
    page.screenshot(path=pictures / "may-not-share-1366-light.png")
    page.context.close()


def test_pages_of_another_build_keep_the_avatars_items(demo: Demo, chromium: Browser, places: dict[str, str]) -> None:
    page = open_page(chromium)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def other_marks(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(
            "overflow-menu-trigger|mlflow\\.prompts\\.details\\.actions|account\\.tabs", "elsewhere", answer.text()
        )
        route.fulfill(response=answer, body=body)

    page.route("**/static-files/**/*.js", other_marks)
    log_in(page, demo, "alice")
    for where in (places["experiment"], "account"):
        with page.expect_response("**/prokube-auth/api/level?*") if where != "account" else page.expect_event("load"):
            page.goto(f"{demo.url}/#/{where}")
            page.reload()
        open_menu(page)
        expect(page.locator("#prokube-menu-permissions")).to_be_visible()
        expect(page.locator("#prokube-menu-share")).to_have_count(0 if where == "account" else 1)
        expect(page.locator(f"{SHARE}, #prokube-account")).to_have_count(0)
        page.keyboard.press("Escape")
    assert errors == []
    page.context.close()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1366, 768, "light"), (1366, 768, "dark"), (390, 844, "light")]
)
def test_mlflows_account_page_leads_to_ours(
    demo: Demo, chromium: Browser, pictures: Path, width: int, height: int, scheme: str
) -> None:
    page = logged_in(chromium, demo, "alice", width, height, scheme)
    page.goto(f"{demo.url}/#/account")
    note = page.locator("#prokube-account")
    expect(note).to_contain_text("Permissions & access keys")
    page.screenshot(path=pictures / f"account-{width}-{scheme}.png")
    page.goto(f"{demo.url}/#/models")
    expect(note).to_have_count(0)
    page.go_back()
    note.get_by_role("link").click()
    page.wait_for_url("**/prokube-auth/permissions*")
    page.context.close()


def test_who_goes_back_before_the_next_page_is_there_finds_the_note_again(demo: Demo, chromium: Browser) -> None:
    page = logged_in(chromium, demo, "alice")
    page.goto(f"{demo.url}/#/account")
    note = page.locator("#prokube-account")
    expect(note).to_be_visible()
    held: list[Route] = []
    page.route("**/static-files/**/*.js", lambda route: held.append(route))  # the next page's code does not come
    page.evaluate("location.hash = '#/models'")
    expect(note).to_have_count(0)
    assert held
    page.go_back()
    expect(note).to_be_visible()
    page.context.close()


def test_administrators_have_one_entry_and_mlflows_page_from_there(
    demo: Demo, chromium: Browser, pictures: Path
) -> None:
    page = logged_in(chromium, demo, "admin")
    open_menu(page)
    expect(page.locator("#prokube-menu-admin")).to_be_visible()
    expect(page.locator(MANAGE)).to_have_count(1)  # MLflow's is there,
    expect(page.locator(MANAGE)).to_be_hidden()  # and ours stands in its place
    page.screenshot(path=pictures / "avatar-menu-of-an-administrator.png")
    page.keyboard.press("Home")
    for _ in range(6):
        expect(page.locator(MANAGE)).not_to_be_focused()
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    click(page, "#prokube-side-admin")
    page.wait_for_url("**/prokube-auth/admin")
    page.screenshot(path=pictures / "administration-entry-1366-light.png")
    page.click("#mlflow-admin")
    page.wait_for_url("**/#/admin**")
    page.context.close()


@pytest.mark.parametrize(("who", "is_admin"), [("alice", False), ("admin", True)])
def test_nothing_is_shown_that_would_be_refused(
    demo: Demo, chromium: Browser, pictures: Path, who: str, is_admin: bool
) -> None:
    page = logged_in(chromium, demo, who)
    for where, what in (("", START_DEMO), ("gateway", BUDGETS), ("settings", CLEAR_DEMO), ("settings", WEBHOOKS)):
        page.goto(f"{demo.url}/#/{where}")
        expect(page.locator(what)).to_have_count(1)  # MLflow's page has it,
        expect(page.locator(what)).to_be_visible(visible=is_admin)  # and shows it to whom it works for
        page.screenshot(path=pictures / f"nothing-dead-{where or 'home'}-{who}.png")
    # MLflow's own link to the settings has the links there say where the person came from.
    page.goto(f"{demo.url}/#/models")
    click(page, SETTINGS)
    expect(page.locator(WEBHOOKS)).to_have_attribute("href", re.compile(r"\?returnTo="))
    expect(page.locator(WEBHOOKS)).to_be_visible(visible=is_admin)
    # Our entries stay at the foot, on the settings' pages too.
    expect(page.locator("#prokube-side-permissions")).to_be_in_viewport(ratio=1)
    above = "entry => entry.getBoundingClientRect().top > window.innerHeight / 2"
    assert page.locator("#prokube-side-permissions").evaluate(above)
    page.context.close()


def test_four_clicks_from_an_address_to_a_copied_key_inside_an_experiment(
    demo: Demo, chromium: Browser, places: dict[str, str]
) -> None:
    asked = httpx.get(f"{demo.url}/prokube-auth/api/me", auth=demo.auth("bob"), timeout=60)
    assert asked.status_code == 200, asked.text
    page = new_context(chromium, viewport={"width": 1366, "height": 768}).new_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set_default_timeout(60_000)
    log_in(page, demo, "bob", "/prokube-auth/permissions")
    page.click("#revoke-key")
    page.click("#confirm-revoke")
    expect(page.locator("#key-none")).to_be_visible()
    page.context.clear_cookies(name="prokube_auth_session")
    page.goto(f"{demo.url}/#/{places['experiment']}")
    page.click("#login-button")  # one; the provider knows its user
    chooser = page.get_by_role("button", name="bob@example.com")
    entry = page.locator("#prokube-side-permissions")
    expect(chooser.or_(entry).first).to_be_visible()
    if chooser.is_visible():
        chooser.click()
    expect(entry).to_have_attribute("href", re.compile("#create-key$"))
    expect(entry).to_be_in_viewport(ratio=1)
    click(page, "#prokube-side-permissions")  # two
    page.click('[data-days="30"]')  # three
    page.click("#copy-key")  # four
    expect(page.locator("#copy-status")).to_contain_text("Copied")
    key = page.evaluate("navigator.clipboard.readText()")
    assert httpx.get(f"{demo.url}/prokube-auth/api/me", auth=("bob@example.com", key), timeout=60).status_code == 200
    page.context.close()
