"""The words of every denial. Pure: what the caller sent goes in, a sentence comes out.

Nothing here tells an id that does not exist from one that the caller may not read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

DEFAULT_EXPERIMENT_ID = "0"
READ_WORDS = frozenset({"get", "search", "list", "get-by-name", "get-history", "get-latest-versions", "alias"})

# Parameter -> what it names; the first one present describes the request.
ID_PARAMETERS: tuple[tuple[str, str], ...] = (
    ("run_id", "run"),
    ("run_uuid", "run"),
    ("model_id", "logged model"),
    ("trace_id", "trace"),
    ("request_id", "trace"),
    ("experiment_id", "experiment"),
    ("endpoint_id", "gateway endpoint"),
    ("secret_id", "gateway secret"),
    ("model_definition_id", "gateway model definition"),
    ("dataset_id", "dataset"),
    ("queue_id", "review queue"),
    ("job_id", "job"),
    ("artifact_path", "artifact"),
)
# Routes that name a resource by its globally unique name: (words in the path, parameter, kind).
NAME_ROUTES: tuple[tuple[str, str, str], ...] = (
    ("experiments/get-by-name", "experiment_name", "experiment"),
    ("registered-models/", "name", "model or prompt"),
    ("model-versions/", "name", "model or prompt"),
    ("gateway/endpoints/get", "name", "gateway endpoint"),
)
# Routes that FastAPI serves itself, for which the engine says nothing but "Permission denied".
NATIVE_SUBJECTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"/(?:ajax-)?api/2\.0/mlflow-artifacts/(?:mpu/\w+/|presigned/)?(?:artifacts/)?(.+)"), "artifact"),
    (re.compile(r"/(?:ajax-)?api/3\.0/mlflow/mcp-servers/([^/]+/[^/]+)(?:/.*)?"), "MCP server"),
    (re.compile(r"/(?:ajax-)?api/3\.0/mlflow/skills/(?!bulk-register/?$)(@[^/]+/[^/]+|[^@/][^/]*)(?:/.*)?"), "skill"),
    (re.compile(r"/gateway/([^/]+)/mlflow/invocations"), "gateway endpoint"),
    (re.compile(r"/(?:ajax-)?api/3\.0/jobs/(?:cancel/)?([^/]+)"), "job"),
)
SUBMITTING = re.compile(r"/ajax-api/3\.0/jobs/?")
ONLY_ADMINISTRATORS_SUBMIT = "Only administrators submit jobs here. MLflow's pages start theirs by routes of their own."
LEVELS: dict[str, str] = {
    "READ": "see it and load it",
    "USE": "see it and call it (gateway)",
    "EDIT": "see it, log to it and change it",
    "MANAGE": "everything: change, delete and share it",
    "DENY": "nothing, whatever else is granted",
}


KINDS = {
    "experiment": "experiment",
    "registered_model": "model",
    "prompt": "prompt",
    "scorer": "scorer",
    "gateway_secret": "gateway secret",
    "gateway_endpoint": "gateway endpoint",
    "gateway_model_definition": "gateway model",
    "mcp_server": "MCP server",
    "skill": "skill",
    "workspace": "workspace",
}


def kind_of(resource_type: str) -> str:
    """What people call a resource type of MLflow."""
    return KINDS.get(resource_type, resource_type.replace("_", " "))


@dataclass(frozen=True)
class Subject:
    """What a request was about, as the caller sent it."""

    kind: str
    value: str
    by_name: bool


def subject_of(path: str, params: Mapping[str, Any]) -> Subject | None:
    """What the request names, or None."""
    for words, parameter, kind in NAME_ROUTES:
        if words in path and isinstance(params.get(parameter), str):
            return Subject(kind, params[parameter], by_name=True)
    for parameter, kind in ID_PARAMETERS:
        value = params.get(parameter)
        if isinstance(value, (str, int)) and str(value):
            return Subject(kind, str(value)[:200], by_name=False)
    ids = params.get("experiment_ids")
    if isinstance(ids, list) and ids:
        return Subject("experiment", ", ".join(str(item) for item in ids[:5])[:200], by_name=False)
    return None


def native_subject_of(path: str) -> Subject | None:
    """What a request to one of FastAPI's own routes names; for words only, never for a decision."""
    for pattern, kind in NATIVE_SUBJECTS:
        match = pattern.fullmatch(path)
        if match:
            return Subject(kind, match.group(1)[:200], by_name=False)
    return None


def denied_native(method: str, path: str, contact: str) -> str:
    """What the engine refuses on a route that FastAPI serves itself."""
    if method == "POST" and SUBMITTING.fullmatch(path):
        return ONLY_ADMINISTRATORS_SUBMIT
    return denied(native_subject_of(path), verb_of(method, path), contact)


def exists(kind: str, name: str) -> str:
    """A taken name, to someone who may read what bears it."""
    return f"The {kind} name '{name}' already exists."


def taken(kind: str, name: str, contact: str, verb: str = "access", others: int = 0) -> str:
    """A name that someone else has: the two ways out, and nothing more. ``others``: it may be one of so many more."""
    organization, slash, own = name.rpartition("/") if name.startswith("@") else ("", "", name)
    return (
        f"The {kind} name '{name}'{f', or one of {others} more,' if others else ''} is already taken and you may not "
        f"{verb} it. Choose a different name, for example with your team as prefix "
        f"('{organization}{slash}<team>-{own}'), or ask {contact} for access."
    )


def user_name_taken(name: str, *, kept: bool) -> str:
    """A user name that another account has, or had: then what an administrator can do about it."""
    if not kept:
        return f"The user name '{name}' belongs to another account here."
    return (
        f"The user name '{name}' belonged to another account here, which was renamed or deleted, and the name is "
        f"kept for it. An administrator can release it: mlflow-prokube-auth users release-name {shlex.quote(name)}."
    )


def prefix_taken(kind: str, name: str, prefix: str, contact: str) -> str:
    """A name in a team's prefix, to someone who is not in the team."""
    return (
        f"Names of a {kind} that begin with '{prefix}' are for the members of a team, and you are none of them. "
        f"Choose a name other than '{name}', or ask {contact} for access."
    )


def denied(subject: Subject | None, verb: str, contact: str) -> str:
    """Any other denial."""
    if subject is None:
        return f"You may not do this. Ask {contact} for access."
    if subject.by_name and subject.kind == "experiment":  # MLflow says of a name that nothing bears that it is free
        return taken(subject.kind, subject.value, contact)
    if subject.by_name:
        return (
            f"The {subject.kind} '{subject.value}' does not exist or you may not {verb} it. "
            f"Check the name, or ask {contact} for access."
        )
    if subject.kind == "experiment" and subject.value == DEFAULT_EXPERIMENT_ID:
        return (
            "The experiment 'Default' (id 0) is nobody's on this server. "
            'Call mlflow.set_experiment("<name>") first: the experiment that it creates is yours.'
        )
    return f"The {subject.kind} '{subject.value}' does not exist or you may not {verb} it. Ask {contact} for access."


def not_yours_beside(kind: str, name: str, contact: str) -> str:
    """Something of that name would be used beside what is created, and is not the caller's to change."""
    return (
        f"The server records the calls of this endpoint in the {kind} '{name}', which is not yours to change. Name an "
        f"{kind} of yours as experiment_id, switch usage_tracking off, choose another name, or ask {contact}."
    )


def in_trash(name: str, experiment_id: str) -> str:
    """A taken name whose bearer is the caller's own, deleted."""
    return (
        f"The experiment '{name}' is in the trash. Restore it with "
        f'mlflow.MlflowClient().restore_experiment("{experiment_id}") or choose a different name.'
    )


def verb_of(method: str, path: str) -> str:
    """ "read", "use" or "change", as the route says."""
    last = path.rsplit("/", 1)[-1]
    if last == "invocations":
        return "use"
    return "read" if method in ("GET", "HEAD") or last in READ_WORDS else "change"


def moment(seconds: int) -> str:
    """UTC seconds as people read them."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def iso(seconds: int) -> str:
    """UTC seconds as JSON has them, ISO 8601."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_read_only(message: str) -> bool:
    """Whether an answer of MLflow's says that PostgreSQL took no write."""
    return re.search(r"\(psycopg2?\.errors\.ReadOnlySqlTransaction\)", message) is not None


def without_sql(message: str) -> str | None:
    """``message`` without what a database said; None where nothing had to go."""
    for mark in (" Error: (", "(sqlite3.", "(psycopg2.", "(psycopg.", "[SQL:", "(Background on this error"):
        at = message.find(mark)
        if at >= 0:
            return message[:at].strip() or "The server's database refused this."
    return None


def gave_up(message: str) -> str | None:
    """What to say where a database has ended a statement after its own time limit; None where it was something else."""
    if "statement timeout" not in message:  # PostgreSQL's words for SQLSTATE 57014 with statement_timeout
        return None
    return (
        "The database gave up on this after its time limit. Ask for less: fewer comparisons, or fewer experiments or "
        "runs at once."
    )
