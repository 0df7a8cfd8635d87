"""Puts us into MLflow's engine: our identity, our store and our words. The engine stays the one that decides."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import mlflow.server.auth as auth
from flask import Flask, Response, current_app, g, has_request_context, request
from mlflow.server import app as flask_app
from mlflow.server.auth.db import utils as auth_db
from sqlalchemy import Engine
from werkzeug.datastructures import Authorization

from .. import logs
from ..errors import Refusal
from ..identity.caller import current_identity
from ..identity.middleware import answer
from ..policy import words
from ..policy.artifacts import Owned
from ..policy.guards.table import Guard
from ..prefix import static_prefix, without
from . import (
    bypass,
    gateway,
    graphql,
    lookups,
    messages,
    native_guards,
    outages,
    parents,
    public,
    scopes,
    seams,
    sources,
    validators,
)
from .answers import EngineAnswers
from .auth_store import ProkubeStore, caller
from .permissions import ARTIFACTS
from .protocol import request_params
from .releases import unfit

__all__ = ["flask_app", "install", "migrate_mlflow"]
_logger = logs.logger(__name__)

EXTENSION = "prokube_auth"
# Asked by probes, whose Host is an address: the host check lets them pass as it does MLflow's own /health.
# MLflow's routes that read a logged model by its id, and the parameter that names a path in it.
_RECORD_ROUTE = re.compile(r"/mlflow/logged-models/<model_id>(?:/artifacts/(?P<what>directories|files))?\Z")
_PATHS_OF_RECORDS = {"": "", "directories": "artifact_directory_path", "files": "artifact_file_path"}
# What stands for all runs of an experiment, to the engine.
ANY_RUN = "0" * 32
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
        """The contact that messages name."""

    @property
    def answers(self) -> EngineAnswers:
        """What MLflow's engine and tables say."""

    def explain(self, subject: words.Subject | None, method: str, path: str) -> str:
        """What to say to a refused caller who may read what a request is about; empty for others."""

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

    def owned_path(self, path: str) -> Owned | None:
        """Whose a path of artifacts is, as the engine is to judge it; None where it is not exactly one experiment's."""

    def may_read_logged_model(self, username: str, model_id: str, path: str | None) -> bool:
        """The same of a logged model's record, or of a path below its root."""

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
    seams.replace(seams.AUTH, "make_forbidden_response", lambda: _forbidden(plugin))
    engine_before = seams.original(seams.AUTH, "_before_request")
    seams.replace(seams.AUTH, "_before_request", lambda: plugin.before(engine_before))
    _judge_artifact_paths(plugin.owned_path, plugin.may_read_path)
    _allow_model_records(plugin.may_read_logged_model)
    lookups.install(plugin.store)
    messages.install()
    parents.install()
    validators.install()
    sources.install()
    outages.install()
    public.install(static_prefix())
    native_guards.install(plugin.check_guards, plugin.explain, plugin.largest_body)
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


def _judge_artifact_paths(owned: Callable[[str], Owned | None], allowed: Callable[[str, str | None], bool]) -> None:
    """Have the engine judge a path by the experiment whose location holds it, on Flask's routes and on FastAPI's own.

    ``allowed`` is asked where the engine refuses to list or download.
    """
    flask = seams.original(seams.AUTH, "_authorize_flask_artifact_proxy")
    fastapi = seams.original(seams.AUTH, "_authorize_fastapi_artifact_proxy")
    path_of = seams.first("_effective_artifact_proxy_path", "_artifact_proxy_path_from_request_path")

    def by_owner(username: str, path: str | None, action: str, as_it_stands: Callable[[], Any]) -> bool:
        found = owned(path) if path else Owned("", "")
        if found is None:
            return False
        if not found.root:
            return bool(as_it_stands())
        judged = found.judged
        if "/" not in judged and action == "read":
            # The engine takes denied runs out of such a listing by the id in its path, which this one does not have.
            judged = f"{judged}/{ANY_RUN}"
        return bool(fastapi(f"{ARTIFACTS}{judged}", username, None, action))

    def also(username: str, path: str | None) -> bool:
        return _not_failing(lambda: allowed(username, path))

    def authorize_flask(action: str) -> bool:
        person, path = caller(), auth._artifact_proxy_path()
        if person is None:
            return bool(flask(action))
        username = person.username
        return by_owner(username, path, action, lambda: flask(action)) or (action == "read" and also(username, path))

    def authorize_fastapi(path: str, username: str, query_path: str | None, action: str) -> bool:
        # These routes serve what their path names, whatever the query says.
        served = path_of(path, None)
        return by_owner(
            username, served or query_path, action, lambda: fastapi(path, username, query_path, action)
        ) or (action == "read" and also(username, served))

    seams.replace(seams.AUTH, "_authorize_flask_artifact_proxy", authorize_flask)
    seams.replace(seams.AUTH, "_authorize_fastapi_artifact_proxy", authorize_fastapi)


def _allow_model_records(allowed: Callable[[str, str, str | None], bool]) -> None:
    """The same for the record of a logged model and for its files by its id, on the routes that read them."""
    authorize = seams.original(seams.AUTH, "_authorize_logged_model")

    def authorize_logged_model(action: str) -> bool:
        if authorize(action):
            return True
        person, rule = caller(), request.url_rule
        found = _RECORD_ROUTE.search(rule.rule) if rule is not None else None
        if action != "read" or person is None or found is None or request.method != "GET":
            return False
        part = _PATHS_OF_RECORDS[found["what"] or ""]
        model_id, path = str((request.view_args or {})["model_id"]), request.args.get(part) if part else None
        # A listing of no path is that of the whole model.
        if not _not_failing(lambda: allowed(person.username, model_id, path or None)):
            return False
        g.prokube_of_a_version = not part
        return True

    seams.replace(seams.AUTH, "_authorize_logged_model", authorize_logged_model)


def _not_failing(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception as error:
        _logger.warning(
            "checking whether a model's readers may read its files failed, so access is denied: %s",
            type(error).__name__,
        )
        return False


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
            _logger.error("filtering experiments failed, so none are shown: %s", type(error).__name__)
            return []

    return filtered


def _forbidden(plugin: Plugin) -> Response:
    params, path = request_params(), without(request.path, static_prefix())
    if (source := plugin.answers.refused_source(path, params)) is not None:
        return refusal_response("PERMISSION_DENIED", words.denied(source, "read", plugin.contact), 403)
    subject = words.subject_of(path, params)
    message = words.only_administrators(path, plugin.contact) or plugin.explain(subject, request.method, path)
    message = message or words.denied(subject, words.verb_of(request.method, path), plugin.contact)
    return refusal_response("PERMISSION_DENIED", message, 403)


def refusal_response(error_code: str, message: str, status: int) -> Response:
    """A JSON refusal."""
    refusal = Refusal(message)
    refusal.error_code, refusal.status = error_code, status
    return Response(*answer(refusal))
