"""What is done once in a while: the audit trail is swept, and keys that expire are named once a day."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mlflow_prokube_auth.housekeeping import AuditRetention, ExpiringKeys, Housekeeping
from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.model import DAY
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store import audit
from mlflow_prokube_auth.store.schema import audit_events

from ..support.people import acting, admission, let_in


def put(services: Services, *ages: int) -> None:
    with services.database.write() as connection:
        for age in ages:
            audit.record(connection, "team.join", acting(name="somebody"), target=f"{age} days")
            added = audit_events.update().where(audit_events.c.target == f"{age} days")
            connection.execute(added.values(at=int(time.time()) - age * DAY))


def kept(services: Services) -> set[str]:
    with services.database.read() as connection:
        return {event.target for event in audit.page(connection, audit.Filter(action="team.join"))[0]}


@pytest.mark.parametrize(("days", "left"), [(400, {"1 days", "399 days"}), (0, {"1 days", "399 days", "401 days"})])
def test_events_are_forgotten_after_so_many_days(services: Services, days: int, left: set[str]) -> None:
    put(services, 1, 399, 401)
    AuditRetention(services.database, days)(int(time.time()))
    assert kept(services) == left


def test_keys_that_expire_soon_are_named_once_a_day(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    now = 20_000 * DAY
    for number, days in enumerate((1, 13, 15)):
        person = let_in(services, admission(f"u{number}@x", f"s-{number}"))
        services.access_keys.mint(compose(bytes([number]) * 41), person.user_id, now + days * DAY, acting(now, "test"))
    look = ExpiringKeys(services.accounts, services.sessions)
    for later in (0, 3600, DAY):
        look(now + later)
    lines = [record.getMessage() for record in caplog.records if "access keys that expire" in record.getMessage()]
    assert lines == [
        "access keys that expire within 14 days: 2 (u0@x on 2024-10-05, u1@x on 2024-10-17)",
        "access keys that expire within 14 days: 2 (u1@x on 2024-10-17, u2@x on 2024-10-19)",
    ]


def test_it_is_looked_after_once_an_hour_and_by_somebody_else() -> None:
    works: list[Callable[[], None]] = []
    now = [1e9]
    retention = Housekeeping([lambda at: None], works.append, lambda: now[0])
    for _ in range(3):
        retention.look()
    assert len(works) == 1
    now[0] += 3599
    retention.look()
    assert len(works) == 1
    now[0] += 1
    retention.look()
    assert len(works) == 2
