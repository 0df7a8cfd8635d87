"""The lists that people look at all day, and who asks for them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from . import seed
from .asking import Question
from .servers import POSTGRESQL, Ours, Stage

API = "/api/2.0/mlflow"
# As many as MLflow's page of models asks for at once.
PAGE = 100
# The number of the experiment, the model and the prompt that the person named `one` may read.
ONE = 7
PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"


def _get(path: str, **parameters: Any) -> tuple[str, str, Any]:
    return "GET", f"{API}/{path}?{urlencode(parameters)}", None


# What is searched -> method, target and body; the key of the results.
SEARCHES: dict[str, tuple[tuple[str, str, Any], str]] = {
    "experiments/search": (("POST", f"{API}/experiments/search", {"max_results": PAGE}), "experiments"),
    "registered-models/search": (_get("registered-models/search", max_results=PAGE), "registered_models"),
    "model-versions/search": (_get("model-versions/search", max_results=PAGE), "model_versions"),
    "prompts": (_get("registered-models/search", max_results=PAGE, filter=PROMPTS), "registered_models"),
}


def search(stage: Stage, ours: Ours, kind: str, what: str, who: str, expected: int) -> Question:
    """A search of one of the people."""
    (method, target, body), results = SEARCHES[what]
    return Question(
        who, ours, ours.basic(who), method, target, body, results, expected, PAGE, database_pids(stage, kind)
    )


def by_name(stage: Stage, ours: Ours, kind: str, what: str, who: str, number: int) -> Question:
    """A search for the experiment or the model of that number alone."""
    (method, target, body), results = SEARCHES[what]
    wanted = f"name = '{seed.name('experiment' if body else 'model', number)}'"
    if body:
        body = {**body, "filter": wanted}
    else:
        target += f"&{urlencode({'filter': wanted})}"
    return Question(who, ours, ours.basic(who), method, target, body, results, 1, PAGE, database_pids(stage, kind))


def database_pids(stage: Stage, kind: str) -> tuple[int, ...]:
    """The database's own processes, whose CPU time counts with the server's."""
    return (stage.postgres().process.pid,) if kind == POSTGRESQL else ()


def give_one(ours: Ours) -> None:
    """One experiment, one model and one prompt to the person named ``one``, as an administrator shares them."""
    admin = ours.client(ours.basic("admin"))
    for kind, pattern in (
        ("experiment", seed.experiment_id(ONE)),
        ("registered_model", seed.name("model", ONE)),
        ("prompt", seed.name("prompt", ONE)),
    ):
        body = {"kind": kind, "id": pattern, "user": "one@example.com", "level": "READ"}
        admin.must("POST", "/prokube-auth/api/sharing", body)
    admin.close()


def join_team(ours: Ours) -> None:
    """The person named ``member`` comes into the first of the seeded teams."""
    admin = ours.client(ours.basic("admin"))
    body = {"team": seed.team(1), "user": "member@example.com"}
    admin.must("POST", "/prokube-auth/api/admin/team-members", body)
    admin.close()
