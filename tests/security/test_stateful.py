"""Three users create, rename, delete, restore, share and revoke in any order; a simple model knows every answer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mlflow_prokube_auth.demo.accounts import DemoUser

from ..support.processes import free_port
from ..support.world import running_world

API = "/api/2.0/mlflow"
WHO = ("ann", "ben", "cleo")
PEOPLE = tuple(DemoUser(f"subject-{who}", f"{who}@example.com", who, ("prokube-users",)) for who in WHO)
LEVELS = ("READ", "EDIT", "MANAGE")
KINDS = ("experiment", "registered_model", "prompt")
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
users, kinds = st.sampled_from(WHO), st.sampled_from(KINDS)
# Few, so that they meet.
names = st.sampled_from(("x", "y", "z"))


@dataclass
class Thing:
    """A resource with a name: its grant's address, and who may what."""

    kind: str
    id: str
    grants: dict[str, str] = field(default_factory=dict)
    trashed: bool = False

    def allows(self, who: str, level: str) -> bool:
        return who in self.grants and LEVELS.index(self.grants[who]) >= LEVELS.index(level)

    def after(self, who: str, level: str | None) -> dict[str, str] | None:
        """The grants after a change; None where nobody would be left to manage it."""
        changed = {other: held for other, held in self.grants.items() if other != who}
        if level is not None:
            changed[who] = level
        return changed if "MANAGE" in changed.values() else None


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_world(tmp_path_factory.mktemp("stateful"), url, port, users=PEOPLE) as world:
        made = {}
        for who in WHO:
            browser, _ = world.log_in(f"{who}@example.com")
            key = world.make_key(browser).json()["access_key"]
            made[who] = httpx.Client(base_url=url, auth=(f"{who}@example.com", key), timeout=120)
        yield made
        for client in made.values():
            client.close()


class SharedServer(RuleBasedStateMachine):
    """Names of experiments are one room, those of models and prompts another."""

    clients: dict[str, httpx.Client]

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"s{uuid.uuid4().hex[:10]}-"
        self.experiments: dict[str, Thing] = {}
        self.models: dict[str, Thing] = {}

    def room(self, kind: str) -> dict[str, Thing]:
        return self.experiments if kind == "experiment" else self.models

    def send(self, who: str, method: str, path: str, expected: str, **body: Any) -> Any:
        """Send it, and hold the answer against what the model expects: ``yes`` or the ``error_code``."""
        place = path if path.startswith("/prokube-auth") else f"{API}/{path}"
        client = self.clients[who]
        answer = client.get(place, params=body) if method == "GET" else client.request(method, place, json=body)
        found = "yes" if answer.is_success else answer.json()["error_code"]
        assert (who, path, body, found) == (who, path, body, expected), answer.text
        return answer.json() if answer.is_success and answer.text.strip() else {}

    def on_taken(self, who: str, taken: Thing) -> str:
        return "RESOURCE_ALREADY_EXISTS" if taken.allows(who, "READ") else "PERMISSION_DENIED"

    @rule(who=users, kind=kinds, name=names)
    def create(self, who: str, kind: str, name: str) -> None:
        room, taken = self.room(kind), self.room(kind).get(name)
        expected = "yes" if taken is None else self.on_taken(who, taken)
        full = self.prefix + name
        if kind == "experiment":
            made = self.send(who, "POST", "experiments/create", expected, name=full)
        else:
            tags = PROMPT if kind == "prompt" else []
            made = self.send(who, "POST", "registered-models/create", expected, name=full, tags=tags)
        if taken is None:
            room[name] = Thing(kind, made.get("experiment_id", full), {who: "MANAGE"})

    @rule(who=users, kind=kinds, name=names, new=names)
    def rename(self, who: str, kind: str, name: str, new: str) -> None:
        room = self.room(kind)
        thing = room.get(name)
        if name == new or thing is None or thing.trashed:
            return
        if not thing.allows(who, "EDIT"):
            expected = "PERMISSION_DENIED"
        else:
            expected = "yes" if new not in room else self.on_taken(who, room[new])
        full = self.prefix + new
        if kind == "experiment":
            self.send(who, "POST", "experiments/update", expected, experiment_id=thing.id, new_name=full)
        else:
            self.send(who, "POST", "registered-models/rename", expected, name=thing.id, new_name=full)
        if expected == "yes":
            room[new] = room.pop(name)
            if kind != "experiment":
                thing.id = full

    @rule(who=users, kind=kinds, name=names)
    def delete(self, who: str, kind: str, name: str) -> None:
        thing = self.room(kind).get(name)
        if thing is None or thing.trashed:
            return
        expected = "yes" if thing.allows(who, "MANAGE") else "PERMISSION_DENIED"
        if kind == "experiment":
            self.send(who, "POST", "experiments/delete", expected, experiment_id=thing.id)
            thing.trashed = expected == "yes"
        else:
            self.send(who, "DELETE", "registered-models/delete", expected, name=thing.id)
            if expected == "yes":
                del self.models[name]

    @rule(who=users, name=names)
    def restore(self, who: str, name: str) -> None:
        thing = self.experiments.get(name)
        if thing is None or not thing.trashed:
            return
        expected = "yes" if thing.allows(who, "MANAGE") else "PERMISSION_DENIED"
        self.send(who, "POST", "experiments/restore", expected, experiment_id=thing.id)
        thing.trashed = expected != "yes"

    @rule(who=users, other=users, kind=kinds, name=names, level=st.sampled_from((*LEVELS, None)))
    def share_or_revoke(self, who: str, other: str, kind: str, name: str, level: str | None) -> None:
        thing = self.room(kind).get(name)
        if thing is None:
            return
        changed = thing.after(other, level)
        if not thing.allows(who, "MANAGE"):
            expected = "PERMISSION_DENIED"
        else:
            expected = "yes" if changed is not None else "INVALID_PARAMETER_VALUE"
        body = {"kind": thing.kind, "id": thing.id, "user": f"{other}@example.com"}
        path = "/prokube-auth/api/sharing"
        if level is None:
            self.send(who, "DELETE", path, expected, **body)
        else:
            self.send(who, "POST", path, expected, **body, level=level)
        if expected == "yes" and changed is not None:
            thing.grants = changed

    @rule(who=users, kind=kinds, name=names)
    def read(self, who: str, kind: str, name: str) -> None:
        thing = self.room(kind).get(name)
        if thing is None:
            # `set_experiment` asks whether a name is free; of a model it is told like one that is not for the caller.
            expected = "RESOURCE_DOES_NOT_EXIST" if kind == "experiment" else "PERMISSION_DENIED"
        else:
            expected = "yes" if thing.allows(who, "READ") else "PERMISSION_DENIED"
        full = self.prefix + name
        if kind == "experiment":
            self.send(who, "GET", "experiments/get-by-name", expected, experiment_name=full)
        else:
            self.send(who, "GET", "registered-models/get", expected, name=full)

    @rule(who=users, name=names)
    def write(self, who: str, name: str) -> None:
        for kind, path in (("experiment", "experiments/set-experiment-tag"), ("model", "registered-models/set-tag")):
            thing = self.room(kind).get(name)
            if thing is None or thing.trashed:
                continue
            expected = "yes" if thing.allows(who, "EDIT") else "PERMISSION_DENIED"
            of = {"experiment_id": thing.id} if kind == "experiment" else {"name": thing.id}
            self.send(who, "POST", path, expected, **of, key="k", value="v")

    @rule(who=users)
    def find(self, who: str) -> None:
        like = f"name LIKE '{self.prefix}%'"
        found = self.send(who, "POST", "experiments/search", "yes", filter=like, max_results=50)
        expected = {name for name, thing in self.experiments.items() if thing.allows(who, "READ") and not thing.trashed}
        assert {each["name"] for each in found.get("experiments", [])} == {self.prefix + name for name in expected}
        assert not found.get("next_page_token")
        # MLflow shows models unless prompts are asked for.
        for kind, only in (("registered_model", ""), ("prompt", " AND tags.`mlflow.prompt.is_prompt` = 'true'")):
            found = self.send(who, "GET", "registered-models/search", "yes", filter=like + only, max_results=50)
            expected = {n for n, thing in self.models.items() if thing.kind == kind and thing.allows(who, "READ")}
            assert {each["name"] for each in found.get("registered_models", [])} == {self.prefix + n for n in expected}

    def teardown(self) -> None:
        for who in WHO:
            self.find(who)
            for name in ("x", "y", "z"):
                self.read(who, "experiment", name)
                self.read(who, "prompt", name)


def test_every_answer_is_what_a_simple_model_expects(clients: dict[str, httpx.Client]) -> None:
    SharedServer.clients = clients
    # Whoever hunts for the shortest way to a failure lets it shrink: against a real server that takes minutes.
    phases = (Phase.explicit, Phase.generate)
    run_state_machine_as_test(SharedServer, settings=settings(max_examples=12, stateful_step_count=40, phases=phases))
