"""What the browser tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..chromium import ARGUMENTS, chromium

__all__ = ["ARGUMENTS", "chromium"]


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are kept."""
    folder = Path(__file__).parents[2] / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder
