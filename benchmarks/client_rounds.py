"""The stock client's side of the rounds: processes of one person that call MLflow's functions at the same time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

START_SECONDS, ROUND_SECONDS = 180, 120


def set_experiment(name: str, run_id: str) -> str:
    """What a script of distributed training begins with; the experiment's id."""
    import mlflow

    return str(mlflow.set_experiment(name).experiment_id)


def register_prompt(name: str, run_id: str) -> str:
    """A prompt's registration; its version.

    The client takes no "already exists" where it has just heard that there is none (mlflow/tracking/client.py, 3.17.2),
    on plain MLflow neither: so it is called again then.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        made = mlflow.genai.register_prompt(name, "Hello, {{name}}")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        made = mlflow.genai.register_prompt(name, "Hello, {{name}}")
    return str(made.version)


def register_model(name: str, run_id: str) -> str:
    """A model's first registration; its version."""
    import mlflow

    return str(mlflow.register_model(f"runs:/{run_id}/model", name, await_registration_for=0).version)


@dataclass(frozen=True)
class Call:
    """A function of the client, and what processes get from it: all the same, or each the next number."""

    call: Callable[[str, str], str]
    same: bool

    def fault(self, results: Sequence[str]) -> str | None:
        """What is wrong with what the processes got in a round; an exception is told as ``!`` and its text."""
        raised = [result for result in results if result.startswith("!")]
        if raised:
            return f"{len(raised)} x {raised[0]}"
        expected = {results[0]} if self.same else {str(number) for number in range(1, len(results) + 1)}
        return None if set(results) == expected else f"got {sorted(results)}"


CALLS = {
    "set_experiment": Call(set_experiment, True),
    "register_prompt": Call(register_prompt, False),
    "register_model": Call(register_model, False),
}


def serve(environment: Mapping[str, str], barrier: Barrier, pipe: Connection) -> None:
    """One process: wait for the others before each call, and tell what came of it."""
    os.environ.update(environment)
    while (asked := pipe.recv()) is not None:
        what, name, run_id = asked
        barrier.wait(ROUND_SECONDS)
        try:
            pipe.send(CALLS[what].call(name, run_id))
        except Exception as error:
            pipe.send(f"!{type(error).__name__}: {error}"[:300])


class Clients:
    """Processes that have imported MLflow, one for each of ``environments``."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def at_once(self, what: str, name: str, run_id: str = "") -> list[str]:
        """What each process gets from one of the :data:`CALLS`."""
        for pipe in self._pipes:
            pipe.send((what, name, run_id))
        results = []
        for pipe in self._pipes:
            if not pipe.poll(ROUND_SECONDS):
                raise TimeoutError(f"{what}({name!r}) has not ended within {ROUND_SECONDS} s.")
            results.append(str(pipe.recv()))
        return results


@contextmanager
def running_clients(environments: Sequence[Mapping[str, str]]) -> Iterator[Clients]:
    """The processes, until the end of the block. Nothing of the caller's threads is in them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow", "mlflow.genai"])
    barrier = context.Barrier(len(environments))
    pipes, processes = [], []
    try:
        for environment in environments:
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(dict(environment), barrier, theirs), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        yield Clients(pipes)
    finally:
        for process in processes:
            process.kill()
            process.join()
        for pipe in pipes:
            pipe.close()
