"""What the engine decides, for our pages, names and guards: each answer is its own function's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlflow.server.auth as auth
from mlflow.exceptions import MlflowException
from mlflow.server.handlers import _get_model_registry_store

from .. import logs
from ..identity.caller import grants_changed
from ..policy.named import NamedResource, skill_of
from . import seams

_logger = logs.logger(__name__)

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"


def readable(found: NamedResource, username: str) -> bool:
    """Whether the running request's user may read it now, as the engine decides; its failures deny."""
    grants_changed()  # another request of theirs may have been granted it a moment ago
    return _may(found, username, "can_read")


def manageable(found: NamedResource, username: str) -> bool:
    """The same for managing it."""
    return _may(found, username, "can_manage")


def changeable(found: NamedResource, username: str) -> bool:
    """The same for changing it."""
    return _may(found, username, "can_update")


def level(found: NamedResource, username: str) -> str:
    """The level that they hold on it; empty for none, and where asking fails. For words and buttons alone."""
    held = _held(found, username)
    return next((each for each, what in LEVELS if getattr(held, what, False)), "")


def _may(found: NamedResource, username: str, what: str) -> bool:
    return bool(getattr(_held(found, username), what, False))


def _held(found: NamedResource, username: str) -> Any:
    question = PERMISSION_ON[found.resource_type]
    try:
        return question(found.pattern, username)
    except MlflowException as error:
        _logger.warning("a permission check failed, so access is denied: %s", error.error_code)
        return None


def version_readable(name: str, username: str) -> bool:
    """Whether that user may read the versions of a model or prompt, as the engine decides for each read of one."""
    kind = "prompt" if _get_model_registry_store().get_registered_model(name)._is_prompt() else "registered_model"
    need = (auth.Requirement(kind, name, "read"), auth.Requirement(f"{kind}_version", "*", auth.ACTION_NOT_DENIED))
    return bool(auth.authorize(username, (kind, name), need))


def path_readable(username: str, path: str) -> bool:
    """Whether the engine lets that user download what is served under a path; no version of a model is asked."""
    authorize_path = seams.original(seams.AUTH, "_authorize_fastapi_artifact_proxy")
    return bool(authorize_path(f"{ARTIFACTS}{path}", username, None, "read"))


def path_open(username: str, path: str, action: str) -> bool:
    """Whether that user may "read", "update" or "manage" what is served under a path, versions of models included."""
    return bool(auth._authorize_fastapi_artifact_proxy(f"{ARTIFACTS}{path}", username, None, action))


# From the most, each by what it alone allows.
LEVELS = (("MANAGE", "can_manage"), ("EDIT", "can_update"), ("USE", "can_use"), ("READ", "can_read"))
PERMISSION_ON: dict[str, Callable[[str, str], Any]] = {
    "experiment": lambda key, username: auth._get_experiment_permission(key, username),
    "registered_model": lambda name, _: auth._get_registered_model_or_prompt_permission(name),
    "prompt": lambda name, _: auth._get_registered_model_or_prompt_permission(name),
    "gateway_secret": lambda key, _: auth._get_gateway_secret_permission(key),
    "gateway_endpoint": lambda key, _: auth._get_gateway_endpoint_permission(key),
    "gateway_model_definition": lambda key, _: auth._get_gateway_model_definition_permission(key),
    "mcp_server": lambda name, username: auth._get_mcp_server_permission(name, username),
    "skill": lambda name, username: auth._get_skill_permission(*skill_of(name) or ("", ""), username),
    "scorer": lambda key, username: auth._resolve_user_permission_for_resource(username, "scorer", key),
}


def path_denied(username: str, path: str) -> bool:
    """Whether DENY stands on a path's experiment, or on its runs or logged models."""
    tiers, experiment = auth._artifact_proxy_child(path, "read")
    kinds = [experiment, *((tier, "*") for tier in tiers)]
    need = [auth.Requirement(*kind, auth.ACTION_NOT_DENIED) for kind in kinds]
    return not auth.authorize(username, experiment, need)
