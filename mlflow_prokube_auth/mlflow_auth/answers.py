"""Guards' questions, answered by MLflow's engine and tables for the caller of the running request.

Nothing here decides: each answer is that of the function which the engine itself asks on the routes that it covers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import mlflow.server.auth as auth
from mlflow.exceptions import MlflowException
from mlflow.genai.scorers import scorer_utils
from mlflow.server.handlers import _get_job_store, _get_model_registry_store, _get_tracking_store
from mlflow.utils import providers, validation

from .. import logs
from ..policy import kinds
from ..policy.words import Standing, Subject
from . import catalog
from .auth_store import caller
from .permissions import PERMISSION_ON, path_open

_logger = logs.logger(__name__)
CREATE_VERSION = "/mlflow/model-versions/create"


class EngineAnswers:
    """:class:`policy.guards.asked.AuthorizationQueries`, by the engine."""

    def __init__(self, catalog: catalog.MlflowCatalog, active_workspace: Callable[[], str]) -> None:
        self._catalog = catalog
        self._active_workspace = active_workspace

    def standing(self, subject: Subject) -> Standing | None:
        """What the refused caller holds on it; None where they may not read it, or nobody can tell."""
        person = caller()
        try:
            if person is None or not subject.type:
                return None
            if subject.type in PERMISSION_ON:
                return self._standing_on(subject, person.username)
            is_path = subject.type == "artifact"
            may = partial(path_open, person.username) if is_path else partial(self.may, subject.type)
            level = next((level for level, action in ACTIONS if may(subject.value, action)), "")
        except (MlflowException, LookupError):
            return None
        return Standing(level, f"the {subject.kind} '{subject.value}'") if level else None

    def _standing_on(self, subject: Subject, username: str) -> Standing | None:
        if subject.by_name:
            found = self._catalog.find(kinds.name_space(subject.type), subject.value)
        else:
            there = (self._catalog.at(each, subject.value) for each in kinds.sharing_names(subject.type))
            found = next(filter(None, there), None)
        if found is None or found.workspace != self._active_workspace():
            return None
        level, named = self._catalog.level(found, username), f"the {kinds.word_of(found.resource_type)} '{found.name}'"
        return Standing(level, named) if level else None

    def refused_source(self, path: str, params: Mapping[str, Any]) -> Subject | None:
        """What a version was to be made from, where that was refused and the caller may change the model; for words.

        Nothing tells a source that is not there from one that the caller may not read.
        """
        if not path.endswith(CREATE_VERSION) or not self.may("registered_model", str(params.get("name")), "update"):
            return None
        for parameter, kind in (("run_id", "run"), ("model_id", "logged_model")):
            key = params.get(parameter)
            if key is not None and not (key and self.may(kind, str(key), "read")):
                return Subject(kinds.of(kind).word, str(key)[:200], by_name=False)
        source = str(params.get("source"))
        return Subject("source", source[:200], by_name=False) if source.startswith("models:") else None

    def may(self, kind: str, key: str, action: str) -> bool:
        """As the engine decides; its failures deny."""
        try:
            return bool(MAY[kind](key, action))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                _logger.warning("a permission check failed, so access is denied: %s", error.error_code)
            return False

    def exists(self, kind: str, key: str) -> bool:
        """Whether it is there; failures say yes."""
        try:
            return FETCH[kind](key) is not None
        except MlflowException as error:
            return bool(error.error_code != "RESOURCE_DOES_NOT_EXIST")

    def trace_tag(self, trace_id: str, key: str) -> str | None:
        """A tag as it is now."""
        try:
            return dict(_get_tracking_store().get_trace_info(trace_id).tags).get(key)
        except MlflowException:
            return None

    def assessment_traces(self, assessment_ids: list[str]) -> set[str]:
        """Asked of MLflow's table."""
        return catalog.assessment_traces(assessment_ids)

    def traces_there(self, trace_ids: list[str]) -> list[str]:
        """Asked of MLflow's table; where traces are in files, of its store."""
        found = catalog.traces_there(trace_ids)
        return [each for each in trace_ids if self.exists("trace", each)] if found is None else found

    def experiments_at(self, location: str) -> list[str]:
        """Asked of MLflow's table."""
        return catalog.experiments_at(location)

    def artifact_root(self) -> str:
        """As MLflow's store was told at its start."""
        return str(_get_tracking_store().artifact_root_uri)

    def prompts_of(self, uri: str) -> list[str]:
        """As the engine reads it."""
        return list(auth._source_prompt_names(uri)) if uri else []

    def endpoint_of(self, optimizer_config: str) -> str | None:
        """As the engine reads it."""
        name = auth._optimizer_gateway_endpoint(optimizer_config)
        return None if name is None else str(name)

    def job_name(self, job_id: str) -> str | None:
        """Asked of MLflow's store of jobs."""
        try:
            return str(_get_job_store().get_job(job_id).job_name)
        except MlflowException:
            return None

    def destination_keys(self) -> frozenset[str]:
        """MLflow's list."""
        return frozenset(validation.GATEWAY_DESTINATION_KEYS)

    def detection_providers(self) -> frozenset[str]:
        """MLflow's table."""
        return frozenset(providers._CORE_PROVIDER_ENV_VARS)

    def endpoint_of_scorer(self, serialized: str) -> str | None:
        """As MLflow's store reads it; what it cannot read, it does not keep."""
        try:
            model = scorer_utils.extract_model_from_serialized_scorer(json.loads(serialized))
            return str(scorer_utils.extract_endpoint_ref(model)) if scorer_utils.is_gateway_model(model) else None
        except (ValueError, TypeError, AttributeError, RecursionError, MlflowException):
            return None


def _username() -> str:
    person = caller()
    return person.username if person is not None else ""


def _experiment(experiment_id: str, action: str) -> bool:
    return bool(getattr(auth._get_experiment_permission(experiment_id, _username()), f"can_{action}"))


def _dataset(dataset_id: str, action: str) -> bool:
    experiment_ids = _get_tracking_store().get_dataset_experiment_ids(dataset_id)
    return bool(experiment_ids) and all(_experiment(each, action) for each in experiment_ids)


def _model(name: str, action: str) -> bool:
    return bool(getattr(auth._get_registered_model_or_prompt_permission(name), f"can_{action}"))


def _issue(issue_id: str, action: str) -> bool:
    return _experiment(str(_get_tracking_store().get_issue(issue_id).experiment_id), action)


def _secret(secret_id: str, action: str) -> bool:
    return bool(getattr(auth._get_gateway_secret_permission(secret_id), f"can_{action}"))


def _endpoint(name: str, action: str) -> bool:
    endpoint_id = _get_tracking_store().get_gateway_endpoint(name=name).endpoint_id
    return bool(getattr(auth._get_gateway_endpoint_permission(endpoint_id), f"can_{action}"))


# Levels on what is a part of something, from the most, and what each allows.
ACTIONS = (("MANAGE", "manage"), ("EDIT", "update"), ("READ", "read"))
MAY: dict[str, Callable[[str, str], Any]] = {
    "run": lambda key, action: auth._authorize_run_id(key, action),
    "trace": lambda key, action: auth._authorize_trace(key, action),
    "logged_model": lambda key, action: auth._authorize_logged_model_id(key, action),
    "experiment": _experiment,
    "dataset": _dataset,
    "registered_model": _model,
    "gateway_endpoint": _endpoint,
    "gateway_secret": _secret,
    "issue": _issue,
}
FETCH: dict[str, Callable[[str], Any]] = {
    "run": lambda key: _get_tracking_store().get_run(key),
    "trace": lambda key: _get_tracking_store().get_trace_info(key),
    "logged_model": lambda key: _get_tracking_store().get_logged_model(key),
    "registered_model": lambda key: _get_model_registry_store().get_registered_model(key),
    "issue": lambda key: _get_tracking_store().get_issue(key),
}
