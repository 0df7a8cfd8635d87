"""Who may do what: a table written by hand, held against real servers.

The columns are in the order of ``personas.COLUMNS``: nobody; a user with whom nothing is shared; users who were given
READ, EDIT and MANAGE; a member of a team that was given EDIT; a service account that was given READ; an administrator.
``yes`` is a success, ``no`` a 403 in MLflow's JSON, ``401`` the same for a caller who is not logged in. For a
listing, ``sees`` and ``hid`` are a success with and without what it is about. What changes the thing is done to one of
its own each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from .releases import HAS_SKILLS

V2, V3, FILES, OURS = "/api/2.0/mlflow", "/api/3.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts", "/prokube-auth/api"


@dataclass(frozen=True)
class Row:
    """An operation: what it is, how it is asked for, what each persona gets; words in braces are things."""

    operation: str
    method: str
    path: str
    body: Any
    expected: str
    # Done to something new each time, since it is changed by it.
    fresh: bool = False
    # What a listing shows or hides.
    shows: str = ""


RUNS = "query Q($i: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $i) { runs { info { runId } } } }"
RUN = "query Q($i: MlflowGetRunInput!) { mlflowGetRun(input: $i) { run { info { runId } } } }"
E, M, P = {"experiment_id": "{experiment}"}, {"name": "{model}"}, {"name": "{prompt}"}
R = {"run_id": "{run}"}
# fmt: off
MATRIX = (
    #   -    stranger READ EDIT MANAGE team service admin
    Row("read an experiment", "GET", f"{V2}/experiments/get?experiment_id={{experiment}}", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("read it by name", "GET", f"{V2}/experiments/get-by-name?experiment_name={{experiment_name}}", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("find it", "POST", f"{V2}/experiments/search", {"max_results": 500},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{experiment_name}"),
    Row("find it in the UI", "POST", "/ajax-api/2.0/mlflow/experiments/search", {"max_results": 500},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{experiment_name}"),
    Row("tag it", "POST", f"{V2}/experiments/set-experiment-tag", {**E, "key": "k", "value": "v"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("rename it", "POST", f"{V2}/experiments/update", {**E, "new_name": "{new}"},
        "401  no    no    yes   yes   yes   no    yes", fresh=True),
    Row("delete it", "POST", f"{V2}/experiments/delete", E,
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("take its name", "POST", f"{V2}/experiments/create", {"name": "{experiment_name}"},
        "401  no    400   400   400   400   400   400"),
    Row("create a run", "POST", f"{V2}/runs/create", E,
        "401  no    no    yes   yes   yes   no    yes"),
    Row("read a run", "GET", f"{V2}/runs/get?run_id={{run}}", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("find a run", "POST", f"{V2}/runs/search", {"experiment_ids": ["{experiment}"]},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{run}"),
    Row("log a metric", "POST", f"{V2}/runs/log-metric", {**R, "key": "m", "value": 1.0, "timestamp": 1},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("log a batch", "POST", f"{V2}/runs/log-batch", {**R, "params": [{"key": "p", "value": "1"}]},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("read a metric's history", "GET", f"{V2}/metrics/get-history?run_id={{run}}&metric_key=m", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("tag a run", "POST", f"{V2}/runs/set-tag", {**R, "key": "k", "value": "v"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("delete a run", "POST", f"{V2}/runs/delete", R,
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("list a run's files", "GET", f"{V2}/artifacts/list?run_id={{run}}", None,
        "401  no    sees  sees  sees  sees  sees  sees", shows="file.txt"),
    Row("download a file", "GET", f"{FILES}/{{root}}/file.txt", None,
        "401  no    sees  sees  sees  sees  sees  sees", shows="secret of the owner"),
    Row("download it in the UI", "GET", "/get-artifact?run_uuid={run}&path=file.txt", None,
        "401  no    sees  sees  sees  sees  sees  sees", shows="secret of the owner"),
    Row("list files where they lie", "GET", f"{FILES}?path={{root}}", None,
        "401  no    sees  sees  sees  sees  sees  sees", shows="file.txt"),
    Row("upload a file", "PUT", f"{FILES}/{{root}}/other.txt", "text",
        "401  no    no    yes   yes   yes   no    yes"),
    Row("delete a file", "DELETE", f"{FILES}/{{root}}/file.txt", None,
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("read a logged model", "GET", f"{V2}/logged-models/{{logged}}", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("find a logged model", "POST", f"{V2}/logged-models/search", {"experiment_ids": ["{experiment}"]},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{logged}"),
    Row("find traces", "POST", f"{V3}/traces/search",
        {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{experiment}"}}]},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{trace}"),
    Row("find a run by GraphQL", "POST", "/graphql",
        {"query": RUNS, "operationName": "Q", "variables": {"i": {"experimentIds": ["{experiment}"]}}},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{run}"),
    Row("read a run by GraphQL", "POST", "/graphql",
        {"query": RUN, "operationName": "Q", "variables": {"i": {"runId": "{run}"}}},
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{run}"),
    Row("see with whom it is shared", "GET", f"{OURS}/sharing?kind=experiment&id={{experiment}}", None,
        "401  no    no    no    yes   no    no    yes"),
    Row("share it", "POST", f"{OURS}/sharing",
        {"kind": "experiment", "id": "{experiment}", "user": "stranger@example.com", "level": "READ"},
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("take it from its owner", "DELETE", f"{OURS}/sharing",
        {"kind": "experiment", "id": "{experiment}", "user": "owner@example.com"},
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("share it by MLflow's route", "POST", f"{V3}/users/permissions/grant",
        {"username": "stranger@example.com", "resource_type": "experiment", "resource_id": "{experiment}",
         "permission": "READ"},
        "401  no    no    no    yes   no    no    yes", fresh=True),

    Row("read a model", "GET", f"{V2}/registered-models/get?name={{model}}", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("find a model", "GET", f"{V2}/registered-models/search?max_results=500", None,
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{model}"),
    Row("find its versions", "GET", f"{V2}/model-versions/search?max_results=500", None,
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{model}"),
    Row("read a version", "GET", f"{V2}/model-versions/get?name={{model}}&version=1", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("ask where its files are", "GET", f"{V2}/model-versions/get-download-uri?name={{model}}&version=1", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("download a file of it", "GET", f"{FILES}/{{root}}/model/MLmodel", None,
        "401  no    sees  sees  sees  sees  sees  sees", shows="secret of the owner"),
    Row("change its description", "PATCH", f"{V2}/registered-models/update", {**M, "description": "d"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("tag it", "POST", f"{V2}/registered-models/set-tag", {**M, "key": "k", "value": "v"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("give it an alias", "POST", f"{V2}/registered-models/alias", {**M, "alias": "champion", "version": "1"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("rename a model", "POST", f"{V2}/registered-models/rename", {**M, "new_name": "{new}"},
        "401  no    no    yes   yes   yes   no    yes", fresh=True),
    Row("delete a version", "DELETE", f"{V2}/model-versions/delete", {**M, "version": "1"},
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("delete a model", "DELETE", f"{V2}/registered-models/delete", M,
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("take a model's name", "POST", f"{V2}/registered-models/create", M,
        "401  no    400   400   400   400   400   400"),

    Row("read a prompt", "GET", f"{V2}/registered-models/get?name={{prompt}}", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("find a prompt", "GET", f"{V2}/registered-models/search?max_results=500&filter="
        "tags.%60mlflow.prompt.is_prompt%60%20%3D%20'true'", None,
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{prompt}"),
    Row("tag a prompt", "POST", f"{V2}/registered-models/set-tag", {**P, "key": "k", "value": "v"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("turn it into a model", "DELETE", f"{V2}/registered-models/delete-tag", {**P, "key": "mlflow.prompt.is_prompt"},
        "401  no    no    no    no    no    no    yes", fresh=True),
    Row("delete a prompt", "DELETE", f"{V2}/registered-models/delete", P,
        "401  no    no    no    yes   no    no    yes", fresh=True),

    Row("create an experiment", "POST", f"{V2}/experiments/create", {"name": "{new}-own"},
        "401  yes   yes   yes   yes   yes   yes   yes", fresh=True),
    Row("see oneself", "GET", f"{V2}/users/current", None,
        "401  yes   yes   yes   yes   yes   yes   yes"),
    Row("see everybody", "GET", f"{OURS}/admin/users", None,
        "401  no    no    no    no    no    no    yes"),
    Row("see the audit trail", "GET", f"{OURS}/admin/audit", None,
        "401  no    no    no    no    no    no    yes"),
    Row("see another's grants", "GET", f"{V3}/users/permissions/list?username=owner@example.com", None,
        "401  no    no    no    no    no    no    yes"),
    Row("make a role", "POST", f"{V3}/roles/create", {"name": "{new}", "workspace": "default"},
        "401  no    no    no    no    no    no    yes", fresh=True),
    Row("use what is no route", "GET", f"{V2}/no/such/route", None,
        "401  404   404   404   404   404   404   404"),
)
S, SV = f"{V3}/skills/{{skill}}", {"source_type": "git", "source": "https://example.com/s.git", "digest": "a" * 64}
# What FastAPI serves itself, under uvicorn alone, since MLflow 3.18.
SKILLS = () if not HAS_SKILLS else (
    #   -    stranger READ EDIT MANAGE team service admin
    Row("read a skill", "GET", S, None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("find a skill", "GET", f"{V3}/skills?max_results=1000", None,
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{skill_name}"),
    Row("find it by its name", "GET", f"{V3}/skills?include_skill_identities={{skill}}", None,
        "401  hid   sees  sees  sees  sees  sees  sees", shows="{skill_name}"),
    Row("find a skill's versions", "GET", f"{S}/versions", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("read a skill's version", "GET", f"{S}/versions/1", None,
        "401  no    yes   yes   yes   yes   yes   yes"),
    Row("describe a skill", "PATCH", S, {"description": "d"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("tag a skill", "POST", f"{S}/tags", {"key": "k", "value": "v"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("tag a skill's version", "POST", f"{S}/versions/1/tags", {"key": "k", "value": "v"},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("give a skill an alias", "POST", f"{S}/aliases", {"alias": "best", "version": 1},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("add a version to a skill", "POST", f"{S}/versions", SV,
        "401  no    no    yes   yes   yes   no    yes"),
    Row("add it with others", "POST", f"{V3}/skills/bulk-register",
        {"organization": "{skill_organization}", "skills": [{**SV, "name": "{skill_name}"}]},
        "401  no    no    yes   yes   yes   no    yes"),
    Row("take a skill's name", "POST", f"{V3}/skills", {"name": "{skill_name}", "organization": "{skill_organization}"},
        "401  no    400   400   400   400   400   400"),
    Row("delete a skill's version", "DELETE", f"{S}/versions/1", None,
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("delete it by its state", "PATCH", f"{S}/versions/1", {"status": "deleted"},
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("delete a skill", "DELETE", S, None,
        "401  no    no    no    yes   no    no    yes", fresh=True),
    Row("see with whom a skill is shared", "GET", f"{OURS}/sharing?kind=skill&id={{skill}}", None,
        "401  no    no    no    yes   no    no    yes"),
)
# fmt: on


def filled(value: Any, things: dict[str, str]) -> Any:
    if isinstance(value, str):
        for word, thing in things.items():
            value = value.replace(f"{{{word}}}", thing)
        return value
    if isinstance(value, dict):
        return {key: filled(each, things) for key, each in value.items()}
    return [filled(each, things) for each in value] if isinstance(value, list) else value


def ask(row: Row, client: httpx.Client, things: dict[str, str]) -> httpx.Response:
    body = filled(row.body, things)
    sent = {"content": body.encode()} if isinstance(body, str) else {"json": body} if body is not None else {}
    return client.request(row.method, filled(row.path, things), **sent)


def result(row: Row, client: httpx.Client, things: dict[str, str]) -> str:
    answer = ask(row, client, things)
    if answer.status_code in (401, 403):
        code = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}[answer.status_code]
        assert answer.json()["error_code"] == code, (row.operation, answer.text)
        return "401" if answer.status_code == 401 else "no"
    if not answer.is_success:
        return str(answer.status_code)
    if not row.shows:
        return "yes"
    return "sees" if filled(row.shows, things) in answer.text else "hid"
