"""``python -m benchmarks.rounds``: many workers want one new name at the same time, round after round.

Of the workers of one person, exactly one creates it, and the others hear RESOURCE_ALREADY_EXISTS, which MLflow's client
takes for what it is; of different persons one creates it, and the others hear PERMISSION_DENIED. Answers are counted.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click

from .concurrency import service_account
from .contests import ALL, MAIN, Contest, Worker
from .report import Section, at_most, render
from .servers import POSTGRESQL, SQLITE, Effort, Ours, Stage
from .wire import AsyncConnection

WORKERS = 8
ONE, SEVERAL = "one person", "each their own"
TEXT = (
    "{rounds} rounds, in each of which {workers} workers want one new name at once. Those of one person use their "
    "access key as Basic and as Bearer and their session in turn."
)


@dataclass
class Outcome:
    """What came of the rounds of one contest."""

    rounds: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    # Rounds with a fault.
    faulty: int = 0

    @property
    def server_errors(self) -> int:
        """Answers of 500 and above."""
        return sum(count for answer, count in self.answers.items() if answer.startswith("5"))


async def play(
    url: str, contest: Contest, people: Sequence[Mapping[str, str]], rounds: int, *, one_person: bool, prefix: str
) -> Outcome:
    """So many rounds of a contest, with one worker for each of ``people``'s headers."""
    outcome, parts = Outcome(), urlsplit(url)
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(AsyncConnection(parts.hostname or "", parts.port or 80, headers))
            for headers in people
        ]
        for number in range(rounds):
            name = f"{prefix}-{number}"
            workers = [Worker(each, connection) for each, connection in enumerate(connections)]
            prepared = await asyncio.gather(*(contest.prepare(worker, name) for worker in workers))
            await asyncio.gather(
                *(contest.act(worker, name, own) for worker, own in zip(workers, prepared, strict=True))
            )
            faults = contest.faults(workers, one_person)
            outcome.rounds += 1
            outcome.faulty += bool(faults)
            outcome.faults.update(faults)
            for worker in workers:
                outcome.answers.update(worker.wanted)
                outcome.answers.update(f"{answer} (then)" for answer in worker.follows)
    return outcome


def one_person(server: Ours, workers: int) -> list[dict[str, str]]:
    """One person's workers: access key as Basic, as Bearer, and session."""
    ways = server.basic("one"), server.bearer("one"), server.session("one")
    return [ways[number % len(ways)] for number in range(workers)]


def several(server: Ours, workers: int) -> list[dict[str, str]]:
    """As many accounts as workers."""
    return [service_account(server, f"worker-{number}") for number in range(workers)]


def run(
    stage: Stage, contests: Sequence[Contest], rounds: int, workers: int, servers: Sequence[int]
) -> tuple[Section, list[Outcome]]:
    """Each contest, by one person and by several, on each kind of database, with so many workers of the server."""
    section = Section(
        "rounds", "One new name, many workers", TEXT.format(rounds=rounds, workers=workers),
        ["database", "server's workers", "what", "who", "rounds", "rounds with a fault", "seconds", "answers"],
    )  # fmt: skip
    outcomes: list[Outcome] = []
    for kind in stage.databases():
        for number in servers:
            with stage.ours(kind, number) as server:
                parties = {ONE: one_person(server, workers), SEVERAL: several(server, workers)}
                for contest in contests:
                    for who, people in parties.items():
                        begun = time.monotonic()
                        prefix = f"{contest.name}-{who}".replace(" ", "-").replace(",", "")
                        outcome = asyncio.run(
                            play(server.url, contest, people, rounds, one_person=who == ONE, prefix=prefix)
                        )
                        outcomes.append(outcome)
                        answers = ", ".join(f"{count} x {answer}" for answer, count in sorted(outcome.answers.items()))
                        section.add(
                            kind, number, contest.name, who, outcome.rounds, outcome.faulty,
                            round(time.monotonic() - begun), answers,
                        )  # fmt: skip
                        section.notes += [
                            f"{kind}, {number} workers, {contest.name}, {who}: {count} x {fault}"
                            for fault, count in outcome.faults.most_common()
                        ]
                        click.echo(f"{kind}, {number}, {contest.name}, {who}: {outcome.faulty} faulty", err=True)
    section.targets += [
        at_most("rounds with a fault", 0, float(sum(each.faulty for each in outcomes)), ""),
        at_most("answers of 500 and above", 0, float(sum(each.server_errors for each in outcomes)), ""),
    ]
    return section, outcomes


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(ALL)))
@click.option("--rounds", default=200, show_default=True, help="For each contest, database and number of workers.")
@click.option("--workers", default=WORKERS, show_default=True, help="How many want the name at once.")
@click.option("--server-workers", "servers", multiple=True, type=int, help="Workers of the server; default: 1 and 2.")
@click.option(
    "--database", "kinds", multiple=True, type=click.Choice([SQLITE, POSTGRESQL], case_sensitive=False),
    help="On this one alone; default: both.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All contests; default: experiment, model and prompt.")
def main(
    names: tuple[str, ...],
    rounds: int,
    workers: int,
    servers: tuple[int, ...],
    kinds: tuple[str, ...],
    everything: bool,
) -> None:
    """Let many workers want one new name at once, in the contests NAMES; ends with 1 where an answer is a fault."""
    contests = [ALL[name] for name in names] or list(ALL.values() if everything else MAIN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # with all servers, as Ctrl-C does
    with (
        tempfile.TemporaryDirectory(prefix="prokube-rounds-") as directory,
        Stage(Path(directory), Effort.FULL, kinds or (SQLITE, POSTGRESQL)) as stage,
    ):
        section, outcomes = run(stage, contests, rounds, workers, servers or (1, 2))
        click.echo(render(section))
    if any(each.faulty for each in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()
