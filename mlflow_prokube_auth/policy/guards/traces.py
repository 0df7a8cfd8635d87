"""Traces: where their files are, whose they are, and what they refer to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest, PermissionDenied
from ..artifacts import is_canonical
from .asked import GuardContext, distinct, folded, pairs

# MLflow reads, and deletes, a trace's files where these tags say (mlflow/tracing/utils/artifact_utils.py).
STORAGE_TAGS = frozenset({"mlflow.artifactlocation", "mlflow.trace.archivelocation", "mlflow.trace.spanslocation"})
# Values that send MLflow to its own tables, or to where artifactLocation says.
HARMLESS = {"mlflow.trace.spanslocation": ("TRACKING_STORE", "ARTIFACT_REPO")}
# Metadata that names something (mlflow/tracing/constant.py, TraceMetadataKey).
# Traces that one export may be for, and assessments that may come with one trace.
MOST_TRACES, MOST_ASSESSMENTS = 2_000, 1_000
# What parts a path from something else, to whatever may read it.
_APART = re.compile(r"[/\\?;\s]")
NOTED = {"mlflow.sourcerun": "run", "mlflow.modelid": "logged_model"}


def storage_tag(asked: GuardContext) -> None:
    """One tag that is set or deleted.

    Raises:
        PermissionDenied: it says where the trace's files are.
    """
    value = asked.params.get("value")
    _check_tag(asked, _in_path(asked), asked.text("key"), value if isinstance(value, str) else None)


def storage_tags(asked: GuardContext) -> None:
    """The tags of a trace that begins or ends.

    Raises:
        PermissionDenied: as :func:`storage_tag`.
    """
    for key, value in dict.fromkeys(pairs(asked.params.get("tags"))):
        _check_tag(asked, _in_path(asked), key, value)
    info = _info(asked)
    for key, value in dict.fromkeys(pairs(info.get("tags"))):
        _check_tag(asked, str(info.get("trace_id") or ""), key, value)


def plain_id(asked: GuardContext) -> None:
    """The id that a client chose: MLflow makes it a part of a path.

    Raises:
        BadRequest: it can be read as more than one segment of a path.
    """
    trace_id = _info(asked).get("trace_id")
    if trace_id and not (isinstance(trace_id, str) and is_canonical(trace_id) and not _APART.search(trace_id)):
        raise BadRequest(
            f"The trace id {str(trace_id)[:80]!r} can be read as a path. "
            "Expected an id such as tr-<32 hexadecimal digits>."
        )


def own_id(asked: GuardContext) -> None:
    """A trace that is there already is overwritten, and moved to the experiment of the request.

    Raises:
        PermissionDenied: the caller may not change it.
    """
    trace_id = str(_info(asked).get("trace_id") or "")
    if trace_id:
        asked.need_if_there("trace", trace_id, "update")


def own_assessments(asked: GuardContext) -> None:
    """Assessments that come with a trace and are there already are overwritten, and moved to it.

    Raises:
        PermissionDenied: one is another trace's.
    """
    info = _info(asked)
    assessments = info.get("assessments")
    given = [each for each in assessments if isinstance(each, Mapping)] if isinstance(assessments, list) else []
    ids = distinct((str(each["assessment_id"]) for each in given if each.get("assessment_id")), "assessment",
                   MOST_ASSESSMENTS)  # fmt: skip
    if ids and asked.answers.assessment_traces(ids) - {info.get("trace_id")}:
        named = f"The assessment '{ids[0][:80]}'" if len(ids) == 1 else "One of the assessments"
        raise PermissionDenied(
            f"{named} does not exist on this trace. Leave assessment_id out: the server chooses one."
        )


def noted(asked: GuardContext) -> None:
    """The run and the logged model that a trace says to come from.

    Raises:
        PermissionDenied: one is there, and the caller may not read it.
    """
    sources = (_info(asked).get("trace_metadata"), asked.params.get("request_metadata"))
    metadata = [(folded(key), value) for source in sources for key, value in pairs(source) if value]
    for noted_by, kind in NOTED.items():
        asked.need_each_if_there(kind, (value for key, value in metadata if key == noted_by), "read")


def sent(asked: GuardContext) -> None:
    """Spans that a client sent by OTLP, which MLflow adds to the traces whose ids they have.

    Raises:
        PermissionDenied: a trace is another's, a tag says where its files are, or the run is another's.
    """
    for key in asked.params["tags"]:
        _check_tag(asked, "", key, None)
    ids = distinct(asked.params["trace_ids"], "trace", MOST_TRACES)
    for trace_id in asked.answers.traces_there(ids):
        asked.need("trace", trace_id, "update")
    if run_id := asked.text("run_id"):
        asked.need("run", run_id, "update")


def linked_prompts(asked: GuardContext) -> None:
    """Prompts that a trace is linked to; those of another registry are not there.

    Raises:
        PermissionDenied: one is there, and the caller may not read it.
    """
    versions = asked.params.get("prompt_versions")
    given = [each for each in versions if isinstance(each, Mapping)] if isinstance(versions, list) else []
    asked.need_each_if_there("registered_model", (str(each["name"]) for each in given if each.get("name")), "read")


def _info(asked: GuardContext) -> Mapping[str, Any]:
    """What version 3 of the protocol says of the trace; version 2 says it at the top."""
    trace = asked.params.get("trace")
    info = trace.get("trace_info") if isinstance(trace, Mapping) else None
    return info if isinstance(info, Mapping) else {}


def _in_path(asked: GuardContext) -> str:
    return str(asked.path.get("trace_id") or asked.path.get("request_id") or "")


def _check_tag(asked: GuardContext, trace_id: str, key: str, value: str | None) -> None:
    name = folded(key)
    if name not in STORAGE_TAGS or (value is not None and value in HARMLESS.get(name, ())):
        return
    # Clients before 3.0 end a trace with all of its tags, as the server had told them.
    if value is not None and trace_id and asked.answers.trace_tag(trace_id, key) == value:
        return
    raise PermissionDenied(
        f"The tag '{key.strip()[:80]}' says where a trace's files are: the server sets it. Send the trace without it."
    )
