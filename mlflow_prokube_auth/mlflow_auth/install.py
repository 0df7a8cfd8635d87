"""Puts us into MLflow's engine: our identity, our store and our words. The engine stays the one that decides."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import mlflow.server.auth as auth
from flask import Flask, Response, current_app, has_request_context, request
from mlflow.server import app as flask_app
from mlflow.server.auth.db import utils as auth_db
from sqlalchemy import Engine
from werkzeug.datastructures import Authorization

from .. import logs
from ..errors import Refusal
from ..identity.caller import current_identity
from ..identity.middleware import answer
from ..policy import words
from ..policy.guards.table import Guard
from ..prefix import static_prefix, without
from . import bypass, gateway, graphql, lookups, native_guards, parents, public, scopes, seams, validators
from .auth_store import ProkubeStore, caller
from .protocol import request_params
from .releases import unfit

__all__ = ["flask_app", "install", "migrate_mlflow"]
_logger = logs.logger(__name__)

EXTENSION = "prokube_auth"
# Asked by probes, whose Host is an address: the host check lets them pass as it does MLflow's own /health.
PROBES = ("/prokube-auth/health", "/prokube-auth/ready", "/prokube-auth/metrics")


class Plugin(Protocol):
    """What the engine asks us. It hangs in Flask's ``app.extensions`` as :data:`EXTENSION`."""

    @property
    def store(self) -> ProkubeStore:
        """Users, roles and grants."""

    @property
    def database_uri(self) -> str:
        """Where they are."""

    @property
    def contact(self) -> str:
        """Whom to ask, for words."""

    @property
    def largest_body(self) -> int:
        """In bytes, unpacked."""

    def unauthenticated(self) -> Response:
        """The answer to nobody."""

    def refuse(self, refusal: Refusal) -> Response:
        """The answer that tells a refusal."""

    def before(self, engine: Callable[[], Any]) -> Any:
        """Called around the engine's own ``before_request``."""

    def may_read_path(self, username: str, path: str | None) -> bool:
        """Whether a path whose download the engine refuses comes with a model that the user may read."""

    def check_guards(
        self,
        guards: tuple[Guard, ...],
        method: str,
        params: Mapping[str, Any],
        view_args: Mapping[str, Any],
        person: Any,
    ) -> None:
        """Asked on FastAPI's own routes where the engine does not refuse.

        Raises:
            Refusal: a guard refuses.
        """

    def narrow(self, route: str) -> bool:
        """Whether the running request's search finds in SQL what its caller may read, from here on."""

    def delegated(self, user_id: int) -> str:
        """A short-lived credential for the server's calls to itself for that user."""


def migrate_mlflow(engine: Engine) -> None:
    """Bring MLflow's own auth tables up to date (mlflow/server/auth/db/utils.py)."""
    auth_db.migrate_if_needed(engine, "head")


def authenticate_request() -> Authorization | Response:
    """What the engine calls to learn who is calling; a response is a refusal.

    On FastAPI's own routes it asks within no request of Flask's.
    """
    plugin: Plugin | None = current_app.extensions.get(EXTENSION) if has_request_context() else None
    try:
        identity = current_identity()
    except Refusal as refusal:
        return Response(*answer(refusal)) if plugin is None else plugin.refuse(refusal)
    if identity is None:
        return Response(status=401) if plugin is None else plugin.unauthenticated()
    return Authorization("basic", {"username": identity.person.username, "password": ""})


def install(app: Flask, plugin: Plugin) -> Any:
    """Put ourselves into the seams and make MLflow's app; a Flask or a FastAPI application comes back.

    Each replacement is told by :mod:`.seams`; :func:`.seams.undo` takes them out again.
    """
    app.extensions[EXTENSION] = plugin
    seams.replace(seams.AUTH, "store", plugin.store)
    seams.replace(
        seams.AUTH,
        "auth_config",
        seams.original(seams.AUTH, "auth_config")._replace(
            default_permission="NO_PERMISSIONS",
            database_uri=plugin.database_uri,
            admin_username=None,
            admin_password=None,
            # The engine asks whether it is its own; nothing calls it, see `authenticate_request`.
            authorization_function=f"{__name__}:authenticate_request",
            grant_default_workspace_access=False,
            auth_cache_ttl_seconds=0,
            read_database_uri=None,
        ),
    )
    seams.replace(seams.AUTH, "_USER_AUTH_CACHE", None)
    seams.replace(seams.AUTH, "authenticate_request", authenticate_request)
    _replace_what_is_new()
    scopes.install(plugin.narrow)
    seams.replace(seams.AUTH, "make_forbidden_response", lambda: _forbidden(plugin.contact))
    engine_before = seams.original(seams.AUTH, "_before_request")
    seams.replace(seams.AUTH, "_before_request", lambda: plugin.before(engine_before))
    _allow_model_artifacts(plugin.may_read_path)
    lookups.install(plugin.store)
    parents.install()
    validators.install()
    public.install(static_prefix())
    native_guards.install(plugin.check_guards, plugin.largest_body)
    seams.replace(seams.AUTH, "filter_experiment_ids", _closed(seams.original(seams.AUTH, "filter_experiment_ids")))
    guard = graphql.guard(plugin.contact)
    seams.replace(seams.AUTH, "get_graphql_authorization_middleware", lambda: [guard])
    probes = [*seams.original("mlflow.server.security_utils", "HEALTH_ENDPOINTS"), *PROBES]
    seams.replace("mlflow.server.security_utils", "HEALTH_ENDPOINTS", probes)
    # Without it the engine would insist on an administrator with a password.
    os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"
    made = auth.create_app(app)
    if made is app:
        return made
    gateway.delegate_guardrails(plugin.delegated)
    if not bypass.take_flask_past(made, bypass.native_route_matcher(made)):
        raise unfit([f"no FastAPI middleware {bypass.DISPATCH}"])
    return made


def _replace_what_is_new() -> None:
    """What MLflow 3.18 has, and 3.17 has not."""
    if seams.is_there(seams.AUTH, "authenticate_fastapi_request_user"):
        # It would take the server's own tokens first: the gateway's, and that of the Assistant's tools.
        only_ours = seams.original(seams.AUTH, "_authenticate_custom_for_fastapi")
        seams.replace(seams.AUTH, "authenticate_fastapi_request_user", lambda request: only_ours(request))
    if seams.is_there(seams.AUTH, "_reject_rename_with_named_role_grants"):
        # `ProkubeStore.rename_grants_for_resource` takes the grants of all roles along, and what is left on the new
        # name goes; whoever may manage a model shares it with teams, and renames it.
        seams.replace(seams.AUTH, "_reject_rename_with_named_role_grants", lambda name, new_name: None)


def _allow_model_artifacts(allowed: Callable[[str, str | None], bool]) -> None:
    """Ask ``allowed`` where the engine refuses to list or download; on Flask's routes and on FastAPI's own."""
    flask = seams.original(seams.AUTH, "_authorize_flask_artifact_proxy")
    fastapi = seams.original(seams.AUTH, "_authorize_fastapi_artifact_proxy")
    path_of = seams.first("_effective_artifact_proxy_path", "_artifact_proxy_path_from_request_path")

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
            action == "read" and also(username, path_of(path, None))
        )

    seams.replace(seams.AUTH, "_authorize_flask_artifact_proxy", authorize_flask)
    seams.replace(seams.AUTH, "_authorize_fastapi_artifact_proxy", authorize_fastapi)


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
