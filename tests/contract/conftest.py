"""What the contract tests share: the stores on an empty database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.database import migrate, open_engine

from ..support.settings import GOOD


@pytest.fixture
def services(uri: str) -> Iterator[Services]:
    """The stores on a migrated database."""
    database = open_engine(uri)
    migrate(database, migrate_mlflow)
    database.dispose()
    services = open_services(load(GOOD), uri)
    yield services
    services.database.engine.dispose()
