"""What server and commands share: the stores on one database."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from . import logs
from .settings import Settings, StoreSettings
from .store.access_keys import AccessKeys
from .store.accounts import Accounts
from .store.consents import Consents
from .store.database import Database
from .store.grants import Grants
from .store.key_reminders import KeyReminders
from .store.legacy_keys import LegacyKeys
from .store.local_admins import LocalAdmins
from .store.names import Names
from .store.people import People
from .store.rebinds import Rebinds
from .store.sessions import Sessions
from .store.teams import Teams
from .store.versions import TrustedVersions
from .store.workloads import Workloads

_logger = logs.logger(__name__)


@dataclass(frozen=True)
class Services:
    """The stores."""

    database: Database
    people: People
    access_keys: AccessKeys
    key_reminders: KeyReminders
    legacy_keys: LegacyKeys
    consents: Consents
    sessions: Sessions
    names: Names
    teams: Teams
    grants: Grants
    accounts: Accounts
    rebinds: Rebinds
    local_admins: LocalAdmins
    counted_versions: TrustedVersions
    workloads: Workloads


def open_services(settings: Settings | StoreSettings, uri: str) -> Services:
    """All stores on the database at ``uri``."""
    database = Database(uri)
    teams = Teams(database)
    return Services(
        database=database,
        people=People(database, teams),
        access_keys=AccessKeys(database),
        key_reminders=KeyReminders(database),
        legacy_keys=LegacyKeys(database),
        consents=Consents(database),
        sessions=Sessions(database, settings.session_idle_seconds),
        names=Names(database),
        teams=teams,
        grants=Grants(database),
        accounts=Accounts(database),
        rebinds=Rebinds(database),
        local_admins=LocalAdmins(database),
        counted_versions=TrustedVersions(database),
        workloads=Workloads(database),
    )


class BackgroundWorker:
    """Small works off the request path, in one daemon thread; dropped when they pile up."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Callable[[], None]] = queue.Queue(maxsize=1000)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def __call__(self, work: Callable[[], None]) -> None:
        """Have ``work`` done soon."""
        with self._lock:
            if self._thread is None:  # started late: gunicorn may fork after the wiring
                self._thread = threading.Thread(target=self._run, name="prokube-auth-later", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            _logger.warning("too many background tasks are waiting; one was dropped")

    def _run(self) -> None:
        while True:
            work = self._queue.get()
            try:
                work()
            except Exception as error:  # none of them is worth a thread
                _logger.warning("a background task failed: %s", type(error).__name__)
