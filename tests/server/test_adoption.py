"""A database that stock ``basic-auth`` made is adopted: the same people, the same grants, no passwords."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import httpx
import pytest
from mlflow import MlflowClient

from mlflow_prokube_auth.demo.accounts import DemoUser

from ..support.processes import free_port, running_server
from ..support.world import World, running_world

API, API3, AJAX = "/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/2.0/mlflow"
ADMIN = ("admin", "password-of-the-old-admin")
CAROL, DAVE, EVE = "carol@example.com", "dave@example.com", "eve@example.com"
FRANK, STRANGER, BOSS = "frank@example.com", "grace@example.com", "boss@example.com"
# As they were made in basic-auth, whose names may have capitals.
OLD_NAMES = {CAROL: CAROL, DAVE: DAVE, EVE: EVE, FRANK: "Frank@Example.com"}
USERS = (
    DemoUser("s-carol", CAROL, "Carol", ("/prokube-users",)),
    DemoUser("s-dave", DAVE, "Dave", ("/prokube-users",)),
    DemoUser("s-eve", EVE, "Eve", ("/prokube-users",), email_verified=False),
    DemoUser("s-frank", FRANK, "Frank", ("/prokube-users",)),
    DemoUser("s-grace", STRANGER, "Grace", ("/prokube-users",)),
    DemoUser("s-boss", BOSS, "Boss", ("/prokube-users", "/prokube-admins")),
)
GRANTS = """SELECT u.id, r.name, p.resource_type, p.resource_pattern, p.permission FROM users u
 JOIN user_role_assignments a ON a.user_id = u.id JOIN roles r ON r.id = a.role_id
 JOIN role_permissions p ON p.role_id = r.id ORDER BY 1, 2, 3, 4"""


def password_of(email: str) -> str:
    return f"old-password-of-{email}"


class Changes(TypedDict, total=False):
    """The settings of the new server."""

    DATABASE_URI: str


@dataclass
class Adopted:
    """The server after the change, and what was there before."""

    world: World
    auth_file: Path
    ids: dict[str, int]
    experiments: dict[str, str]
    run_id: str
    grants: list[tuple[Any, ...]]

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.auth_file, timeout=20) as connection:
            return connection.execute(query, values).fetchall()

    def as_(self, email: str) -> httpx.Client:
        """A browser of that person, after login."""
        browser, answer = self.world.log_in(email)
        assert answer.status_code == 302, answer.text
        browser.headers["Origin"] = self.world.origin
        return browser

    def get_experiment(self, browser: httpx.Client, name: str) -> int:
        return browser.get(f"{AJAX}/experiments/get", params={"experiment_id": self.experiments[name]}).status_code


def names(browser: httpx.Client, what: str) -> set[str]:
    """Names of the experiments, or models, that a search shows."""
    body = {"max_results": 100} if what == "experiments" else None
    method, path = ("POST", f"{AJAX}/experiments/search") if body else ("GET", f"{AJAX}/registered-models/search")
    answer = browser.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return {each["name"] for each in answer.json().get(what, [])}


def call(url: str, auth: tuple[str, str], path: str, **body: Any) -> dict[str, Any]:
    answer = httpx.post(url + path, auth=auth, json=body, timeout=60)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return dict(answer.json())


def live_with_basic_auth(url: str) -> tuple[dict[str, int], dict[str, str], str]:
    """People, and what they make and share: ids of people and experiments, and a run of carol's."""
    ids = {
        email: call(url, ADMIN, f"{API}/users/create", username=name, password=password_of(email))["user"]["id"]
        for email, name in OLD_NAMES.items()
    }
    made = {"the-admins": call(url, ADMIN, f"{API}/experiments/create", name="the-admins")["experiment_id"]}
    for email, name in (("carol", "carols"), ("dave", "daves"), ("eve", "eves"), ("frank", "franks")):
        email = f"{email}@example.com"
        auth = (OLD_NAMES[email], password_of(email))
        made[name] = call(url, auth, f"{API}/experiments/create", name=name)["experiment_id"]
    carol = (CAROL, password_of(CAROL))
    run = call(url, carol, f"{API}/runs/create", experiment_id=made["carols"], start_time=1)["run"]["info"]["run_id"]
    for name in ("carols-model", "carols-secret-model"):
        call(url, carol, f"{API}/registered-models/create", name=name)
    call(
        url, carol, f"{API3}/users/permissions/grant",
        username=DAVE, resource_type="experiment", resource_id=made["carols"], permission="READ",
    )  # fmt: skip
    role = call(url, ADMIN, f"{API3}/roles/create", workspace="default", name="model-readers")["role"]["id"]
    call(
        url, ADMIN, f"{API3}/roles/permissions/add",
        role_id=role, resource_type="registered_model", resource_pattern="carols-model", permission="READ",
    )  # fmt: skip
    call(url, ADMIN, f"{API3}/roles/assign", username=DAVE, role_id=role)
    return ids, made, run


@pytest.fixture(scope="module", params=["a database of its own", "the tracking database"])
def adopted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adopted]:
    directory = tmp_path_factory.mktemp("adoption")
    tracking = f"sqlite:///{directory}/mlflow.db"
    own = request.param == "a database of its own"
    auth_file = directory / ("basic_auth.db" if own else "mlflow.db")
    # From the time before there was any login: nobody owns it.
    nobodys = MlflowClient(tracking).create_experiment("nobodys", artifact_location=f"{directory}/artifacts/nobodys")
    config = directory / "basic_auth.ini"
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{auth_file}\n"
        f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    port = free_port()
    stock = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret-of-the-stock-server"}
    with running_server(directory, stock, port, "--app-name", "basic-auth"):
        ids, experiments, run_id = live_with_basic_auth(f"http://127.0.0.1:{port}")
    with sqlite3.connect(auth_file) as connection:
        grants = connection.execute(GRANTS).fetchall()
    port = free_port()
    changes: Changes = {"DATABASE_URI": f"sqlite:///{auth_file}"} if own else {}
    with running_world(directory, f"http://127.0.0.1:{port}", port, users=USERS, **changes) as world:
        yield Adopted(world, auth_file, ids, {**experiments, "nobodys": nobodys}, run_id, grants)


def test_people_keep_their_ids_and_grants(adopted: Adopted) -> None:
    for email in (CAROL, DAVE, FRANK):
        user = adopted.as_(email).get(f"{AJAX}/users/current").json()["user"]
        assert (user["username"], user["id"], user["is_admin"]) == (email, adopted.ids[email], False)
    old_ids = (*adopted.ids.values(), 1)
    assert len(adopted.grants) >= 8
    assert [grant for grant in adopted.sql(GRANTS) if grant[0] in old_ids] == adopted.grants


def test_an_owner_manages_what_they_made_before(adopted: Adopted) -> None:
    carol = adopted.as_(CAROL)
    assert names(carol, "experiments") == {"carols"}
    assert names(carol, "registered_models") == {"carols-model", "carols-secret-model"}
    run = carol.get(f"{AJAX}/runs/get", params={"run_id": adopted.run_id}).json()["run"]["info"]
    assert run["experiment_id"] == adopted.experiments["carols"]
    tagged = {"experiment_id": adopted.experiments["carols"], "key": "k", "value": "v"}
    assert carol.post(f"{AJAX}/experiments/set-experiment-tag", json=tagged).status_code == 200
    assert names(adopted.as_(FRANK), "experiments") == {"franks"}


def test_a_grantee_sees_what_was_granted_by_a_person_and_by_a_role_and_no_more(adopted: Adopted) -> None:
    dave = adopted.as_(DAVE)
    assert names(dave, "experiments") == {"carols", "daves"}
    assert names(dave, "registered_models") == {"carols-model"}
    assert dave.get(f"{AJAX}/runs/get", params={"run_id": adopted.run_id}).status_code == 200
    tagged = {"experiment_id": adopted.experiments["carols"], "key": "k", "value": "v"}
    assert dave.post(f"{AJAX}/experiments/set-experiment-tag", json=tagged).status_code == 403
    assert adopted.get_experiment(dave, "the-admins") == 403
    model = dave.get(f"{AJAX}/registered-models/get", params={"name": "carols-secret-model"})
    assert model.status_code == 403


def test_a_stranger_sees_nothing_where_basic_auth_let_everybody_read(adopted: Adopted) -> None:
    grace = adopted.as_(STRANGER)
    assert names(grace, "experiments") == set()
    assert names(grace, "registered_models") == set()
    for name in adopted.experiments:
        assert adopted.get_experiment(grace, name) == 403
    assert grace.get(f"{AJAX}/runs/get", params={"run_id": adopted.run_id}).status_code == 403


def test_what_nobody_owns_is_the_administrators_until_they_grant_it(adopted: Adopted) -> None:
    frank, boss = adopted.as_(FRANK), adopted.as_(BOSS)
    assert adopted.get_experiment(frank, "nobodys") == 403
    taken = frank.post(f"{AJAX}/experiments/create", json={"name": "nobodys"})
    assert (taken.status_code, taken.json()["error_code"]) == (403, "PERMISSION_DENIED")
    granted = boss.post(
        "/ajax-api/3.0/mlflow/users/permissions/grant",
        json={
            "username": FRANK,
            "resource_type": "experiment",
            "resource_id": adopted.experiments["nobodys"],
            "permission": "MANAGE",
        },
    )
    assert granted.status_code == 200, granted.text
    assert names(frank, "experiments") == {"franks", "nobodys"}
    revoked = boss.post(
        "/ajax-api/3.0/mlflow/users/permissions/revoke",
        json={"username": FRANK, "resource_type": "experiment", "resource_id": adopted.experiments["nobodys"]},
    )
    # It has an owner now, and keeps one.
    assert (revoked.status_code, "the last MANAGE" in revoked.json()["message"]) == (400, True)


def test_an_administrator_in_keycloak_sees_all(adopted: Adopted) -> None:
    boss = adopted.as_(BOSS)
    assert boss.get(f"{AJAX}/users/current").json()["user"]["is_admin"] is True
    assert names(boss, "experiments") == {"Default", "nobodys", "the-admins", "carols", "daves", "eves", "franks"}
    assert names(boss, "registered_models") == {"carols-model", "carols-secret-model"}


@pytest.mark.parametrize("email", [CAROL, EVE, FRANK, "admin"])
def test_old_passwords_work_no_more(adopted: Adopted, email: str) -> None:
    auth = ADMIN if email == "admin" else (OLD_NAMES[email], password_of(email))
    for path in (f"{API}/users/current", f"{API}/experiments/get?experiment_id=0"):
        answer = httpx.get(adopted.world.url + path, auth=auth)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    page = adopted.world.browser().get("/prokube-auth/permissions", auth=auth)
    assert page.status_code == 401


def test_the_old_admin_is_nobodys_account(adopted: Adopted) -> None:
    assert adopted.sql(
        "SELECT u.is_admin, i.subject FROM users u LEFT JOIN prokube_identities i ON i.user_id = u.id"
        " WHERE u.username = 'admin'"
    ) == [(1, None)]


def test_an_unverified_address_is_not_bound(adopted: Adopted) -> None:
    browser, answer = adopted.world.log_in(EVE)
    assert (answer.status_code, "not verified" in answer.text) == (403, True)
    assert browser.get(f"{AJAX}/users/current").status_code == 401
    bound = adopted.sql("SELECT subject FROM prokube_identities WHERE user_id = ?", adopted.ids[EVE])
    assert bound == []


def test_a_key_of_an_adopted_person_works_in_a_client(adopted: Adopted) -> None:
    browser = adopted.as_(CAROL)
    key = adopted.world.make_key(browser).json()["access_key"]
    answer = httpx.get(f"{adopted.world.url}{API}/runs/get", params={"run_id": adopted.run_id}, auth=(CAROL, key))
    assert answer.status_code == 200
