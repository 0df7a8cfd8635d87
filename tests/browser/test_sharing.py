"""From what MLflow shows, through its avatar menu, to whom it is shared with."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ..support.chromium import log_in, open_menu, open_page
from ..support.demo import Demo

API = "/api/2.0/mlflow"
SHARE = "#prokube-menu-share"


def create(demo: Demo, who: str, path: str, **body: object) -> httpx.Response:
    answer = httpx.post(f"{demo.url}{API}/{path}", json=body, auth=demo.auth(who), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def read(demo: Demo, who: str, experiment: str) -> int:
    query = {"experiment_id": experiment}
    return httpx.get(f"{demo.url}{API}/experiments/get", params=query, auth=demo.auth(who), timeout=60).status_code


@pytest.fixture(scope="module")
def alice(demo: Demo, chromium: Browser) -> Page:
    page = open_page(chromium)
    log_in(page, demo, "alice")
    page.wait_for_url(demo.url + "/")
    return page


def share_address(page: Page) -> str:
    return str(page.locator(SHARE).get_attribute("href"))


def test_four_clicks_and_one_name_from_an_experiment_to_a_colleague(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="shared from its page").json()["experiment_id"]
    assert read(demo, "bob", experiment) == 403
    alice.goto(f"{demo.url}/#/experiments/{experiment}")
    open_menu(alice)  # one click
    alice.locator(SHARE).click()  # two
    alice.wait_for_url("**/prokube-auth/share?*")
    expect(alice.locator("#resource-name")).to_have_text("shared from its page")
    expect(alice.locator("#share-button")).to_be_enabled()
    alice.locator("#share-with").click()  # three
    alice.keyboard.type("bob@example.com")
    alice.locator("#share-button").click()  # four
    expect(alice.locator("#share-done")).to_have_text("bob@example.com has READ now.")
    assert read(demo, "bob", experiment) == 200
    alice.locator("#back-to-mlflow").click()
    alice.wait_for_url(f"**/#/experiments/{experiment}**")


def test_the_menu_follows_what_mlflow_shows(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="followed").json()["experiment_id"]
    create(demo, "alice", "registered-models/create", name="a model, ü & more")
    prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    create(demo, "alice", "registered-models/create", name="greeting", tags=[prompt])
    alice.goto(f"{demo.url}/#/models")
    open_menu(alice)
    expect(alice.locator("#prokube-menu-logout")).to_be_visible()
    expect(alice.locator(SHARE)).to_have_count(0)
    alice.keyboard.press("Escape")
    for place, words, address in (
        (f"experiments/{experiment}/runs", "Share this experiment", f"kind=experiment&id={experiment}"),
        ("models/a%20model%2C%20%C3%BC%20%26%20more", "Share this model",
         "kind=registered_model&id=a+model%2C+%C3%BC+%26+more"),
        ("prompts/greeting", "Share this prompt", "kind=prompt&id=greeting"),
    ):  # fmt: skip
        alice.evaluate("place => { location.hash = '#/' + place; }", place)  # as MLflow's router: without a reload
        open_menu(alice)
        expect(alice.locator(SHARE)).to_have_text(words)
        assert share_address(alice) == f"/prokube-auth/share?{address}"
        assert alice.request.get(demo.url + share_address(alice)).status == 200
        alice.keyboard.press("Escape")
    alice.evaluate("location.hash = '#/experiments'")
    open_menu(alice)
    expect(alice.locator("#prokube-menu-logout")).to_be_visible()
    expect(alice.locator(SHARE)).to_have_count(0)
    expect(alice.locator("#prokube-menu-admin")).to_have_count(0)
    alice.keyboard.press("Escape")


def test_an_item_of_ours_is_reached_by_arrow_keys(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="by keyboard").json()["experiment_id"]
    alice.evaluate("place => { location.hash = '#/' + place; }", f"experiments/{experiment}/runs")
    open_menu(alice)
    expect(alice.locator(SHARE)).to_be_visible()
    alice.keyboard.press("End")
    for _ in range(2):
        alice.keyboard.press("ArrowUp")
    expect(alice.locator(SHARE)).to_be_focused()
    alice.keyboard.press("Enter")
    alice.wait_for_url("**/prokube-auth/share?*")
