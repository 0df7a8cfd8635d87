"""A real Keycloak, our server in front of it, and people with real browsers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from ..support.chromium import chromium
from ..support.keycloak.server import Keycloak, missing, running_keycloak
from ..support.keycloak.site import Site, running_site
from ..support.processes import free_port

__all__ = ["chromium"]


@pytest.fixture(scope="session")
def keycloak() -> Iterator[Keycloak]:
    """One Keycloak for all tests of a worker; each module points its client at a server of its own."""
    if reason := missing():
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    with running_keycloak(f"http://127.0.0.1:{free_port()}") as running:
        yield running


@pytest.fixture(scope="module")
def world(keycloak: Keycloak, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the settings that operators start with."""
    with running_site(keycloak, chromium, tmp_path_factory.mktemp("keycloak")) as running:
        yield running
