"""Many requests for one new name at once: distributed training, trials and job grids begin with exactly this.

One of them creates; whoever may read what was created is told that it is there, as plain MLflow tells it, and finds it
at once; nobody else gets anything. ``NAME_ROUNDS`` says how many rounds there are of each kind.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from mlflow_prokube_auth.demo.accounts import DemoUser

from ..support.postgres import Postgres
from ..support.processes import free_port
from ..support.world import running_world

API = "/api/2.0/mlflow"
ROUNDS = int(os.environ.get("NAME_ROUNDS", "5"))
KINDS = ("experiment", "model", "prompt")
TOGETHER = 8
WHO = ("ann", "ben", "cleo", "dora")
PEOPLE = tuple(DemoUser(f"subject-{who}", f"{who}@example.com", who, ("prokube-users",)) for who in WHO)


@dataclass
class Clients:
    """A connection of their own for each of eight parallel requests of each person."""

    of: dict[str, list[httpx.Client]]


@pytest.fixture(scope="module", params=["sqlite-1-worker", "sqlite-4-workers", "postgresql-1-worker",
                                        "postgresql-4-workers"])  # fmt: skip
def clients(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Iterator[Clients]:
    kind, workers, _ = request.param.split("-")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    database = postgres.new_database() if kind == "postgresql" else None
    folder = tmp_path_factory.mktemp("one-name")
    with running_world(folder, url, port, users=PEOPLE, database=database, workers=int(workers)) as world:
        made: dict[str, list[httpx.Client]] = {}
        for who in WHO:
            browser, _ = world.log_in(f"{who}@example.com")
            auth = (f"{who}@example.com", world.make_key(browser).json()["access_key"])
            browser.close()
            made[who] = [httpx.Client(base_url=url + API, auth=auth, timeout=120) for _ in range(TOGETHER)]
        yield Clients(made)
        for each in made.values():
            for client in each:
                client.close()


def create(client: httpx.Client, kind: str, name: str) -> httpx.Response:
    if kind == "experiment":
        return client.post("/experiments/create", json={"name": name})
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}] if kind == "prompt" else []
    return client.post("/registered-models/create", json={"name": name, "tags": tags})


def look_up(client: httpx.Client, kind: str, name: str) -> httpx.Response:
    if kind == "experiment":
        return client.get("/experiments/get-by-name", params={"experiment_name": name})
    return client.get("/registered-models/get", params={"name": name})


def told(answer: httpx.Response) -> str:
    return "created" if answer.status_code == 200 else str(answer.json().get("error_code"))


def at_once(kind: str, requests: Sequence[tuple[str, httpx.Client]]) -> list[tuple[str, str, httpx.Response]]:
    """Each asks for the same new name, and then looks it up: who, what they were told, and what they found."""
    name, barrier = f"n-{uuid.uuid4().hex[:10]}", threading.Barrier(len(requests))

    def one(who: str, client: httpx.Client) -> tuple[str, str, httpx.Response]:
        barrier.wait()
        made = create(client, kind, name)
        return who, told(made), look_up(client, kind, name)

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, *zip(*requests, strict=True)))


@pytest.mark.parametrize("kind", KINDS)
def test_of_eight_requests_of_one_person_one_creates_and_all_find_it(clients: Clients, kind: str) -> None:
    for _ in range(ROUNDS):
        answers = at_once(kind, [("ann", client) for client in clients.of["ann"]])
        assert Counter(what for _, what, _ in answers) == {"created": 1, "RESOURCE_ALREADY_EXISTS": TOGETHER - 1}
        assert [found.status_code for _, _, found in answers] == [200] * TOGETHER, [a[2].text for a in answers]


@pytest.mark.parametrize("kind", KINDS)
def test_of_four_people_with_two_requests_each_one_creates_and_the_others_are_refused(
    clients: Clients, kind: str
) -> None:
    for _ in range(ROUNDS):
        answers = at_once(kind, [(who, clients.of[who][number]) for who in WHO for number in (0, 1)])
        winner = next((who for who, what, _ in answers if what == "created"), None)
        expected = Counter({"created": 1, "RESOURCE_ALREADY_EXISTS": 1, "PERMISSION_DENIED": TOGETHER - 2})
        assert Counter(what for _, what, _ in answers) == expected, [(who, what) for who, what, _ in answers]
        for who, what, found in answers:
            assert (what == "PERMISSION_DENIED") == (who != winner)
            assert found.status_code == (200 if who == winner else 403)


@pytest.mark.parametrize("kind", KINDS)
def test_who_looks_a_name_up_while_they_create_it_is_never_refused(clients: Clients, kind: str) -> None:
    creator, *readers = clients.of["ann"]
    for _ in range(ROUNDS):
        name, done = f"n-{uuid.uuid4().hex[:10]}", threading.Event()

        def watch(client: httpx.Client, name: str = name, done: threading.Event = done) -> set[str]:
            seen = set()
            while not done.is_set():
                answer = look_up(client, kind, name)
                seen.add("found" if answer.status_code == 200 else str(answer.json().get("error_code")))
            return seen | {told(create(client, kind, name))}

        with ThreadPoolExecutor(4) as pool:
            watching = [pool.submit(watch, client) for client in readers[:3]]
            assert told(create(creator, kind, name)) == "created"
            done.set()
            seen = set().union(*(each.result() for each in watching))
        # A model that is not there is told like one that is not for the caller.
        free = "RESOURCE_DOES_NOT_EXIST" if kind == "experiment" else "PERMISSION_DENIED"
        assert seen <= {"found", free, "RESOURCE_ALREADY_EXISTS"}
