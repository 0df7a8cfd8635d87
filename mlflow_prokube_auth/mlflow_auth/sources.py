"""Where the files of a version are whose source is ``runs:/<run id>/<path>``.

MLflow keeps that source as the place of the files, so its clients ask for the run, which readers of a model alone may
not read. Here it is the folder among the run's artifacts, or the logged model that has the path's first name in that
run, as ``RunsArtifactRepository`` finds it (mlflow/store/artifact/runs_artifact_repo.py): one of the run's own
experiment. What is logged after the version was created never becomes the version.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mlflow.entities import LifecycleStage
from mlflow.server.handlers import _get_tracking_store
from mlflow.store.tracking.dbmodels.models import SqlLoggedModel, SqlRun

from ..policy.artifacts import RUNS, is_canonical
from . import seams

_SOURCE = re.compile(rf"{RUNS}([0-9a-f]{{32}})/([^?]+)", re.DOTALL)
# What lies in a run, and in a logged model, in whatever store.
_IN_A_RUN = re.compile(r"/([0-9a-f]{32})/artifacts/(.+)", re.DOTALL)
_IN_A_MODEL = re.compile(r"/models/(m-[0-9a-z]+)/artifacts(?:/(.+))?\Z", re.DOTALL)


def place_of(source: str, created_ms: int) -> str | None:
    """Where the files of a version are that was created then; None where the source is none of these, or of no run."""
    found = _SOURCE.fullmatch(source)
    if found is None or _sessions() is None:
        return None
    run_id, path = found[1], found[2].rstrip("/")
    if not is_canonical(f"_/{path}"):
        return None
    name, _, below = path.partition("/")
    with _sessions()() as session:
        runs = _query(session, SqlRun).filter(SqlRun.run_uuid == run_id)
        run = runs.with_entities(SqlRun.experiment_id, SqlRun.artifact_uri).first()
        if run is None:
            return None
        models = _query(session, SqlLoggedModel).filter(
            SqlLoggedModel.experiment_id == run.experiment_id,
            SqlLoggedModel.source_run_id == run_id,
            SqlLoggedModel.name == name,
            SqlLoggedModel.lifecycle_stage != LifecycleStage.DELETED,
            SqlLoggedModel.creation_timestamp_ms <= created_ms,
        )
        newest = models.order_by(SqlLoggedModel.creation_timestamp_ms.desc(), SqlLoggedModel.model_id)
        model = newest.with_entities(SqlLoggedModel.artifact_location).first()
    root, rest = (str(run.artifact_uri), path) if model is None else (str(model.artifact_location), below)
    return f"{root.rstrip('/')}/{rest}".rstrip("/")


def sources_of(places: list[str]) -> list[str]:
    """The sources of this form that may mean one of these places: each is resolved again by :func:`place_of`."""
    found = [f"{RUNS}{match[1]}/{match[2]}" for place in places if (match := _IN_A_RUN.search(place))]
    in_models = [match for place in places if (match := _IN_A_MODEL.search(place))]
    if in_models and _sessions() is not None:
        found += _of_models(in_models)
    return [*found, *(f"{each}/" for each in found)]


def _of_models(in_models: list[re.Match[str]]) -> list[str]:
    with _sessions()() as session:
        of_model = SqlLoggedModel.model_id.in_(sorted({match[1] for match in in_models}))
        query = _query(session, SqlLoggedModel).filter(of_model)
        rows = query.with_entities(SqlLoggedModel.model_id, SqlLoggedModel.source_run_id, SqlLoggedModel.name)
        runs = {str(row.model_id): f"{RUNS}{row.source_run_id}/{row.name}" for row in rows if row.source_run_id}
    return [runs[match[1]] + (f"/{match[2]}" if match[2] else "") for match in in_models if match[1] in runs]


def install() -> None:
    """Have MLflow's store of models answer with the place, to clients and where it reads or copies a version itself."""
    where: Callable[[Any, str, Any], Any] = seams.original(seams.REGISTRY_STORE, "get_model_version_download_uri")

    def get_model_version_download_uri(self: Any, name: str, version: Any) -> Any:
        location = where(self, name, version)
        if not str(location).startswith(RUNS) or _sessions() is None:
            return location
        created_ms = int(self.get_model_version(name, version).creation_timestamp or 0)
        return place_of(str(location), created_ms) or location

    seams.replace(seams.REGISTRY_STORE, "get_model_version_download_uri", get_model_version_download_uri)


def _sessions() -> Any:
    """None of a file store."""
    return getattr(_get_tracking_store(), "ManagedSessionMaker", None)


def _query(session: Any, table: Any) -> Any:
    """The store's own query: it keeps to the active workspace."""
    return _get_tracking_store()._get_query(session, table)
