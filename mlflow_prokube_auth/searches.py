"""MLflow's searches, narrowed in SQL to what the caller may read.

MLflow's engine filters a page after it was read, and reads page after page until it has found enough: with many rows
of others between, that is slow, and its page tokens count what is hidden. Here the one statement that searches gets a
criterion, so that it finds what the engine lets through anyway. The engine still filters; nothing here can grant.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from flask import g, has_request_context
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store
from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
    SqlRegisteredModelTag,
)
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlLoggedModel, SqlMCPAccessEndpoint, SqlMCPServer
from sqlalchemy import ColumnElement, Engine, String, and_, cast, event, false, func, or_, select, true
from sqlalchemy.orm import ORMExecuteState, Session

from .engine.lookups import READING
from .identity.caller import current_identity
from .policy.visibility import Share, visible
from .store.people import Person
from .store.schema import role_permissions

# So many ids are bound one by one; of more the database looks them up itself, where the grants are in it.
MOST_BOUND = 500
# Experiments are numbered by a 32-bit column.
LARGEST_ID = 2**31 - 1


Narrowed = tuple[type, ColumnElement[bool]]
# Where a route of FastAPI's own searches: what answers with the criterion.
_BESIDE_FLASK: ContextVar[Callable[[], Narrowed | None] | None] = ContextVar("prokube_auth_search", default=None)


class Holding(Protocol):
    """What a user holds in a workspace."""

    def shares(self, resource_type: str) -> Sequence[Share]:
        """What each role lets somebody read of one type."""

    def manages_workspace(self) -> bool:
        """Whether everything in the workspace is theirs."""

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
            "mcp-servers": (SqlMCPServer, self._mcp_servers),
            "mcp-servers/endpoints": (SqlMCPAccessEndpoint, self._mcp_endpoints),
        }
        event.listen(Session, "do_orm_execute", _narrow)

    def narrow(self, route: str, person: Person) -> None:
        """From here on the running Flask request's search finds what this person may read."""
        if route in self._narrowed and not person.is_admin:
            g.prokube_narrowed = self._criterion(route, person)

    @contextmanager
    def narrowed(self, route: str) -> Iterator[None]:
        """The same around a route of FastAPI's own; who is calling, and what they hold, is asked where it searches."""

        @functools.cache
        def criterion() -> Narrowed | None:
            identity = current_identity()
            if identity is None or identity.person.is_admin:
                return None
            return self._criterion(route, identity.person)

        held = _BESIDE_FLASK.set(criterion if route in self._narrowed else None)
        try:
            yield
        finally:
            _BESIDE_FLASK.reset(held)

    def _criterion(self, route: str, person: Person) -> Narrowed | None:
        entity, criterion_of = self._narrowed[route]
        # Made before: a store that makes itself counts its own rows.
        registry = route in ("registered-models/search", "model-versions/search")
        store = _get_model_registry_store() if registry else _get_tracking_store()
        held = self._held(person.user_id, self._workspace())
        if held is None or not hasattr(store, "engine") or held.manages_workspace():
            return None
        criterion = criterion_of(held, store.engine.url == self._engine.url)
        return None if criterion is None else (entity, criterion)

    def _experiments(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        return _readable(held, "experiment", SqlExperiment.experiment_id, together, as_number=True)

    def _logged_models(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        return _readable(held, "experiment", SqlLoggedModel.experiment_id, together, as_number=True)

    def _mcp_servers(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        return _readable(held, "mcp_server", SqlMCPServer.name, together)

    def _mcp_endpoints(self, held: Holding, together: bool) -> ColumnElement[bool] | None:
        return _readable(held, "mcp_server", SqlMCPAccessEndpoint.server_name, together)

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


def _readable(
    held: Holding, resource_type: str, column: Any, together: bool, *, as_number: bool = False
) -> ColumnElement[bool] | None:
    """The criterion on ``column``; None where it cannot or need not be narrowed."""
    wanted = visible(held.shares(resource_type))
    if len(wanted.but) > MOST_BOUND:
        return None  # the engine's filter alone answers
    without = column.not_in(_bound(wanted.but, as_number)) if wanted.but else true()
    if wanted.everything:
        return without if wanted.but else None
    if not wanted.only:
        return false()
    if sum(map(len, wanted.only)) <= MOST_BOUND:
        return and_(column.in_(_bound(frozenset().union(*wanted.only), as_number)), without)
    return and_(_granted(held, resource_type, column), without) if together else None


def _bound(patterns: frozenset[str], as_number: bool) -> list[Any]:
    """Ids as their column has them; a pattern that is no id of MLflow's is on nothing."""
    if not as_number:
        return list(patterns)
    numbers = (int(each) for each in patterns if each.isascii() and each.isdecimal() and len(each) <= 10)
    return [number for number in numbers if number <= LARGEST_ID and str(number) in patterns]


def _granted(held: Holding, resource_type: str, column: Any) -> ColumnElement[bool]:
    """Asked of the database, which has an index for it: one look-up a row, or one list of all, as it sees fit."""
    granted = role_permissions.c
    found: ColumnElement[bool] = (
        select(granted.id)
        .where(
            granted.role_id.in_(held.role_ids),
            granted.resource_type == resource_type,
            granted.resource_pattern == cast(column, String),
            granted.permission.in_(READING),
        )
        .exists()
    )
    return found


def _narrow(state: ORMExecuteState) -> None:
    """Adds the criterion to the statement that searches: the one with a limit on the entity that is searched for."""
    statement: Any = state.statement
    if not state.is_select or state.is_column_load or state.is_relationship_load:
        return
    beside_flask = _BESIDE_FLASK.get()
    if beside_flask is None and not has_request_context():
        return
    if getattr(statement, "_limit_clause", None) is None:
        return
    wanted = g.get("prokube_narrowed") if beside_flask is None else beside_flask()
    described = getattr(statement, "column_descriptions", None)
    if wanted is not None and described and described[0].get("entity") is wanted[0]:
        state.statement = statement.where(wanted[1])
