"""Guards on the routes that FastAPI serves itself: asked where the engine's own validator has let somebody through.

There the workspace is set and the body is kept for the route. Whatever may wait runs in a worker thread.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, PERMISSION_DENIED
from mlflow.server import otel_api
from mlflow.tracing.utils import generate_mlflow_trace_id_from_otel_trace_id
from mlflow.tracing.utils.otlp import _otel_proto_bytes_to_id
from mlflow.version import VERSION
from starlette.routing import Match, Mount

from ..errors import BadRequest, Refusal
from ..identity.caller import CALLER
from ..policy import words
from ..policy.guards.table import NATIVE, Guard
from ..prefix import static_prefix, without
from . import seams
from .auth_store import caller
from .unpacking import unpack

Explain = Callable[[words.Subject | None, str, str], str]
Run = Callable[[tuple[Guard, ...], str, Mapping[str, Any], Mapping[str, Any], Any], None]
TRACE_TAG = "mlflow.traceTag."
_ROW = {guard.route: guard for guard in NATIVE if guard.is_needed_by(VERSION)}


def row_of(path: str, method: str) -> Guard | None:
    """The guard of a route, told as the engine tells its own validators: what is below one of these is its."""
    guard = None
    if path.startswith("/v1/traces"):
        guard = _ROW.get("/v1/traces")
    elif path.rstrip("/") == "/ajax-api/3.0/jobs/search":
        guard = _ROW.get("/jobs/search")
    elif path.startswith("/ajax-api/3.0/jobs"):
        guard = _ROW.get("/jobs")
    elif path.startswith("/ajax-api/3.0/mlflow/assistant"):
        guard = _ROW.get("/mlflow/assistant/{}")
    return guard if guard is not None and guard.holds_for(method) else None


def install(run: Run, explain: Explain, largest_body: int) -> None:
    """Have ``run`` asked behind the engine's validators of FastAPI's own routes, and packed bodies unpacked within
    bounds: here, and by MLflow's own handler, which administrators reach without a guard."""
    find = seams.original(seams.AUTH, "_find_fastapi_validator")

    def decompress_otlp_body(raw_body: bytes, content_encoding: str) -> bytes:
        return unpack(raw_body, content_encoding, largest_body)

    seams.replace(seams.OTEL, "decompress_otlp_body", decompress_otlp_body)

    def found(path: str, method: str) -> Callable[[str, Any], Awaitable[bool]] | None:
        inner = find(path, method)
        guard = row_of(without(path, static_prefix()), method)
        if inner is None:
            return None

        async def validator(username: str, request: Any) -> bool:
            try:
                if not await inner(username, request):
                    if not _is_served(request):
                        return True
                    await anyio.to_thread.run_sync(_explain, explain, method, without(path, static_prefix()))
                    return False
                if guard is not None:
                    body = await request.body() if guard.route in _READ else b""
                    await anyio.to_thread.run_sync(_ask, run, guard, method, request.headers, body)
            except MlflowException:
                if _is_served(request):
                    raise
            return True

        return validator

    seams.replace(seams.AUTH, "_find_fastapi_validator", found)


def _explain(explain: Explain, method: str, path: str) -> None:
    """Leave with the request what is to be said where its caller may read what it names."""
    if (here := CALLER.get()) is not None:
        here.refused = explain(words.native_subject_of(path), method, path)


def _is_served(request: Any) -> bool:
    """Whether FastAPI has a route at this path; all else is Flask's, where the engine decides again, or nobody's."""
    routes = (route for route in request.app.routes if not isinstance(route, Mount))
    return any(route.matches(request.scope)[0] != Match.NONE for route in routes)


def _ask(run: Run, guard: Guard, method: str, headers: Any, body: bytes) -> None:
    """Ask, and let a refusal pass through the engine's middleware as it takes one."""
    try:
        params = _READ[guard.route](headers, body) if guard.route in _READ else {}
        run((guard,), method, params, {}, caller())
    except Refusal as refusal:
        code = INVALID_PARAMETER_VALUE if isinstance(refusal, BadRequest) else PERMISSION_DENIED
        raise MlflowException(refusal.message, error_code=code) from None


def sent_spans(headers: Any, body: bytes) -> dict[str, Any]:
    """Which traces an export is for, which tags it sets, and the run that it names: read as MLflow's route does.

    Raises:
        BadRequest: it is none, or names two runs.
        MlflowException: as :func:`unpack`.
    """
    runs = set(headers.getlist(otel_api.MLFLOW_RUN_ID_HEADER))
    if len(runs) > 1 or len(set(headers.getlist(otel_api.MLFLOW_EXPERIMENT_ID_HEADER))) > 1:
        raise BadRequest("The headers name two runs or experiments. Expected one.")
    try:
        spans = list(_spans(headers, body))
    except MlflowException:
        raise  # it is too large, or not packed as it says
    except Exception:
        raise BadRequest(
            "The body is not an OTLP export of spans in the format of its Content-Type and Content-Encoding."
        ) from None
    # The tags come as attributes of the trace's first span; on others nobody needs them.
    tags = {
        attribute.key.removeprefix(TRACE_TAG)
        for span in spans
        for attribute in span.attributes
        if attribute.key.startswith(TRACE_TAG)
    }
    ids = {generate_mlflow_trace_id_from_otel_trace_id(_otel_proto_bytes_to_id(span.trace_id)) for span in spans}
    return {"trace_ids": sorted(ids), "tags": sorted(tags), "run_id": next(iter(runs), None)}


def sent_json(_headers: Any, body: bytes) -> dict[str, Any]:
    """A JSON object; what is none, FastAPI refuses."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


# Guards that look into the body, and how it is read for them.
_READ: dict[str, Callable[[Any, bytes], dict[str, Any]]] = {"/v1/traces": sent_spans, "/jobs/search": sent_json}


def _spans(headers: Any, body: bytes) -> Any:
    encoding = headers.get("content-encoding")
    if encoding:
        body = otel_api.decompress_otlp_body(body, encoding.lower())
    message = otel_api.ExportTraceServiceRequest()
    if headers.get("content-type", "").split(";")[0].strip() == "application/json":
        otel_api.ParseJsonProto(otel_api._convert_otlp_json_ids_to_base64(body), message, ignore_unknown_fields=True)
    else:
        message.ParseFromString(body)
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans
