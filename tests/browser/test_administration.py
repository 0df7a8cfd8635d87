"""The administrators' pages, as an administrator uses them."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from mlflow_prokube_auth.web.admin_pages import SECTIONS

from ..support.chromium import log_in, open_menu, open_page
from ..support.demo import Demo

API = "/api/2.0/mlflow"
BOB = "bob@example.com"


@pytest.fixture(scope="module")
def context(demo: Demo, chromium: Browser) -> Iterator[Page]:
    page = open_page(chromium)
    log_in(page, demo, "admin", "/prokube-auth/admin")
    page.wait_for_url("**/prokube-auth/admin")
    yield page
    page.context.close()


@pytest.fixture
def admin(context: Page) -> Iterator[Page]:
    """An administrator's browser, in which no script fails and no policy is broken."""
    complaints: list[str] = []
    context.on("pageerror", lambda error: complaints.append(str(error)))
    context.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield context
    assert complaints == []


def go(page: Page, demo: Demo, section: str, **query: str) -> None:
    page.goto(str(httpx.URL(f"{demo.url}/prokube-auth/admin/{section}", params=query)))
    expect(page.locator("#title")).to_have_text(SECTIONS[section])


def row(page: Page, name: str) -> Locator:
    return page.locator(f'#list tr[data-name="{name}"]')


def manage(page: Page, name: str) -> Locator:
    row(page, name).get_by_role("button", name="Manage").click()
    panel = page.locator(".unfolded")
    expect(panel.get_by_role("heading", name=name)).to_be_visible()
    return panel


def confirm(panel: Locator) -> None:
    expect(panel.get_by_role("button", name="Cancel")).to_be_focused()  # a second Enter does nothing
    panel.locator("[data-confirm]").click()


def done(page: Page, words: str) -> None:
    expect(page.locator("#page-done")).to_contain_text(words)


def experiment(demo: Demo, who: str, name: str) -> str:
    answer = httpx.post(f"{demo.url}{API}/experiments/create", json={"name": name}, auth=demo.auth(who), timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["experiment_id"])


def read(demo: Demo, who: str, pattern: str) -> int:
    query = {"experiment_id": pattern}
    return httpx.get(f"{demo.url}{API}/experiments/get", params=query, auth=demo.auth(who), timeout=60).status_code


def test_only_administrators_see_the_pages_and_the_links_to_them(demo: Demo, admin: Page, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "bob", "/prokube-auth/admin/audit?actor=x")
    expect(page.locator("#message-title")).to_have_text("Only for administrators")
    assert page.url == f"{demo.url}/prokube-auth/admin/audit?actor=x"
    for section in ("", *(f"/{name}" for name in SECTIONS)):
        assert page.request.get(f"{demo.url}/prokube-auth/admin{section}").status == 403
    page.goto(f"{demo.url}/prokube-auth/permissions")
    expect(page.locator("#username")).to_be_visible()
    expect(page.locator("#admin-link")).to_have_count(0)
    page.context.close()
    admin.goto(f"{demo.url}/prokube-auth/permissions")
    admin.click("#admin-link")
    admin.wait_for_url("**/prokube-auth/admin")
    expect(row(admin, BOB)).to_be_visible()
    assert admin.request.get(f"{demo.url}/prokube-auth/admin/nonsense").status == 404
    admin.goto(demo.url)
    open_menu(admin)
    admin.click("#prokube-menu-admin")
    admin.wait_for_url("**/prokube-auth/admin")


def test_a_service_accounts_key_from_the_page_logs_a_run(demo: Demo, admin: Page, pictures: Path) -> None:
    go(admin, demo, "service-accounts")
    admin.get_by_label("Name", exact=True).fill("nightly")
    admin.get_by_label("What it is for").fill("Training at night")
    admin.get_by_role("button", name="Create").click()
    done(admin, "Created the service account nightly")
    expect(row(admin, "nightly").get_by_role("button", name="Manage")).to_be_focused()
    admin.keyboard.press("Enter")
    panel = admin.locator(".unfolded")
    panel.locator('[data-action="key"]').click()
    panel.locator('[data-days="30"]').click()
    expect(admin.locator("#new-key-title")).to_have_text("The new access key of nightly")
    expect(admin.locator("#copy-key")).to_be_focused()
    admin.keyboard.press("Enter")
    expect(admin.locator("#copy-status")).to_contain_text("Copied")
    admin.screenshot(path=pictures / "admin-new-key-1280-light.png", full_page=True)
    key = admin.evaluate("navigator.clipboard.readText()")
    assert key == admin.locator("#new-key").input_value()
    assert f"--from-literal=MLFLOW_TRACKING_PASSWORD={key}" in str(admin.locator("#snippet-kubectl").text_content())
    assert f"MLFLOW_TRACKING_PASSWORD={key}" in str(admin.locator("#snippet-env").text_content())
    with httpx.Client(base_url=demo.url, auth=("nightly", key), timeout=60) as client:
        made = client.post(f"{API}/experiments/create", json={"name": "of the night"})
        body = {"experiment_id": made.json()["experiment_id"], "start_time": 1}
        assert client.post(f"{API}/runs/create", json=body).status_code == 200
        admin.reload()
        expect(row(admin, "nightly")).to_contain_text("until")
        assert key not in admin.content()
        panel = manage(admin, "nightly")
        panel.locator('[data-action="key"]').click()
        expect(panel).to_contain_text("The old key stops working at once. It was last used")
        panel.get_by_role("button", name="Cancel").click()
        panel.locator('[data-action="revoke"]').click()
        confirm(panel)
        done(admin, "Revoked the access key of nightly.")
        assert client.get(f"{API}/users/current").status_code == 401
    panel = manage(admin, "nightly")
    panel.locator('[data-action="delete"]').click()
    confirm(panel)
    expect(panel.get_by_role("alert")).to_contain_text("alone manages 1 resources")
    expect(panel.get_by_role("combobox")).to_be_focused()
    admin.keyboard.type(BOB)
    panel.locator("[data-confirm]").click()
    done(admin, f"nightly is deleted. {BOB} now manages 1 of its resources.")
    expect(row(admin, "nightly")).to_have_count(0)
    assert read(demo, "bob", body["experiment_id"]) == 200


def test_a_user_is_found_blocked_and_unblocked(demo: Demo, admin: Page) -> None:
    pattern = experiment(demo, "bob", "bob's own")
    go(admin, demo, "users")
    admin.get_by_label("Search").fill("BOB@")
    expect(admin.locator("#list tbody tr")).to_have_count(1)
    admin.reload()
    expect(admin.locator("#list tbody tr")).to_have_count(1)  # the address keeps the search
    panel = manage(admin, BOB)
    panel.locator('[data-action="block"]').click()
    expect(panel.locator("[data-question]")).to_contain_text("is blocked at once")
    admin.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(row(admin, BOB).get_by_role("button", name="Manage")).to_be_focused()
    assert read(demo, "bob", pattern) == 200
    panel = manage(admin, BOB)
    panel.locator('[data-action="block"]').click()
    confirm(panel)
    done(admin, f"{BOB} is blocked.")
    expect(row(admin, BOB)).to_contain_text("blocked")
    assert read(demo, "bob", pattern) == 401
    panel = manage(admin, BOB)
    panel.locator('[data-action="unblock"]').click()
    confirm(panel)
    done(admin, f"{BOB} is unblocked.")
    assert read(demo, "bob", pattern) == 200
    admin.get_by_label("Search").fill("admin@")
    expect(admin.locator("#list tbody tr")).to_have_count(1)
    expect(manage(admin, "admin@example.com")).to_contain_text("your own account")
    expect(admin.locator('[data-action="delete"]')).to_have_count(0)


def test_a_team_its_members_and_its_rules(demo: Demo, admin: Page, pictures: Path) -> None:
    pattern = experiment(demo, "alice", "ops-alerts")
    go(admin, demo, "teams")
    admin.get_by_label("Name", exact=True).fill("ops")
    admin.get_by_role("button", name="Create").click()
    done(admin, "Created the team ops.")
    panel = manage(admin, "ops")
    panel.get_by_label("A member for ops").fill("nobody@example.com")
    panel.get_by_role("button", name="Add", exact=True).click()
    expect(admin.locator("#page-error")).to_contain_text("There is no account 'nobody@example.com'.")
    panel.get_by_label("A member for ops").fill(BOB)
    panel.get_by_role("button", name="Add", exact=True).click()
    done(admin, f"{BOB} is now in the team ops.")
    expect(panel.get_by_role("listitem")).to_contain_text([BOB])
    panel.get_by_label("whose name begins with").fill("op")
    panel.get_by_label("Level").select_option("EDIT")
    panel.get_by_role("button", name="Check the rule").click()
    expect(panel.locator("#rule-effects .warning")).to_contain_text("'op' has 2 characters")
    panel.get_by_role("button", name="Cancel").click()
    expect(panel.get_by_label("whose name begins with")).to_have_value("op")  # what was typed stays
    expect(panel.get_by_label("Level")).to_have_value("EDIT")
    panel.get_by_label("whose name begins with").fill("ops-")
    panel.get_by_role("button", name="Check the rule").click()
    effects = panel.locator("#rule-effects")
    expect(effects).to_contain_text(f"1 experiment that is there now, to the members: {BOB}.")
    expect(effects.get_by_role("listitem")).to_have_text("ops-alertsmanaged by alice@example.com")
    expect(effects).to_contain_text("New names that begin with ops- (experiment), to everyone except")
    expect(effects).to_contain_text("manage resources with such a name now: alice@example.com")
    expect(effects.locator(".warning")).to_have_count(0)
    admin.screenshot(path=pictures / "admin-rule-effects-1280-light.png", full_page=True)
    assert read(demo, "bob", pattern) == 403  # nothing is done yet
    confirm(panel)
    done(admin, "Added the rule. It applies to 1 existing resource.")
    expect(panel.get_by_role("listitem").nth(1)).to_contain_text(
        "EDIT on every experiment whose name begins with ops-, now and later: see it, log to it and change it"
    )
    assert read(demo, "bob", pattern) == 200

    go(admin, demo, "permissions", team="ops")
    expect(admin.locator("#list tbody tr")).to_have_count(1)
    expect(admin.locator("#list tbody tr")).to_contain_text("ops-alerts")
    expect(admin.locator("#list tbody tr")).to_contain_text("a rule")
    why = admin.locator("#why")
    why.get_by_label("Who").fill(BOB)
    why.get_by_label("of this name or ID").fill("ops-alerts")
    why.get_by_role("button", name="Why?").click()
    expect(admin.locator("#why-level")).to_have_text(
        f"{BOB} may do EDIT on 'ops-alerts': see it, log to it and change it."
    )
    admin.screenshot(path=pictures / "admin-why-1280-light.png", full_page=True)
    expect(admin.locator("#why-reasons li")).to_have_text(["EDIT on it, through the team 'ops', by a rule."])

    go(admin, demo, "teams")
    panel = manage(admin, "ops")
    panel.locator("[data-delete-rule]").click()
    confirm(panel)
    done(admin, "The rule for ops- is deleted.")
    assert read(demo, "bob", pattern) == 403
    panel.locator('[data-action="delete"]').click()
    confirm(panel)
    done(admin, "The team ops is deleted.")
    expect(row(admin, "ops")).to_have_count(0)


def test_a_team_that_alone_manages_something_is_deleted_with_a_successor(
    demo: Demo, admin: Page, pictures: Path
) -> None:
    pattern = experiment(demo, "alice", "left-alone")
    go(admin, demo, "teams")
    admin.get_by_label("Name", exact=True).fill("keepers")
    admin.get_by_role("button", name="Create").click()
    panel = manage(admin, "keepers")
    panel.get_by_label("A member for keepers").fill("alice@example.com")
    panel.get_by_role("button", name="Add", exact=True).click()
    done(admin, "alice@example.com is now in the team keepers.")
    sharing = f"{demo.url}/prokube-auth/api/sharing"
    what = {"kind": "experiment", "id": pattern}
    for method, body in (
        ("POST", {**what, "team": "keepers", "level": "MANAGE"}),
        ("DELETE", {**what, "user": "alice@example.com"}),
    ):
        assert httpx.request(method, sharing, json=body, auth=demo.auth("alice"), timeout=60).status_code == 200

    panel.locator('[data-action="delete"]').click()
    confirm(panel)
    expect(panel.get_by_role("alert")).to_contain_text("Only members of the team 'keepers' manage 1 resources")
    successor = panel.get_by_label("New owner of the resources that only its members manage")
    expect(successor).to_be_focused()
    successor.fill(BOB)
    admin.screenshot(path=pictures / "admin-successor-1280-light.png", full_page=True)
    panel.locator("[data-confirm]").click()
    done(admin, f"The team keepers is deleted. {BOB} now manages 1 of its resources.")
    assert (read(demo, "alice", pattern), read(demo, "bob", pattern)) == (403, 200)


def test_what_nobody_owns_gets_an_owner_and_the_trash_gives_back(demo: Demo, admin: Page, pictures: Path) -> None:
    patterns = [experiment(demo, "alice", f"left behind {number}") for number in range(3)]
    with sqlite3.connect(demo.directory / "data" / "mlflow.db", timeout=20) as connection:
        for pattern in patterns:  # as if they had been made before there was any login
            connection.execute("DELETE FROM role_permissions WHERE resource_pattern = ?", (pattern,))
    go(admin, demo, "unowned")
    expect(admin.locator("#list tbody tr")).to_have_count(3)
    admin.get_by_label("New owner").fill(BOB)
    admin.get_by_role("button", name="Assign").click()
    expect(admin.locator("#page-error")).to_contain_text("Choose resources in the list")
    admin.get_by_label("All on this page").check()
    admin.get_by_label("Choose left behind 2").uncheck()
    expect(admin.locator("#chosen")).to_have_text("2 chosen")
    admin.screenshot(path=pictures / "admin-assign-1280-light.png", full_page=True)
    admin.set_viewport_size({"width": 390, "height": 860})
    admin.screenshot(path=pictures / "admin-assign-390-light.png", full_page=True)
    assert admin.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    admin.set_viewport_size({"width": 1280, "height": 860})
    admin.get_by_role("button", name="Assign").click()
    done(admin, f"{BOB} manages 2 more now.")
    expect(admin.locator("#list tbody tr")).to_have_count(1)
    assert [read(demo, "bob", pattern) for pattern in patterns] == [200, 200, 403]

    body = {"experiment_id": patterns[0]}
    httpx.post(f"{demo.url}{API}/experiments/delete", json=body, auth=demo.auth("bob"), timeout=60)
    go(admin, demo, "trash")
    thrown = admin.locator(f'#list tr[data-id="{patterns[0]}"]')
    expect(thrown).to_contain_text(BOB)
    thrown.get_by_role("button", name="Restore left behind 0").click()
    done(admin, "Restored the experiment left behind 0")
    expect(admin.locator("#nothing")).to_have_text("The trash is empty.")


@pytest.mark.parametrize("name", ["a/b@example.com", "..", "a?user=bob@example.com&b#c"])
def test_an_account_whose_name_a_path_would_read_otherwise_is_blocked_and_deleted(
    demo: Demo, admin: Page, name: str
) -> None:
    with sqlite3.connect(demo.directory / "data" / "mlflow.db", timeout=20) as connection:
        made = connection.execute("INSERT INTO users (username, password_hash, is_admin) VALUES (?, '!', 0)", (name,))
        connection.execute(
            "INSERT INTO prokube_identities (user_id, issuer, subject, display_name, admitted_by, disabled, "
            "last_confirmed_at, check_due, generation, blocked) VALUES (?, 'i', ?, 'Odd', 'g:x', 0, 1, 0, 0, 0)",
            (made.lastrowid, name),
        )
    go(admin, demo, "users", search=name)
    for action, word in (("block", "blocked"), ("unblock", "unblocked"), ("delete", "deleted")):
        panel = manage(admin, name)
        panel.locator(f'[data-action="{action}"]').click()
        confirm(panel)
        done(admin, f"{name} is {word}.")
    expect(row(admin, name)).to_have_count(0)


def test_keys_that_expire_lead_to_their_accounts(demo: Demo, admin: Page) -> None:
    go(admin, demo, "keys")
    expect(admin.locator("#nothing")).to_be_visible()
    with sqlite3.connect(demo.directory / "data" / "mlflow.db", timeout=20) as connection:
        # 20 of their 30 days are gone.
        connection.execute("UPDATE prokube_access_keys SET expires_at = expires_at - 1728000 WHERE ended_at IS NULL")
    admin.reload()
    row(admin, BOB).get_by_role("link", name="Manage").click()
    expect(admin.locator("#list tbody tr")).to_have_count(1)


def test_the_audit_trail_is_searched_and_paged(demo: Demo, admin: Page) -> None:
    base, headers = f"{demo.url}/prokube-auth/api/admin", {"Origin": demo.url}
    assert admin.request.post(f"{base}/teams", data={"team": "audited"}, headers=headers).status == 201
    for method in ("post", "delete") * 15:
        body = {"team": "audited", "user": BOB}
        assert getattr(admin.request, method)(f"{base}/team-members", data=body, headers=headers).status == 200
    rule = {"team": "audited", "kind": "experiment", "prefix": "audited-", "level": "READ"}
    assert admin.request.post(f"{base}/team-rules", data=rule, headers=headers).status == 201
    for action in ("block", "unblock"):
        assert admin.request.post(f"{base}/accounts/{action}?user={BOB}", headers=headers).status == 200
    go(admin, demo, "audit")
    expect(admin.locator("#pager")).to_contain_text("1 to 25 of ")
    expect(admin.locator("#list td:nth-child(3)").first).to_have_text("user.unblock")
    admin.get_by_role("button", name="Next").click()
    expect(admin.locator("#pager")).to_contain_text("26 to ")
    assert "first=25" in admin.url
    admin.get_by_label("What").fill("team.")
    admin.get_by_label("To").fill("audited")
    expect(admin.locator("#pager")).to_contain_text("1 to 25 of 31")
    for action in ("rule.create", "team.create", "team.join"):
        admin.get_by_label("What").fill(action)
        expect(admin.locator(f'#list tr[data-action="{action}"]').first).to_contain_text("admin@example.com")
    expect(admin.locator("#list tbody tr").first).to_contain_text(f"user: {BOB}")
    with admin.expect_download() as saved:
        admin.get_by_role("link", name="Export as CSV").click()
    rows = list(csv.DictReader(saved.value.path().read_text().splitlines()))
    assert {(each["action"], each["target"]) for each in rows} == {("team.join", "audited")}
    assert len(rows) == 15
    admin.get_by_label("From").fill("2030-01-01")
    expect(admin.locator("#nothing")).to_be_visible()


def test_a_session_that_has_ended_leads_back_to_the_page(demo: Demo, chromium: Browser) -> None:
    page = open_page(chromium)
    log_in(page, demo, "admin", "/prokube-auth/admin/teams?search=x")
    page.wait_for_url("**/prokube-auth/admin/teams?search=x")
    expect(page.locator("#nothing")).to_be_visible()
    page.context.clear_cookies(name="prokube_auth_session")
    page.get_by_label("Search").fill("xy")
    page.locator("#page-error").get_by_role("link", name="Log in again").click()
    page.click("#login-button")
    page.wait_for_url("**/prokube-auth/admin/teams?search=xy")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_fit_their_window(demo: Demo, chromium: Browser, pictures: Path, width: int, scheme: str) -> None:
    httpx.post(
        f"{demo.url}{API}/experiments/create",
        json={"name": f"a long experiment name of the weather team {width} {scheme}"},
        auth=demo.auth("alice"),
        timeout=60,
    )
    page = open_page(chromium, width, scheme)
    log_in(page, demo, "admin", "/prokube-auth/admin")
    page.wait_for_url("**/prokube-auth/admin")
    headers = {"Origin": demo.url}
    base = f"{demo.url}/prokube-auth/api/admin"
    for path, body in (
        ("service-accounts", {"name": "weather-nightly", "description": "Trains the weather models at night"}),
        ("teams", {"team": "weather"}),
        ("team-members", {"team": "weather", "user": BOB}),
        ("team-rules", {"team": "weather", "kind": "registered_model", "prefix": "weather-", "level": "EDIT"}),
    ):  # at the second time they are there already
        assert page.request.post(f"{base}/{path}", data=body, headers=headers).status in (200, 201, 409)
    for section in SECTIONS:
        go(page, demo, section)
        expect(page.locator("#list, #nothing").locator("visible=true")).to_have_count(1)
        page.screenshot(path=pictures / f"admin-{section}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), section
        if section in ("users", "service-accounts", "teams"):
            name = {"users": BOB, "service-accounts": "weather-nightly", "teams": "weather"}[section]
            panel = manage(page, name)
            expect(panel.get_by_role("button", name="Delete").last).to_be_visible()
            page.screenshot(path=pictures / f"admin-{section}-panel-{width}-{scheme}.png", full_page=True)
            panel.get_by_role("button", name="Delete").last.click()
            page.screenshot(path=pictures / f"admin-{section}-question-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), section
    page.context.close()
