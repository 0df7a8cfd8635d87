"""What the doctor found: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line: how it is, what was looked at, what was found and what to do."""

    level: Level
    what: str
    text: str
