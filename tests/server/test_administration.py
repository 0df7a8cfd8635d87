"""Administrators' JSON against a real server: who may, and what it does for a stock client."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
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
from ..support.releases import HAS_SKILLS
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
    assert (
        client.post("/prokube-auth/api/access-key", json={"days": 7}).status_code == 401
    )  # an access key cannot create an access key
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
    answer = admin.browser.delete(f"{OWN}/admin/accounts", params={"user": name, "successor": BOB})
    assert answer.json() == {"deleted": name, "successor": BOB, "inherited": 1}
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
    assert admin.call("DELETE", "teams", team=team, successor=BOB) == {
        "deleted": team,
        "successor": BOB,
        "inherited": 1,
    }
    assert (get(bob, pattern), get(client, pattern)) == (200, 403)


def test_grants_are_found_by_a_part_of_a_name(admin: Admin, alice: httpx.Client, bob: httpx.Client) -> None:
    word, team = unique("Part"), unique("team")
    pattern = experiment_of(alice, f"a {word} b")
    assert bob.post(f"{API}/registered-models/create", json={"name": f"m-{word}"}).status_code == 200
    admin.call("POST", "teams", 201, team=f"{team}-x")
    assert share(admin.browser, pattern, team=f"{team}-x").status_code == 200

    def found(**query: Any) -> list[tuple[str, str, str]]:
        answer = admin.call("GET", "permissions", **query)
        assert answer["total"] == len(answer["items"])
        return [(each["holder"], each["kind"], each["name"]) for each in answer["items"]]

    experiment, model = ("experiment", f"a {word} b"), ("registered_model", f"m-{word}")
    expected = [(ALICE, *experiment), (BOB, *model), (f"{team}-x", *experiment)]
    assert found(id=word.lower()) == expected
    assert found(id=word, kind="registered_model") == [(BOB, *model)]
    assert found(id=word, user="ALICE@") == [(ALICE, *experiment)]
    assert found(id=word, team=team) == [(f"{team}-x", *experiment)]
    assert (ALICE, *experiment) in found(id=pattern, user=ALICE)
    page = admin.call("GET", "permissions", id=word, first=1, size=1)
    assert (page["total"], [each["holder"] for each in page["items"]]) == (3, [BOB])
    assert found(id="%") == []


def test_the_name_of_a_user_finds_nobody_whose_name_holds_it(admin: Admin) -> None:
    name, longer = unique("svc"), ""
    longer = f"{name}-2"
    for each in (name, longer):
        admin.call("POST", "service-accounts", 201, name=each)
        key = admin.call("POST", f"accounts/key?user={each}", 201, days=30)["access_key"]
        with httpx.Client(base_url=admin.world.url, auth=(each, key), timeout=60) as client:
            experiment_of(client)
    assert {each["holder"] for each in admin.call("GET", "permissions", user=name)["items"]} == {name}
    assert {each["holder"] for each in admin.call("GET", "permissions", user=name[:-1])["items"]} == {name, longer}


def test_my_permissions_are_searched(admin: Admin, alice: httpx.Client) -> None:
    word = unique("mine")
    for number in range(3):
        experiment_of(alice, f"{word}-{number}")
    answer = alice.get(f"{OWN}/permissions", params={"search": word.upper(), "size": 2}).json()
    assert (answer["total"], [each["name"] for each in answer["permissions"]]) == (3, [f"{word}-0", f"{word}-1"])
    assert alice.get(f"{OWN}/permissions", params={"search": unique("none")}).json() == {"permissions": [], "total": 0}


def test_what_was_inherited_is_told_from_what_was_created(admin: Admin, bob: httpx.Client) -> None:
    name, client = service(admin)
    inherited, created, given = (unique(word) for word in ("inherited", "created", "given"))
    experiment_of(client, inherited)
    experiment_of(bob, created)
    with key_of(admin.world, DAVE) as dave:
        assert share(dave, experiment_of(dave, given), "MANAGE", user=BOB).status_code == 200
    assert admin.browser.delete(f"{OWN}/admin/accounts", params={"user": name, "successor": BOB}).status_code == 200
    for word, mine, theirs in (
        (inherited, "inherited from a deleted account", "inherited from a deleted account"),
        (created, "you created it", "they created it"),
        (given, "granted to you", "granted to them"),
    ):
        found = bob.get(f"{OWN}/permissions", params={"search": word}).json()["permissions"]
        assert [(each["level"], each["reason"]) for each in found] == [("MANAGE", mine)]
        reasons = admin.call("GET", "explain", user=BOB, kind="experiment", id=word)["reasons"]
        assert reasons == [f"MANAGE on it, {theirs}."]


def test_mlflows_list_of_permissions_and_ours_are_the_same(alice: httpx.Client, bob: httpx.Client) -> None:
    word = unique("same")
    pattern = experiment_of(alice, word)
    assert share(alice, pattern, "EDIT", user=BOB).status_code == 200
    assert bob.post(f"{API}/registered-models/create", json={"name": word}).status_code == 200
    listed = bob.get("/api/3.0/mlflow/users/current/permissions").json()["permissions"]
    found = bob.get(f"{OWN}/permissions", params={"size": 200}).json()
    assert found["total"] == len(listed)
    theirs = {(row["resource_type"], row["resource_pattern"], row["permission"]) for row in listed}
    ours = {(row["kind"], row["name"], row["level"]) for row in found["permissions"] if row["name"] == word}
    assert ours == {("experiment", word, "EDIT"), ("registered_model", word, "MANAGE")}
    assert {("experiment", pattern, "EDIT"), ("registered_model", word, "MANAGE")} <= theirs


def test_names_are_offered_of_those_with_whom_one_shares(admin: Admin, alice: httpx.Client, bob: httpx.Client) -> None:
    def offered(client: httpx.Client, search: str) -> list[str]:
        answer = client.get(f"{OWN}/people", params={"search": search})
        assert answer.status_code == 200, answer.text
        return [each["username"] for each in answer.json()["items"]]

    name, client = service(admin)
    assert offered(client, "") == [name]
    assert offered(admin.browser, name[4:]) == [name]
    assert offered(alice, name) == []
    assert share(client, experiment_of(client), user=ALICE).status_code == 200
    assert (offered(alice, name), offered(client, "ALICE")) == ([name], [ALICE])
    assert offered(bob, name) == []
    admin.call("POST", f"accounts/block?user={name}")
    assert offered(alice, name) == []
    assert httpx.get(f"{admin.world.url}{OWN}/people").status_code == 401


def test_the_trash_and_what_nobody_owns_are_searched(admin: Admin, bob: httpx.Client) -> None:
    word = unique("Lost")
    pattern, other = experiment_of(bob, f"{word}-1"), experiment_of(bob, f"{word}-2")
    assert bob.post(f"{API}/experiments/delete", json={"experiment_id": pattern}).status_code == 200
    assert [each["id"] for each in admin.call("GET", "trash", search=word.lower())["items"]] == [pattern]
    assert admin.call("GET", "trash", search=f"{word}-2")["total"] == 0
    admin.world.sql(f"DELETE FROM role_permissions WHERE resource_type = 'experiment' AND resource_pattern = '{other}'")
    assert [each["name"] for each in admin.call("GET", "unowned", search=word.lower())["items"]] == [f"{word}-2"]
    assert admin.call("GET", "unowned", search=unique("none"))["total"] == 0


def test_the_audit_trail_names_what_an_id_is(admin: Admin, bob: httpx.Client) -> None:
    name = unique("audited")
    pattern = experiment_of(bob, name)
    events = admin.call("GET", "audit", target=f"experiment:{pattern}", action="grant.create")["items"]
    assert [(each["target"], each["name"]) for each in events] == [(f"experiment:{pattern}", name)]
    assert admin.call("GET", "audit", action="team.create", size=1)["items"][0]["name"] is None


def test_what_a_rule_would_do_is_told_before_it_is_made(admin: Admin, alice: httpx.Client, bob: httpx.Client) -> None:
    team, prefix = unique("team"), unique("weather")
    admin.call("POST", "teams", 201, team=team)
    admin.call("POST", "team-members", team=team, user=ALICE)
    for client, name in ((alice, f"{prefix}-a"), (bob, f"{prefix}-b")):
        assert client.post(f"{API}/registered-models/create", json={"name": name}).status_code == 200
    marked = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    prompt = {"name": f"{prefix}-prompt", "tags": marked}
    assert bob.post(f"{API}/registered-models/create", json=prompt).status_code == 200
    other = unique("team")
    admin.call("POST", "teams", 201, team=other)
    admin.call("POST", "team-rules", 201, team=other, kind="prompt", prefix=f"{prefix}-prompt", level="READ")
    wanted: dict[str, Any] = {"team": team, "kind": "registered_model", "prefix": f"{prefix}-", "level": "READ"}
    assert admin.call("GET", "team-rules/effects", **wanted) == {
        "members": [ALICE],
        "matched": 2,
        "opens": [
            {"kind": "registered_model", "id": f"{prefix}-a", "name": f"{prefix}-a", "managers": [ALICE]},
            {"kind": "registered_model", "id": f"{prefix}-b", "name": f"{prefix}-b", "managers": [BOB]},
        ],
        "closes": "model or prompt",
        "outsiders": [BOB],
        "other_teams": [other],
        "warning": "",
    }
    assert alice.get(f"{API}/registered-models/get", params={"name": f"{prefix}-b"}).status_code == 403
    short = admin.call("GET", "team-rules/effects", **{**wanted, "prefix": "wea"})
    assert "'wea' has 3 characters" in short["warning"]
    assert admin.call("GET", "team-rules/effects", **{**wanted, "prefix": "weat"})["warning"] == ""
    assert admin.call("GET", "team-rules/effects", 400, **{**wanted, "level": "USE"})["message"]


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
    assert (refused.status_code, "Only members of a team may use names" in refused.json()["message"]) == (403, True)
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
    assert set(alices["reasons"]) == {"MANAGE on it, they created it.", "EDIT on it, through the team 'team-a'."}
    admins = admin.call("GET", "explain", user=ADMIN, kind="experiment", id=pattern)
    assert (admins["level"], admins["reasons"]) == ("MANAGE", ["An administrator manages everything."])
    name = alice.get(f"{API}/experiments/get", params={"experiment_id": pattern}).json()["experiment"]["name"]
    assert admin.call("GET", "explain", user=BOB, kind="experiment", id=name) == bobs
    assert admin.call("GET", "explain", 404, user=BOB, kind="registered_model", id=name)
    assert admin.call("GET", "permissions", kind="experiment", id=name)["total"] == 3
    listed = admin.call("GET", "permissions", kind="experiment", id=pattern)
    # The filter also finds what has the id's digits in its name.
    assert {(item["holder"], item["level"]) for item in listed["items"] if item["id"] == pattern} == {
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


def test_a_kind_that_this_mlflow_does_not_have_is_not_offered(admin: Admin) -> None:
    for section in ("unowned", "permissions", "teams"):
        page = admin.browser.get(f"/prokube-auth/admin/{section}", headers={"Accept": "text/html"}).text
        assert "gateway model definition" in page
        assert ("skill" in page) is HAS_SKILLS, section
    team = f"crew-{uuid.uuid4().hex}"
    admin.call("POST", "teams", 201, team=team)
    admin.call("GET", "unowned", 200 if HAS_SKILLS else 400, kind="skill")
    rule = {"team": team, "kind": "skill", "prefix": f"{team}-", "level": "READ"}
    answer = admin.call("POST", "team-rules", 201 if HAS_SKILLS else 400, **rule)
    if not HAS_SKILLS:
        assert "'kind' is 'skill', expected one of experiment, registered_model, " in answer["message"]


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
    joined = admin.call("GET", "audit", action="access_key.create", actor=ADMIN)["items"]
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


def test_the_audit_trail_is_exported_as_the_filters_let_through(admin: Admin, bob: httpx.Client) -> None:
    team = unique("=team")
    admin.call("POST", "teams", 201, team=team)
    for _ in range(3):
        admin.call("POST", "team-members", team=team, user=BOB)
        admin.call("DELETE", "team-members", team=team, user=BOB)
    query: dict[str, Any] = {"target": team, "action": "team.", "actor": ADMIN}
    listed = admin.call("GET", "audit", **query)
    assert listed["total"] == 7
    page = f"{admin.world.url}/prokube-auth/admin/audit"
    lines = admin.browser.get(f"{page}.jsonl", params=query)
    assert lines.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="mlflow-audit-\d{4}-\d\d-\d\d\.jsonl"', lines.headers["content-disposition"]
    )
    assert [json.loads(line) for line in lines.text.splitlines()] == listed["items"]
    table = list(csv.DictReader(io.StringIO(admin.browser.get(f"{page}.csv", params=query).text, newline="")))
    assert [each["target"] for each in table] == [f"'{team}"] * 7  # no formula to a spreadsheet
    assert [json.loads(each["detail"]) for each in table] == [each["detail"] for each in listed["items"]]
    assert list(table[0]) == ["at", "actor", "action", "target", "name", "client", "detail"]
    none = {"target": unique("none")}
    assert admin.browser.get(f"{page}.jsonl", params=none).text == ""
    assert admin.browser.get(f"{page}.csv", params=none).text == "at,actor,action,target,name,client,detail\r\n"
    for ending in ("csv", "jsonl"):
        assert bob.get(f"{page}.{ending}", headers={"Accept": "*/*"}).status_code == 403
        assert admin.browser.get(f"{page}.{ending}", params={"since": "yesterday"}).status_code == 400


def test_a_long_audit_trail_is_exported_whole(admin: Admin, tmp_path: Path) -> None:
    word, number = unique("many"), 2_345
    with sqlite3.connect(admin.world.directory / "mlflow.db", timeout=20) as connection:
        connection.executemany(
            "INSERT INTO prokube_audit_events (at, actor, action, target, client, detail) "
            "VALUES (?, 'x', 'login', ?, '', '{}')",
            [(1_000 + each, word) for each in range(number)],
        )
    page = f"{admin.world.url}/prokube-auth/admin/audit.jsonl"
    lines = admin.browser.get(page, params={"target": word}).text.splitlines()
    assert len(lines) == number
    moments = [json.loads(line)["at"] for line in lines]
    assert moments == sorted(set(moments), reverse=True)
    some = admin.browser.get(page, params={"target": word, "since": 1_000, "until": 1_010}).text.splitlines()
    assert len(some) == 10
