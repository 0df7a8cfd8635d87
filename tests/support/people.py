"""People in front of a store, without a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.model import Actor, Admission, Person
from mlflow_prokube_auth.services import Services


def admission(email: str, subject: str = "s-1", verified: bool = True, admin: str | None = None) -> Admission:
    return Admission("https://kc", subject, email, verified, email, ("prokube-users",), "prokube-users", admin)


def acting(at: int = 100, name: str = "admin", client: str = "") -> Actor:
    """Who acts, at that time (UTC seconds)."""
    return Actor(name, at, client)


def let_in(services: Services, who: Admission, at: int = 100) -> Person:
    """A login, at that time (UTC seconds)."""
    return services.people.log_in(who, acting(at, who.username))


def log_in(services: Services, name: str, *teams: str) -> Person:
    return let_in(services, replace(admission(name, f"s-{name}"), teams=teams))


def all_at_once(*works: Callable[[], object]) -> list[object]:
    """Run them at the same time, each in a thread; what each answered or raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def levels(services: Services, person: Person, kind: str = "registered_model") -> dict[str, str]:
    """What MLflow itself reads of a person's grants."""
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    rows = store.list_grants(person.user_id, "default", [kind])
    return {row.resource_pattern: row.permission for row in rows}
