"""What is sent to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from mlflow_prokube_auth.services import Services


def engines(services: Services) -> set[Engine]:
    """The engines of the stores."""
    return {services.database.engine, services.database._questions}


@contextmanager
def counted(*sending: Engine) -> Iterator[list[str]]:
    """The statements that these engines send to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    for engine in sending:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in sending:
            event.remove(engine, "before_cursor_execute", note)
