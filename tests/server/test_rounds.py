"""Many workers want one new name at the same time; ``python -m benchmarks.rounds`` is the long form of this."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from benchmarks.client_rounds import CALLS, running_clients
from benchmarks.concurrency import service_account
from benchmarks.contests import ALL, EXISTS, MAIN, SIBLINGS, Contest, Worker
from benchmarks.rounds import Outcome, one_person, play, several
from benchmarks.searches import API
from benchmarks.servers import POSTGRESQL, SQLITE, Effort, Ours, Stage
from benchmarks.wire import AsyncConnection


def in_a_thread(playing: Coroutine[Any, Any, Outcome]) -> Outcome:
    """A browser test before may have left a loop running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, playing).result()


WORKERS, ROUNDS, CLIENT_ROUNDS = 8, 5, 3
# Of what needs many requests for a round, or is no more than a sibling.
FEW_ROUNDS = 3


@pytest.fixture(scope="module", params=[SQLITE, POSTGRESQL])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    """A server of two workers."""
    directory = tmp_path_factory.mktemp("rounds")
    with Stage(directory, Effort.FULL, (request.param,), command=False) as stage, stage.ours(request.param, 2) as ours:
        yield ours


@pytest.fixture(scope="module")
def accounts(server: Ours) -> list[dict[str, str]]:
    """The headers of as many accounts as there are workers."""
    return several(server, WORKERS)


@pytest.mark.parametrize("contest", [*MAIN, *SIBLINGS], ids=lambda contest: contest.name)
@pytest.mark.parametrize("is_one", [True, False], ids=["one person", "each their own"])
def test_of_workers_that_want_one_new_name_one_gets_it_and_the_others_hear_why_not(
    server: Ours, accounts: list[dict[str, str]], contest: Contest, is_one: bool
) -> None:
    people = one_person(server, WORKERS) if is_one else accounts
    rounds = ROUNDS if contest in MAIN else FEW_ROUNDS
    prefix = f"{contest.name}-{is_one}".replace(" ", "-").replace(",", "")
    outcome = in_a_thread(play(server.url, contest, people, rounds, one_person=is_one, prefix=prefix))
    assert (outcome.faults, outcome.server_errors) == (Counter(), 0), outcome.answers


@pytest.mark.parametrize("call", list(CALLS))
def test_the_clients_of_one_person_all_go_on_with_what_one_of_them_creates(server: Ours, call: str) -> None:
    client = server.client(server.basic("one"))
    experiment = client.must("POST", f"{API}/experiments/create", {"name": f"source of {call}"})["experiment_id"]
    made = client.must("POST", f"{API}/runs/create", {"experiment_id": experiment, "start_time": 0})
    run = str(made["run"]["info"]["run_id"])
    target = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/model/MLmodel"
    assert client("PUT", target, {"flavors": {}}).status == 200
    client.close()
    ways = (
        {"MLFLOW_TRACKING_USERNAME": "one@example.com", "MLFLOW_TRACKING_PASSWORD": server.keys["one"]},
        {"MLFLOW_TRACKING_TOKEN": server.keys["one"]},
    )
    environments = [
        {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_EXPERIMENT_ID": experiment, **ways[number % 2]}
        for number in range(WORKERS)
    ]
    with running_clients(environments) as clients:
        for number in range(CLIENT_ROUNDS):
            results = clients.at_once(call, f"{call}-{number}", run)
            assert CALLS[call].fault(results) is None


@pytest.mark.parametrize(
    ("wanted", "one_person", "fault"),
    [
        (["200", EXISTS], True, []),
        (["200", "403 PERMISSION_DENIED"], True, ["answered 403 PERMISSION_DENIED"]),
        (["200", EXISTS], False, [f"answered {EXISTS}"]),
        (["200", "200"], True, ["2 succeeded"]),
        ([EXISTS, EXISTS], True, ["0 succeeded"]),
        (["200", "500 INTERNAL_ERROR"], True, ["answered 500 INTERNAL_ERROR"]),
    ],
)
def test_a_round_is_judged_by_all_its_answers(wanted: list[str], one_person: bool, fault: list[str]) -> None:
    connection = AsyncConnection("", 0, {})
    workers = [Worker(number, connection, [answer]) for number, answer in enumerate(wanted)]
    assert ALL["model"].faults(workers, one_person) == fault


def test_the_first_of_all_that_a_person_creates_is_theirs_in_each_of_their_workers(server: Ours) -> None:
    """A request whose caller had no grant when it came goes by the one that it has waited for."""
    newcomer = [service_account(server, "newcomer")] * WORKERS
    contest = ALL["version of an MCP server"]
    outcome = in_a_thread(play(server.url, contest, newcomer, FEW_ROUNDS, one_person=True, prefix="newcomer"))
    assert outcome.answers == {"200": WORKERS * FEW_ROUNDS}
