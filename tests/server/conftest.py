"""What tests of servers and commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.database import migrate, open_engine

from ..support.commands import ALICE, SETTINGS, uri
from ..support.people import let_in
from ..support.readers import served
from ..support.tenants import alice, bob

__all__ = ["alice", "bob", "served"]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """A database in which alice has logged in once."""
    migrate(open_engine(uri(tmp_path)), migrate_mlflow)
    opened = open_services(load(SETTINGS), uri(tmp_path))
    let_in(opened, Admission("https://kc", "s-1", ALICE, True, "Alice", ("prokube-users",), "prokube-users", None))
    return opened
