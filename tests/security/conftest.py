"""Users of the demo with what attacks need, and a provider of somebody's own behind the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..support.demo import Demo
from ..support.tenants import Tenant, alice, bob
from ..support.upstream import Upstream, running_upstream

__all__ = ["alice", "bob"]


@pytest.fixture(scope="module")
def admin(demo: Demo) -> Iterator[Tenant]:
    with Tenant(base_url=demo.url, auth=demo.auth("admin"), timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with running_upstream() as made:
        yield made
