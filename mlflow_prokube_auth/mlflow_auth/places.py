"""Which experiment a path of artifacts belongs to: that whose recorded location is at or above it.

MLflow's engine takes the experiment's id out of the path, where MLflow puts it by default. An experiment may have a
location of its own (``mlflow-artifacts:/somewhere``), which an administrator chose or which was there before this
plugin: its paths hold no id, or another one's. A path belongs to an experiment while no other one is at, above or below
it.

Locations never change in MLflow. Those that are not by id are few; they are read anew where a path needs them, and
otherwise where they were read ten seconds ago.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlparse

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.server.handlers import _get_tracking_store, _get_workspace_scoped_repo_path_if_enabled
from mlflow.store.tracking.dbmodels.models import SqlExperiment
from mlflow.utils.uri import validate_path_is_safe
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from sqlalchemy import String, cast, literal, or_

from ..policy.artifacts import SERVED, Owned, is_canonical

KEPT_SECONDS = 10.0
_BY_ID = re.compile(r"(?:workspaces/[^/]+/)?([0-9]+)(?=/|\Z)")
# Schemes of what the server serves; behind the anchor, an address of this server's names a path
# (mlflow/server/handlers.py, _get_proxied_run_artifact_destination_path).
_SERVED = ("mlflow-artifacts:", "http:", "https:")
_ANCHOR = "/api/2.0/mlflow-artifacts/artifacts/"


@dataclass(frozen=True)
class Locations:
    """Experiments whose location is served and not by their id: place -> ids; ``read_at`` in monotonic seconds."""

    places: dict[str, list[str]]
    ordered: list[str]
    ids: frozenset[str]
    read_at: float

    def claims(self, path: str) -> Iterator[tuple[str, str]]:
        """The experiments at, above or below a path, with their places."""
        segments = path.split("/")
        found = ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]
        start = bisect_left(self.ordered, f"{path}/")
        for place in self.ordered[start:]:
            if not place.startswith(f"{path}/"):
                break
            found.append(place)
        for place in found:
            for experiment_id in self.places.get(place, ()):
                yield place, experiment_id


class ExperimentPlaces:
    """Answers from MLflow's table of experiments; where they are in files, all are by id."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: Locations | None = None

    def asked(self, path: str) -> Owned | None:
        """Whose the path of a request is, as the server decodes it; one that MLflow refuses is left to the engine."""
        try:
            served = str(_get_workspace_scoped_repo_path_if_enabled(validate_path_is_safe(path)))
        except (MlflowException, ValueError):
            return Owned("", path)
        found = self.owned(served)
        return Owned("", path) if found is not None and not found.root else found

    def owned(self, served: str) -> Owned | None:
        """Whose a path is that the server serves; None where that is nobody, or more than one.

        A path by an experiment's id, which no other one claims, is the engine's as it stands.
        """
        plain = "/".join(segment for segment in served.split("/") if segment not in ("", "."))
        by_id = _BY_ID.match(plain)
        known = self._locations(fresh=by_id is None)
        if by_id is not None and by_id[1] not in known.ids and not any(known.claims(plain)):
            return Owned("", served)
        if by_id is not None:
            known = self._locations(fresh=True)
        claims = set(known.claims(plain))
        if not claims and (by_id is None or by_id[1] not in known.ids):
            return Owned("", served)
        if by_id is not None and by_id[1] not in known.ids and _is_by_id(by_id[1]):
            return None  # others are at its place
        if len(claims) != 1 or not is_canonical(served):
            return None
        place, experiment_id = claims.pop()
        if place != served and not served.startswith(f"{place}/"):
            return None  # it is below the path
        return Owned(place, f"{experiment_id}{served[len(place) :]}")

    def _locations(self, fresh: bool) -> Locations:
        known, now = self._known, self._clock()
        if fresh or known is None or now - known.read_at >= KEPT_SECONDS:
            known = self._known = _read(now)
        return known


def place_of(experiment_id: str, location: str, workspace: str) -> str | None:
    """The path by which the server serves a location; None where it is elsewhere, or by the experiment's id."""
    try:
        parsed = urlparse(location)
    except ValueError:
        return None
    if parsed.scheme not in ("mlflow-artifacts", "http", "https"):
        return None
    path = parsed.path if parsed.scheme == "mlflow-artifacts" else parsed.path.partition(_ANCHOR)[2]
    while (once := unquote(path)) != path:
        path = once
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    if not segments or ".." in segments:  # all that is served is no experiment's
        return None
    if MLFLOW_ENABLE_WORKSPACES.get() and workspace != DEFAULT_WORKSPACE_NAME and segments[0] != "workspaces":
        segments = ["workspaces", workspace, *segments]
    place = "/".join(segments)
    return None if place in (experiment_id, f"workspaces/{workspace}/{experiment_id}") else place


def _read(now: float) -> Locations:
    return _located(_rows(), now)


def _located(rows: Iterable[tuple[str, str, str]], now: float) -> Locations:
    places: dict[str, list[str]] = {}
    for experiment_id, location, workspace in rows:
        if (place := place_of(experiment_id, location, workspace)) is not None:
            places.setdefault(place, []).append(experiment_id)
    return Locations(places, sorted(places), frozenset(id for ids in places.values() for id in ids), now)


def _rows() -> list[tuple[str, str, str]]:
    """Served locations that are not by id, in every workspace and in the trash."""
    sessions: Any = getattr(_get_tracking_store(), "ManagedSessionMaker", None)
    if sessions is None:
        return []
    key, location = SqlExperiment.experiment_id, SqlExperiment.artifact_location
    with sessions() as session:
        query = session.query(key, location, SqlExperiment.workspace).filter(
            or_(*(location.like(f"{scheme}%") for scheme in _SERVED)),
            location != literal(SERVED) + cast(key, String(20)),
        )
        return [(str(row[0]), str(row[1]), str(row[2])) for row in query]


def _is_by_id(experiment_id: str) -> bool:
    """Whether an experiment is where its id says; yes where that is not known."""
    sessions: Any = getattr(_get_tracking_store(), "ManagedSessionMaker", None)
    if sessions is None:
        return True
    with sessions() as session:
        query = session.query(SqlExperiment.artifact_location, SqlExperiment.workspace)
        row = query.filter(SqlExperiment.experiment_id == int(experiment_id)).first()
    served = row is not None and str(row[0]).startswith(_SERVED)
    return served and place_of(experiment_id, str(row[0]), str(row[1])) is None
