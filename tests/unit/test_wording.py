"""Texts that people read use one word for one thing (docs/glossary.md), and no phrases that readers stumbled over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlflow_prokube_auth"
READ = [
    *sorted(PACKAGE.rglob("*.py")),
    *sorted(PACKAGE.rglob("*.html")),
    *sorted(PACKAGE.rglob("*.js")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")),
]
# What stands there, and what says it instead.
AVOIDED = {
    r"(?<!-)\bsign(?:ed|s|ing)?[ -](?:in|out)\b": "log in, log out",
    r"\bto be had\b": "available; or say who did not send it",
    r"\bbears?\b|\bborne\b|\bbearer of\b": "has the name, is named",
    r"\bwhat is there and what comes\b": "existing and future",
    r"\bin this very moment\b": "at the moment",
    r"\bWhom \w+ (?:still )?admits\b": "a user whom ...",
    r"\bmend(?:s|ed)?\b": "fix, correct",
    r"\bnow or one day\b": "now and in the future",
}


def _texts(path: Path) -> Iterator[str]:
    """What is read in a file: of code the strings, docstrings included, and no names or comments."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_avoids_phrases_that_have_a_plain_word(path: Path) -> None:
    found = [
        f"{match.group()!r}: write {instead!r}"
        for text in _texts(path)
        for phrase, instead in AVOIDED.items()
        for match in re.finditer(phrase, " ".join(text.split()), re.IGNORECASE)
    ]
    assert found == []
