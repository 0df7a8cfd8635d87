"""Which experiment a run or a logged model belongs to, without reading all that was logged to it.

MLflow's engine asks its store for the whole run, with its metrics, parameters, tags, inputs and outputs, to learn the
experiment's id: six queries before each metric that is logged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mlflow.entities import LifecycleStage
from mlflow.store.tracking.dbmodels.models import SqlLoggedModel, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from . import seams


@dataclass(frozen=True)
class ParentRef:
    """What the engine looks at of a run (``info.experiment_id``) or a logged model (``experiment_id``)."""

    experiment_id: str

    @property
    def info(self) -> ParentRef:
        """Where a run has it."""
        return self


# MLflow's method -> the class of its table, the id's column, and what the method does not find.
_ASKED: MappingProxyType[Any, tuple[Any, Any, tuple[Any, ...]]] = MappingProxyType(
    {
        SqlAlchemyStore.get_run: (SqlRun, SqlRun.run_uuid, ()),
        SqlAlchemyStore.get_logged_model: (
            SqlLoggedModel,
            SqlLoggedModel.model_id,
            (SqlLoggedModel.lifecycle_stage != LifecycleStage.DELETED,),
        ),
    }
)


def install() -> None:
    """Answer the engine's question for a run or a logged model of a SQL store by its experiment alone."""
    fetch_or_none: Callable[[Callable[[str], Any], str], Any] = seams.original(seams.AUTH, "_fetch_or_none")

    def parent_or_fetched(fetch: Callable[[str], Any], resource_id: str) -> Any:
        # A store that answers in another way, as a file store does, is asked itself.
        asked = _ASKED.get(getattr(fetch, "__func__", None))
        if asked is None:
            return fetch_or_none(fetch, resource_id)
        table, column, where = asked
        store: Any = fetch.__self__  # type: ignore[attr-defined]  # a bound method
        with store.ManagedSessionMaker() as session:
            # The store's own query: it keeps to the active workspace.
            query = store._get_query(session, table).filter(column == resource_id, *where)
            experiment_id = query.with_entities(table.experiment_id).scalar()
        return None if experiment_id is None else ParentRef(str(experiment_id))

    seams.replace(seams.AUTH, "_fetch_or_none", parent_or_fetched)
