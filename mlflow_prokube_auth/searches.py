"""MLflow's searches, narrowed in SQL to what the caller may read.

MLflow's engine filters a page after it was read, and reads page after page until it has found enough: with many rows
of others between, that is slow, and its page tokens count what is hidden. Here the one statement that searches gets a
criterion, so that it finds what the engine lets through anyway. The engine still filters; nothing here can grant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import g, has_request_context
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.server.auth.permissions import ALL_PERMISSIONS, get_permission
from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store
from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
    SqlRegisteredModelTag,
)
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlLoggedModel
from sqlalchemy import ColumnElement, Engine, Integer, and_, case, cast, event, false, func, or_, select, true
from sqlalchemy.orm import ORMExecuteState, Session

from .policy.visibility import EVERYTHING, Visible, visible
from .store.people import Person
from .store.schema import role_permissions

# So many ids are bound one by one; of more the database looks them up itself, where the grants are in it.
MOST_BOUND = 500
READING = tuple(name for name in ALL_PERMISSIONS if get_permission(name).can_read)
# An id of MLflow's that fits its column; a grant's pattern may be any text.
_NUMBER = "^[0-9]{1,9}$"


class Holding(Protocol):
    """What a user holds in a workspace."""

    def levels(self, resource_type: str) -> Mapping[str, set[str]]:
        """Pattern -> levels."""

    @property
    def role_ids(self) -> list[int]:
        """The roles that grant it."""


class Searches:
    """Narrows the searches of one Flask application."""

    def __init__(
        self, held: Callable[[int, str], Holding | None], workspace: Callable[[], str], engine: Engine
    ) -> None:
        self._held = held
        self._workspace = workspace
        self._engine = engine
        self._narrowed: dict[str, tuple[type, Callable[[Holding, bool], ColumnElement[bool] | None]]] = {
            "experiments/search": (SqlExperiment, self._experiments),
            "registered-models/search": (SqlRegisteredModel, self._models),
            "model-versions/search": (SqlModelVersion, self._versions),
            "logged-models/search": (SqlLoggedModel, self._logged_models),
        }
        event.listen(Session, "do_orm_execute", _narrow)

    def narrow(self, route: str, person: Person) -> None:
        """From here on the running request's search finds what this person may read."""
        wanted = self._narrowed.get(route)
        if wanted is None or person.is_admin:
            return
        entity, criterion_of = wanted
        # Made before: a store that makes itself counts its own rows.
        tracking = entity in (SqlExperiment, SqlLoggedModel)
        store = _get_tracking_store() if tracking else _get_model_registry_store()
        held = self._held(person.user_id, self._workspace())
        if held is None or not hasattr(store, "engine") or "MANAGE" in held.levels("workspace").get("*", ()):
            return
        criterion = criterion_of(held, store.engine.url == self._engine.url)
        if criterion is not None:
            g.prokube_narrowed = (entity, criterion)

    def _experiments(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        return _readable(held, "experiment", SqlExperiment.experiment_id, together, as_number=True)

    def _logged_models(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        return _readable(held, "experiment", SqlLoggedModel.experiment_id, together, as_number=True)

    def _models(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        tag, model = SqlRegisteredModelTag, SqlRegisteredModel
        return _of_both(
            held, model.name, together, _is_prompt(tag, tag.name == model.name, tag.workspace == model.workspace)
        )

    def _versions(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        tag, row = SqlModelVersionTag, SqlModelVersion
        same = (tag.name == row.name, tag.version == row.version, tag.workspace == row.workspace)
        return _of_both(held, row.name, together, _is_prompt(tag, *same))


def _is_prompt(tag: Any, *same: ColumnElement[bool]) -> ColumnElement[bool]:
    marked: ColumnElement[bool] = (
        select(tag.name).where(*same, tag.key == IS_PROMPT_TAG_KEY, func.lower(tag.value) == "true").exists()
    )
    return marked


def _of_both(held: Holding, name: Any, together: bool, is_prompt: ColumnElement[bool]) -> ColumnElement[bool] | None:
    """Models and prompts share their names, and a grant is on one of the two."""
    model = _readable(held, "registered_model", name, together)
    prompt = _readable(held, "prompt", name, together)
    if model is None and prompt is None:
        return None
    of_models, of_prompts = (true() if each is None else each for each in (model, prompt))
    return or_(and_(of_models, ~is_prompt), and_(of_prompts, is_prompt))


def _visible(held: Holding, resource_type: str) -> Visible:
    return visible(held.levels(resource_type), READING)


def _readable(
    held: Holding, resource_type: str, column: Any, together: bool, *, as_number: bool = False
) -> ColumnElement[bool] | None:
    """The criterion on ``column``; None where it cannot or need not be narrowed."""
    wanted = _visible(held, resource_type)
    if wanted == EVERYTHING:
        return None
    named = wanted.but if wanted.everything else wanted.only
    if as_number:
        named = frozenset(each for each in named if each.isascii() and each.isdecimal() and len(each) < 10)
    if not named:
        return None if wanted.everything else false()
    if len(named) <= MOST_BOUND:
        values: list[Any] = [int(each) for each in named] if as_number else list(named)
        bound: ColumnElement[bool] = column.not_in(values) if wanted.everything else column.in_(values)
        return bound
    if wanted.everything or not together:
        return None  # the engine's filter alone answers
    asked: ColumnElement[bool] = column.in_(_granted(held, resource_type, as_number))
    return asked


def _granted(held: Holding, resource_type: str, as_number: bool) -> Any:
    granted = role_permissions.c
    pattern: Any = granted.resource_pattern
    if as_number:
        pattern = case((pattern.regexp_match(_NUMBER), cast(pattern, Integer)))
    return select(pattern).where(
        granted.role_id.in_(held.role_ids), granted.resource_type == resource_type, granted.permission.in_(READING)
    )


def _narrow(state: ORMExecuteState) -> None:
    """Adds the criterion to the statement that searches: the one with a limit on the entity that is searched for."""
    if not state.is_select or not has_request_context():
        return
    wanted = g.get("prokube_narrowed")
    if wanted is None or state.is_column_load or state.is_relationship_load:
        return
    entity, criterion = wanted
    statement: Any = state.statement
    described = getattr(statement, "column_descriptions", None)
    if described and described[0].get("entity") is entity and statement._limit_clause is not None:
        state.statement = statement.where(criterion)
