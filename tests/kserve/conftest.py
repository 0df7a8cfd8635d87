"""One server per worker with what alice logged, read by bob, who may read her models and nothing else of hers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..support.kserve.initializer import Served, serving
from ..support.world import ADMIN, ALICE, BOB


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("kserve"), "") as running:
        yield running


__all__ = ["ADMIN", "ALICE", "BOB"]
