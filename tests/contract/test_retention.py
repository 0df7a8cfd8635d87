"""The audit trail is kept as long as the setting says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mlflow_prokube_auth.retention import DAY, AuditRetention
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store import audit
from mlflow_prokube_auth.store.schema import audit_events


def put(services: Services, *ages: int) -> None:
    with services.database.write() as connection:
        for age in ages:
            audit.record(connection, "test", "somebody", target=f"{age} days")
            added = audit_events.update().where(audit_events.c.target == f"{age} days")
            connection.execute(added.values(at=int(time.time()) - age * DAY))


def kept(services: Services) -> set[str]:
    with services.database.read() as connection:
        return {event.target for event in audit.page(connection, action="test")[0]}


@pytest.mark.parametrize(("days", "left"), [(400, {"1 days", "399 days"}), (0, {"1 days", "399 days", "401 days"})])
def test_events_are_forgotten_after_so_many_days(services: Services, days: int, left: set[str]) -> None:
    put(services, 1, 399, 401)
    AuditRetention(services.database, days, lambda work: work()).look()
    assert kept(services) == left


def test_it_is_looked_after_once_an_hour_and_by_somebody_else(services: Services) -> None:
    works: list[Callable[[], None]] = []
    now = [1e9]
    retention = AuditRetention(services.database, 1, works.append, lambda: now[0])
    for _ in range(3):
        retention.look()
    assert len(works) == 1
    now[0] += 3599
    retention.look()
    assert len(works) == 1
    now[0] += 1
    retention.look()
    assert len(works) == 2
