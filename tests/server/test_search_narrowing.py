"""Searches find exactly what MLflow's engine lets through, in the same order, whatever is granted and hidden."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

from mlflow_prokube_auth.demo.accounts import DemoUser

from ..support.processes import free_port
from ..support.world import World, running_world

API = "/api/2.0/mlflow"
ALICE, ADMIN = "alice@example.com", "admin@example.com"
USERS = (
    DemoUser("s-alice", ALICE, "Alice", ("/prokube-users", "/team-a", "/team-b")),
    DemoUser("s-admin", ADMIN, "Ada", ("/prokube-users", "/prokube-admins")),
)
LEVELS = ("READ", "READ", "USE", "EDIT", "MANAGE", "DENY", "NO_PERMISSIONS")
EXPERIMENTS, MODELS, PROMPTS = 37, 17, 9


@dataclass(frozen=True)
class Listing:
    """A search: its route, the key of the list in its answer, what names a row, and what may be sent with it."""

    route: str
    key: str
    identifier: str
    kind_of: Any
    filters: tuple[str, ...]
    orders: tuple[tuple[str, ...], ...]
    get: bool = True


def is_prompt(row: dict[str, Any]) -> bool:
    return any(tag["key"] == "mlflow.prompt.is_prompt" for tag in row.get("tags", ()))


def model_kind(row: dict[str, Any]) -> str:
    return "prompt" if is_prompt(row) else "registered_model"


LISTINGS = (
    Listing(
        "experiments/search", "experiments", "experiment_id", lambda row: "experiment",
        ("", "name LIKE 'x-1%'", "tags.color = 'red'"), ((), ("name DESC",), ("creation_time ASC",)), get=False,
    ),
    Listing(
        "registered-models/search", "registered_models", "name", model_kind,
        ("", "name LIKE 'm-1%'", "tags.`mlflow.prompt.is_prompt` = 'true'"), ((), ("name DESC",), ("timestamp ASC",)),
    ),
    Listing(
        "model-versions/search", "model_versions", "name", model_kind,
        ("", "name = 'm-3'"), ((), ("name ASC",), ("creation_timestamp ASC", "name DESC")),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    directory = tmp_path_factory.mktemp("narrowing")
    with running_world(directory, f"http://127.0.0.1:{port}", port, users=USERS) as running:
        yield running


def client_of(world: World, email: str) -> httpx.Client:
    browser, _ = world.log_in(email)
    key = world.make_key(browser).json()["access_key"]
    return httpx.Client(base_url=world.url, auth=(email, key), timeout=60)


@pytest.fixture(scope="module")
def admin(world: World) -> httpx.Client:
    client = client_of(world, ADMIN)

    def post(route: str, body: dict[str, Any]) -> None:
        answer = client.post(f"{API}/{route}", json=body)
        assert answer.status_code == 200, answer.text

    for number in range(EXPERIMENTS):
        tags = [{"key": "color", "value": "red" if number % 3 else "blue"}]
        post("experiments/create", {"name": f"x-{number}", "tags": tags})
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    text = [{"key": "mlflow.prompt.text", "value": "hello"}]
    for number in range(MODELS):
        post("registered-models/create", {"name": f"m-{number}"})
        for _ in range(number % 3):
            post("model-versions/create", {"name": f"m-{number}", "source": "s3://bucket/x"})
    for number in range(PROMPTS):
        post("registered-models/create", {"name": f"p-{number}", "tags": prompt})
        post("model-versions/create", {"name": f"p-{number}", "source": "dummy-source", "tags": prompt + text})
    return client


@pytest.fixture(scope="module")
def alice(world: World, admin: httpx.Client) -> httpx.Client:
    return client_of(world, ALICE)


def pages(client: httpx.Client, listing: Listing, search: str, order: tuple[str, ...], size: int) -> list[list[Any]]:
    found, token = [], ""
    while True:
        given: dict[str, Any] = {"max_results": size, "filter": search, "order_by": list(order), "page_token": token}
        given = {name: value for name, value in given.items() if value}
        url = f"{API}/{listing.route}"
        answer = client.get(url, params=given) if listing.get else client.post(url, json=given)
        assert answer.status_code == 200, answer.text
        found.append(answer.json().get(listing.key, []))
        token = answer.json().get("next_page_token", "")
        if not token:
            return found


def granted(world: World, rows: list[tuple[int, str, str, str]]) -> None:
    world.sql("DELETE FROM role_permissions")
    with sqlite3.connect(world.directory / "mlflow.db", timeout=20) as connection:
        insert = "INSERT INTO role_permissions (role_id, resource_type, resource_pattern, permission) VALUES (?,?,?,?)"
        connection.executemany(insert, rows)


def roles_of_alice(world: World) -> list[int]:
    query = (
        "SELECT role_id FROM user_role_assignments JOIN users ON users.id = user_id WHERE username = ? ORDER BY role_id"
    )
    return [row[0] for row in world.rows(query, ALICE)]


def wild(world: World, chance: random.Random) -> list[tuple[int, str, str, str]]:
    """Grants as nobody would make them: in three roles, of all levels, on what is there, on everything, on nonsense."""
    role_ids = roles_of_alice(world)
    share, everywhere = chance.choice((0.02, 0.2, 0.6)), chance.choice((0.0, 0.0, 0.3))
    patterns = {
        "experiment": [str(number) for number in range(EXPERIMENTS + 1)] + ["x", "1.5", "99999999999"],
        "registered_model": [f"m-{number}" for number in range(MODELS)] + ["p-1", "gone"],
        "prompt": [f"p-{number}" for number in range(PROMPTS)] + ["m-1"],
    }
    return [
        (role_id, kind, pattern, chance.choice(LEVELS))
        for role_id in role_ids
        for kind, known in patterns.items()
        for pattern in [*known, "*"]
        if chance.random() < (everywhere if pattern == "*" else share)
    ]


@pytest.fixture(scope="module")
def oracle(world: World) -> SqlAlchemyStore:
    """MLflow's own store, which knows nothing of ours."""
    store = SqlAlchemyStore()
    store.init_db(f"sqlite:///{world.directory / 'mlflow.db'}")
    return store


@pytest.mark.parametrize("seed", range(8))
def test_a_search_finds_what_the_engine_lets_through_page_by_page(
    world: World, admin: httpx.Client, alice: httpx.Client, oracle: SqlAlchemyStore, seed: int
) -> None:
    chance = random.Random(seed)
    granted(world, wild(world, chance))
    alice_id = world.rows("SELECT id FROM users WHERE username = ?", ALICE)[0][0]

    def readable(kind: str, pattern: str) -> bool:
        level = oracle.get_role_permission_for_resource(alice_id, kind, pattern, "default")
        return level is not None and level.can_read

    for listing in LISTINGS:
        search, order = chance.choice(listing.filters), chance.choice(listing.orders)
        size = chance.choice((1, 2, 5, 100))
        everything = [row for page in pages(admin, listing, search, order, 100) for row in page]
        expected = [row for row in everything if readable(listing.kind_of(row), row[listing.identifier])]
        found = pages(alice, listing, search, order, size)
        told = [(row[listing.identifier], row.get("version")) for page in found for row in page]
        assert told == [(row[listing.identifier], row.get("version")) for row in expected], (search, order, size)
        # As many pages as there would be if the rest did not exist: a token tells nothing of it.
        assert len(found) == max(1, -(-len(expected) // size))


def test_of_very_many_grants_the_database_looks_them_up_itself(
    world: World, admin: httpx.Client, alice: httpx.Client
) -> None:
    role_id = roles_of_alice(world)[0]
    kinds = ("experiment", "registered_model")
    many = [(role_id, kind, f"{kind[0]}{number}", "READ") for kind in kinds for number in range(900)]
    numbers = [(role_id, "experiment", str(number), "EDIT") for number in range(1000, 1900)]
    mine = [(role_id, "experiment", "3", "READ"), (role_id, "registered_model", "m-2", "READ")]
    granted(world, many + numbers + mine)
    found = {
        each.route: [row[each.identifier] for page in pages(alice, each, "", (), 5) for row in page]
        for each in LISTINGS
    }
    assert found == {
        "experiments/search": ["3"],
        "registered-models/search": ["m-2"],
        "model-versions/search": ["m-2", "m-2"],
    }


def test_ten_thousand_grants_are_no_longer_filter(world: World, admin: httpx.Client, alice: httpx.Client) -> None:
    """MLflow 3.18 writes all that one may read into the filter, whose parser ends at 10,000 words and signs."""
    role_id = roles_of_alice(world)[0]
    many = [(role_id, "experiment", str(number), "EDIT") for number in range(1000, 11_000)]
    denied = [(role_id, "experiment", str(number), "DENY") for number in range(7, 11)]
    granted(world, [*many, (role_id, "experiment", "3", "READ"), (role_id, "experiment", "12", "READ"), *denied])
    listing = LISTINGS[0]
    for search, order in (("", ()), ("name LIKE 'x-%'", ("name DESC",))):
        found = pages(alice, listing, search, order, 1)
        assert sorted(row["experiment_id"] for page in found for row in page) == ["12", "3"]
        assert [len(page) for page in found] == [1, 1]
    granted(world, [(role_id, "experiment", "*", "READ"), *denied])
    everything = {row["experiment_id"] for page in pages(admin, listing, "", (), 100) for row in page}
    found = pages(alice, listing, "", (), 100)
    assert {row["experiment_id"] for page in found for row in page} == everything - {"7", "8", "9", "10"}


def test_who_may_read_nothing_finds_nothing(world: World, admin: httpx.Client, alice: httpx.Client) -> None:
    granted(world, [])
    assert [pages(alice, listing, "", (), 5) for listing in LISTINGS] == [[[]], [[]], [[]]]
