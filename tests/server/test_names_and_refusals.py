"""Names, races and the words of refusals, against a real server."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import closing, suppress

import httpx
import pytest
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import select

from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.services import open_services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.schema import users

from ..support.demo import Demo
from ..support.people import acting, let_in

API = "/api/2.0/mlflow"
SETTINGS = {
    "PROKUBE_AUTH_OIDC_ISSUER": "http://issuer.test",
    "PROKUBE_AUTH_OIDC_CLIENT_ID": "mlflow",
    "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "secret",
    "PROKUBE_AUTH_EXTERNAL_URL": "http://127.0.0.1:1",
    "PROKUBE_AUTH_SECRET_KEY": "k" * 40,
}


def client(demo: Demo, who: str) -> httpx.Client:
    return httpx.Client(base_url=demo.url + API, auth=demo.auth(who), timeout=30)


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("kind", ["experiments", "registered-models"])
def test_of_eight_users_who_create_one_name_at_once_one_succeeds(demo: Demo, kind: str) -> None:
    services = open_services(load(SETTINGS), f"sqlite:///{demo.directory}/data/mlflow.db")
    name, pairs = unique("race"), []
    for _ in range(8):
        email = f"{unique('racer')}@example.com"
        person = let_in(
            services,
            Admission("http://issuer.test", email, email, True, email, ("prokube-users",), "prokube-users", None),
            1,
        )
        token = compose(uuid.uuid4().bytes * 3)
        services.access_keys.mint(token, person.user_id, 4102444800, acting(1, "test"))
        pairs.append((email, token.text))

    def create(pair: tuple[str, str]) -> httpx.Response:
        return httpx.post(f"{demo.url}{API}/{kind}/create", json={"name": name}, auth=pair, timeout=60)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, pairs))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
    for answer in answers:
        if answer.status_code == 403:
            assert answer.json()["error_code"] == "PERMISSION_DENIED"
            assert f"'{name}' is already taken" in answer.json()["message"]


def test_a_taken_name_is_a_permission_error_that_says_what_to_do(demo: Demo) -> None:
    name = unique("taken")
    with client(demo, "alice") as alice, client(demo, "bob") as bob:
        assert alice.post("/experiments/create", json={"name": name}).status_code == 200
        for answer in (
            bob.get("/experiments/get-by-name", params={"experiment_name": name}),
            bob.post("/experiments/create", json={"name": name}),
        ):
            assert answer.status_code == 403
            assert answer.json() == {
                "error_code": "PERMISSION_DENIED",
                "message": f"The experiment name '{name}' is already taken and you may not access it. "
                f"Choose a different name, for example with your team as prefix ('<team>-{name}'), "
                "or ask the MLflow admin for access.",
            }
        again = alice.post("/experiments/create", json={"name": name})
        assert again.json() == {
            "error_code": "RESOURCE_ALREADY_EXISTS",
            "message": f"The experiment name '{name}' already exists.",
        }


def test_renaming_onto_a_taken_name_is_refused_and_a_left_name_is_free(demo: Demo) -> None:
    taken, mine, new = unique("taken"), unique("mine"), unique("new")
    with client(demo, "alice") as alice, client(demo, "bob") as bob:
        alice.post("/registered-models/create", json={"name": taken})
        bob.post("/registered-models/create", json={"name": mine})
        answer = bob.post("/registered-models/rename", json={"name": mine, "new_name": taken})
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
        assert bob.post("/registered-models/rename", json={"name": mine, "new_name": new}).status_code == 200
        assert bob.get("/registered-models/get", params={"name": new}).status_code == 200
        assert alice.post("/registered-models/create", json={"name": mine}).status_code == 200


SECRET = {"secret_value": {"api_key": "x"}, "provider": "openai"}


def test_names_of_gateway_resources_are_unique_by_the_same_rule(demo: Demo) -> None:
    def create(who: str, kind: str, body: Mapping[str, object]) -> httpx.Response:
        return httpx.post(
            f"{demo.url}/api/3.0/mlflow/gateway/{kind}/create", json=body, auth=demo.auth(who), timeout=30
        )

    names = {kind: unique(kind) for kind in ("secrets", "model-definitions", "endpoints")}
    models = {}
    for who in ("alice", "bob"):
        name = names["secrets"] if who == "alice" else unique("secret")
        secret = create(who, "secrets", {**SECRET, "secret_name": name}).json()["secret"]["secret_id"]
        body = {"secret_id": secret, "provider": "openai", "model_name": "m"}
        name = names["model-definitions"] if who == "alice" else unique("definition")
        made = create(who, "model-definitions", {**body, "name": name}).json()
        models[who] = [
            {"model_definition_id": made["model_definition"]["model_definition_id"], "linkage_type": "PRIMARY"}
        ]
        if who == "alice":
            assert create(who, "endpoints", {"name": names["endpoints"], "model_configs": models[who]}).is_success
    for who, status, words in (("bob", 403, "is already taken and you may not"), ("alice", 400, "already exists.")):
        for kind, body in (
            ("secrets", {**SECRET, "secret_name": names["secrets"]}),
            ("endpoints", {"name": names["endpoints"], "model_configs": models[who]}),
        ):
            answer = create(who, kind, body)
            assert (who, kind, answer.status_code) == (who, kind, status), answer.text
            assert f"'{names[kind]}' {words}" in answer.json()["message"]


def test_the_name_of_an_mcp_server_is_unique_and_freed_by_deletion(demo: Demo) -> None:
    url, name = f"{demo.url}/api/3.0/mlflow/mcp-servers", f"io.example/{unique('server')}"

    def create(who: str) -> httpx.Response:
        return httpx.post(url, json={"name": name}, auth=demo.auth(who), timeout=30)

    assert create("alice").status_code == 200
    taken, again = create("bob"), create("alice")
    assert (taken.status_code, taken.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert f"The MCP server name '{name}' is already taken" in taken.json()["message"]
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    hidden = httpx.get(f"{url}/{name}", auth=demo.auth("bob"))
    assert hidden.json()["message"].startswith(f"The MCP server '{name}' does not exist or you may not read it.")
    assert httpx.delete(f"{url}/{name}", auth=demo.auth("alice")).is_success
    assert create("bob").status_code == 200


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("experiments", "/experiments/get-by-name?experiment_name={}"),
        ("registered-models", "/registered-models/get?name={}"),
    ],
)
def test_a_grant_that_was_lost_after_the_creation_is_healed_for_its_creator_alone(
    demo: Demo, kind: str, read: str
) -> None:
    name, database = unique("lost"), f"{demo.directory}/data/mlflow.db"
    with client(demo, "alice") as alice, client(demo, "bob") as bob:
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            connection.execute(
                "CREATE TRIGGER lose BEFORE INSERT ON role_permissions BEGIN SELECT RAISE(ABORT, 'lost'); END"
            )
            assert alice.post(f"/{kind}/create", json={"name": name}).status_code >= 400
            connection.execute("DROP TRIGGER lose")
        assert bob.get(read.format(name)).status_code == 403
        assert bob.post(f"/{kind}/create", json={"name": name}).status_code == 403
        assert alice.get(read.format(name)).status_code == 200
        assert bob.get(read.format(name)).status_code == 403


def test_a_free_name_may_be_asked_for_and_created(demo: Demo) -> None:
    name = unique("free")
    with client(demo, "bob") as bob:
        answer = bob.get("/experiments/get-by-name", params={"experiment_name": name})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert bob.post("/experiments/create", json={"name": name}).status_code == 200


@pytest.mark.parametrize(
    ("who", "kind", "read"),
    [
        ("alice", "experiment", "/experiments/get-by-name?experiment_name={}"),
        ("admin", "experiment", "/experiments/get-by-name?experiment_name={}"),
        ("alice", "registered_model", "/registered-models/get?name={}"),
        ("admin", "registered_model", "/registered-models/get?name={}"),
    ],
)
def test_who_asks_for_a_name_that_another_process_of_theirs_creates_gets_what_it_creates(
    demo: Demo, who: str, kind: str, read: str
) -> None:
    """Else MLflow's client creates it, hears that it exists, and goes on in the experiment Default."""
    uri, name = f"sqlite:///{demo.directory}/data/mlflow.db", unique("just-now")
    services, store = open_services(load(SETTINGS), uri), SqlAlchemyStore(uri, str(demo.directory / "files"))
    registry = RegistryStore(uri)
    with services.database.read() as connection:
        user = connection.execute(select(users.c.id).where(users.c.username == f"{who}@example.com")).scalar_one()
    with ThreadPoolExecutor(1) as pool, client(demo, who) as asking:
        assert services.names.reserve(kind, name, user, int(time.time() * 1000), "claim") is None
        answer = pool.submit(asking.get, read.format(name))
        with suppress(TimeoutError):  # it has been asked by then, wherever nothing is slow
            answer.result(0.5)
        if kind == "experiment":
            store.create_experiment(name)
        else:
            registry.create_registered_model(name)
        assert answer.result().status_code == 200, answer.result().text


def test_a_deleted_models_name_and_grants_are_gone(demo: Demo) -> None:
    name = unique("model")
    with client(demo, "alice") as alice, client(demo, "bob") as bob:
        alice.post("/registered-models/create", json={"name": name})
        assert alice.request("DELETE", "/registered-models/delete", json={"name": name}).status_code == 200
        assert bob.post("/registered-models/create", json={"name": name}).status_code == 200
        assert alice.get("/registered-models/get", params={"name": name}).status_code == 403


def test_ones_own_trashed_name_says_how_to_restore_it(demo: Demo) -> None:
    name = unique("trash")
    with client(demo, "alice") as alice:
        made = alice.post("/experiments/create", json={"name": name}).json()["experiment_id"]
        alice.post("/experiments/delete", json={"experiment_id": made})
        answer = alice.post("/experiments/create", json={"name": name})
        assert f'restore_experiment("{made}")' in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "existing", "missing"),
    [
        ("/experiments/get?experiment_id={}", "experiment", "987654321"),
        ("/runs/get?run_id={}", "run", "0" * 32),
        ("/logged-models/{}", "nothing", "m-" + "0" * 32),
        ("/traces/{}/info", "nothing", "tr-" + "0" * 32),
    ],
)
def test_an_unreadable_id_is_told_like_a_missing_one(demo: Demo, path: str, existing: str, missing: str) -> None:
    with client(demo, "alice") as alice, client(demo, "bob") as bob:
        experiment = alice.post("/experiments/create", json={"name": unique("hidden")}).json()["experiment_id"]
        run = alice.post("/runs/create", json={"experiment_id": experiment}).json()["run"]["info"]["run_id"]
        ids = {"experiment": experiment, "run": run}
        absent = bob.get(path.format(missing))
        assert (absent.status_code, absent.json()["error_code"]) == (403, "PERMISSION_DENIED"), absent.text
        if existing in ids:
            hidden = bob.get(path.format(ids[existing]))
            assert hidden.status_code == 403
            assert hidden.text.replace(ids[existing], "*") == absent.text.replace(missing, "*")


def test_a_bare_start_run_on_default_says_what_to_do(demo: Demo) -> None:
    with client(demo, "bob") as bob:
        answer = bob.post("/runs/create", json={"experiment_id": "0"})
        assert answer.status_code == 403
        assert 'mlflow.set_experiment("<name>")' in answer.json()["message"]


def test_a_denied_graphql_experiment_carries_an_api_error(demo: Demo) -> None:
    with client(demo, "alice") as alice:
        experiment = alice.post("/experiments/create", json={"name": unique("graph")}).json()["experiment_id"]
    query = "query Q($i: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $i) { apiError { code message } } }"
    answer = httpx.post(
        f"{demo.url}/graphql",
        auth=demo.auth("bob"),
        json={"query": query, "operationName": "Q", "variables": {"i": {"experimentId": experiment}}},
    )
    error = answer.json()["data"]["mlflowGetExperiment"]["apiError"]
    assert error["code"] == "PERMISSION_DENIED"
    assert experiment in error["message"]


def test_users_current_tells_who_one_is(demo: Demo) -> None:
    answer = httpx.get(f"{demo.url}/ajax-api/2.0/mlflow/users/current", auth=demo.auth("bob"))
    assert answer.json()["user"]["username"] == "bob@example.com"
    assert answer.json()["is_basic_auth"] is False


def test_a_user_lists_only_themselves_and_those_they_share_with(demo: Demo) -> None:
    def names(who: str) -> set[str]:
        answer = httpx.get(f"{demo.url}{API}/users/list", auth=demo.auth(who)).json()
        return {user["username"] for user in answer["users"]}

    assert {"alice@example.com", "bob@example.com", "admin@example.com"} <= names("admin")
    # Other files' tests on the same server may have shared something with him; the administrator has not.
    assert {"bob@example.com"} <= names("bob") <= {"bob@example.com", "alice@example.com"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users/create", {"username": "eve", "password": "password-of-eve"}),
        ("PATCH", "/users/update-password", {"username": "bob@example.com", "password": "password-of-eve"}),
        ("PATCH", "/users/update-admin", {"username": "bob@example.com", "is_admin": True}),
        ("DELETE", "/users/delete", {"username": "bob@example.com"}),
    ],
)
def test_endpoints_that_make_no_sense_with_keycloak_say_so(
    demo: Demo, method: str, path: str, body: dict[str, object]
) -> None:
    with client(demo, "admin") as admin, client(demo, "bob") as bob:
        answer = admin.request(method, path, json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "FEATURE_DISABLED")
        assert "Keycloak" in answer.json()["message"]
        assert bob.request(method, path, json=body).status_code in (400, 403)
        assert bob.get("/users/get", params={"username": "bob@example.com"}).json()["user"]["is_admin"] is False
