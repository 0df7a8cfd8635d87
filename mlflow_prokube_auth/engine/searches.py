"""Searches answer as if nothing existed but what the caller may read: pages are full, and a token means a next row.

MLflow's store counts all rows. Its engine takes out what is not for the caller afterwards, so that the token of a
page said whether more rows match, and where: with a filter on names, tags or sources that was an answer about other
people's things. Here a page is filled with readable rows alone, in the engine's own judgement; a token is sealed, holds
for one search of one user, and is given only where a readable row follows.

The rows that no grant of the caller can open are left out by the database already, for speed alone: what comes back is
judged all the same, and the engine filters the answer once more.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import mlflow.server.auth as auth
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlRegisteredModel
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlMCPAccessEndpoint, SqlMCPServer
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TrackingStore
from mlflow.utils.search_utils import SearchUtils
from sqlalchemy import event
from sqlalchemy.orm import Session, with_loader_criteria

from ..identity.secretbox import SecretBox
from ..store.people import Person
from .store import WILDCARD, caller

# Rows asked for at once at most: what each of the searches takes.
BATCH = 1000
# So many values fit into one statement on every database; who holds more grants is judged row by row.
MOST_CANDIDATES = 10_000
# Digits of an experiment's id, which is a 32-bit integer.
LONGEST_ID = 10


@dataclass(frozen=True)
class Search:
    """One search of MLflow's stores, and who may read what it finds."""

    owner: Any
    method: str
    parameters: tuple[str, ...]
    # User name -> whether that user may read a row, as the engine filters.
    predicate: Callable[[str], Callable[[Any], bool]]
    # The kinds of grants that can open a row, and the column in which the row has what they are on.
    types: tuple[str, ...]
    table: Any
    column: str


def _experiment_predicate(username: str) -> Callable[[Any], bool]:
    readable = auth._role_based_read_predicate(username, "experiment")
    return lambda experiment: bool(readable(experiment.experiment_id))


def _server_predicate(username: str) -> Callable[[Any], bool]:
    return lambda server: bool(auth._get_mcp_server_permission(server.name, username).can_read)


def _endpoint_predicate(username: str) -> Callable[[Any], bool]:
    readable = auth._role_based_read_predicate(username, "mcp_server")
    return lambda endpoint: bool(readable(endpoint.server_name))


_MODELS = ("registered_model", "prompt")
_REGISTRY_PARAMETERS = ("self", "filter_string", "max_results", "order_by", "page_token")
SEARCHES = (
    Search(
        TrackingStore,
        "search_experiments",
        ("self", "view_type", "max_results", "filter_string", "order_by", "page_token"),
        _experiment_predicate,
        ("experiment",),
        SqlExperiment,
        "experiment_id",
    ),
    Search(
        RegistryStore,
        "search_registered_models",
        _REGISTRY_PARAMETERS,
        lambda username: auth._rm_or_prompt_read_predicate(username),
        _MODELS,
        SqlRegisteredModel,
        "name",
    ),
    Search(
        RegistryStore,
        "search_model_versions",
        _REGISTRY_PARAMETERS,
        lambda username: auth._rm_or_prompt_version_read_predicate(username),
        _MODELS,
        SqlModelVersion,
        "name",
    ),
    Search(
        TrackingStore,
        "search_mcp_servers",
        _REGISTRY_PARAMETERS,
        _server_predicate,
        ("mcp_server",),
        SqlMCPServer,
        "name",
    ),
    Search(
        TrackingStore,
        "search_mcp_access_endpoints",
        ("self", "server_name", "server_version", "server_alias", *_REGISTRY_PARAMETERS[1:]),
        _endpoint_predicate,
        ("mcp_server",),
        SqlMCPAccessEndpoint,
        "server_name",
    ),
)

# Of logged models a search names the experiments: those that the caller may not read are left out beforehand.
IN_EXPERIMENTS = ("self", "experiment_ids", "filter_string", "datasets", "max_results", "order_by", "page_token")

# Table, column and the values that can be readable; None where all can.
_CANDIDATES: ContextVar[tuple[Any, str, tuple[Any, ...]] | None] = ContextVar("prokube_auth_candidates", default=None)


def search_seams() -> list[tuple[Any, dict[str, tuple[str, ...] | None]]]:
    """Classes of MLflow's, their methods that are wrapped here, and the parameters that these must have."""
    seams: list[tuple[Any, dict[str, tuple[str, ...] | None]]] = [
        (search.owner, {search.method: search.parameters}) for search in SEARCHES
    ]
    return [*seams, (TrackingStore, {"search_logged_models": IN_EXPERIMENTS})]


def install(box: SecretBox) -> None:
    """Put ourselves around the searches of MLflow's SQL stores, once in a process."""
    for search in SEARCHES:
        original = getattr(search.owner, search.method)
        setattr(search.owner, search.method, _readable_only(search, getattr(original, "__wrapped__", original), box))
    logged = TrackingStore.search_logged_models
    TrackingStore.search_logged_models = _in_readable_experiments(getattr(logged, "__wrapped__", logged))
    if not event.contains(Session, "do_orm_execute", _leave_out):
        event.listen(Session, "do_orm_execute", _leave_out)


def _leave_out(state: Any) -> None:
    wanted = _CANDIDATES.get()
    if wanted is not None and state.is_select and not state.is_column_load and not state.is_relationship_load:
        table, column, values = wanted
        state.statement = state.statement.options(with_loader_criteria(table, getattr(table, column).in_(values)))


def _readable_only(search: Search, original: Callable[..., Any], box: SecretBox) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def searching(*args: Any, **kwargs: Any) -> Any:
        person = caller()
        if person is None or person.is_admin:
            return original(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return _page(search, functools.partial(original, bound.arguments["self"]), bound.arguments, person, box)

    return searching


def _in_readable_experiments(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def searching(self: Any, experiment_ids: list[str], *args: Any, **kwargs: Any) -> Any:
        person = caller()
        if person is None or person.is_admin:
            return original(self, experiment_ids, *args, **kwargs)
        need = [auth.Requirement("logged_model", "*", auth.ACTION_NOT_DENIED)]
        readable = auth._role_based_read_predicate(person.username, "experiment", also_require=need)
        allowed = [each for each in experiment_ids if readable(each)]
        return original(self, allowed, *args, **kwargs) if allowed else PagedList([], None)

    return searching


def _page(
    search: Search, original: Callable[..., Any], arguments: dict[str, Any], person: Person, box: SecretBox
) -> PagedList[Any]:
    """A page of readable rows, and a token where another one follows."""
    asked = {name: value for name, value in arguments.items() if name not in ("self", "max_results", "page_token")}
    of = _digest(search.method, person.user_id, asked)
    at, size = _open(box, arguments["page_token"], of), arguments["max_results"]
    readable = search.predicate(person.username)
    found: list[Any] = []
    with _candidates(search, person):
        for offset, row in _rows(original, asked, at, size):
            if not readable(row):
                continue
            if len(found) == size:
                return PagedList(found, box.seal(json.dumps({"of": of, "offset": offset})))
            found.append(row)
    return PagedList(found, None)


def _rows(original: Callable[..., Any], asked: dict[str, Any], at: int, size: int) -> Iterator[tuple[int, Any]]:
    """All rows from an offset on, each with its own. The first call is as it was asked for: MLflow judges its size."""
    while True:
        token = SearchUtils.create_page_token(at) if at else None
        batch = original(**asked, max_results=size, page_token=token)
        yield from enumerate(batch, at)
        if not batch.token:
            return
        at, size = at + len(batch), max(size, min(2 * size, BATCH))


@contextmanager
def _candidates(search: Search, person: Person) -> Iterator[None]:
    grants = auth.store.list_grants(person.user_id, auth.store.active_workspace(), search.types)
    patterns = {grant.resource_pattern for grant in grants}
    if WILDCARD in patterns or len(patterns) > MOST_CANDIDATES:
        yield
        return
    if search.table is SqlExperiment:
        values = tuple(int(each) for each in patterns if each.isdecimal() and len(each) < LONGEST_ID)
    else:
        values = tuple(patterns)
    held = _CANDIDATES.set((search.table, search.column, values))
    try:
        yield
    finally:
        _CANDIDATES.reset(held)


def _digest(method: str, user_id: int, asked: dict[str, Any]) -> str:
    """What a token is for: it says where a row stands, which is nobody's business in another search."""
    text = json.dumps([method, user_id, asked], default=list, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _open(box: SecretBox, token: str | None, of: str) -> int:
    if not token:
        return 0
    text = box.open(token)
    inner = json.loads(text) if text is not None else {}
    if inner.get("of") != of:
        raise MlflowException(
            "Invalid page token. Expected the next_page_token of the same search, asked by the same user.",
            error_code=INVALID_PARAMETER_VALUE,
        )
    return int(inner["offset"])
