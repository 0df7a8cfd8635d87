"""From what MLflow shows, through its avatar menu, to whom it is shared with."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from ..support.chromium import log_in, open_menu, open_page
from ..support.demo import Demo

API = "/api/2.0/mlflow"
BOB = "bob@example.com"
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
    expect(alice.locator("#page-done")).to_contain_text("bob@example.com now has READ.")
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


def share_page(demo: Demo, page: Page, experiment: str) -> None:
    page.goto(f"{demo.url}/prokube-auth/share?kind=experiment&id={experiment}")
    expect(page.locator("#share-button")).to_be_enabled()


def give(page: Page, name: str, level: str) -> None:
    page.locator("#share-with").fill(name)
    page.locator("#share-level").select_option(level)
    page.locator("#share-button").click()
    expect(page.locator("#page-done")).to_contain_text(f"{name} now has {level}")


def holder(page: Page, name: str) -> Locator:
    return page.locator(f'#holders tr[data-holder="user"][data-name="{name}"]')


def asked(page: Page, words: str) -> Locator:
    """The question that is open; a second Enter does nothing."""
    expect(page.locator("[data-question]")).to_contain_text(words)
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    return page.locator("[data-confirm]")


def test_remove_asks_says_what_happened_and_is_undone(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="removed and undone").json()["experiment_id"]
    share_page(demo, alice, experiment)
    give(alice, BOB, "EDIT")
    remove = alice.get_by_role("button", name=f"Remove {BOB}", exact=True)
    remove.focus()
    alice.keyboard.press("Enter")
    asked(alice, f"{BOB} loses EDIT on the experiment removed and undone at once.")
    alice.keyboard.press("Enter")  # Cancel
    expect(remove).to_be_focused()
    assert read(demo, "bob", experiment) == 200
    remove.click()
    asked(alice, "loses EDIT").click()
    expect(alice.locator("#page-done")).to_contain_text(f"{BOB} is removed.")
    expect(holder(alice, BOB)).to_have_count(0)
    expect(alice.get_by_role("button", name="Remove alice@example.com")).to_be_focused()
    assert read(demo, "bob", experiment) == 403
    alice.get_by_role("button", name="Undo").click()
    expect(alice.locator("#page-done")).to_have_text(f"{BOB} has EDIT again.")
    expect(remove).to_be_focused()
    assert read(demo, "bob", experiment) == 200


def test_another_level_says_which_it_was_and_is_undone(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="level").json()["experiment_id"]
    share_page(demo, alice, experiment)
    give(alice, BOB, "MANAGE")
    give(alice, BOB, "READ")
    expect(alice.locator("#page-done")).to_contain_text("it was MANAGE before")
    alice.get_by_role("button", name="Undo").click()
    expect(alice.locator("#page-done")).to_have_text(f"{BOB} has MANAGE again.")
    expect(holder(alice, BOB)).to_contain_text("MANAGE")


def test_buttons_are_off_while_the_server_works(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="slow").json()["experiment_id"]
    share_page(demo, alice, experiment)
    held: list[Route] = []
    alice.route("**/prokube-auth/api/sharing", lambda route: held.append(route))
    alice.locator("#share-with").fill(BOB)
    alice.locator("#share-button").click()
    expect(alice.locator("#share-button")).to_be_disabled()
    while not held:
        alice.wait_for_timeout(20)
    held[0].continue_()
    expect(alice.locator("#share-button")).to_be_enabled()
    expect(holder(alice, BOB)).to_be_visible()
    alice.unroute("**/prokube-auth/api/sharing")
    assert len(held) == 1


def test_hand_over_asks_and_says_what_happened(demo: Demo, alice: Page, pictures: Path) -> None:
    experiment = create(demo, "alice", "experiments/create", name="handed over").json()["experiment_id"]
    share_page(demo, alice, experiment)
    alice.locator("#hand-over-to").fill("nobody@example.com")
    alice.locator("#hand-over-button").click()
    asked(alice, "nobody@example.com gets MANAGE on the experiment handed over").click()
    expect(alice.locator("#hand-over").get_by_role("alert")).to_contain_text("Nobody has logged in here as")
    alice.keyboard.press("Escape")
    expect(alice.locator("#hand-over-button")).to_be_focused()
    alice.locator("#hand-over-to").fill(BOB)
    alice.locator("#hand-over-button").click()
    confirm = asked(alice, f"{BOB} gets MANAGE on the experiment handed over")
    assert read(demo, "bob", experiment) == 403
    alice.screenshot(path=pictures / "share-hand-over-question.png", full_page=True)
    confirm.click()
    expect(alice.locator("#page-over")).to_contain_text(f"{BOB} manages the experiment handed over now.")
    expect(alice.locator("#page-over")).to_be_focused()
    expect(alice.locator("#share-form, #hand-over-form")).to_have_count(0)
    assert (read(demo, "alice", experiment), read(demo, "bob", experiment)) == (403, 200)


def test_an_administrator_takes_a_hand_over_back(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    experiment = create(demo, "admin", "experiments/create", name="there and back").json()["experiment_id"]
    log_in(page, demo, "admin")
    page.wait_for_url(demo.url + "/")
    share_page(demo, page, experiment)
    page.locator("#hand-over-to").fill(BOB)
    page.locator("#hand-over-button").click()
    asked(page, f"{BOB} gets MANAGE").click()
    expect(page.locator("#page-done")).to_contain_text(f"{BOB} manages the experiment there and back now.")
    expect(holder(page, BOB)).to_be_visible()
    expect(holder(page, "admin@example.com")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#page-done")).to_have_text("You have MANAGE again.")
    expect(holder(page, BOB)).to_have_count(0)
    expect(holder(page, "admin@example.com")).to_be_visible()
    page.context.close()


def test_whoever_removes_themselves_is_told_that_it_is_over(demo: Demo, alice: Page) -> None:
    experiment = create(demo, "alice", "experiments/create", name="left").json()["experiment_id"]
    share_page(demo, alice, experiment)
    give(alice, BOB, "MANAGE")
    alice.get_by_role("button", name="Remove alice@example.com").click()
    asked(alice, "You lose MANAGE on the experiment left").click()
    expect(alice.locator("#page-over")).to_contain_text("Your own permission on the experiment left is removed.")
    assert read(demo, "alice", experiment) == 403


def test_names_are_offered_below_the_field(demo: Demo, alice: Page, chromium: Browser) -> None:
    experiment = create(demo, "alice", "experiments/create", name="offered").json()["experiment_id"]
    share_page(demo, alice, experiment)
    give(alice, BOB, "READ")
    offered = alice.locator(f'#share-with + datalist option[value="{BOB}"]')
    alice.locator("#share-with").fill("BO")
    expect(offered).to_have_count(1)
    alice.locator("#share-with").fill("nobody")
    expect(offered).to_have_count(0)
    alice.locator("#hand-over-to").fill("ob@")
    expect(alice.locator("#hand-over-to + datalist option")).to_have_count(1)
    expect(alice.locator("#hand-over-to + datalist option")).to_have_attribute("value", BOB)


def test_a_search_and_its_page_outlive_the_login(demo: Demo, chromium: Browser) -> None:
    for number in range(3):
        create(demo, "bob", "experiments/create", name=f"kept & found {number}")
    page = open_page(chromium)
    log_in(page, demo, "bob", "/prokube-auth/permissions?search=kept+%26+found&size=2")
    expect(page.locator("#search")).to_have_value("kept & found")
    expect(page.locator("#permissions tbody tr")).to_have_count(2)
    expect(page.locator("#pages")).to_contain_text("1 to 2 of 3")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#permissions tbody tr")).to_have_count(1)
    expect(page.locator("#pages")).to_contain_text("3 to 3 of 3")
    expect(page.locator("#search")).to_have_value("kept & found")
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("#permissions tbody tr")).to_have_count(2)
    page.locator("#search").fill("no such name")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#no-permissions")).to_have_text("Nothing matches this name.")
    page.context.close()
