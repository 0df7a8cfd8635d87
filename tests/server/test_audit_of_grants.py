"""Every way to change a grant stands in the audit trail: the trail turns the grants before into the grants after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from ..support.administration import Admin, key_of
from ..support.commands import run
from ..support.processes import free_port
from ..support.sharing import ADMIN, AJAX3, ALICE, API, BOB, CAROL, OWN, USERS, share, unshare
from ..support.world import World, running_world

# Role and what it is on -> level.
Held = dict[tuple[str, str], str]
GRANTS = """SELECT r.name, p.resource_type || ':' || p.resource_pattern, p.permission FROM role_permissions p
 JOIN roles r ON r.id = p.role_id"""
EVENTS = """SELECT id, action, target, detail, actor, client FROM prokube_audit_events
 WHERE id > ? AND action LIKE 'grant.%' ORDER BY id"""


@dataclass
class Place:
    """A server, who calls it, and what they make on the way."""

    world: World
    admin: Admin
    clients: dict[str, httpx.Client]
    ids: dict[str, Any]

    def held(self) -> Held:
        return {(role, target): level for role, target, level in self.world.rows(GRANTS)}

    def post(self, who: str, path: str, **body: Any) -> Any:
        answer = self.clients[who].post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def create(self, who: str, name: str) -> str:
        self.ids[name] = self.post(who, f"{API}/experiments/create", name=name)["experiment_id"]
        return str(self.ids[name])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("trail"), f"http://127.0.0.1:{port}", port, users=USERS) as world:
        clients = {email: key_of(world, email) for email in (ALICE, BOB, CAROL, ADMIN)}
        yield Place(world, Admin(world), clients, {})
        for client in clients.values():
            client.close()


def rename(place: Place, name: str, new: str) -> None:
    place.post(BOB, f"{API}/experiments/update", experiment_id=place.ids[name], new_name=new)


def as_role(place: Place, act: str, **body: Any) -> Any:
    answer = place.clients[ADMIN].request(
        {"permissions/remove": "DELETE", "delete": "DELETE", "permissions/update": "PATCH"}.get(act, "POST"),
        f"{AJAX3}/roles/{act}", json=body,
    )  # fmt: skip
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def make_role(place: Place) -> None:
    role = as_role(place, "create", name="readers", workspace="default", description="")["role"]["id"]
    place.ids["role"] = role
    made = as_role(
        place, "permissions/add", role_id=role, resource_type="experiment", resource_pattern=place.ids["one"],
        permission="READ",
    )  # fmt: skip
    place.ids["grant"] = next(iter(made.values()))["id"]


def by_command(place: Place, *words: str) -> None:
    uri = f"sqlite:///{place.world.directory}/mlflow.db"
    settings = {"PROKUBE_AUTH_DATABASE_URI": uri, "MLFLOW_BACKEND_STORE_URI": uri}
    done = run(place.world.directory, *words, settings=settings)
    assert done.returncode == 0, done.stderr


def add_rule(place: Place, team: str, prefix: str, level: str = "READ") -> None:
    rule = place.admin.call("POST", "team-rules", 201, team=team, kind="experiment", prefix=prefix, level=level)
    place.ids[f"rule {prefix}"] = rule["id"]


def assign(place: Place) -> None:
    columns, values = "name, artifact_location, lifecycle_stage, workspace", "'lost', 'x', 'active', 'default'"
    place.world.sql(f"INSERT INTO experiments ({columns}) VALUES ({values})")
    ((lost,),) = place.world.rows("SELECT CAST(experiment_id AS TEXT) FROM experiments WHERE name = 'lost'")
    place.admin.call("POST", "assign", 200, user=CAROL, resources=[{"kind": "experiment", "id": lost}])


# In this order; each uses what those before it have made.
WAYS: list[tuple[str, Callable[[Place], Any], set[str]]] = [
    ("an experiment is created", lambda p: p.create(ALICE, "one"), {"grant.create"}),
    ("a model is created", lambda p: p.post(ALICE, f"{API}/registered-models/create", name="m"), {"grant.create"}),
    ("it is shared", lambda p: share(p.clients[ALICE], p.ids["one"], "EDIT", user=BOB), {"grant.create"}),
    ("at another level", lambda p: share(p.clients[ALICE], p.ids["one"], "READ", user=BOB), {"grant.change"}),
    ("with a team", lambda p: share(p.clients[ALICE], p.ids["one"], "READ", team="team-a"), {"grant.create"}),
    ("it is taken back", lambda p: unshare(p.clients[ALICE], p.ids["one"], user=BOB), {"grant.delete"}),
    (
        "a model is shared",
        lambda p: share(p.clients[ALICE], "m", "READ", "registered_model", user=BOB),
        {"grant.create"},
    ),
    (
        "MLflow's page grants",
        lambda p: p.post(ALICE, f"{AJAX3}/users/permissions/grant", username=CAROL, resource_type="experiment",
                         resource_id=p.ids["one"], permission="READ"),
        {"grant.create"},
    ),
    (
        "MLflow's page revokes",
        lambda p: p.post(ALICE, f"{AJAX3}/users/permissions/revoke", username=CAROL, resource_type="experiment",
                         resource_id=p.ids["one"]),
        {"grant.delete"},
    ),
    ("a role is made", make_role, {"grant.create"}),
    (
        "its grant changes",
        lambda p: as_role(p, "permissions/update", role_permission_id=p.ids["grant"], permission="EDIT"),
        {"grant.change"},
    ),
    ("its grant goes", lambda p: as_role(p, "permissions/remove", role_permission_id=p.ids["grant"]), {"grant.delete"}),
    (
        "it has another one",
        lambda p: as_role(p, "permissions/add", role_id=p.ids["role"], resource_type="experiment",
                          resource_pattern=p.ids["one"], permission="READ"),
        {"grant.create"},
    ),
    ("the role ends", lambda p: as_role(p, "delete", role_id=p.ids["role"]), {"grant.delete"}),
    ("a team by hand", lambda p: p.admin.call("POST", "teams", 201, team="hand"), set()),
    ("its member", lambda p: p.admin.call("POST", "team-members", 200, team="hand", user=BOB), set()),
    ("what a rule will find", lambda p: p.create(BOB, "hand-old"), {"grant.create"}),
    ("a rule on what is there", lambda p: add_rule(p, "hand", "hand-"), {"grant.create"}),
    ("a rule on what comes", lambda p: p.create(BOB, "hand-new"), {"grant.create"}),
    ("a new name without the prefix", lambda p: rename(p, "hand-new", "other"), {"grant.delete"}),
    ("and with it again", lambda p: rename(p, "hand-new", "hand-again"), {"grant.create"}),
    (
        "by a command",
        lambda p: by_command(p, "teams", "add-rule", "hand", "experiment", "hand-o", "EDIT"),
        {"grant.create"},
    ),
    (
        "a model has another name",
        lambda p: p.post(ALICE, f"{API}/registered-models/rename", name="m", new_name="n"),
        {"grant.move"},
    ),
    (
        "a model is deleted",
        lambda p: p.clients[ALICE].request("DELETE", f"{API}/registered-models/delete", json={"name": "n"}),
        {"grant.delete"},
    ),
    (
        "one is handed over",
        lambda p: p.post(ALICE, f"{OWN}/sharing/hand-over", kind="experiment", id=p.ids["one"], user=CAROL),
        {"grant.create", "grant.delete"},
    ),
    (
        "a rule ends",
        lambda p: p.admin.call("DELETE", "team-rules", 204, id=p.ids["rule hand-"]),
        {"grant.delete"},
    ),
    ("the team ends", lambda p: p.admin.call("DELETE", "teams", 200, team="hand"), {"grant.delete"}),
    (
        "an account ends",
        lambda p: p.admin.browser.delete(f"{OWN}/admin/accounts", params={"user": BOB, "successor": ALICE}),
        {"grant.create", "grant.delete"},
    ),
    (
        "what nobody owns is assigned",
        assign,
        {"grant.create"},
    ),
]  # fmt: skip


def test_the_trail_turns_the_grants_before_into_the_grants_after(place: Place) -> None:
    last = 0
    state = place.held()
    for name, act, expected in WAYS:
        act(place)
        events = place.world.rows(EVENTS, last)
        for _, action, target, detail, actor, client in events:
            assert actor not in ("", "server"), (name, action, target)
            assert client, (name, action, target)
            follow(state, action, target, json.loads(detail))
        assert state == place.held(), name
        assert {action for _, action, *_ in events} == expected, name
        last = max([last, *(row[0] for row in events)])


def follow(state: Held, action: str, target: str, detail: dict[str, Any]) -> None:
    """What an event says, done to the grants that were there before it."""
    key = (detail["role"], target)
    if action == "grant.create":
        assert key not in state
        state[key] = detail["permission"]
    elif action == "grant.change":
        assert state[key] == detail["was"]
        state[key] = detail["permission"]
    elif action == "grant.delete":
        assert state.pop(key) == detail["permission"]
    else:
        assert action == "grant.move"
        state[detail["role"], f"{target.partition(':')[0]}:{detail['to']}"] = state.pop(key)
