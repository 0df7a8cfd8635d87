"""What the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ..support.chromium import ARGUMENTS, chromium
from ..support.demo import Demo, running_demo
from ..support.processes import free_port
from ..support.world import World, running_world

__all__ = ["ARGUMENTS", "chromium"]


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are kept."""
    folder = Path(__file__).parents[2] / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo of each file's own: what these tests do to keys would disturb whoever shares it."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="module")
def world(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server under a prefix. Asks for the browser first, so that nothing is started where there is none."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/mlflow"
    with running_world(tmp_path_factory.mktemp("world"), url, port, "--static-prefix", "/mlflow") as running:
        yield running
