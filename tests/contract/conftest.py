"""What the contract tests share: the stores on an empty database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import load

from ..support.migrated import make_tables
from ..support.settings import GOOD


@pytest.fixture
def services(request: pytest.FixtureRequest, uri: str) -> Iterator[Services]:
    """The stores on a migrated database."""
    make_tables(uri, None if uri.startswith("sqlite") else request.getfixturevalue("postgres"))
    services = open_services(load(GOOD), uri)
    yield services
    services.database.engine.dispose()
