"""The words of every denial. Pure: what the caller sent goes in, a sentence comes out.

Nothing here tells an id that does not exist from one that the caller may not read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from . import kinds

DEFAULT_EXPERIMENT_ID = "0"
# Last words of the routes that read with another method than GET.
READ_WORDS = frozenset(
    {"search", "get-latest-versions", "search-datasets", "batchGetInfos", "metrics", "calculate-filter-correlation",
     "presigned-download-url"}
)  # fmt: skip

# Last words of the routes that need MANAGE.
MANAGING = frozenset({"delete", "restore", "delete-traces", "grant", "revoke"})
# What the method DELETE takes from something that is only changed by it.
DELETED_PARTS = re.compile(r"(?<!/model-versions)/(?:tags|delete-tag|assessments|bindings)(?:/|\Z)")
# Parameter -> the kind that it names; the first one present describes the request.
ID_PARAMETERS = tuple((parameter, kind) for kind in kinds.ALL for parameter in kind.parameters)
# Those of which a search names several, by the parameter's plural.
SEVERAL = ("experiment_id", "trace_id")
# Routes that name a resource by its globally unique name: (words in the path, parameter, kind).
NAME_ROUTES = tuple((each.route, each.name, kind) for kind in kinds.ALL for each in kind.named_in)
# Routes that FastAPI serves itself, for which the engine says nothing but "Permission denied".
NATIVE_SUBJECTS = tuple((kind.native, kind) for kind in kinds.ALL if kind.native is not None)
SUBMITTING = re.compile(r"/ajax-api/3\.0/jobs/?")
ONLY_ADMINISTRATORS_SUBMIT = "Only administrators submit jobs here. MLflow's pages start their jobs by other routes."
# Parts of paths that are open to administrators alone, and why.
ADMINISTRATORS = (
    (
        "/mlflow/webhooks",
        "Only administrators see and create webhooks, because a webhook receives events about everyone's resources.",
    ),
    ("/gateway/budgets", "Only administrators see and create budgets, because a budget limits everyone's spending."),
)
LEVELS: dict[str, str] = {
    "READ": "see it and load it",
    "USE": "see it and call it (gateway)",
    "EDIT": "see it, log to it and change it",
    "MANAGE": "everything: change, delete and share it",
    "DENY": "nothing, whatever else is granted",
}


@dataclass(frozen=True)
class Subject:
    """What a request was about, as the caller sent it. ``kind`` is people's word for it, ``type`` MLflow's.

    ``type`` is empty where nobody can be asked about it: several things, or what is no resource.
    """

    kind: str
    value: str
    by_name: bool
    type: str = ""


@dataclass(frozen=True)
class Standing:
    """What a refused caller holds on what they may read: a level, and the thing in words."""

    level: str
    what: str


def subject_of(path: str, params: Mapping[str, Any]) -> Subject | None:
    """What the request names, or None."""
    for words, parameter, kind in NAME_ROUTES:
        if words in path and isinstance(params.get(parameter), str):
            return Subject(kinds.word_of_named(kind.type), params[parameter], by_name=True, type=kind.type)
    granted, pattern = params.get("resource_type"), params.get("resource_id")
    if isinstance(granted, str) and isinstance(pattern, str) and granted in kinds.BY_TYPE:
        return Subject(kinds.word_of(granted), pattern[:200], by_name=False, type=granted)
    for parameter, kind in ID_PARAMETERS:
        value = params.get(parameter)
        if isinstance(value, (str, int)) and str(value):
            return Subject(kind.word, str(value)[:200], by_name=False, type=kind.type)
    for parameter in SEVERAL:
        ids = params.get(f"{parameter}s")
        if isinstance(ids, list) and ids:
            several = ", ".join(str(item) for item in ids[:5])[:200]
            return Subject(dict(ID_PARAMETERS)[parameter].word, several, by_name=False)
    return None


def native_subject_of(path: str) -> Subject | None:
    """What a request to one of FastAPI's own routes names; for words only, never for a decision."""
    for pattern, kind in NATIVE_SUBJECTS:
        match = pattern.fullmatch(path)
        if match:
            by_name = kind.type == "gateway_endpoint"  # of which all other routes tell the id
            return Subject(kind.word, match.group(1)[:200], by_name, kind.type)
    return None


def denied_native(method: str, path: str, contact: str) -> str:
    """What the engine refuses on a route that FastAPI serves itself."""
    if method == "POST" and SUBMITTING.fullmatch(path):
        return ONLY_ADMINISTRATORS_SUBMIT
    return denied(native_subject_of(path), verb_of(method, path), contact)


def exists(kind: str, name: str) -> str:
    """A name is taken by a resource that the caller may read."""
    return f"The {kind} name '{name}' already exists."


def taken(kind: str, name: str, contact: str, verb: str = "access", others: int = 0) -> str:
    """A name that someone else has: the two ways out, and nothing more. ``others``: it may be one of so many more."""
    organization, slash, own = name.rpartition("/") if name.startswith("@") else ("", "", name)
    return (
        f"The {kind} name '{name}'{f', or one of {others} more,' if others else ''} is already taken and you may not "
        f"{verb} it. Choose a different name, for example with your team as prefix "
        f"('{organization}{slash}<team>-{own}'), or ask {contact} for access."
    )


def members_follow(team: str, provider_name: str) -> str:
    """To who would choose the members of a group's team."""
    return f"The members of the team '{team}' follow its group in {provider_name}. Change them there."


def bound_elsewhere(name: str, provider_name: str) -> str:
    """To who logs in with the name of a person's account that is bound to another identity of the provider."""
    return (
        f"The account '{name}' here is bound to another identity of {provider_name}, as after a realm was imported "
        "again or its address has changed. If it is yours, an administrator can bind it anew: "
        f"mlflow-prokube-auth users rebind {shlex.quote(name)}."
    )


def no_login_by_name(name: str, provider_name: str, *, kept: bool, bound: bool) -> str:
    """To who logs in with a name that is not theirs here; ``bound``: it is that of a person's account."""
    return bound_elsewhere(name, provider_name) if bound else user_name_taken(name, kept=kept)


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
        f"Only members of a team may use names of a {kind} that begin with '{prefix}', and you are not a member. "
        f"Choose a name other than '{name}', or ask {contact} for access."
    )


def only_administrators(path: str, contact: str) -> str:
    """What is said on a route that is open to administrators alone; empty on others."""
    found = next((what for part, what in ADMINISTRATORS if part in path), "")
    return f"{found} Ask {contact}." if found else ""


def denied(subject: Subject | None, verb: str, contact: str) -> str:
    """Any other denial."""
    if subject is None:
        return f"You are not allowed to do this. Ask {contact} for access."
    if subject.by_name and subject.kind == "experiment":  # MLflow says of a name that nothing bears that it is free
        return taken(subject.kind, subject.value, contact)
    if subject.by_name:
        return (
            f"The {subject.kind} '{subject.value}' does not exist or you may not {verb} it. "
            f"Check the name, or ask {contact} for access."
        )
    if subject.kind == "experiment" and subject.value == DEFAULT_EXPERIMENT_ID:
        return (
            "The experiment 'Default' (id 0) has no owner on this server. "
            'Call mlflow.set_experiment("<name>") first: the experiment that it creates is yours. '
            "If you have, call it again: of several processes that create one experiment at the same time, all but one "
            "go on without it."
        )
    return f"The {subject.kind} '{subject.value}' does not exist or you may not {verb} it. Ask {contact} for access."


def more_needed(standing: Standing, needed: str, contact: str) -> str:
    """A denial to someone who may read what it is about: what they have, and what is missing."""
    have = f"You have {standing.level} on {standing.what}"
    levels = kinds.LEVELS_OF_CALLED
    if levels.index(standing.level) < levels.index(needed):
        return f"{have}, and this needs {needed}. Ask {contact} for {needed}."
    return (
        f"{have}, and this needs more, or something else that the request names does not exist or is not open to you. "
        f"Ask {contact} for access."
    )


def may_not_share(standing: Standing, contact: str) -> str:
    """To someone who would share what they may read alone, or change."""
    may = "read" if standing.level in ("READ", "USE") else "change"
    return (
        f"You may {may} {standing.what}, but not share it: you have {standing.level}, and sharing needs MANAGE. "
        f"Ask {contact} to share it."
    )


def not_yours_beside(kind: str, name: str, contact: str) -> str:
    """The request would also use an existing resource of that name, which the caller may not change."""
    return (
        f"The server records the calls of this endpoint in the {kind} '{name}', which you may not change. Set "
        f"experiment_id to an {kind} of yours, turn usage_tracking off, choose another name, or ask {contact}."
    )


def in_trash(name: str, experiment_id: str) -> str:
    """A taken name whose bearer is the caller's own, deleted."""
    return (
        f"The experiment '{name}' is in the trash. Restore it with "
        f'mlflow.MlflowClient().restore_experiment("{experiment_id}") or choose a different name.'
    )


def not_served(path: str, tracking_uri: str, release: str) -> str:
    """A path that no route has: a tracking URI with a wrong path, or a client of another release."""
    return (
        f"This server has no route '{path[:200]}'. Its tracking URI is {tracking_uri} : check MLFLOW_TRACKING_URI. "
        f"If it is correct, MLflow {release} has no such route."
    )


def method_not_served(method: str, path: str, methods: Iterable[str]) -> str:
    """A path that has routes, by other methods."""
    return f"'{path[:200]}' takes {' and '.join(sorted(methods))}, not {method[:20]}."


def verb_of(method: str, path: str) -> str:
    """ "read", "use" or "change", as the route says."""
    last = path.rsplit("/", 1)[-1]
    if last == "invocations":
        return "use"
    return "read" if method in ("GET", "HEAD") or last in READ_WORDS else "change"


def level_needed(method: str, path: str) -> str:
    """The level without which a route refuses, as far as its path tells; for words only, never for a decision.

    The matrix of the tests holds it to what the server does.
    """
    if path.rsplit("/", 1)[-1] in MANAGING or (method == "DELETE" and DELETED_PARTS.search(path) is None):
        return "MANAGE"
    return {"read": "READ", "use": "USE", "change": "EDIT"}[verb_of(method, path)]


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
            return message[:at].strip() or "The server's database refused this request."
    return None


def gave_up(message: str) -> str | None:
    """What to say where a database has ended a statement after its own time limit; None where it was something else."""
    if "statement timeout" not in message:  # PostgreSQL's words for SQLSTATE 57014 with statement_timeout
        return None
    return (
        "The database stopped this request at its time limit. Ask for less: fewer comparisons, or fewer experiments or "
        "runs at once."
    )
