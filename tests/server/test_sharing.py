"""Sharing against a real server: by its manager, with people and teams, and never to nobody."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..support.processes import free_port
from ..support.sharing import ADMIN, AJAX3, ALICE, API, BOB, CAROL, OWN, USERS, get, share, unshare
from ..support.world import World, running_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    directory = tmp_path_factory.mktemp("sharing")
    with running_world(directory, f"http://127.0.0.1:{port}", port, users=USERS) as running:
        yield running


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, httpx.Client]:
    """Stock clients, as far as HTTP goes: everybody with their own access key."""
    clients = {}
    for email in (ALICE, BOB, CAROL, ADMIN):
        browser, _ = world.log_in(email)
        key = world.make_key(browser).json()["access_key"]
        clients[email] = httpx.Client(base_url=world.url, auth=(email, key), timeout=60)
    return clients


@pytest.fixture
def experiment(people: dict[str, httpx.Client]) -> tuple[str, str]:
    """A new experiment of alice's: id and name."""
    name = f"shared-{uuid.uuid4().hex[:8]}"
    answer = people[ALICE].post(f"{API}/experiments/create", json={"name": name})
    return answer.json()["experiment_id"], name


def tag(client: httpx.Client, experiment_id: str) -> int:
    body = {"experiment_id": experiment_id, "key": "k", "value": "v"}
    return client.post(f"{API}/experiments/set-experiment-tag", json=body).status_code


def holders(client: httpx.Client, pattern: str, kind: str = "experiment") -> dict[str, str]:
    answer = client.get(f"{OWN}/sharing", params={"kind": kind, "id": pattern})
    assert answer.status_code == 200, answer.text
    return {holder["name"]: holder["level"] for holder in answer.json()["holders"]}


def test_whom_one_shares_with_may_at_once_and_no_more(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    pattern, name = experiment
    assert get(people[BOB], pattern) == 403
    shared = share(people[ALICE], pattern, user="Bob@Example.com")
    assert shared.status_code == 200, shared.text
    assert shared.json()["resource"] == {
        "kind": "experiment", "kind_label": "experiment", "id": pattern, "name": name,
    }  # fmt: skip
    assert (get(people[BOB], pattern), tag(people[BOB], pattern)) == (200, 403)
    assert share(people[ALICE], pattern, "EDIT", user=BOB).status_code == 200
    assert tag(people[BOB], pattern) == 200
    assert holders(people[ALICE], pattern) == {ALICE: "MANAGE", BOB: "EDIT"}
    assert unshare(people[ALICE], pattern, user=BOB).status_code == 200
    assert get(people[BOB], pattern) == 403


def test_a_team_gets_it_for_all_its_members_and_only_ones_own_team(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    pattern, _ = experiment
    assert get(people[CAROL], pattern) == 403
    assert share(people[ALICE], pattern, team="team-a").json()["teams"] == ["team-a"]
    assert (get(people[CAROL], pattern), get(people[BOB], pattern)) == (200, 403)
    for team in ("org/team-b", "no-such-team", "prokube-users"):
        refused = share(people[ALICE], pattern, team=team)
        assert (refused.status_code, refused.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert share(people[ADMIN], pattern, team="org/team-b").status_code == 200
    assert unshare(people[ALICE], pattern, team="org/team-b").status_code == 200  # hers to take away
    assert holders(people[ALICE], pattern) == {ALICE: "MANAGE", "team-a": "READ"}


def test_who_does_not_manage_it_neither_shares_it_nor_sees_who_holds_it(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    pattern, _ = experiment
    share(people[ALICE], pattern, "EDIT", user=BOB)
    answers = {share(people[CAROL], each, user=BOB).text.replace(f"'{each}'", "ID") for each in (pattern, "999999")}
    assert len(answers) == 1  # nothing tells an id that is not there from one that is
    assert "does not exist or you may not manage it" in answers.pop()
    assert people[BOB].get(f"{OWN}/sharing", params={"kind": "experiment", "id": pattern}).status_code == 403
    assert get(people[CAROL], pattern) == 403


@pytest.mark.parametrize(("level", "may"), [("READ", "read"), ("EDIT", "change")])
def test_who_may_read_it_is_told_that_they_may_not_share_it(
    people: dict[str, httpx.Client], experiment: tuple[str, str], level: str, may: str
) -> None:
    pattern, name = experiment
    share(people[ALICE], pattern, level, user=BOB)
    assert share(people[BOB], pattern, user=CAROL).json()["message"] == (
        f"You may {may} the experiment '{name}', but not share it: you have {level}, and sharing needs MANAGE. "
        "Ask the MLflow admin to share it."
    )


def test_a_person_learns_their_own_level_and_nothing_of_what_they_may_not_read(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    pattern, _ = experiment
    share(people[ALICE], pattern, "READ", user=BOB)

    def held(who: str, wanted: str) -> tuple[str | None, bool]:
        answer = people[who].get(f"{OWN}/level", params={"kind": "experiment", "id": wanted})
        assert answer.status_code == 200, answer.text
        return answer.json()["level"], answer.json()["may_share"]

    assert [held(who, pattern) for who in (ALICE, BOB, ADMIN)] == [("MANAGE", True), ("READ", False), ("MANAGE", True)]
    assert [held(CAROL, each) for each in (pattern, "999999")] == [(None, False)] * 2
    assert held(ADMIN, "999999") == (None, False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"level": "READ"}, 400),
        ({"user": BOB, "team": "team-a", "level": "READ"}, 400),
        ({"user": BOB}, 400),
        ({"user": BOB, "level": "ADMIN"}, 400),
        ({"user": BOB, "level": "USE"}, 400),
        ({"user": BOB, "level": ["READ"]}, 400),
        ({"user": "nobody@example.com", "level": "READ"}, 404),
        ({"user": 7, "level": "READ"}, 400),
        ({"user": "bob", "level": "READ"}, 404),
    ],
)
def test_what_cannot_be_shared_is_told(
    people: dict[str, httpx.Client], experiment: tuple[str, str], body: dict[str, Any], status: int
) -> None:
    answer = people[ALICE].post(f"{OWN}/sharing", json={"kind": "experiment", "id": experiment[0], **body})
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]
    assert holders(people[ALICE], experiment[0]) == {ALICE: "MANAGE"}


def test_the_last_manager_stays_by_whatever_endpoint(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    pattern, _ = experiment
    grant = {"username": ALICE, "resource_type": "experiment", "resource_id": pattern}
    tries = (
        unshare(people[ALICE], pattern, user=ALICE),
        share(people[ALICE], pattern, "READ", user=ALICE),
        people[ALICE].post(f"{AJAX3}/users/permissions/revoke", json=grant),
        people[ADMIN].post(f"{AJAX3}/users/permissions/revoke", json=grant),
    )
    for answer in tries:
        assert answer.status_code == 400, answer.text
        assert "the last MANAGE" in answer.json()["message"]
    assert holders(people[ALICE], pattern) == {ALICE: "MANAGE"}
    assert share(people[ALICE], pattern, "MANAGE", user=BOB).status_code == 200
    assert unshare(people[ALICE], pattern, user=ALICE).status_code == 200
    assert holders(people[BOB], pattern) == {BOB: "MANAGE"}


def test_handing_over_gives_and_gives_up_at_once(people: dict[str, httpx.Client], experiment: tuple[str, str]) -> None:
    pattern, _ = experiment
    body = {"kind": "experiment", "id": pattern}
    assert people[ALICE].post(f"{OWN}/sharing/hand-over", json={**body, "user": ALICE}).status_code == 400
    assert people[ALICE].post(f"{OWN}/sharing/hand-over", json={**body, "user": BOB}).status_code == 200
    assert holders(people[BOB], pattern) == {BOB: "MANAGE"}
    assert get(people[ALICE], pattern) == 403


def test_a_model_is_shared_by_its_name_and_the_grants_go_with_it(people: dict[str, httpx.Client]) -> None:
    name = f"model {uuid.uuid4().hex[:8]}/ä".replace("/", "-")
    people[ALICE].post(f"{API}/registered-models/create", json={"name": name})
    assert share(people[ALICE], name, kind="registered_model", user=BOB).status_code == 200
    assert share(people[ALICE], name, kind="registered_model", team="team-a").status_code == 200
    rename = {"name": name, "new_name": f"{name}-2"}
    assert people[ALICE].post(f"{API}/registered-models/rename", json=rename).status_code == 200
    new = people[BOB].get(f"{API}/registered-models/get", params={"name": f"{name}-2"})
    assert new.status_code == 200
    people[ALICE].request("DELETE", f"{API}/registered-models/delete", json={"name": f"{name}-2"})
    people[ADMIN].post(f"{API}/registered-models/create", json={"name": f"{name}-2"})
    for who in (ALICE, BOB, CAROL):
        assert people[who].get(f"{API}/registered-models/get", params={"name": f"{name}-2"}).status_code == 403


def test_what_is_left_of_a_lost_group_is_nothing(world: World, experiment: tuple[str, str]) -> None:
    pattern, _ = experiment
    alice, _ = world.log_in(ALICE)
    carol, _ = world.log_in(CAROL)
    body = {"kind": "experiment", "id": pattern, "team": "team-a", "level": "READ"}
    assert alice.post(f"{OWN}/sharing", json=body, headers={"Origin": world.origin}).status_code == 200
    assert get(carol, pattern) == 200
    world.provider.set_groups(CAROL, ["/prokube-users"])
    try:
        world.sql("UPDATE prokube_sessions SET checked_at = checked_at - 3600, claimed_until = NULL")
        assert get(carol, pattern) == 403
    finally:
        world.provider.set_groups(CAROL, ["/prokube-users", "/team-a", "/org/team-b"])


def test_membership_of_a_keycloak_team_is_not_edited_by_hand(people: dict[str, httpx.Client]) -> None:
    admin = people[ADMIN]
    roles = admin.get(f"{AJAX3}/roles/list", params={"workspace": "default"}).json()["roles"]
    team = next(role for role in roles if role["name"] == "team-a")
    for answer in (
        admin.post(f"{AJAX3}/roles/assign", json={"username": BOB, "role_id": team["id"]}),
        admin.request("DELETE", f"{AJAX3}/roles/unassign", json={"username": ALICE, "role_id": team["id"]}),
        admin.request("DELETE", f"{AJAX3}/roles/delete", json={"role_id": team["id"]}),
        admin.patch(f"{AJAX3}/roles/update", json={"role_id": team["id"], "name": "other"}),
    ):
        assert answer.status_code == 400, answer.text
        assert "team 'team-a'" in answer.json()["message"]


def test_every_change_is_in_the_audit_trail(
    world: World, people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    share(people[ALICE], experiment[0], "EDIT", user=BOB)
    unshare(people[ALICE], experiment[0], user=BOB)
    events = world.rows(
        "SELECT actor, action FROM prokube_audit_events WHERE target = ? ORDER BY id", f"experiment:{experiment[0]}"
    )
    assert events == [(ALICE, "grant.create"), (ALICE, "grant.create"), (ALICE, "grant.delete")]


def test_ones_permissions_come_page_by_page(world: World, people: dict[str, httpx.Client]) -> None:
    browser, _ = world.log_in(BOB)
    made = {browser.post(f"{API}/experiments/create", json={"name": f"page-{uuid.uuid4().hex}"},
                         headers={"Origin": world.origin}).json()["experiment_id"] for _ in range(5)}  # fmt: skip
    assert len(made) == 5
    found: list[str] = []
    first, total = 0, 1
    while first < total:
        answer = browser.get(f"{OWN}/permissions", params={"first": first, "size": 2}).json()
        total, first = answer["total"], first + 2
        found += [row["name"] for row in answer["permissions"]]
    assert len(found) == len(set(found)) == total >= 5
    page = browser.get("/prokube-auth/permissions", params={"first": 2, "size": 2}).text
    assert f"3 to 4 of {total}" in page
    assert browser.get("/prokube-auth/permissions", params={"first": "x"}).status_code == 400


def register_scorer(client: httpx.Client, experiment_id: str, name: str) -> httpx.Response:
    scorer = {"name": name, "builtin_scorer_class": "RelevanceToQuery", "builtin_scorer_pydantic_data": {"name": name}}
    body = {"experiment_id": experiment_id, "name": name, "serialized_scorer": json.dumps(scorer)}
    return client.post("/api/3.0/mlflow/scorers/register", json=body)


def read_scorer(client: httpx.Client, experiment_id: str, name: str) -> int:
    params = {"experiment_id": experiment_id, "name": name}
    return client.get("/api/3.0/mlflow/scorers/get", params=params).status_code


def test_a_scorer_is_shared_and_nothing_is_left_of_a_deleted_one(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    experiment_id, name = experiment[0], "is it / good?"
    assert register_scorer(people[ALICE], experiment_id, name).status_code == 200
    pattern = f"{experiment_id}/is%20it%20%2F%20good%3F"
    assert read_scorer(people[BOB], experiment_id, name) == 403
    assert share(people[BOB], pattern, "READ", "scorer", user=BOB).status_code == 403
    shared = share(people[ALICE], pattern, "READ", "scorer", user=BOB)
    assert shared.json()["resource"]["name"] == f"{name} (experiment {experiment_id})"
    assert read_scorer(people[BOB], experiment_id, name) == 200
    assert get(people[BOB], experiment_id) == 403
    mine = people[ALICE].get(f"{OWN}/permissions", params={"size": 200}).json()["permissions"]
    assert any(each["kind"] == "scorer" and each["share"] for each in mine)
    gone = people[ALICE].request(
        "DELETE", "/api/3.0/mlflow/scorers/delete", json={"experiment_id": experiment_id, "name": name}
    )
    assert gone.status_code == 200, gone.text
    assert register_scorer(people[ALICE], experiment_id, name).status_code == 200
    assert holders(people[ALICE], pattern, "scorer") == {ALICE: "MANAGE"}


def test_a_further_version_makes_nobody_manager_of_anothers_scorer(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    experiment_id = experiment[0]
    register_scorer(people[ALICE], experiment_id, "s")
    share(people[ALICE], experiment_id, "EDIT", user=BOB)
    assert register_scorer(people[BOB], experiment_id, "s").status_code == 200
    assert holders(people[ALICE], f"{experiment_id}/s", "scorer") == {ALICE: "MANAGE"}


def test_who_deletes_one_version_of_a_scorer_still_manages_the_others(
    people: dict[str, httpx.Client], experiment: tuple[str, str]
) -> None:
    experiment_id = experiment[0]
    for _ in range(2):
        register_scorer(people[ALICE], experiment_id, "s")
    body = {"experiment_id": experiment_id, "name": "s", "version": 1}
    assert people[ALICE].request("DELETE", "/api/3.0/mlflow/scorers/delete", json=body).status_code == 200
    assert holders(people[ALICE], f"{experiment_id}/s", "scorer") == {ALICE: "MANAGE"}
