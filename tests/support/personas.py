"""The people of the permission matrix, and what one of them owns and has shared with the others."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from mlflow_prokube_auth.demo.accounts import DemoUser

from .world import World

USERS, ADMINS, TEAM = "prokube-users", "prokube-admins", "team-x"
PEOPLE = tuple(
    DemoUser(f"subject-of-{name}", f"{name}@example.com", name.title(), groups)
    for name, groups in (
        ("owner", (USERS, TEAM)),
        ("stranger", (USERS,)),
        ("read", (USERS,)),
        ("edit", (USERS,)),
        ("manage", (USERS,)),
        ("team", (USERS, TEAM)),
        ("admin", (USERS, ADMINS)),
    )
)
# Everybody in the order of the matrix' columns.
COLUMNS = ("anonymous", "stranger", "read", "edit", "manage", "team", "service", "admin")
# What the owner gives to whom.
SHARES = (
    ({"user": "read@example.com"}, "READ"),
    ({"user": "edit@example.com"}, "EDIT"),
    ({"user": "manage@example.com"}, "MANAGE"),
    ({"team": TEAM}, "EDIT"),
    ({"user": "robot"}, "READ"),
)
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "Say"}]
API, FILES = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"


def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.text.strip() else {}


@dataclass
class Cast:
    """A server, and for each credential a client of each persona."""

    world: World
    stack: ExitStack
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    made: dict[tuple[str, str], httpx.Client] = field(default_factory=dict)

    def client(self, who: str, credential: str) -> httpx.Client | None:
        """A client; None where that persona has no such credential."""
        if who == "service" and credential in ("session", "jwt"):
            return None
        if (who, credential) not in self.made:
            self.made[who, credential] = self._new_client(who, credential)
        return self.made[who, credential]

    def _new_client(self, who: str, credential: str) -> httpx.Client:
        made: dict[str, Any] = {}
        if who != "anonymous":
            name, key = self.keys[who]
            if credential == "basic":
                made["auth"] = (name, key)
            elif credential == "bearer":
                made["headers"] = {"Authorization": f"Bearer {key}"}
            elif credential == "jwt":
                made["headers"] = {"Authorization": f"Bearer {self._jwt(name)}"}
            else:
                made |= {"cookies": self.cookies[who], "headers": {"Origin": self.world.origin}}
        return self.stack.enter_context(httpx.Client(base_url=self.world.url, timeout=60, **made))

    def _jwt(self, email: str) -> str:
        user, now = self.world.provider.accounts.by_email(email), int(time.time())
        claims = {
            "iss": self.world.provider.issuer, "sub": user.subject, "aud": ["mlflow"], "typ": "Bearer",
            "iat": now, "exp": now + 3600, "email": email, "email_verified": True, "groups": list(user.groups),
        }  # fmt: skip
        return str(self.world.provider.keys.sign(claims))


@contextmanager
def cast_of(world: World) -> Iterator[Cast]:
    """Log everybody in, make their keys, and a service account with its own."""
    with ExitStack() as stack:
        cast = Cast(world, stack)
        for user in PEOPLE:
            who = user.email.split("@")[0]
            browser, _ = world.log_in(user.email)
            cast.cookies[who] = dict(browser.cookies)
            cast.keys[who] = (user.email, world.make_key(browser).json()["access_key"])
            browser.close()
        admin = cast.client("admin", "session")
        assert admin is not None
        ok(admin.post("/prokube-auth/api/admin/service-accounts", json={"name": "robot"}))
        key = ok(admin.post("/prokube-auth/api/admin/accounts/key?user=robot", json={"days": 7}))["access_key"]
        cast.keys["service"] = ("robot", key)
        yield cast


def owned_things(owner: httpx.Client, skills: bool = False) -> dict[str, str]:
    """An experiment with a run and a file in it, a model with a version, and a prompt; the ids by their words.

    ``skills``: a skill with a version, too.
    """
    unique = uuid.uuid4().hex[:8]
    things = {"experiment_name": f"e-{unique}", "model": f"m-{unique}", "prompt": f"p-{unique}", "new": f"x-{unique}"}
    made = ok(owner.post(f"{API}/experiments/create", json={"name": things["experiment_name"]}))
    things["experiment"] = made["experiment_id"]
    run = ok(owner.post(f"{API}/runs/create", json={"experiment_id": things["experiment"]}))["run"]["info"]
    things |= {"run": run["run_id"], "root": run["artifact_uri"].removeprefix("mlflow-artifacts:/")}
    for name in ("file.txt", "model/MLmodel"):
        assert owner.put(f"{FILES}/{things['root']}/{name}", content=b"secret of the owner").is_success
    logged = {"experiment_id": things["experiment"], "name": "logged", "source_run_id": things["run"]}
    things["logged"] = ok(owner.post(f"{API}/logged-models", json=logged))["model"]["info"]["model_id"]
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": things["experiment"]}}
    info = {"trace_id": f"tr-{uuid.uuid4().hex}", "trace_location": place, "request_time": "2025-01-01T00:00:00Z"}
    ok(owner.post("/api/3.0/mlflow/traces", json={"trace": {"trace_info": {**info, "state": "OK"}}}))
    things["trace"] = str(info["trace_id"])
    ok(owner.post(f"{API}/registered-models/create", json={"name": things["model"]}))
    version = {"name": things["model"], "source": f"{run['artifact_uri']}/model", "run_id": things["run"]}
    ok(owner.post(f"{API}/model-versions/create", json=version))
    ok(owner.post(f"{API}/registered-models/create", json={"name": things["prompt"], "tags": PROMPT[:1]}))
    if skills:
        things |= {"skill_name": f"s-{unique}", "skill_organization": f"o-{unique}"}
        things["skill"] = f"@{things['skill_organization']}/{things['skill_name']}"
        source = {"source_type": "git", "source": "https://example.com/s.git", "status": "draft"}  # can be deleted
        ok(owner.post(f"/api/3.0/mlflow/skills/{things['skill']}/versions", json=source))
    return things


def shared_things(owner: httpx.Client, skills: bool = False) -> dict[str, str]:
    """The same, shared with the others."""
    things = owned_things(owner, skills)
    keys = {"experiment": "experiment", "registered_model": "model", "prompt": "prompt"}
    for kind, key in (keys | {"skill": "skill"} if skills else keys).items():
        for whom, level in SHARES:
            share = {"kind": kind, "id": things[key], "level": level, **whom}
            ok(owner.post("/prokube-auth/api/sharing", json=share))
    return things
