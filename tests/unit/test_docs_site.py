"""The docs as pages: mkdocs.yml and the files that it shows. `make docs` builds them and checks the links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
# docs/mkdocs_hooks.py makes these pages of files elsewhere; it needs MkDocs, which is not installed here.
HOOKS = (ROOT / "docs" / "mkdocs_hooks.py").read_text()
ELSEWHERE = dict(re.findall(r'^    "([\w-]+\.md)": "([\w/.]+)",$', HOOKS, re.MULTILINE))
SHOWN = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / source for source in ELSEWHERE.values())]


def _pages(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for child in entry.values() if isinstance(entry, dict) else entry:
            yield from _pages(child)


def test_the_navigation_has_four_parts() -> None:
    assert [next(iter(part)) for part in SITE["nav"]] == ["Get started", "Use it", "Run it", "Understand it"]


def test_each_page_stands_in_the_navigation_once() -> None:
    assert {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md"}.items() <= ELSEWHERE.items()
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} | ELSEWHERE.keys()
    assert dict.fromkeys(pages, 1) == Counter(_pages(SITE["nav"]))


@pytest.mark.parametrize("page", SHOWN, ids=lambda path: path.name)
def test_a_page_begins_with_a_sentence(page: Path) -> None:
    """What it is for: no table, list, code or further heading stands before."""
    title, _, rest = page.read_text().partition("\n\n")
    assert re.fullmatch(r"# \S.*", title)
    assert re.match(r"(?:\*\*)?[A-Z].*", rest)


@pytest.mark.parametrize("page", SHOWN, ids=lambda path: path.name)
def test_blocks_within_a_list_are_indented_as_both_github_and_mkdocs_read_them(page: Path) -> None:
    """By four columns: with three, which suffice on GitHub, MkDocs shows a code block as text and restarts the list."""
    assert re.findall(r"^ {1,3}(?:```|- |\||\d+\. ).*", page.read_text(), re.MULTILINE) == []


def test_the_theme_takes_no_font_from_another_host() -> None:
    assert SITE["theme"]["font"] is False
