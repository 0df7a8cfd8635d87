"""How ids are written: one way for each, so that what is asked of grants is what MLflow's stores find.

MLflow's SQL store reads an experiment's id with ``int()``, which takes ``01``, ``+1``, `` 1``, ``1_0`` and digits of
other scripts, and databases may ignore case and blanks at the end. A DENY, as any grant, is on one spelling. Whatever
is spelled in another way than MLflow makes it is refused. Pure.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from ..errors import BadRequest


@dataclass(frozen=True)
class Kind:
    """What ids of one kind are called, how they are written, and how that is told."""

    name: str
    is_canonical: Callable[[str], object]
    expected: str


_DIGITS = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch
# What a signed number of 64 bits holds: SQLite binds no larger one.
_LARGEST = 2**63 - 1
# MLflow makes them of uuid4 with or without a prefix (m-, s-, iss-, ...): lower-case letters, digits and "-".
_MADE = re.compile(r"[0-9a-z][0-9a-z_-]{0,254}").fullmatch
# Clients may choose those of traces and assessments. Version 4 names a trace's place, too (trace:/<place>/<id>).
_CHOSEN = re.compile(r"(?:trace:/[0-9A-Za-z][0-9A-Za-z._-]*/)?[0-9A-Za-z][0-9A-Za-z._:~-]{0,254}").fullmatch


def _is_number(text: str) -> bool:
    return _DIGITS(text) is not None and int(text) <= _LARGEST


def _is_plain_path(path: str) -> bool:
    """Whether the experiment that a served path begins with, if any, is written in its one way."""
    segments = [each for each in _decoded(path).split("/") if each]
    first = next(iter(segments[2:] if segments[:1] == ["workspaces"] else segments), "")
    return not first.isdecimal() or _is_number(first)


def _is_scorer(pattern: str) -> bool:
    experiment_id, _, name = pattern.partition("/")
    return _is_number(experiment_id) and bool(name) and quote(unquote(name), safe="") == name


# As MLflow has it (mlflow/utils/validation.py), 64 characters each.
_SKILL = re.compile(r"(?:@[a-z0-9]+(?:[-.][a-z0-9]+)*/)?[a-z0-9]+(?:-[a-z0-9]+)*").fullmatch


def _is_skill(pattern: str) -> bool:
    return len(pattern) <= 255 and _SKILL(pattern) is not None


def _decoded(path: str) -> str:
    """As MLflow decodes a path, again and again (mlflow/utils/uri.py, validate_path_is_safe)."""
    while (once := unquote(path)) != path:
        path = once
    return path


_NUMBERED = "a number of at most 64 bits in digits 0 to 9 without sign, blank or leading zero, such as 12"
_HEX = "<32 hexadecimal digits> in lower case"

EXPERIMENT = Kind("experiment id", _is_number, _NUMBERED)
RUN = Kind("run id", _MADE, _HEX)
LOGGED_MODEL = Kind("logged model's id", _MADE, f"m-{_HEX}")
TRACE = Kind("trace id", _CHOSEN, "an id such as tr-<32 hexadecimal digits>, of letters, digits and - . _ : ~")
ASSESSMENT = Kind("assessment's id", _CHOSEN, "an id such as a-<32 hexadecimal digits>")
DATASET = Kind("dataset's id", _MADE, f"d-{_HEX}")
RECORD = Kind("record's id", _MADE, f"dr-{_HEX}")
ISSUE = Kind("issue's id", _MADE, f"iss-{_HEX}")
JOB = Kind("job's id", _MADE, "a UUID in lower case")
WEBHOOK = Kind("webhook's id", _MADE, "a UUID in lower case")
SCORER = Kind("scorer's id", _MADE, "a UUID in lower case")
SESSION = Kind("session's id", _MADE, "a UUID in lower case")
SECRET = Kind("gateway secret's id", _MADE, f"s-{_HEX}")
ENDPOINT = Kind("endpoint's id", _MADE, f"e-{_HEX}")
MODEL_DEFINITION = Kind("gateway model's id", _MADE, f"d-{_HEX}")
BUDGET = Kind("budget's id", _MADE, f"bp-{_HEX}")
GUARDRAIL = Kind("guardrail's id", _MADE, f"gr-{_HEX}")
SCHEMA = Kind("label schema's id", _MADE, f"ls-{_HEX}")
QUEUE = Kind("review queue's id", _MADE, f"rq-{_HEX}")
ROLE = Kind("role's id", _is_number, _NUMBERED)
GRANT = Kind("grant's id", _is_number, _NUMBERED)
VERSION = Kind("version", _is_number, _NUMBERED)
PATH = Kind("artifact path", _is_plain_path, f"the id of its experiment as {_NUMBERED}")
SKILL = Kind("skill", _is_skill, "<name> or @<organization>/<name>, in lower case")
SCORER_KEY = Kind("scorer", _is_scorer, "<experiment id>/<percent-encoded name>")

# Parameter of a path, query or body -> what ids it holds; in lists, too.
PARAMETERS: Mapping[str, Kind] = {
    "experiment_id": EXPERIMENT,
    "experiment_ids": EXPERIMENT,
    "run_id": RUN,
    "run_ids": RUN,
    "run_uuid": RUN,
    "source_run_id": RUN,
    "model_id": LOGGED_MODEL,
    "trace_id": TRACE,
    "trace_ids": TRACE,
    "request_id": TRACE,
    "request_ids": TRACE,
    "item_id": TRACE,
    "item_ids": TRACE,
    "assessment_id": ASSESSMENT,
    "overrides": ASSESSMENT,
    "dataset_id": DATASET,
    "dataset_record_ids": RECORD,
    "issue_id": ISSUE,
    "job_id": JOB,
    "webhook_id": WEBHOOK,
    "scorer_id": SCORER,
    "scorer_ids": SCORER,
    "session_id": SESSION,
    "secret_id": SECRET,
    "endpoint_id": ENDPOINT,
    "action_endpoint_id": ENDPOINT,
    "model_definition_id": MODEL_DEFINITION,
    "budget_policy_id": BUDGET,
    "guardrail_id": GUARDRAIL,
    "schema_id": SCHEMA,
    "schema_ids": SCHEMA,
    "queue_id": QUEUE,
    "role_id": ROLE,
    "role_permission_id": GRANT,
    "version": VERSION,
    "scorer_version": VERSION,
    "scorer_versions": VERSION,
    "artifact_path": PATH,
}
HEADERS: Mapping[str, Kind] = {"x-mlflow-experiment-id": EXPERIMENT, "x-mlflow-run-id": RUN}
# Resource type of MLflow's -> how grants name one; of other types by any name, or all of them alone.
RESOURCES: Mapping[str, Kind] = {
    "experiment": EXPERIMENT,
    "scorer": SCORER_KEY,
    "skill": SKILL,
    "gateway_secret": SECRET,
    "gateway_endpoint": ENDPOINT,
    "gateway_model_definition": MODEL_DEFINITION,
}
WILDCARD = "*"
# Part of MLflow's rules -> parameters that hold something else there than elsewhere; None holds no id.
ELSEWHERE: tuple[tuple[str, str, Kind | None], ...] = (
    ("/mlflow-artifacts/artifacts", "path", PATH),
    ("/gateway/endpoints/bindings/", "resource_id", SCORER),
    ("/mcp-servers", "version", None),  # people choose it, such as 1.0.0
)
# Part of the rules of grants, where the type of what a grant is on says how its id, or pattern, is written.
GRANTS, GRANTED = "/permissions/", ("resource_id", "resource_pattern")
# Parameters that hold a search's conditions, and the attributes there that are compared with ids.
FILTERS = frozenset({"filter", "filter_string", "filter_string1", "filter_string2", "filters"})
ATTRIBUTES: Mapping[str, Kind] = {
    "experiment_id": EXPERIMENT,
    "run_id": RUN,
    "source_run_id": RUN,
    "model_id": LOGGED_MODEL,
    "request_id": TRACE,
    "trace_id": TRACE,
    "version_number": VERSION,
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
def parameters_on(rule: str) -> Mapping[str, Kind | None]:
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


def check(name: str, value: Any, kind: Kind) -> None:
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
