"""Scorers in MLflow's tables. Their names are an experiment's own; a grant is on ``<experiment id>/<quoted name>``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote

from mlflow.server.handlers import _get_tracking_store
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlScorer
from sqlalchemy import BigInteger, type_coerce

from ..policy.named import NamedResource
from ..policy.spelling import SCORER_KEY
from ..store.portions import portions

KIND = "scorer"
Sessions = Callable[[], AbstractContextManager[Any]]


def wide(column: Any) -> Any:
    """A column of numbers, compared with numbers of 64 bits: psycopg 3 would bind them as the 32 bits of the column."""
    return type_coerce(column, BigInteger)


def parse(pattern: str) -> tuple[int, str] | None:
    """Experiment id and name out of a grant's pattern (``SqlAlchemyStore._scorer_pattern``); None for anything else."""
    experiment_id, _, quoted = pattern.partition("/")
    name = unquote(quoted)
    return (int(experiment_id), name) if SCORER_KEY.is_canonical(pattern) else None


def at(pattern: str) -> NamedResource | None:
    """The scorer that a grant is on; None where there is none, and in a file store."""
    parsed, sessions = parse(pattern), _sessions()
    if parsed is None or sessions is None:
        return None
    with sessions() as session:
        row = (
            session.query(SqlExperiment.workspace, SqlExperiment.lifecycle_stage)
            .join(SqlScorer, SqlScorer.experiment_id == SqlExperiment.experiment_id)
            .filter(wide(SqlScorer.experiment_id) == parsed[0], SqlScorer.scorer_name == parsed[1])
            .first()
        )
    if row is None:
        return None
    trashed = row.lifecycle_stage == "deleted"
    return NamedResource(KIND, title(*parsed), KIND, pattern, 0, str(row.workspace), trashed)


def title(experiment_id: int, name: str) -> str:
    """What people read of one."""
    return f"{name} (experiment {experiment_id})"


def titles(patterns: Iterable[str]) -> dict[str, str]:
    """What many are called, without those that are gone."""
    parsed, sessions = {pattern: parse(pattern) for pattern in patterns}, _sessions()
    ids = sorted({each[0] for each in parsed.values() if each is not None})
    there: set[tuple[int, str]] = set()
    if sessions is None:
        return {}
    with sessions() as session:
        for some in portions(ids):
            rows = session.query(SqlScorer.experiment_id, SqlScorer.scorer_name)
            there |= {tuple(row) for row in rows.filter(wide(SqlScorer.experiment_id).in_(some))}
    return {pattern: title(*each) for pattern, each in parsed.items() if each is not None and each in there}


def _sessions() -> Sessions | None:
    return getattr(_get_tracking_store(), "ManagedSessionMaker", None)
