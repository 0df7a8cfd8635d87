"""Long lists of values for ``IN``, part by part: databases bound how many a statement may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

# SQLite took 999 values in a statement before its release 3.32 (https://sqlite.org/limits.html).
AT_ONCE = 500
Value = TypeVar("Value")


def portions(values: Sequence[Value], most: int = AT_ONCE) -> Iterator[Sequence[Value]]:
    """Parts of at most so many values, in their order."""
    return (values[start : start + most] for start in range(0, len(values), most))
