"""All that exists in MLflow and is granted one by one, for commands: no store of MLflow's is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlScorer

from ..policy import kinds
from ..policy.named import NamedResource
from .catalog import HERE, with_prefix
from .scorers import KIND

Sessions = Callable[[], AbstractContextManager[Any]]


def inventory(tracking: Sessions, registry: Sessions) -> list[NamedResource]:
    """Everything with a name of its own, in every workspace and in the trash, and experiments' scorers.

    A scorer's ``name`` is that in its experiment.
    """
    found: list[NamedResource] = []
    for kind in HERE:
        if kind.is_named:
            found += with_prefix(registry if kinds.of(kind.type).is_in_registry else tracking, kind.type, "")
    return found + _scorers(tracking)


def _scorers(tracking: Sessions) -> list[NamedResource]:
    with tracking() as session:
        rows = (
            session.query(SqlScorer.experiment_id, SqlScorer.scorer_name, SqlExperiment.workspace)
            .join(SqlExperiment, SqlExperiment.experiment_id == SqlScorer.experiment_id)
            .order_by(SqlScorer.experiment_id, SqlScorer.scorer_name)
        )
        return [
            NamedResource(
                KIND, str(name), KIND, f"{experiment_id}/{quote(str(name), safe='')}", 0, str(workspace), False
            )
            for experiment_id, name, workspace in rows
        ]
