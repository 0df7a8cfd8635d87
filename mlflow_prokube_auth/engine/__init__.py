"""The only module that knows ``mlflow.server.auth``, MLflow's authorization engine.

It names every seam that it uses, checks at start that each is there with the expected shape, and puts our
identity, our store and our words into them. The engine stays the one that decides.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mlflow.server.auth as auth
from flask import Flask, Response, g, has_request_context, request
from mlflow.exceptions import MlflowException
from mlflow.server import gateway_api, security_utils
from mlflow.server.auth.db import utils as auth_db
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
from mlflow.server.handlers import _get_model_registry_store
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TrackingStore
from mlflow.version import VERSION as VERSION
from sqlalchemy import Engine
from werkzeug.datastructures import Authorization

from .. import logs
from ..catalog import missing_columns
from ..errors import BadRequest, Refusal
from ..identity.caller import current_identity, grants_changed
from ..identity.middleware import answer
from ..policy import ids, words
from ..policy.guards.limits import Asking
from ..policy.guards.shape import check_spellings
from ..policy.named import Found
from ..prefix import VARIABLE, static_prefix, without
from ..supported import EngineChanged as EngineChanged
from ..supported import unfit
from . import bypass, lookups, parents, public, validators
from .answers import ANSWER_SEAMS, SCORER_SEAMS
from .answers import EngineAnswers as EngineAnswers
from .bypass import native_route_matcher as native_route_matcher
from .gateway import GATEWAY_SEAMS
from .gateway import delegate_guardrails as delegate_guardrails
from .native import OTEL_SEAMS, Run, guard_native
from .requests import as_read as as_read
from .requests import misspelt as misspelt
from .requests import named_values as named_values
from .store import STORE_SEAMS as STORE_SEAMS
from .store import ProkubeStore as ProkubeStore
from .store import caller

_logger = logs.logger(__name__)

# name -> parameters that must be there, in order; None where it is a value.
SEAMS: dict[str, tuple[str, ...] | None] = {
    "auth_config": None,
    "store": None,
    "create_app": ("app",),
    "is_unprotected_route": ("path",),
    "_before_request": (),
    "_after_request": ("resp",),
    "make_forbidden_response": (),
    "authenticate_request": (),
    "filter_experiment_ids": ("experiment_ids",),
    "get_graphql_authorization_middleware": (),
    "_init_store_for_app": (),
    "_get_experiment_permission": ("experiment_id", "username"),
    "_get_registered_model_or_prompt_permission": ("name",),
    "_get_gateway_secret_permission": ("secret_id",),
    "_get_gateway_endpoint_permission": ("endpoint_id",),
    "_get_gateway_model_definition_permission": ("model_definition_id",),
    "_get_mcp_server_permission": ("name", "username"),
    "_resolve_user_permission_for_resource": ("username", "resource_type", "resource_id"),
    "_find_fastapi_validator": ("path", "method"),
    "_authorize_flask_artifact_proxy": ("action",),
    "_authorize_fastapi_artifact_proxy": ("path", "username", "query_path", "action"),
    "_artifact_proxy_path": (),
    "_artifact_proxy_path_from_request_path": ("path", "query_path"),
    "_artifact_proxy_child": ("artifact_path", "action"),
    "resolve_permissions": ("username", "workspace_name", "keys"),
    "_role_grant_for_resource": ("user_id", "resource_type", "resource_key", "workspace_name"),
    "fold_grants_for_key": ("grants", "key"),
    "MANAGE": None,
    "authorize": ("username", "anchor", "requirements"),
    "Requirement": ("resource_type", "resource_id", "action", "fallback_if_no_grant"),
    "ACTION_NOT_DENIED": None,
    "GraphQLAuthorizationMiddleware": None,
    "sender_is_admin": (),
    "STATIC_PREFIX_ENV_VAR": None,
    "_USER_AUTH_CACHE": None,
}
CONFIG_FIELDS = (
    "default_permission",
    "database_uri",
    "admin_username",
    "admin_password",
    "authorization_function",
    "grant_default_workspace_access",
    "workspace_cache_max_size",
    "workspace_cache_ttl_seconds",
    "auth_cache_max_size",
    "auth_cache_ttl_seconds",
    "read_database_uri",
)
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
# Asked by probes, whose Host is an address: the host check lets them pass as it does MLflow's own /health.
PROBES = ("/prokube-auth/health", "/prokube-auth/ready", "/prokube-auth/metrics")
GRAPHQL_ERRORS = {
    "mlflowGetExperiment": "MlflowGetExperimentResponse",
    "mlflowGetRun": "MlflowGetRunResponse",
    "mlflowSearchRuns": "MlflowSearchRunsResponse",
    "mlflowSearchDatasets": "MlflowSearchDatasetsResponse",
}
# Names of other modules that are looked up when they are needed.
MODULE_SEAMS: dict[str, tuple[str, ...]] = {
    "mlflow.tracking._tracking_service.utils": ("_get_default_tracking_uri",),
    "mlflow.server.security_utils": ("get_default_allowed_hosts",),
    "mlflow.server.auth.db.utils": ("migrate_if_needed",),
    "mlflow.server.graphql.autogenerated_graphql_schema": ("ApiError", *GRAPHQL_ERRORS.values()),
    "mlflow.server.otel_api": OTEL_SEAMS,
    "mlflow.genai.scorers.scorer_utils": SCORER_SEAMS,
    "mlflow.utils.validation": ("GATEWAY_DESTINATION_KEYS",),
    "mlflow.server.jobs.utils": ("_launch_job_execution_runner",),
}


def check_seams() -> None:
    """Refuse an MLflow whose engine looks different.

    Raises:
        EngineChanged: naming the MLflow version and every seam.
    """
    problems = seams_missing()
    if problems:
        raise unfit(problems)


def seams_missing() -> list[str]:
    """What this MLflow does not have, or has in another shape than expected; in words."""
    problems = [f"no {seam}" for seam in missing_columns()]
    problems += _unlike(auth, SEAMS | ANSWER_SEAMS | parents.PARENT_SEAMS | validators.VALIDATOR_SEAMS)
    problems += _unlike(SqlAlchemyStore, STORE_SEAMS)
    problems += _unlike(TrackingStore, parents.TRACKING_SEAMS)
    problems += _unlike(gateway_api, GATEWAY_SEAMS)
    for module, names in MODULE_SEAMS.items():
        problems += _unlike(importlib.import_module(module), dict.fromkeys(names))
    if not isinstance(getattr(security_utils, "HEALTH_ENDPOINTS", None), list):
        problems.append("no list mlflow.server.security_utils HEALTH_ENDPOINTS")
    if (prefix := getattr(auth, "STATIC_PREFIX_ENV_VAR", None)) != VARIABLE:
        problems.append(f"mlflow.server.auth STATIC_PREFIX_ENV_VAR is {prefix}, expected {VARIABLE}")
    fields = getattr(getattr(auth, "auth_config", None), "_fields", None)
    if fields != CONFIG_FIELDS:
        problems.append(f"mlflow.server.auth auth_config has the fields {fields}, expected {CONFIG_FIELDS}")
    return problems


def _unlike(owner: Any, seams: Mapping[str, tuple[str, ...] | None]) -> Iterator[str]:
    for name, expected in seams.items():
        if not hasattr(owner, name):
            yield f"no {owner.__name__} {name}"
        elif expected is not None:
            function = getattr(owner, name)
            found = tuple(inspect.signature(function).parameters) if callable(function) else None
            if found != expected:
                yield f"{owner.__name__} {name} takes {found}, expected {expected}"


def migrate_mlflow(engine: Engine) -> None:
    """Bring MLflow's own auth tables up to date (mlflow/server/auth/db/utils.py)."""
    auth_db.migrate_if_needed(engine, "head")


def readable(found: Found, username: str) -> bool:
    """Whether the running request's user may read it now, as the engine decides; its failures deny."""
    grants_changed()  # another request of theirs may have been granted it a moment ago
    return _may(found, username, "can_read")


def manageable(found: Found, username: str) -> bool:
    """The same for managing it."""
    return _may(found, username, "can_manage")


def changeable(found: Found, username: str) -> bool:
    """The same for changing it."""
    return _may(found, username, "can_update")


def _may(found: Found, username: str, what: str) -> bool:
    question = PERMISSION_ON[found.resource_type]
    try:
        return bool(getattr(question(found.pattern, username), what))
    except MlflowException as error:
        _logger.warning("asking for a permission failed, it is denied: %s", error.error_code)
        return False


def version_readable(name: str, username: str) -> bool:
    """Whether that user may read the versions of a model or prompt, as the engine decides for each read of one."""
    kind = "prompt" if _get_model_registry_store().get_registered_model(name)._is_prompt() else "registered_model"
    need = (auth.Requirement(kind, name, "read"), auth.Requirement(f"{kind}_version", "*", auth.ACTION_NOT_DENIED))
    return bool(auth.authorize(username, (kind, name), need))


# Before install() puts the allowance for models' readers on top.
_authorize_path = auth._authorize_fastapi_artifact_proxy


def path_readable(username: str, path: str) -> bool:
    """Whether the engine lets that user download what is served under a path; no version of a model is asked."""
    return bool(_authorize_path(f"{ARTIFACTS}{path}", username, None, "read"))


PERMISSION_ON: dict[str, Callable[[str, str], Any]] = {
    "experiment": lambda key, username: auth._get_experiment_permission(key, username),
    "registered_model": lambda name, _: auth._get_registered_model_or_prompt_permission(name),
    "prompt": lambda name, _: auth._get_registered_model_or_prompt_permission(name),
    "gateway_secret": lambda key, _: auth._get_gateway_secret_permission(key),
    "gateway_endpoint": lambda key, _: auth._get_gateway_endpoint_permission(key),
    "gateway_model_definition": lambda key, _: auth._get_gateway_model_definition_permission(key),
    "mcp_server": lambda name, username: auth._get_mcp_server_permission(name, username),
    "scorer": lambda key, username: auth._resolve_user_permission_for_resource(username, "scorer", key),
}


# Both are replaced by install().
_unauthenticated: Callable[[], Response] = lambda: Response(status=401)  # noqa: E731
_refuse: Callable[[Refusal], Response] = lambda refusal: Response(*answer(refusal))  # noqa: E731


def authorization_function() -> Authorization | Response:
    """What the engine calls to learn who is calling; a response is a refusal."""
    try:
        identity = current_identity()
    except Refusal as refusal:
        return _refuse(refusal)
    if identity is None:
        return _unauthenticated()
    return Authorization("basic", {"username": identity.person.username, "password": ""})


def request_params() -> dict[str, Any]:
    """Query, JSON body and path parameters of the running Flask request."""
    params: dict[str, Any] = dict(request.args)
    body = request.get_json(silent=True) if request.is_json or request.method != "GET" else None
    if isinstance(body, dict):
        params.update(body)
    params.update(request.view_args or {})
    return params


def install(
    app: Flask,
    store: ProkubeStore,
    database_uri: str,
    contact: str,
    unauthenticated: Callable[[], Response],
    refuse: Callable[[Refusal], Response],
    before: Callable[[Callable[[], Any]], Any],
    model_artifacts: Callable[[str, str | None], bool],
    guards: Run,
    largest_body: int,
) -> Any:
    """Put ourselves into the seams and make MLflow's app; a Flask or a FastAPI application comes back.

    ``before`` is called around the engine's own ``before_request``; ``model_artifacts`` says of a user and a path
    whose download the engine refuses whether it comes with a model that the user may read; ``guards`` are asked on
    FastAPI's own routes where the engine does not refuse; ``largest_body`` is in bytes, unpacked.
    """
    global _unauthenticated, _refuse
    _unauthenticated, _refuse = unauthenticated, refuse
    auth.store = store
    auth.auth_config = auth.auth_config._replace(
        default_permission="NO_PERMISSIONS",
        database_uri=database_uri,
        admin_username=None,
        admin_password=None,
        authorization_function=f"{__name__}:authorization_function",
        grant_default_workspace_access=False,
        auth_cache_ttl_seconds=0,
        read_database_uri=None,
    )
    auth._USER_AUTH_CACHE = None
    auth.make_forbidden_response = lambda: _forbidden(contact)
    engine_before = auth._before_request
    auth._before_request = lambda: before(engine_before)
    _allow_model_artifacts(model_artifacts)
    lookups.install(store)
    parents.install()
    validators.install()
    public.install(static_prefix())
    guard_native(guards, largest_body)
    auth.filter_experiment_ids = _closed(auth.filter_experiment_ids)
    guard = _graphql_guard(auth.GraphQLAuthorizationMiddleware, contact)
    auth.get_graphql_authorization_middleware = lambda: [guard]
    security_utils.HEALTH_ENDPOINTS.extend(path for path in PROBES if path not in security_utils.HEALTH_ENDPOINTS)
    # Without it the engine would insist on an administrator with a password.
    os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"
    made = auth.create_app(app)
    if made is not app and not bypass.take_flask_past(made, bypass.native_route_matcher(made)):
        raise unfit([f"no FastAPI middleware {bypass.DISPATCH}"])
    return made


def _allow_model_artifacts(allowed: Callable[[str, str | None], bool]) -> None:
    """Ask ``allowed`` where the engine refuses to list or download; on Flask's routes and on FastAPI's own."""
    flask, fastapi = auth._authorize_flask_artifact_proxy, auth._authorize_fastapi_artifact_proxy

    def also(username: str, path: str | None) -> bool:
        try:
            return allowed(username, path)
        except Exception as error:
            _logger.warning("asking whether a path comes with a model failed, it is denied: %s", type(error).__name__)
            return False

    def authorize_flask(action: str) -> bool:
        person = caller()
        return bool(flask(action)) or (
            action == "read" and person is not None and also(person.username, auth._artifact_proxy_path())
        )

    def authorize_fastapi(path: str, username: str, query_path: str | None, action: str) -> bool:
        # These routes serve what their path names, whatever the query says.
        return bool(fastapi(path, username, query_path, action)) or (
            action == "read" and also(username, auth._artifact_proxy_path_from_request_path(path, None))
        )

    auth._authorize_flask_artifact_proxy = authorize_flask
    auth._authorize_fastapi_artifact_proxy = authorize_fastapi


def path_denied(username: str, path: str) -> bool:
    """Whether DENY stands on a path's experiment, or on its runs or logged models."""
    tiers, experiment = auth._artifact_proxy_child(path, "read")
    kinds = [experiment, *((tier, "*") for tier in tiers)]
    need = [auth.Requirement(*kind, auth.ACTION_NOT_DENIED) for kind in kinds]
    return not auth.authorize(username, experiment, need)


def _closed(function: Callable[[list[str]], list[str]]) -> Callable[[list[str]], list[str]]:
    """The engine's filter lets everything through on two exceptions; ours nothing on any.

    It handles those two itself and gives back the very list that it was given; what it has filtered is a new one.
    """

    def filtered(experiment_ids: list[str]) -> list[str]:
        if not has_request_context():
            return []
        try:
            allowed = function(experiment_ids)
            if allowed is experiment_ids and not auth.sender_is_admin():
                raise RuntimeError("it gave back what it was given")
            return allowed
        except Exception as error:
            _logger.error("filtering experiments failed, nothing is shown: %s", type(error).__name__)
            return []

    return filtered


def _forbidden(contact: str) -> Response:
    params = request_params()
    subject = words.subject_of(without(request.path, static_prefix()), params)
    message = words.denied(subject, words.verb_of(request.method, request.path), contact)
    return refusal_response("PERMISSION_DENIED", message, 403)


def refusal_response(error_code: str, message: str, status: int) -> Response:
    """A JSON refusal."""
    refusal = Refusal(message)
    refusal.error_code, refusal.status = error_code, status
    return Response(*answer(refusal))


def _graphql_guard(base: Any, contact: str) -> Any:
    from mlflow.server.graphql import autogenerated_graphql_schema as schema

    class Guard(base):  # type: ignore[misc]  # MLflow is untyped
        """The engine's guard, but a denial says so: MLflow's UI stays blank on a bare null."""

        def resolve(self, next: Any, root: Any, info: Any, **args: Any) -> Any:
            given = vars(args["input"]) if args.get("input") is not None else {}
            try:
                if given:
                    check_spellings(given)
                    ids.check_parameters("/graphql", given.items())
                    g.setdefault("prokube_asking", Asking()).take(given.items())
            except BadRequest as refusal:
                g.prokube_refusal = refusal  # graphql-core would make it an error within an answer of status 200
                return None
            result = super().resolve(next, root, info, **args)
            name = GRAPHQL_ERRORS.get(info.field_name)
            if result is not None or name is None or info.parent_type.name != "Query":
                return result
            params = {key: given.get(key) for key in ("run_id", "run_uuid", "experiment_id", "experiment_ids")}
            message = words.denied(words.subject_of("", params), "read", contact)
            error = schema.ApiError(code="PERMISSION_DENIED", message=message)
            return getattr(schema, name)(apiError=error)

    return Guard()
