"""What workers want at once with one name, and how each of them may be answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from .searches import API
from .wire import AsyncConnection

API_3 = "/api/3.0/mlflow"
PROMPT_TAGS = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "Hello"}]
# A worker that creates and deletes in turn does so this often.
TURNS = 3
EXISTS, DENIED, BETWEEN = "400 RESOURCE_ALREADY_EXISTS", "403 PERMISSION_DENIED", "409 RESOURCE_CONFLICT"


@dataclass
class Worker:
    """One of those who ask at once: their connection, and what they were answered."""

    number: int
    connection: AsyncConnection
    # Status and error code of each answer to what they want, and to what they do next.
    wanted: list[str] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[str, Any]:
        """The answer's status with its error code, and its body."""
        data = None if body is None else json.dumps(body).encode()
        status, content = await self.connection.request(method, path, data)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {}
        code = answer.get("error_code", "") if isinstance(answer, dict) else ""
        return f"{status} {code}".strip(), answer

    async def must(self, path: str, body: Any) -> Any:
        """The body of a good answer to what is posted.

        Raises:
            RuntimeError: it is none.
        """
        said, answer = await self.ask("POST", path, body)
        if not said.startswith("2"):
            raise RuntimeError(f"POST {path}: {said} {answer}")
        return answer


# What a worker prepares before all start, and what they do then with it.
Prepare = Callable[[Worker, str], Awaitable[Any]]
Act = Callable[[Worker, str, Any], Awaitable[None]]


async def nothing(worker: Worker, name: str) -> None:
    """For what needs no preparation."""


@dataclass(frozen=True)
class Contest:
    """Something that is done with one new name by all workers at once."""

    name: str
    act: Act
    prepare: Prepare = nothing
    # Only one worker may succeed; else as many as take turns.
    once: bool = True

    def faults(self, workers: list[Worker], one_person: bool) -> list[str]:
        """What of a round's answers is not as it should be."""
        refused = {EXISTS} if one_person else {DENIED}
        if not self.once:
            refused |= {EXISTS, BETWEEN}  # what bears the name is another one, or just being deleted
        said = [answer for worker in workers for answer in worker.wanted]
        found = [f"answered {answer}" for answer in said if answer != "200" and answer not in refused]
        won = said.count("200")
        if not won or (self.once and won > 1):
            found.append(f"{won} succeeded")
        for worker in workers:
            own = one_person or "200" in worker.wanted
            expected = "200" if own or not self.once else DENIED
            found += [f"then answered {answer}" for answer in worker.follows if answer != expected]
        return found


def _creating(path: str, body: Callable[[str], Any], lookup: Callable[[str], str] | None) -> Act:
    async def act(worker: Worker, name: str, prepared: Any) -> None:
        said, _ = await worker.ask("POST", path, body(name) | (prepared or {}))
        worker.wanted.append(said)
        if lookup is not None:
            worker.follows.append((await worker.ask("GET", lookup(name)))[0])

    return act


def _experiment_of(name: str) -> str:
    return f"{API}/experiments/get-by-name?{urlencode({'experiment_name': name})}"


def _model_of(name: str) -> str:
    return f"{API}/registered-models/get?{urlencode({'name': name})}"


def _server_of(name: str) -> str:
    return f"{API_3}/mcp-servers/{quote(name)}"


def _named(name: str) -> dict[str, Any]:
    return {"name": name}


def _server(name: str) -> dict[str, Any]:
    return {"name": f"io.example/{name}"}


async def _definition(worker: Worker, name: str) -> dict[str, Any]:
    """A model definition of one's own: what an endpoint needs."""
    secret = {"secret_name": f"{name}-{worker.number}", "secret_value": {"api_key": "x"}, "provider": "openai"}
    made = await worker.must(f"{API_3}/gateway/secrets/create", secret)
    definition = await worker.must(
        f"{API_3}/gateway/model-definitions/create",
        {"name": f"{name}-{worker.number}", "secret_id": made["secret"]["secret_id"], "provider": "openai",
         "model_name": "m"},
    )  # fmt: skip
    linked = definition["model_definition"]["model_definition_id"]
    return {"model_configs": [{"model_definition_id": linked, "linkage_type": "PRIMARY"}]}


async def _own_experiment(worker: Worker, name: str) -> str:
    made = await worker.must(f"{API}/experiments/create", {"name": f"{name}-{worker.number}"})
    return str(made["experiment_id"])


async def _own_model(worker: Worker, name: str) -> str:
    made = await worker.must(f"{API}/registered-models/create", {"name": f"{name}-{worker.number}"})
    return str(made["registered_model"]["name"])


async def _rename_experiment(worker: Worker, name: str, own: str) -> None:
    said, _ = await worker.ask("POST", f"{API}/experiments/update", {"experiment_id": own, "new_name": name})
    worker.wanted.append(said)
    worker.follows.append((await worker.ask("GET", _experiment_of(name)))[0])


async def _rename_model(worker: Worker, name: str, own: str) -> None:
    said, _ = await worker.ask("POST", f"{API}/registered-models/rename", {"name": own, "new_name": name})
    worker.wanted.append(said)
    worker.follows.append((await worker.ask("GET", _model_of(name)))[0])


async def _model_or_rename(worker: Worker, name: str, own: str) -> None:
    """A third each: creates a model, creates a prompt, renames a model."""
    if worker.number % 3 == 2:
        await _rename_model(worker, name, own)
    else:
        await (_create_model if worker.number % 3 else _create_prompt)(worker, name, None)


def _taking_turns(path: str, body: Callable[[str], Any], delete: Callable[[str, Any], tuple[str, str, Any]]) -> Act:
    async def act(worker: Worker, name: str, prepared: Any) -> None:
        """Create; and where that succeeds, delete."""
        for _ in range(TURNS):
            said, made = await worker.ask("POST", path, body(name) | (prepared or {}))
            worker.wanted.append(said)
            if said == "200":
                worker.follows.append((await worker.ask(*delete(name, made)))[0])

    return act


async def _away_and_back(worker: Worker, name: str, own: str) -> None:
    """Rename one's own to the name that all want, and back."""
    for _ in range(TURNS):
        said, _ = await worker.ask("POST", f"{API}/registered-models/rename", {"name": own, "new_name": name})
        worker.wanted.append(said)
        if said == "200":
            back = {"name": name, "new_name": own}
            worker.follows.append((await worker.ask("POST", f"{API}/registered-models/rename", back))[0])


async def _version_of_a_server(worker: Worker, name: str, prepared: Any) -> None:
    """A version of one's own of an MCP server; MLflow creates the server beside the first one."""
    server, version = f"io.example/{name}", f"{worker.number}.0.0"
    body = {"version": version, "server_json": {"name": server, "version": version, "description": "x"}}
    said, _ = await worker.ask("POST", f"{_server_of(server)}/versions", body)
    worker.wanted.append(said)


async def _version(worker: Worker, name: str, prepared: Any) -> None:
    """As ``register_prompt`` does: create the prompt, or find it there, and then a version of it."""
    said, _ = await worker.ask("POST", f"{API}/registered-models/create", {"name": name, "tags": PROMPT_TAGS[:1]})
    worker.wanted.append(said)
    if said in ("200", EXISTS):
        version = {"name": name, "source": "prompt-template", "tags": PROMPT_TAGS}
        worker.follows.append((await worker.ask("POST", f"{API}/model-versions/create", version))[0])


async def _turn_over(worker: Worker, name: str, own: str) -> None:
    """Rename one's own experiment to the name that all want, and back."""
    for new in (name, f"{name}-{worker.number}"):
        said, _ = await worker.ask("POST", f"{API}/experiments/update", {"experiment_id": own, "new_name": new})
        worker.wanted.append(said)


_create_model = _creating(f"{API}/registered-models/create", _named, _model_of)
_create_prompt = _creating(
    f"{API}/registered-models/create", lambda name: {"name": name, "tags": PROMPT_TAGS[:1]}, _model_of
)
# What people saw go wrong.
MAIN = (
    Contest("experiment", _creating(f"{API}/experiments/create", _named, _experiment_of)),
    Contest("model", _create_model),
    Contest("prompt", _create_prompt),
)
SIBLINGS = (
    Contest("prompt and version", _version),
    Contest("rename of experiments", _rename_experiment, _own_experiment),
    Contest("rename of models", _rename_model, _own_model),
    Contest("model, prompt and rename", _model_or_rename, _own_model),
    Contest(
        "gateway secret",
        _creating(
            f"{API_3}/gateway/secrets/create",
            lambda name: {"secret_name": name, "secret_value": {"api_key": "x"}, "provider": "openai"},
            None,
        ),
    ),
    Contest("gateway endpoint", _creating(f"{API_3}/gateway/endpoints/create", _named, None), _definition),
    Contest(
        "MCP server",
        _creating(f"{API_3}/mcp-servers", _server, lambda name: _server_of(f"io.example/{name}")),
    ),
    Contest("version of an MCP server", _version_of_a_server, once=False),
    Contest(
        "model, created and deleted",
        _taking_turns(
            f"{API}/registered-models/create",
            _named,
            lambda name, made: ("DELETE", f"{API}/registered-models/delete", {"name": name}),
        ),
        once=False,
    ),
    Contest(
        "MCP server, created and deleted",
        _taking_turns(
            f"{API_3}/mcp-servers", _server, lambda name, made: ("DELETE", _server_of(f"io.example/{name}"), None)
        ),
        once=False,
    ),
    Contest("model, renamed and back", _away_and_back, _own_model, once=False),
    Contest("experiment, renamed and back", _turn_over, _own_experiment, once=False),
)
ALL = {contest.name: contest for contest in (*MAIN, *SIBLINGS)}
