"""Administrators' JSON against a real server: who may, and what it does for a stock client."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.demo.accounts import DemoUser
from mlflow_prokube_auth.web.admin_pages import SECTIONS

from ..support.administration import Admin, key_of
from ..support.processes import free_port
from ..support.sharing import ADMIN, ALICE, API, BOB, OWN, USERS, get, share
from ..support.world import World, running_world

ROUTES = Path(__file__).parents[2] / "mlflow_prokube_auth" / "web" / "routes.py"
DAVE = "dave@example.com"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    users = (*USERS, DemoUser("s-dave", DAVE, "Dave", ("/prokube-users",)))
    with running_world(tmp_path_factory.mktemp("admin"), f"http://127.0.0.1:{port}", port, users=users) as running:
        for user in users:
            running.log_in(user.email)
        yield running


@pytest.fixture(scope="module")
def admin(world: World) -> Admin:
    return Admin(world)


@pytest.fixture(scope="module")
def alice(world: World) -> httpx.Client:
    return key_of(world, ALICE)


@pytest.fixture(scope="module")
def bob(world: World) -> httpx.Client:
    return key_of(world, BOB)


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


def experiment_of(client: httpx.Client, name: str | None = None) -> str:
    answer = client.post(f"{API}/experiments/create", json={"name": name or unique("e")})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["experiment_id"])


def service(admin: Admin, **more: Any) -> tuple[str, httpx.Client]:
    name = unique("svc")
    admin.call("POST", "service-accounts", 201, name=name, **more)
    key = admin.call("POST", f"accounts/key?user={name}", 201, days=30)["access_key"]
    return name, httpx.Client(base_url=admin.world.url, auth=(name, key), timeout=60)


def admin_routes() -> list[tuple[str, str]]:
    """From the one place where all routes stand."""
    found = re.findall(r'\("(GET|POST|DELETE)", "(api/admin/[^"]+)"', ROUTES.read_text())
    assert len(found) > 20
    return found


@pytest.mark.parametrize(("method", "path"), admin_routes())
def test_nobody_but_administrators_reaches_an_admin_route(
    world: World, alice: httpx.Client, method: str, path: str
) -> None:
    body = None if method == "GET" else {"name": "x", "team": "team-a", "user": BOB}
    url = f"/prokube-auth/{path}"
    anonymous = httpx.request(method, world.url + url, json=body)
    assert (anonymous.status_code, anonymous.json()["error_code"]) == (401, "UNAUTHENTICATED")
    refused = alice.request(method, url, json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_a_service_accounts_key_logs_a_run(admin: Admin, world: World) -> None:
    name, client = service(admin, description="Nightly training")
    pattern = experiment_of(client)
    run = client.post(f"{API}/runs/create", json={"experiment_id": pattern, "start_time": 1})
    assert run.status_code == 200, run.text
    listed = admin.call("GET", "service-accounts", search=name)
    assert listed["total"] == 1
    found = listed["items"][0]
    assert (found["username"], found["kind"], found["status"], found["is_admin"]) == (name, "service", "active", False)
    assert client.post("/prokube-auth/api/access-key", json={"days": 7}).status_code == 401  # no key mints a key
    assert name not in {item["username"] for item in admin.call("GET", "users")["items"]}


def test_a_service_accounts_key_needs_an_administrators_session(
    admin: Admin, world: World, alice: httpx.Client
) -> None:
    name, _ = service(admin)
    key = world.make_key(admin.browser).json()["access_key"]
    by_key = httpx.post(f"{world.url}{OWN}/admin/accounts/key?user={name}", json={"days": 7}, auth=(ADMIN, key))
    assert by_key.status_code == 401
    assert admin.call("POST", f"accounts/key?user={BOB}", 400, days=7)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert admin.call("POST", f"accounts/key?user={name}", 400, days=366)["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("name", ["", "Ünder", "a b", "a:b", "new@example.com", "-x", "x" * 101, 7, None])
def test_what_can_be_no_service_account_is_refused(admin: Admin, name: Any) -> None:
    assert admin.call("POST", "service-accounts", 400, name=name)["message"]


def test_a_name_is_given_once(admin: Admin) -> None:
    name, _ = service(admin)
    for taken in (name, name.upper()):
        assert admin.call("POST", "service-accounts", 409, name=taken)["error_code"] == "RESOURCE_CONFLICT"


def test_a_blocked_person_is_out_at_once_and_stays_out(admin: Admin, world: World) -> None:
    dave = key_of(world, DAVE)
    browser, _ = world.log_in(DAVE)
    assert get(dave, experiment_of(dave)) == 200
    assert admin.call("POST", f"accounts/block?user={DAVE}")["status"] == "blocked"
    refused = dave.get(f"{API}/users/current")
    assert (refused.status_code, "has blocked the account" in refused.json()["message"]) == (401, True)
    assert browser.get(f"{API}/users/current").status_code == 401
    _, answer = world.log_in(DAVE)
    assert (answer.status_code, "has blocked this account" in answer.text) == (403, True)
    assert admin.call("POST", f"accounts/unblock?user={DAVE}")["status"] == "active"
    assert dave.get(f"{API}/users/current").status_code == 200
    for own in (f"accounts/block?user={ADMIN}",):
        assert "your own account" in admin.call("POST", own, 400)["message"]


def test_sessions_and_keys_are_ended(admin: Admin, world: World) -> None:
    client, (browser, _) = key_of(world, DAVE), world.log_in(DAVE)
    admin.call("DELETE", f"accounts/sessions?user={DAVE}", 204)
    assert browser.get(f"{API}/users/current").status_code == 401
    assert client.get(f"{API}/users/current").status_code == 200
    admin.call("DELETE", f"accounts/key?user={DAVE}", 204)
    assert client.get(f"{API}/users/current").status_code == 401


def test_a_deleted_service_account_hands_over_what_it_alone_managed(
    admin: Admin, world: World, bob: httpx.Client
) -> None:
    name, client = service(admin)
    pattern = experiment_of(client)
    refused = admin.call("DELETE", f"accounts?user={name}", 409)
    assert f"experiment '{pattern}'" in refused["message"]
    assert client.get(f"{API}/users/current").status_code == 200
    answer = admin.browser.delete(f"{OWN}/admin/accounts", params={"user": name, "heir": BOB})
    assert answer.json() == {"deleted": name, "heir": BOB, "inherited": 1}
    assert client.get(f"{API}/users/current").status_code == 401
    assert get(bob, pattern) == 200


def test_a_deleted_team_hands_over_what_only_its_members_managed(admin: Admin, bob: httpx.Client) -> None:
    team, (name, client) = unique("ops-team"), service(admin)
    pattern = experiment_of(client)
    admin.call("POST", "teams", 201, team=team)
    admin.call("POST", "team-members", team=team, user=name)
    shared = {"kind": "experiment", "id": pattern, "level": "MANAGE", "team": team}
    assert client.post(f"{OWN}/sharing", json=shared).status_code == 200
    mine = {"kind": "experiment", "id": pattern, "user": name}
    assert client.request("DELETE", f"{OWN}/sharing", json=mine).status_code == 200
    refused = admin.call("DELETE", "team-members", 409, team=team, user=name)
    assert f"'{name}' is the last member of '{team}'" in refused["message"]
    assert f"experiment '{pattern}'" in admin.call("DELETE", "teams", 409, team=team)["message"]
    assert admin.call("DELETE", "teams", team=team, heir=BOB) == {"deleted": team, "heir": BOB, "inherited": 1}
    assert (get(bob, pattern), get(client, pattern)) == (200, 403)


def test_a_rule_gives_a_team_todays_and_tomorrows_resources(
    admin: Admin, world: World, alice: httpx.Client, bob: httpx.Client
) -> None:
    prefix = unique("ops")
    team = unique("ops-team")
    admin.call("POST", "teams", 201, team=team)
    admin.call("POST", "team-members", team=team, user=ALICE)
    today = experiment_of(bob, f"{prefix}-today")
    rule = admin.call("POST", "team-rules", 201, team=team, kind="experiment", prefix=f"{prefix}-", level="EDIT")
    assert rule["matched"] == 1
    assert get(alice, today) == 200
    refused = bob.post(f"{API}/experiments/create", json={"name": f"{prefix}-bobs"})
    assert (refused.status_code, "for the members of a team" in refused.json()["message"]) == (403, True)
    key_admin = key_of(world, ADMIN)
    tomorrow = experiment_of(key_admin, f"{prefix}-tomorrow")
    assert get(alice, tomorrow) == 200
    rename = {"experiment_id": tomorrow, "new_name": unique("away")}
    assert key_admin.post(f"{API}/experiments/update", json=rename).status_code == 200
    assert get(alice, tomorrow) == 403
    admin.call("DELETE", "team-members", team=team, user=ALICE)
    assert get(alice, today) == 403
    admin.call("POST", "team-members", team=team, user=ALICE)
    admin.call("DELETE", "team-rules", 204, id=rule["id"])
    assert get(alice, today) == 403
    admin.call("DELETE", "teams", team=team)
    assert team not in {each["team"] for each in admin.call("GET", "teams")["items"]}


def test_a_service_account_may_be_in_a_team_of_keycloaks_and_a_person_not_by_hand(
    admin: Admin, alice: httpx.Client
) -> None:
    name, client = service(admin)
    pattern = experiment_of(alice)
    assert share(alice, pattern, team="team-a").status_code == 200
    assert get(client, pattern) == 403
    joined = admin.call("POST", "team-members", team="team-a", user=name)
    assert name in joined["members"]
    assert ALICE in joined["members"]
    assert joined["by_hand"] == [name]
    assert admin.call("GET", "team-members", team="team-a")["by_hand"] == [name]
    assert get(client, pattern) == 200
    assert "in Keycloak" in admin.call("POST", "team-members", 400, team="team-a", user=BOB)["message"]


def test_why_somebody_can_do_what_they_can(admin: Admin, alice: httpx.Client, bob: httpx.Client) -> None:
    pattern = experiment_of(alice)
    share(alice, pattern, "READ", user=BOB)
    share(alice, pattern, "EDIT", team="team-a")
    bobs = admin.call("GET", "explain", user=BOB, kind="experiment", id=pattern)
    assert (bobs["level"], bobs["reasons"]) == ("READ", ["READ on it, granted to them."])
    alices = admin.call("GET", "explain", user=ALICE, kind="experiment", id=pattern)
    assert alices["level"] == "MANAGE"
    assert set(alices["reasons"]) == {"MANAGE on it, granted to them.", "EDIT on it, through the team 'team-a'."}
    admins = admin.call("GET", "explain", user=ADMIN, kind="experiment", id=pattern)
    assert (admins["level"], admins["reasons"]) == ("MANAGE", ["An administrator manages everything."])
    name = alice.get(f"{API}/experiments/get", params={"experiment_id": pattern}).json()["experiment"]["name"]
    assert admin.call("GET", "explain", user=BOB, kind="experiment", id=name) == bobs
    assert admin.call("GET", "explain", 404, user=BOB, kind="registered_model", id=name)
    assert admin.call("GET", "permissions", kind="experiment", id=name)["total"] == 3
    listed = admin.call("GET", "permissions", kind="experiment", id=pattern)
    assert {(item["holder"], item["level"]) for item in listed["items"]} == {
        (ALICE, "MANAGE"), (BOB, "READ"), ("team-a", "EDIT"),
    }  # fmt: skip
    assert admin.call("GET", "permissions", user=BOB, size=1)["total"] >= 1
    assert admin.call("GET", "permissions", 400, size="many")["message"]


def test_what_nobody_owns_is_assigned_in_bulk(
    admin: Admin, world: World, alice: httpx.Client, bob: httpx.Client
) -> None:
    patterns = [experiment_of(alice) for _ in range(3)]
    for pattern in patterns:  # as if they had been made before there was any login
        world.sql("DELETE FROM role_permissions WHERE resource_type = 'experiment' AND resource_pattern = ?", pattern)
    listed = admin.call("GET", "unowned", kind="experiment")
    assert set(patterns) <= {item["id"] for item in listed["items"]}
    assert "0" not in {item["id"] for item in listed["items"]}
    resources = [{"kind": "experiment", "id": pattern} for pattern in patterns]
    assert admin.call("POST", "assign", user=BOB, resources=resources)["assigned"] == 3
    assert [get(bob, pattern) for pattern in patterns] == [200] * 3
    assert admin.call("POST", "assign", 404, user=BOB, resources=[{"kind": "experiment", "id": "98765"}])


def test_pages_of_what_nobody_owns_go_through_all_kinds(admin: Admin, world: World, alice: httpx.Client) -> None:
    stem = f"orphan-{uuid.uuid4().hex}"
    made = {("experiment", experiment_of(alice)), ("registered_model", f"{stem}-m"), ("prompt", f"{stem}-p")}
    for name, tags in ((f"{stem}-m", []), (f"{stem}-p", [{"key": "mlflow.prompt.is_prompt", "value": "true"}])):
        alice.post(f"{API}/registered-models/create", json={"name": name, "tags": tags}).raise_for_status()
    for kind, pattern in made:
        world.sql("DELETE FROM role_permissions WHERE resource_type = ? AND resource_pattern = ?", kind, pattern)
    whole = admin.call("GET", "unowned", size=200)
    pages = [admin.call("GET", "unowned", first=first, size=1) for first in range(whole["total"])]
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert {page["total"] for page in pages} == {whole["total"]} == {len(whole["items"])}
    found = [(item["kind"], item["id"]) for item in whole["items"]]
    assert made <= set(found)
    assert len(found) == len(set(found))
    assert admin.call("GET", "unowned", first=whole["total"])["items"] == []


def test_permissions_of_a_user_a_team_and_both_are_paged(admin: Admin, alice: httpx.Client) -> None:
    patterns = {experiment_of(alice) for _ in range(3)}
    for pattern in patterns:
        share(alice, pattern, "EDIT", team="team-a")
    choices: list[dict[str, Any]] = [
        {"user": ALICE}, {"team": "team-a"}, {"user": ALICE, "team": "team-a"}, {"kind": "experiment"}, {},
    ]  # fmt: skip
    for filters in choices:
        total = admin.call("GET", "permissions", **filters, size=1)["total"]
        pages = [admin.call("GET", "permissions", **filters, first=at, size=2)["items"] for at in range(0, total, 2)]
        seen = [(item["holder"], item["kind"], item["id"], item["level"]) for page in pages for item in page]
        assert len(seen) == len(set(seen)) == total
        teams = {pattern for holder, _, pattern, _ in seen if holder == "team-a"}
        own = {pattern for holder, _, pattern, _ in seen if holder == ALICE}
        assert patterns <= teams
        assert patterns.isdisjoint(own) if filters.get("team") else patterns <= own
    assert admin.call("GET", "permissions", user=BOB, team="team-a")["total"] == 0


def test_the_trash_shows_who_manages_and_gives_back(admin: Admin, alice: httpx.Client) -> None:
    pattern = experiment_of(alice)
    alice.post(f"{API}/experiments/delete", json={"experiment_id": pattern})
    found = {item["id"]: item for item in admin.call("GET", "trash", size=200)["items"]}
    assert found[pattern]["managers"] == [ALICE]
    assert admin.call("POST", "restore", id=pattern)["trashed"] is False
    assert admin.call("POST", "restore", 400, id=pattern)


def test_the_audit_trail_is_searched_and_holds_no_key(admin: Admin, world: World) -> None:
    name, client = service(admin)
    key = client.auth._auth_header if client.auth is not None else ""  # type: ignore[attr-defined]  # httpx's
    found = admin.call("GET", "audit", target=name)
    assert [event["action"] for event in found["items"]] == ["service.create"]
    assert found["items"][0]["actor"] == ADMIN
    everything = admin.browser.get(f"{OWN}/admin/audit", params={"size": 200}).text
    assert "pkt_" not in everything
    joined = admin.call("GET", "audit", action="token.create", actor=ADMIN)["items"]
    assert name in {event["detail"]["user"] for event in joined}
    assert key not in everything
    assert admin.call("GET", "audit", 400, since="yesterday")["message"]


def test_users_are_found_and_paged(admin: Admin, bob: httpx.Client) -> None:
    page = admin.call("GET", "users", size=2)
    assert (len(page["items"]), page["total"] >= 4) == (2, True)
    found = admin.call("GET", "users", search="BOB@")["items"]
    assert [(item["username"], item["kind"]) for item in found] == [(BOB, "person")]
    assert found[0]["key_expires_at"] is not None
    assert found[0]["last_login_at"] is not None


def test_teams_and_expiring_keys_are_paged(admin: Admin, world: World) -> None:
    prefix = unique("paged")
    for number in range(3):
        admin.call("POST", "teams", 201, team=f"{prefix}-{number}")
    page = admin.call("GET", "teams", search=prefix.upper(), first=1, size=1)
    assert (page["total"], [item["team"] for item in page["items"]]) == (3, [f"{prefix}-1"])
    name = unique("svc")
    admin.call("POST", "service-accounts", 201, name=name)
    admin.call("POST", f"accounts/key?user={name}", 201, days=1)
    first = admin.call("GET", "expiring-keys", size=1)
    assert [(item["username"], item["kind"]) for item in first["items"]] == [(name, "service")]
    assert first["total"] >= 1
    assert name not in {item["username"] for item in admin.call("GET", "expiring-keys", first=1)["items"]}


def test_the_pages_are_for_administrators_only(admin: Admin, world: World) -> None:
    headers = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    bob, _ = world.log_in(BOB)
    for section in ("", *(f"/{name}" for name in SECTIONS)):
        path = f"/prokube-auth/admin{section}"
        anonymous = httpx.get(world.url + path, headers=headers)
        assert anonymous.status_code == 302
        assert anonymous.headers["location"].startswith("/prokube-auth/login?next=%2Fprokube-auth%2Fadmin")
        assert (bob.get(path).status_code, admin.browser.get(path, headers=headers).status_code) == (403, 200)
    assert admin.browser.get("/prokube-auth/admin/nonsense", headers=headers).status_code == 404
