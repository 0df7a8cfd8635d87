"""What exists in MLflow's own tables under a globally unique name, in every workspace and in the trash.

MLflow's stores answer for the active workspace only; names are unique across all of them, so the tables
themselves are asked.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple
from typing import Any

from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
from mlflow.exceptions import MlflowException
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.server.handlers import (
    _get_artifact_repo_mlflow_artifacts,
    _get_model_registry_store,
    _get_tracking_store,
    _get_workspace_scoped_repo_path_if_enabled,
)
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.model_registry.dbmodels import models as registry_models
from mlflow.store.tracking.dbmodels import models as tracking_models
from mlflow.utils.uri import is_local_uri
from mlflow.version import VERSION
from sqlalchemy import Connection, Integer, and_, case, func, literal, or_, select

from ..policy import kinds
from ..policy.artifacts import SERVED, Owned, Root, Version
from ..policy.ids import WILDCARD, is_canonical
from ..policy.named import BESIDE, NamedResource, skill_of
from ..store.portions import portions
from . import scorers, sources


class NamedTable(kinds.Table):
    """Where MLflow keeps one kind, as SQLAlchemy has it."""

    @property
    def table(self) -> Any:
        """The SQLAlchemy class."""
        return getattr(registry_models if self.registry else tracking_models, self.model)

    def column(self, attribute: str) -> Any:
        """What stands in an attribute; in that of a skill's name with its organization, as grants have it."""
        column = getattr(self.table, attribute)
        if not self.organization or attribute != self.name:
            return column
        organization = getattr(self.table, self.organization)
        return case((organization == "", column), else_=literal("@") + organization + literal("/") + column)

    @property
    def key(self) -> Any:
        """Its column of ids, to be compared."""
        column = self.column(self.id)
        return scorers.wide(column) if isinstance(column.type, Integer) else column

    def named(self, name: str) -> Any:
        """Whether a row has that name, by an index."""
        column = getattr(self.table, self.name)
        if not self.organization:
            return column == name
        organization, own = skill_of(name) or ("", "")
        return and_(getattr(self.table, self.organization) == organization, column == own)


# The kinds that the installed release has, and where it keeps them.
HERE = kinds.of_release(VERSION)
TABLES = {kind.type: NamedTable(*astuple(kind.table)) for kind in HERE if kind.table is not None}
# What never changes in the row of a model's version, but when it is deleted.
VERSION_COLUMNS = ("workspace", "version", "creation_time", "source", "storage_location", "run_id")


class MlflowCatalog:
    """MLflow's tables as :class:`policy.names.Catalog`."""

    # What has unique names, and the installed release has.
    named = tuple(kind for kind in HERE if kind.is_named)

    def __init__(
        self,
        readable: Callable[[NamedResource, str], bool],
        manageable: Callable[[NamedResource, str], bool],
        changeable: Callable[[NamedResource, str], bool],
        level: Callable[[NamedResource, str], str],
        is_granted: Callable[[NamedResource], bool],
        grant_manage: Callable[[NamedResource, int, Connection], None],
        sweep: Callable[[str, str, int, Connection], None],
        owned: Callable[[str], Owned | None],
    ) -> None:
        self.readable = readable
        self.manageable = manageable
        self.changeable = changeable
        self.level = level
        self.is_granted = is_granted
        self.grant_manage = grant_manage
        self.sweep = sweep
        self.owned = owned

    def find(self, kind: str, name: str) -> NamedResource | None:
        """The resource with the name, in any workspace."""
        sessions = _sessions(kind)
        if sessions is None:
            return _find_in_file_store(kind, name)
        with sessions() as session:
            return next(iter(_those(session, kind, TABLES[kind].named(name))), None)

    def at(self, resource_type: str, pattern: str) -> NamedResource | None:
        """What a grant of that type on that pattern is on; None for another spelling of it."""
        if not is_canonical(resource_type, pattern):
            return None
        if resource_type == scorers.KIND:
            return scorers.at(pattern)
        kind = _table_kind(resource_type)
        sessions = _sessions(kind) if kind in TABLES else None
        if kind not in TABLES or pattern == WILDCARD:
            return None
        if sessions is None:
            name = _title_in_file_store(pattern) if kind == "experiment" else pattern
            return None if name is None else _find_in_file_store(kind, name)
        named = TABLES[kind]
        where = named.named(pattern) if named.organization else named.key == _as_kept(kind, pattern)
        with sessions() as session:
            found = next(iter(_those(session, kind, where)), None)
        return found if found is not None and found.resource_type == resource_type else None

    def with_prefix(self, kind: str, prefix: str) -> list[NamedResource]:
        """All whose names begin so, in the trash too; of models and prompts those of that kind."""
        sessions = _sessions(kind)
        return [] if sessions is None else with_prefix(sessions, kind, prefix)

    def patterns(self, kind: str) -> list[str]:
        """What grants on all of a kind are on, in every workspace, in the trash too; of a file store nothing.

        Ids alone: there may be very many, and few of them are asked for by :meth:`those`.
        """
        sessions = _sessions(kind)
        if sessions is None:
            return []
        named = TABLES[_table_kind(kind)]
        column = named.column(named.id)
        with sessions() as session:
            found = [str(each) for each in session.scalars(select(column).order_by(column))]
            if named is not TABLES["registered_model"]:
                return found
            tag = registry_models.SqlRegisteredModelTag
            marked = select(tag.name).where(tag.key == IS_PROMPT_TAG_KEY, func.lower(tag.value) == "true")
            prompts = set(session.scalars(marked))
        return [each for each in found if (each in prompts) == (kind == "prompt")]

    def matching(self, words: str) -> dict[str, list[str]]:
        """By kinds that grants name by an id: the ids of those whose names hold these words, any case."""
        found: dict[str, list[str]] = {}
        for kind, named in TABLES.items():
            sessions = _sessions(kind)
            if named.name == named.id or sessions is None:
                continue
            where = named.column(named.name).icontains(words, autoescape=True)
            with sessions() as session:
                found[kind] = [str(each) for each in session.scalars(select(named.column(named.id)).where(where))]
        return found

    def those(self, kind: str, patterns: list[str]) -> list[NamedResource]:
        """What is behind these patterns of a kind, at most a page of them."""
        sessions = _sessions(kind)
        if sessions is None or not patterns:
            return []
        named = TABLES[_table_kind(kind)]
        with sessions() as session:
            return _of_kind(session, kind, named.key.in_([_as_kept(kind, each) for each in patterns]))

    def trash(self) -> list[NamedResource]:
        """Deleted experiments, in every workspace; of a file store nothing."""
        sessions = _sessions("experiment")
        if sessions is None:
            return []
        with sessions() as session:
            return _those(session, "experiment", tracking_models.SqlExperiment.lifecycle_stage == "deleted")

    def restore_experiment(self, experiment_id: str) -> None:
        """Restore an experiment from the trash."""
        _get_tracking_store().restore_experiment(experiment_id)

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        """The present name of what a rename request addresses."""
        named = TABLES[kind]
        wanted = str(params[named.id]) if params.get(named.id) is not None else None
        return None if wanted is None else self.titles(kind, [wanted]).get(wanted)

    def beside(self, route: str, params: Mapping[str, Any]) -> tuple[str, str] | None:
        """The experiment of a gateway endpoint whose usage is tracked.

        ``params`` are the body's fields by the names of MLflow's protocol. The rule is that of
        mlflow/store/tracking/gateway/sqlalchemy_mixin.py.
        """
        if route not in BESIDE or params.get("experiment_id") is not None:
            return None
        name, tracked = params.get("name"), params.get("usage_tracking", BESIDE[route])
        if tracked is False or tracked is None:
            return None
        if route == "gateway/endpoints/update":
            try:
                endpoint = _get_tracking_store().get_gateway_endpoint(endpoint_id=str(params.get("endpoint_id")))
            except MlflowException:
                return None  # MLflow says that there is none
            if endpoint.experiment_id is not None:
                return None
            name = name or endpoint.name
        return ("experiment", f"gateway/{name}") if isinstance(name, str) and name else None

    def titles(self, resource_type: str, patterns: list[str]) -> dict[str, str]:
        """The names of many resources of one kind by their ids, without those that are gone."""
        if resource_type == scorers.KIND:
            return scorers.titles(patterns)
        named, sessions = TABLES.get(resource_type), _sessions(resource_type)
        if named is None or named.name == named.id:
            return {pattern: pattern for pattern in patterns}
        if sessions is None:
            return {pattern: name for pattern in patterns if (name := _title_in_file_store(pattern))}
        # An experiment's id is a number in its table and a text in a grant.
        ids: list[Any] = patterns
        if resource_type == "experiment":
            ids = [int(each) for each in patterns if each != WILDCARD and is_canonical(resource_type, each)]
        found: dict[str, str] = {}
        column, name = named.key, getattr(named.table, named.name)
        with sessions() as session:
            for some in portions(ids):
                for key, title in session.query(column, name).filter(column.in_(some)):
                    found[str(key)] = str(title)
        return found

    def version(self, name: str, number: str) -> Version | None:
        """One version of a model in the active workspace, unless it was deleted."""
        if _sessions("registered_model") is None:
            return _version_in_file_store(name, number)
        table = registry_models.SqlModelVersion
        found = self._versions(table.name == name, scorers.wide(table.version) == int(number))
        return found[0] if found else None

    def versions_at(self, locations: list[str]) -> list[Version]:
        """The versions whose files are at one of these; the server's ``get-download-uri`` says where they are."""
        table, wanted = registry_models.SqlModelVersion, set(locations)
        place = func.coalesce(func.nullif(table.storage_location, ""), table.source)
        found = self._versions(place.in_([*locations, *sources.sources_of(locations)]))
        return [version for version in found if version.location in wanted]  # a database may ignore case

    def _versions(self, *where: Any) -> list[Version]:
        sessions = _sessions("registered_model")
        if sessions is None:
            return []
        table = registry_models.SqlModelVersion
        workspace = _get_model_registry_store()._get_active_workspace()
        with sessions() as session:
            query = session.query(table).filter(
                table.workspace == workspace, table.current_stage != STAGE_DELETED_INTERNAL, *where
            )
            return [_version(row) for row in query]

    def served_path(self, path: str) -> str:
        """Where MLflow looks for a path that somebody asks it to serve.

        Raises:
            MlflowException: it lies in another workspace than the request.
        """
        return str(_get_workspace_scoped_repo_path_if_enabled(path))

    def is_local(self, source: str) -> bool:
        """Whether MLflow takes a version's source for a path on the server."""
        try:
            return bool(is_local_uri(source))
        except MlflowException:  # a file on another host
            return False

    def artifact_roots(self, run_id: str, model_id: str) -> list[Root]:
        """Where the files of a run and of a logged model are; without what does not exist."""
        roots = []
        try:
            if run_id:
                run = _get_tracking_store().get_run(run_id).info
                roots.append(Root("run", str(run.artifact_uri), f"{run.experiment_id}/{run.run_id}/artifacts"))
            if model_id:
                model = _get_tracking_store().get_logged_model(model_id)
                path = f"{model.experiment_id}/models/{model.model_id}/artifacts"
                roots.append(Root("logged_model", str(model.artifact_location), path))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        return roots

    def holds_model(self, location: str) -> bool:
        """Whether a file ``MLmodel`` lies there, by the store that MLflow's server itself reads.

        Raises:
            Exception: whatever a store of artifacts raises.
        """
        if location.startswith(SERVED):
            found = _get_artifact_repo_mlflow_artifacts().list_artifacts(location.removeprefix(SERVED))
        else:
            found = get_artifact_repository(location).list_artifacts()
        return any(posixpath.basename(file.path) == MLMODEL_FILE_NAME and not file.is_dir for file in found)

    def is_prompt(self, name: str) -> bool:
        """Whether a name in the active workspace is a prompt's."""
        try:
            return bool(_get_model_registry_store().get_registered_model(name)._is_prompt())
        except MlflowException:
            return False


def _version(row: Any) -> Version:
    fixed = json.dumps([getattr(row, column) for column in VERSION_COLUMNS])
    location = str(row.storage_location or row.source or "")
    if (place := sources.place_of(location, int(row.creation_time or 0))) is not None:
        # Where it leads is a part of what never changes.
        fixed, location = f"{fixed}{place}", place
    return Version(str(row.name), location, hashlib.sha256(fixed.encode()).hexdigest(), str(row.run_id or ""))


def _version_in_file_store(name: str, number: str) -> Version | None:
    store = _get_model_registry_store()
    try:
        location = store.get_model_version_download_uri(name, number)
        return Version(name, str(location or ""), "", str(store.get_model_version(name, number).run_id or ""))
    except MlflowException:
        return None


def experiments_at(location: str) -> list[str]:
    """Experiments whose artifacts are at, above or below a location, in every workspace and in the trash.

    Raises:
        LookupError: the experiments are in files, which are not looked through.
    """
    sessions, column = _sessions("experiment"), tracking_models.SqlExperiment.artifact_location
    if sessions is None:
        raise LookupError("experiments are kept in files")
    segments = location.rstrip("/").split("/")
    at_or_above = ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]
    below = location.rstrip("/") + "/"
    with sessions() as session:
        rows = session.query(tracking_models.SqlExperiment.experiment_id).filter(
            or_(
                column.in_([*at_or_above, *(f"{each}/" for each in at_or_above)]),
                func.substr(column, 1, len(below)) == below,
            )
        )
        return [str(row[0]) for row in rows]


def assessment_traces(assessment_ids: list[str]) -> set[str]:
    """The traces that these assessments are on, as far as they are there; none where traces are in files."""
    table = tracking_models.SqlAssessments
    return set(_column_of(table.trace_id, table.assessment_id, assessment_ids) or ())


def traces_there(trace_ids: list[str]) -> list[str] | None:
    """Those of these traces that are there, in every workspace; None where traces are in files."""
    table = tracking_models.SqlTraceInfo
    return _column_of(table.request_id, table.request_id, trace_ids)


def experiments_with_datasets() -> list[str]:
    """The experiments that an evaluation dataset belongs to, in every workspace; none where they are in files."""
    sessions, table = _sessions("experiment"), tracking_models.SqlEntityAssociation
    if sessions is None:
        return []
    of_datasets = (table.source_type == "evaluation_dataset", table.destination_type == "experiment")
    with sessions() as session:
        return sorted(map(str, session.scalars(select(table.destination_id).where(*of_datasets).distinct())))


def _column_of(wanted: Any, key: Any, keys: list[str]) -> list[str] | None:
    """A column of the tracking store's rows with these keys, in few questions; None where it has no tables."""
    sessions = _sessions("experiment")
    if sessions is None:
        return None
    found: list[str] = []
    with sessions() as session:
        for some in portions(keys):
            found += map(str, session.scalars(select(wanted).where(key.in_(some))))
    return found


def with_prefix(sessions: Callable[[], AbstractContextManager[Any]], kind: str, prefix: str) -> list[NamedResource]:
    """All of a kind whose names begin so, in MLflow's tables; commands ask them without a store of MLflow's."""
    named = TABLES.get(_table_kind(kind))
    if named is None:
        return []
    with sessions() as session:
        # Not LIKE: it knows no case in SQLite, and "_" is any character to it.
        begins = func.substr(named.column(named.name), 1, len(prefix)) == prefix
        return _of_kind(session, kind, begins)


def _table_kind(kind: str) -> str:
    """Prompts are in the table of models."""
    return kinds.name_space(kind)


def _of_kind(session: Any, kind: str, where: Any) -> list[NamedResource]:
    """Rows of that kind; models and prompts share a table."""
    return [each for each in _those(session, _table_kind(kind), where) if each.resource_type == kind]


def _those(session: Any, kind: str, where: Any) -> list[NamedResource]:
    """Rows of MLflow's as what they are to grants, in one query however many there are."""
    named = TABLES[kind]
    columns = [named.column(each) for each in (named.name, named.id, named.created, "workspace")]
    stage = getattr(named.table, "lifecycle_stage", None)
    columns.append(literal("active") if stage is None else stage)
    if kind != "registered_model":
        rows = session.query(*columns, literal("")).filter(where)
    else:
        tag, model = registry_models.SqlRegisteredModelTag, named.table
        rows = session.query(*columns, tag.value).filter(where).outerjoin(
            tag, and_(tag.name == model.name, tag.workspace == model.workspace, tag.key == IS_PROMPT_TAG_KEY)
        )  # fmt: skip
    return [
        NamedResource(
            kind=kind,
            name=str(name),
            resource_type="prompt" if (is_prompt or "").lower() == "true" else kind,
            pattern=str(pattern),
            created_ms=int(created or 0),
            workspace=str(workspace),
            trashed=stage_now == "deleted",
        )
        for name, pattern, created, workspace, stage_now, is_prompt in rows.order_by(columns[1])
    ]


def _as_kept(kind: str, pattern: str) -> Any:
    """An experiment's id is a number in its table and a text in a grant."""
    return int(pattern) if kind == "experiment" else pattern


def _sessions(kind: str) -> Callable[[], AbstractContextManager[Any]] | None:
    if _table_kind(kind) not in TABLES:  # another release has it
        return None
    store = _get_model_registry_store() if kinds.of(kind).is_in_registry else _get_tracking_store()
    return getattr(store, "ManagedSessionMaker", None)


def _find_in_file_store(kind: str, name: str) -> NamedResource | None:
    """A file store knows experiments and models only, and no workspaces."""
    if kind == "experiment":
        found = _get_tracking_store().get_experiment_by_name(name)
        if found is None:
            return None
        trashed = found.lifecycle_stage == "deleted"
        return NamedResource(kind, name, kind, str(found.experiment_id), found.creation_time or 0, "default", trashed)
    if kind != "registered_model":
        return None
    try:
        model = _get_model_registry_store().get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    resource_type = "prompt" if model._is_prompt() else kind
    return NamedResource(kind, name, resource_type, name, model.creation_timestamp or 0, "default", False)


def _title_in_file_store(experiment_id: str) -> str | None:
    try:
        return str(_get_tracking_store().get_experiment(experiment_id).name)
    except MlflowException:
        return None
