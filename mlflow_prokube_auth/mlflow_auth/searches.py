"""MLflow's searches, narrowed in SQL to what the caller may read.

MLflow's engine filters a page after it was read, and reads page after page until it has found enough: with many rows
of others between, that is slow, and its page tokens count what is hidden. Here the one statement that searches gets a
criterion, so that it finds what the engine lets through anyway. The engine still filters; nothing here can grant.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from flask import g, has_request_context, request
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
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from ..identity.caller import current_identity
from ..model import Person
from ..policy.visibility import RoleReadScope, Visible, visible
from ..store.schema import role_permissions
from .lookups import READING

# So many ids are bound one by one; of more the database looks them up itself, where the grants are in it.
MOST_BOUND = 500
# Experiments are numbered by a 32-bit column.
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Narrowed:
    """What a search finds: rows of ``entity`` that meet ``criterion``.

    MLflow joins tags that it groups over all names first. ``tags``, an entity and its criterion, keeps those to the
    names that the search can find.
    """

    entity: type
    criterion: ColumnElement[bool]
    tags: tuple[type, ColumnElement[bool]] | None = None


# Where a route of FastAPI's own searches: what answers with the criterion.
_BESIDE_FLASK: ContextVar[Callable[[], Narrowed | None] | None] = ContextVar("prokube_auth_search", default=None)


class Holding(Protocol):
    """What a user holds in a workspace."""

    def shares(self, resource_type: str) -> Sequence[RoleReadScope]:
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
        self._narrowed: dict[str, Callable[[Holding, bool], Narrowed | None]] = {
            "experiments/search": _experiments,
            "registered-models/search": _models,
            "model-versions/search": _versions,
            "logged-models/search": _logged_models,
            "mcp-servers": _mcp_servers,
            "mcp-servers/endpoints": _mcp_endpoints,
        }
        event.listen(Session, "do_orm_execute", _narrow)

    def narrow(self, route: str, person: Person) -> bool:
        """From here on the running Flask request's search finds what this person may read, if this is True."""
        if route not in self._narrowed or person.is_admin:
            return False
        if "prokube_narrowed" not in g:
            g.prokube_narrowed = self._criterion(route, person)
        return g.prokube_narrowed is not None

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
        # Made before: a store that makes itself counts its own rows.
        registry = route in ("registered-models/search", "model-versions/search")
        store = _get_model_registry_store() if registry else _get_tracking_store()
        held = self._held(person.user_id, self._workspace())
        if held is None or not hasattr(store, "engine") or held.manages_workspace():
            return None
        return self._narrowed[route](held, store.engine.url == self._engine.url)


def _experiments(held: Holding, together: bool) -> Narrowed | None:
    return _of_one(held, "experiment", SqlExperiment, SqlExperiment.experiment_id, together, as_number=True)


def _logged_models(held: Holding, together: bool) -> Narrowed | None:
    return _of_one(held, "experiment", SqlLoggedModel, SqlLoggedModel.experiment_id, together, as_number=True)


def _mcp_servers(held: Holding, together: bool) -> Narrowed | None:
    return _of_one(held, "mcp_server", SqlMCPServer, SqlMCPServer.name, together)


def _mcp_endpoints(held: Holding, together: bool) -> Narrowed | None:
    return _of_one(held, "mcp_server", SqlMCPAccessEndpoint, SqlMCPAccessEndpoint.server_name, together)


def _models(held: Holding, together: bool) -> Narrowed | None:
    tag, row = SqlRegisteredModelTag.__table__.c, SqlRegisteredModel
    is_prompt = _is_prompt(tag, tag.name == row.name, tag.workspace == row.workspace)
    # Without a filter on tags, names come by the index that has them in order: few rows of both are read for a page,
    # unless the names are asked of the database itself.
    tags_of_many = "tags." in request.args.get("filter", "")
    return _of_both(held, SqlRegisteredModel, SqlRegisteredModelTag, together, is_prompt, tags_of_many=tags_of_many)


def _versions(held: Holding, together: bool) -> Narrowed | None:
    tag, row = SqlModelVersionTag.__table__.c, SqlModelVersion
    same = (tag.name == row.name, tag.version == row.version, tag.workspace == row.workspace)
    return _of_both(held, SqlModelVersion, SqlModelVersionTag, together, _is_prompt(tag, *same), tags_of_many=True)


def _is_prompt(tag: Any, *same: ColumnElement[bool]) -> ColumnElement[bool]:
    marked = select(tag.name).where(*same, tag.key == IS_PROMPT_TAG_KEY, func.lower(tag.value) == "true")
    # The offset keeps PostgreSQL from reading the tags of all names into a hash table first.
    return marked.offset(0).exists()


def _of_one(
    held: Holding, resource_type: str, entity: type, column: Any, together: bool, *, as_number: bool = False
) -> Narrowed | None:
    wanted = visible(held.shares(resource_type))
    readable = _readable(held, resource_type, wanted, column, together, as_number=as_number)
    return None if readable is None else Narrowed(entity, readable)


def _of_both(
    held: Holding, entity: Any, tag: Any, together: bool, is_prompt: ColumnElement[bool], *, tags_of_many: bool
) -> Narrowed | None:
    """Models and prompts share their names, and a grant is on one of the two.

    ``tags_of_many`` says whether tags are kept to the names where the database is asked for these, too.
    """
    wanted = {kind: visible(held.shares(kind)) for kind in ("registered_model", "prompt")}
    readable = {kind: _readable(held, kind, each, entity.name, together) for kind, each in wanted.items()}
    if all(each is None for each in readable.values()):
        return None
    marks = {"registered_model": ~is_prompt, "prompt": is_prompt}
    parts = [
        and_(true() if criterion is None else criterion, marks[kind])
        for kind, criterion in readable.items()
        if wanted[kind].everything or wanted[kind].only
    ]
    named = _named(held, wanted, entity.name, together)
    # What is outside of any alternative, a database can begin with.
    begin = true() if named is None or len(parts) == 1 else named
    criterion = and_(begin, or_(false(), *parts))
    of_tags = _named(held, wanted, tag.name, together) if tags_of_many or not _many(wanted) else None
    return Narrowed(entity, criterion, None if of_tags is None else (tag, of_tags))


def _many(wanted: Mapping[str, Visible]) -> bool:
    return sum(len(part) for each in wanted.values() for part in each.only) > MOST_BOUND


def _named(held: Holding, wanted: Mapping[str, Visible], column: Any, together: bool) -> ColumnElement[bool] | None:
    """The names of any of these types that somebody reads, or more; None where they cannot be told."""
    if any(each.everything for each in wanted.values()):
        return None
    if _many(wanted):
        return _granted(held, [kind for kind, each in wanted.items() if each.only], column) if together else None
    names = frozenset().union(*(part for each in wanted.values() for part in each.only))
    return column.in_(sorted(names))  # type: ignore[no-any-return]


def _readable(
    held: Holding, resource_type: str, wanted: Visible, column: Any, together: bool, *, as_number: bool = False
) -> ColumnElement[bool] | None:
    """The criterion on ``column``; None where it cannot or need not be narrowed."""
    if len(wanted.but) > MOST_BOUND:
        return None  # the engine's filter alone answers
    without = column.not_in(_bound(wanted.but, as_number)) if wanted.but else true()
    if wanted.everything:
        return without if wanted.but else None
    if not wanted.only:
        return false()
    if sum(map(len, wanted.only)) <= MOST_BOUND:
        return and_(column.in_(_bound(frozenset().union(*wanted.only), as_number)), without)
    return and_(_granted(held, [resource_type], column), without) if together else None


def _bound(patterns: frozenset[str], as_number: bool) -> list[Any]:
    """Ids as their column has them; a pattern that is no id of MLflow's is on nothing."""
    if not as_number:
        return list(patterns)
    numbers = (int(each) for each in patterns if each.isascii() and each.isdecimal() and len(each) <= 10)
    return [number for number in numbers if number <= LARGEST_ID and str(number) in patterns]


def _granted(held: Holding, resource_types: Sequence[str], column: Any) -> ColumnElement[bool]:
    """Asked of the database, which has an index for it: one look-up a row, or one list of all, as it sees fit."""
    granted = role_permissions.c
    found: ColumnElement[bool] = (
        select(granted.id)
        .where(
            granted.role_id.in_(held.role_ids),
            granted.resource_type.in_(resource_types),
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
    if wanted is not None and described and described[0].get("entity") is wanted.entity:
        statement = statement.where(wanted.criterion)
        if wanted.tags is not None:
            statement = statement.options(with_loader_criteria(*wanted.tags))
        state.statement = statement
