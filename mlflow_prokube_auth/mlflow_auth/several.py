"""Searches in several experiments, kept to those that the caller may read.

MLflow's engine refuses such a search for one experiment that may not be read, where its searches for experiments, runs
and logged models leave out what may not. Here the others are taken out of the request before the engine decides on it;
where none is left, the answer is that of a search that finds nothing. A search for datasets that names no experiment is
for those of all experiments that the caller may read. Nothing here can grant: the engine decides on what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mlflow.server.auth as auth
from flask import Response, request
from mlflow.exceptions import MlflowException

from ..errors import Unavailable
from . import catalog
from .auth_store import caller
from .protocol import normalize_body

EXPERIMENT_IDS, LOCATIONS = "experiment_ids", "locations"
DATASETS = "datasets/search"
# Method and route -> the parameter that names the experiments. Of other searches the engine filters what is found.
SEARCHES: Mapping[tuple[str, str], str] = {
    ("GET", "traces"): EXPERIMENT_IDS,
    ("POST", "traces/search"): LOCATIONS,
    ("POST", "traces/metrics"): EXPERIMENT_IDS,
    ("POST", "traces/calculate-filter-correlation"): EXPERIMENT_IDS,
    ("POST", "experiments/search-datasets"): EXPERIMENT_IDS,
    ("GET", DATASETS): EXPERIMENT_IDS,
    ("POST", DATASETS): EXPERIMENT_IDS,
}
# A number, which nothing has: with no experiment left the engine refuses, in words that tell nothing.
NEVER_EMPTY = frozenset({"traces/calculate-filter-correlation"})
# MLflow finds nothing in an empty list of experiments, which its engine refuses. The page of judges sends one.
EMPTY_FINDS_NOTHING = frozenset({"traces/search", "traces/metrics"})


def narrow(route: str, is_granted_by_now: Callable[[], bool]) -> Response | None:
    """Take what the caller may not read out of the running request; the answer where nothing is left.

    Raises:
        Unavailable: the engine could not be asked.
    """
    parameter = SEARCHES.get((request.method, route))
    if parameter is None:
        return None
    try:
        return _narrow(route, parameter, is_granted_by_now)
    except MlflowException as error:
        raise Unavailable("The server could not look up your permissions. Try again shortly.") from error


def _narrow(route: str, parameter: str, is_granted_by_now: Callable[[], bool]) -> Response | None:
    given = _given(parameter)
    if given is None:
        return None  # MLflow says what is wrong with it
    if route in EMPTY_FINDS_NOTHING and _body().get(parameter) == []:
        return Response("{}", mimetype="application/json")
    asked = given if given or route != DATASETS else catalog.experiments_with_datasets()
    named = [_experiment_of(each) for each in asked]
    experiments = {each for each in named if each is not None}
    kept = _readable(experiments)
    if kept != experiments and is_granted_by_now():
        kept = _readable(experiments)
    if not kept and (experiments or route == DATASETS):
        return None if route in NEVER_EMPTY else Response("{}", mimetype="application/json")
    left = [each for each, name in zip(asked, named, strict=True) if name is None or name in kept]
    if left != given:
        _put(parameter, left)
    return None


def _given(parameter: str) -> list[Any] | None:
    """What the request names, an empty list where nothing; None where it is no list."""
    if request.method == "GET":
        return request.args.getlist(parameter)
    value = _body().get(parameter)
    return [] if value is None else value if isinstance(value, list) else None


def _body() -> dict[str, Any]:
    rule = request.url_rule.rule if request.url_rule is not None else ""
    return dict(normalize_body(request.method, rule, request.get_json(silent=True)))


def _experiment_of(value: Any) -> str | None:
    """The experiment that an entry stands for; None for a place of traces that is none."""
    if isinstance(value, Mapping):
        experiment = value.get("mlflow_experiment")
        value = experiment.get("experiment_id") if isinstance(experiment, Mapping) else None
    return None if value is None or value == "" else str(value)


def _put(parameter: str, left: list[Any]) -> None:
    """Have the engine and MLflow's handler read this, as MLflow 3.18 does (``_set_request_field``)."""
    if request.method == "GET":
        args = request.args.to_dict(flat=False) | {parameter: left}
        request.args = type(request.args)([(name, value) for name, values in args.items() for value in values])
    else:
        body = _body() | {parameter: left}
        request._cached_json = (body, body)


def _readable(experiment_ids: Iterable[str]) -> set[str]:
    person = caller()
    username = person.username if person is not None else ""
    return {each for each in experiment_ids if _may_read(each, username)}


def _may_read(experiment_id: str, username: str) -> bool:
    try:
        return bool(auth._get_experiment_permission(experiment_id, username).can_read)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
