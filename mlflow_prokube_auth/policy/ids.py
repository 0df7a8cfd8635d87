"""How ids are written: one way for each, so that what is asked of grants is what MLflow's stores find.

MLflow's SQL store reads an experiment's id with ``int()``, which takes ``01``, ``+1``, `` 1``, ``1_0`` and digits of
other scripts, and databases may ignore case and blanks at the end. A DENY, as any grant, is on one spelling. Whatever
is spelled in another way than MLflow makes it is refused. Pure.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import BadRequest
from . import kinds, spelling
from .spelling import Spelling

# Parameter of a path, query or body -> what ids it holds; in lists, too.
PARAMETERS: Mapping[str, Spelling] = {
    "experiment_id": spelling.EXPERIMENT,
    "experiment_ids": spelling.EXPERIMENT,
    "run_id": spelling.RUN,
    "run_ids": spelling.RUN,
    "run_uuid": spelling.RUN,
    "source_run_id": spelling.RUN,
    "model_id": spelling.LOGGED_MODEL,
    "trace_id": spelling.TRACE,
    "trace_ids": spelling.TRACE,
    "request_id": spelling.TRACE,
    "request_ids": spelling.TRACE,
    "item_id": spelling.TRACE,
    "item_ids": spelling.TRACE,
    "assessment_id": spelling.ASSESSMENT,
    "overrides": spelling.ASSESSMENT,
    "dataset_id": spelling.DATASET,
    "dataset_record_ids": spelling.RECORD,
    "issue_id": spelling.ISSUE,
    "job_id": spelling.JOB,
    "webhook_id": spelling.WEBHOOK,
    "scorer_id": spelling.SCORER,
    "scorer_ids": spelling.SCORER,
    "session_id": spelling.SESSION,
    "secret_id": spelling.SECRET,
    "endpoint_id": spelling.ENDPOINT,
    "action_endpoint_id": spelling.ENDPOINT,
    "model_definition_id": spelling.MODEL_DEFINITION,
    "budget_policy_id": spelling.BUDGET,
    "guardrail_id": spelling.GUARDRAIL,
    "schema_id": spelling.SCHEMA,
    "schema_ids": spelling.SCHEMA,
    "queue_id": spelling.QUEUE,
    "role_id": spelling.ROLE,
    "role_permission_id": spelling.GRANT,
    "version": spelling.VERSION,
    "scorer_version": spelling.VERSION,
    "scorer_versions": spelling.VERSION,
    "artifact_path": spelling.PATH,
}
HEADERS: Mapping[str, Spelling] = {"x-mlflow-experiment-id": spelling.EXPERIMENT, "x-mlflow-run-id": spelling.RUN}
# Resource type of MLflow's -> how grants name one; of other types by any name, or all of them alone.
RESOURCES: Mapping[str, Spelling] = {kind.type: kind.spelling for kind in kinds.ALL if kind.spelling is not None}
WILDCARD = "*"
# Part of MLflow's rules -> parameters that hold something else there than elsewhere; None holds no id.
ELSEWHERE: tuple[tuple[str, str, Spelling | None], ...] = (
    ("/mlflow-artifacts/artifacts", "path", spelling.PATH),
    ("/gateway/endpoints/bindings/", "resource_id", spelling.SCORER),
    ("/mcp-servers", "version", None),  # people choose it, such as 1.0.0
)
# Part of the rules of grants, where the type of what a grant is on says how its id, or pattern, is written.
GRANTS, GRANTED = "/permissions/", ("resource_id", "resource_pattern")
# Parameters that hold a search's conditions, and the attributes there that are compared with ids.
FILTERS = frozenset({"filter", "filter_string", "filter_string1", "filter_string2", "filters"})
ATTRIBUTES: Mapping[str, Spelling] = {
    "experiment_id": spelling.EXPERIMENT,
    "run_id": spelling.RUN,
    "source_run_id": spelling.RUN,
    "model_id": spelling.LOGGED_MODEL,
    "request_id": spelling.TRACE,
    "trace_id": spelling.TRACE,
    "version_number": spelling.VERSION,
}
_OF_THE_THING = frozenset({"", "attribute", "attributes", "attr", "run", "trace"})
# A comparison with what it compares, or a text to pass over. Each begins with a word or a quote and ends with the next
# quote or parenthesis, so that no text takes longer than its length.
_CONDITION = re.compile(
    r"""(?<!\w)(?:(?P<of>\w+)\s*\.\s*)?(?P<quote>[`"]?)(?P<attribute>\w+)(?P=quote)\s*
        (?:!?=|(?:NOT\s+)?IN\b)\s*(?P<values>'[^']*'|"[^"]*"|\([^()]*\)|[^\s'"()]+)
        |'[^']*'|"[^"]*"|`[^`]*`""",
    re.IGNORECASE | re.VERBOSE,
)
_LITERAL = re.compile(r"""'([^']*)'|"([^"]*)"|([^\s'"(),]+)""")

# Routes of FastAPI that name something by an id: a rule, as far as ELSEWHERE needs it, and its paths.
NATIVE: Mapping[str, re.Pattern[str]] = {
    "/jobs/{job_id}": re.compile(r"/ajax-api/3\.0/jobs/(?:cancel/)?(?P<job_id>[^/]+)/?"),
    "/mcp-servers/{name}/endpoints/{endpoint_id}": re.compile(
        r"/(?:ajax-)?api/3\.0/mlflow/mcp-servers/.+/endpoints/(?P<endpoint_id>[^/]+)/?"
    ),
    "/skills/{name}/versions/{version}": re.compile(
        r"/(?:ajax-)?api/3\.0/mlflow/skills/(?:@[^/]+/[^/]+|[^@/][^/]*)/versions/(?P<version>[^/]+)(?:/.*)?"
    ),
    "/mlflow-artifacts/artifacts/{artifact_path}": re.compile(
        r"/(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts/(?P<artifact_path>.*)", re.DOTALL
    ),
    "/mlflow/assistant/sessions/{session_id}": re.compile(
        r"/ajax-api/3\.0/mlflow/assistant/sessions/(?P<session_id>[^/]+)(?:/.*)?"
    ),
}


@functools.lru_cache(maxsize=1024)
def parameters_on(rule: str) -> Mapping[str, Spelling | None]:
    """What ids the parameters of a route hold."""
    return {**PARAMETERS, **{name: kind for part, name, kind in ELSEWHERE if part in rule}}


def is_canonical(resource_type: str, pattern: str) -> bool:
    """Whether what a grant is on is written in its one way."""
    kind = RESOURCES.get(resource_type)
    return kind is None or pattern == WILDCARD or bool(kind.is_canonical(pattern))


def judged_as(resource_type: str, resource_id: Any) -> str | None:
    """The spelling by which grants are looked up: as MLflow's store reads an experiment's id, in a scorer's key too.

    MLflow 3.18 has the same (``mlflow.server.auth.permissions.canonical_resource_id``).
    """
    if resource_id is None:
        return None
    if resource_type == "scorer":
        experiment_id, slash, name = str(resource_id).partition("/")
        return f"{judged_as('experiment', experiment_id)}{slash}{name}"
    try:
        return str(int(resource_id) if resource_type == "experiment" else resource_id)
    except (TypeError, ValueError, OverflowError):
        return str(resource_id)


def check(name: str, value: Any, kind: Spelling) -> None:
    """Refuse an id in another spelling, or one in a list; none at all and an empty one are no id.

    Raises:
        BadRequest: saying what was found and what is expected.
    """
    for each in value if isinstance(value, list) else [value]:
        if each is None or each == "":
            continue
        is_text = isinstance(each, (str, int)) and not isinstance(each, bool)
        if not is_text or not kind.is_canonical(str(each)):
            raise BadRequest(f"'{name[:80]}' is {each!r:.80}: no {kind.name} as the server writes it. "
                             f"Expected {kind.expected}.")  # fmt: skip


def check_parameters(rule: str, parameters: Iterable[tuple[str, Any]]) -> None:
    """Refuse ids in another spelling among a route's named values, and in the conditions of a search.

    Raises:
        BadRequest: as :func:`check`.
    """
    given, kinds = list(parameters), parameters_on(rule)
    for name, value in given:
        if (kind := kinds.get(name)) is not None:
            check(name, value, kind)
        elif name in FILTERS:
            for attribute, literal in conditions(value):
                check(attribute, literal, ATTRIBUTES[attribute])
    if GRANTS in rule:
        types = [value for name, value in given if name == "resource_type"]
        for name, value in given:
            for resource_type in types if name in GRANTED else ():
                check_resource(resource_type, value, name)


def check_native(path: str, query: Iterable[tuple[str, str]], headers: Iterable[tuple[str, str]]) -> None:
    """The same on a route that FastAPI serves itself, by its path without the static prefix.

    Raises:
        BadRequest: as :func:`check`.
    """
    found = next(((rule, match) for rule, each in NATIVE.items() if (match := each.fullmatch(path))), None)
    rule, named = (found[0], found[1].groupdict()) if found is not None else ("", {})
    check_parameters(rule, [*named.items(), *query])
    for name, value in headers:
        if name in HEADERS:
            check(name, value, HEADERS[name])


def check_resource(resource_type: Any, pattern: Any, name: str) -> None:
    """The same for what a grant is on.

    Raises:
        BadRequest: as :func:`check`.
    """
    kind = RESOURCES.get(resource_type) if isinstance(resource_type, str) else None
    if kind is not None and pattern != WILDCARD:
        check(name, pattern, kind)


def conditions(value: Any) -> Iterator[tuple[str, str]]:
    """Attributes in a search's conditions that hold ids, and what they are compared with."""
    for text in value if isinstance(value, list) else [value]:
        for found in _CONDITION.finditer(text) if isinstance(text, str) else ():
            if found["attribute"] in ATTRIBUTES and (found["of"] or "").lower() in _OF_THE_THING:
                for literal in _LITERAL.finditer(found["values"]):
                    yield found["attribute"], next(each for each in literal.groups() if each is not None)
