"""MLflow's searches, narrowed in SQL to what the caller may read.

MLflow's engine filters a page after it was read, and reads page after page until it has found enough: with many rows
of others between, that is slow, and its page tokens count what is hidden. Here the one statement that searches gets a
criterion, so that it finds what the engine lets through anyway. The engine still filters; nothing here can grant.
"""

from __future__ import annotations

import functools
import re
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
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Engine,
    Integer,
    String,
    and_,
    any_,
    bindparam,
    cast,
    event,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from ..identity.caller import CALLER, Caller, current_identity
from ..model import Person
from ..policy import kinds
from ..policy.visibility import RoleReadScope, Visible, numbers_of, visible
from ..store.schema import role_permissions
from .lookups import READING
from .protocol import request_params

# So many ids are bound one by one; of more the database looks them up itself, where the grants are in it.
MOST_BOUND = 500
# More experiments than so many are looked up, even where a search looks at all there are.
MOST_LISTED = 50_000
# A filter that leaves few rows, which are looked up one by one.
_OF_ONE = re.compile(r"\b(?:name|experiment_id)\W*\s*=")


@dataclass(frozen=True)
class Narrowed:
    """What a search finds: rows of ``entity`` that meet ``criterion``.

    MLflow joins tags that it groups over all names first. ``tags``, an entity and its criterion, keeps those to the
    names that the search can find.
    """

    entity: type
    criterion: ColumnElement[bool]
    tags: tuple[type, ColumnElement[bool]] | None = None


@dataclass(frozen=True)
class BesideFlask:
    """A search of a route of FastAPI's own: whose request it is, and what answers with the criterion."""

    caller: Caller | None
    criterion: Callable[[], Narrowed | None]


_BESIDE_FLASK: ContextVar[BesideFlask | None] = ContextVar("prokube_auth_search", default=None)


def beside_flask() -> BesideFlask | None:
    """The search of FastAPI's that runs here; None where there is none.

    uvicorn may serve a connection's next request in the context of the one before (cpython#140947), with what that has
    set: it counts for its own request alone, and never for one of Flask's.
    """
    found = _BESIDE_FLASK.get()
    return None if found is None or has_request_context() or found.caller is not CALLER.get() else found


@dataclass(frozen=True)
class Place:
    """The database that is searched: its dialect, and whether the grants are in it."""

    dialect: str
    together: bool


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
        self._narrowed: dict[str, Callable[[Holding, Place], Narrowed | None]] = {
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

        held = _BESIDE_FLASK.set(BesideFlask(CALLER.get(), criterion) if route in self._narrowed else None)
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
        place = Place(store.engine.dialect.name, together=store.engine.url == self._engine.url)
        return self._narrowed[route](held, place)


def _experiments(held: Holding, place: Place) -> Narrowed | None:
    scopes = held.shares("experiment")
    wanted, column = visible(scopes), SqlExperiment.experiment_id
    # No index has experiments in the order of a page: a database looks at all of them, and each look-up counts.
    if MOST_BOUND < sum(map(len, wanted.only)) <= MOST_LISTED and not _OF_ONE.search(_filter()):
        listed = _listed(column, ",".join(filter(None, (each.readable_numbers for each in scopes))), place.dialect)
        if listed is not None and len(wanted.but) <= MOST_BOUND:
            without = column.not_in(_bound(wanted.but, True)) if wanted.but else true()
            return Narrowed(SqlExperiment, and_(listed, without))
    return _of_one(held, "experiment", SqlExperiment, column, place, as_number=True)


def _filter() -> str:
    """What the running request of Flask's says of the rows that it wants."""
    return str(request_params().get("filter") or "") if has_request_context() else ""


def _listed(column: Any, numbers: str, dialect: str) -> ColumnElement[bool] | None:
    """Whether it is one of these numbers, which are sent as one text; None where a database knows no such way."""
    if dialect == "sqlite":
        each = func.json_each(literal(f"[{numbers}]", String)).table_valued("value")
        # By the sum no index is taken: SQLite would think that few rows are left, and read all tags for each of them.
        return (column + 0).in_(select(each.c.value))  # type: ignore[no-any-return]
    if dialect == "postgresql":
        # Written into the statement, which is digits and commas: of a constant alone PostgreSQL makes a hash table.
        listed = bindparam(None, f"{{{numbers}}}", String, literal_execute=True)
        return column == any_(cast(listed, ARRAY(Integer)))  # type: ignore[no-any-return]
    return None


def _logged_models(held: Holding, place: Place) -> Narrowed | None:
    return _of_one(held, "experiment", SqlLoggedModel, SqlLoggedModel.experiment_id, place, as_number=True)


def _mcp_servers(held: Holding, place: Place) -> Narrowed | None:
    return _of_one(held, "mcp_server", SqlMCPServer, SqlMCPServer.name, place)


def _mcp_endpoints(held: Holding, place: Place) -> Narrowed | None:
    return _of_one(held, "mcp_server", SqlMCPAccessEndpoint, SqlMCPAccessEndpoint.server_name, place)


def _models(held: Holding, place: Place) -> Narrowed | None:
    tag, row = SqlRegisteredModelTag.__table__.c, SqlRegisteredModel
    is_prompt = _is_prompt(tag, tag.name == row.name, tag.workspace == row.workspace)
    # Without a filter on tags, names come by the index that has them in order: few rows of both are read for a page,
    # unless the names are asked of the database itself.
    tags_of_many = "tags." in request.args.get("filter", "")
    return _of_both(held, SqlRegisteredModel, SqlRegisteredModelTag, place, is_prompt, tags_of_many=tags_of_many)


def _versions(held: Holding, place: Place) -> Narrowed | None:
    tag, row = SqlModelVersionTag.__table__.c, SqlModelVersion
    same = (tag.name == row.name, tag.version == row.version, tag.workspace == row.workspace)
    return _of_both(held, SqlModelVersion, SqlModelVersionTag, place, _is_prompt(tag, *same), tags_of_many=True)


def _is_prompt(tag: Any, *same: ColumnElement[bool]) -> ColumnElement[bool]:
    marked = select(tag.name).where(*same, tag.key == IS_PROMPT_TAG_KEY, func.lower(tag.value) == "true")
    # The offset keeps PostgreSQL from reading the tags of all names into a hash table first.
    return marked.offset(0).exists()


def _of_one(
    held: Holding, resource_type: str, entity: type, column: Any, place: Place, *, as_number: bool = False
) -> Narrowed | None:
    wanted = visible(held.shares(resource_type))
    readable = _readable(held, resource_type, wanted, column, place, as_number=as_number)
    return None if readable is None else Narrowed(entity, readable)


def _of_both(
    held: Holding, entity: Any, tag: Any, place: Place, is_prompt: ColumnElement[bool], *, tags_of_many: bool
) -> Narrowed | None:
    """Models and prompts share their names, and a grant is on one of the two.

    ``tags_of_many`` says whether tags are kept to the names where the database is asked for these, too.
    """
    wanted = {kind: visible(held.shares(kind)) for kind in kinds.sharing_names("registered_model")}
    readable = {kind: _readable(held, kind, each, entity.name, place) for kind, each in wanted.items()}
    if all(each is None for each in readable.values()):
        return None
    marks = {kind: is_prompt if kind == "prompt" else ~is_prompt for kind in wanted}
    parts = [
        and_(true() if criterion is None else criterion, marks[kind])
        for kind, criterion in readable.items()
        if wanted[kind].everything or wanted[kind].only
    ]
    named = _named(held, wanted, entity.name, place)
    # What is outside of any alternative, a database can begin with.
    begin = true() if named is None or len(parts) == 1 else named
    criterion = and_(begin, or_(false(), *parts))
    of_tags = _named(held, wanted, tag.name, place) if tags_of_many or not _many(wanted) else None
    return Narrowed(entity, criterion, None if of_tags is None else (tag, of_tags))


def _many(wanted: Mapping[str, Visible]) -> bool:
    return sum(len(part) for each in wanted.values() for part in each.only) > MOST_BOUND


def _named(held: Holding, wanted: Mapping[str, Visible], column: Any, place: Place) -> ColumnElement[bool] | None:
    """The names of any of these types that somebody reads, or more; None where they cannot be told."""
    if any(each.everything for each in wanted.values()):
        return None
    if _many(wanted):
        return _granted(held, [kind for kind, each in wanted.items() if each.only], column) if place.together else None
    names = frozenset().union(*(part for each in wanted.values() for part in each.only))
    return column.in_(sorted(names))  # type: ignore[no-any-return]


def _readable(
    held: Holding, resource_type: str, wanted: Visible, column: Any, place: Place, *, as_number: bool = False
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
    return and_(_granted(held, [resource_type], column), without) if place.together else None


def _bound(patterns: frozenset[str], as_number: bool) -> list[Any]:
    """Ids as their column has them; a pattern that is no id of MLflow's is on nothing."""
    if not as_number:
        return list(patterns)
    return list(numbers_of(patterns))


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
    beside = beside_flask()
    if beside is None and not has_request_context():
        return
    if getattr(statement, "_limit_clause", None) is None:
        return
    wanted = g.get("prokube_narrowed") if beside is None else beside.criterion()
    described = getattr(statement, "column_descriptions", None)
    if wanted is not None and described and described[0].get("entity") is wanted.entity:
        statement = statement.where(wanted.criterion)
        if wanted.tags is not None:
            statement = statement.options(with_loader_criteria(*wanted.tags))
        state.statement = statement
