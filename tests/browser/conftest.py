"""What the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..chromium import ARGUMENTS, chromium
from ..conftest import Demo, running_demo

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
