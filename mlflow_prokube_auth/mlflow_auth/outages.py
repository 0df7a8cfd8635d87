"""Whether the running request has lost its database, whatever MLflow's store makes of that.

MLflow's store says 503 for SQLAlchemy's ``OperationalError`` alone (``mlflow/store/db/utils.py``). Where a connection
is lost between two statements, drivers and SQLAlchemy raise other errors, and the store says 400 or 500.
"""

from __future__ import annotations

from flask import g, has_request_context
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError

from ..store.database import OURS

# SQLAlchemy's words where no connection of the pool came free in time.
_NONE_FREE = "QueuePool limit of size"


def install() -> None:
    """Note what any engine of this process loses, from here on."""
    if not event.contains(Engine, "handle_error", _note):
        event.listen(Engine, "handle_error", _note)


def _note(context: ExceptionContext) -> None:
    """A connection was lost, or none was made; engines of ours are looked after where they are used."""
    if context.is_pre_ping or (context.engine is not None and OURS in context.engine.get_execution_options()):
        return
    none_made = context.connection is None and isinstance(context.sqlalchemy_exception, OperationalError)
    if has_request_context() and (context.is_disconnect or none_made):
        g.prokube_database_lost = True


def is_lost(message: str = "") -> bool:
    """Whether the running request has lost the database; ``message`` is what MLflow's store has said."""
    return bool(g.get("prokube_database_lost", False)) or _NONE_FREE in message
