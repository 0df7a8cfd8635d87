"""Another MLflow than the installed one, for processes of their own: the installed package with names changed in it.

What is changed is copied; all else are links.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import mlflow

INSTALLED = Path(mlflow.__file__).parent
RENAMED = "_of_tomorrow"


def foreign_mlflow(
    folder: Path, version: str, names: Sequence[str] = (), modules: Sequence[str] = ()
) -> dict[str, str]:
    """Make it in ``folder``; the environment in which Python imports it.

    Everywhere in the package, these names and modules (dotted, of one file each) have other names.
    """
    files = {INSTALLED.parent / f"{module.replace('.', '/')}.py" for module in modules}
    either = "|".join(map(re.escape, [*names, *modules])) or "(?!)"
    words = re.compile(rf"(?<!\w)(?:{either})(?!\w)")
    for source in INSTALLED.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        changed = words.sub(lambda found: found[0] + RENAMED, text)
        if source == INSTALLED / "version.py":
            changed = re.sub(r'^VERSION = ".*"$', f'VERSION = "{version}"', text, flags=re.MULTILINE)
        if changed != text or source in files:
            target = folder / source.relative_to(INSTALLED.parent)
            target = target.with_stem(target.stem + RENAMED) if source in files else target
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(changed, encoding="utf-8")
    _link(INSTALLED, folder / INSTALLED.name, files)
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def _link(source: Path, target: Path, moved: set[Path]) -> None:
    """Link what is not there, folder by folder."""
    for each in source.iterdir():
        there = target / each.name
        if there.is_dir():
            _link(each, there, moved)
        elif not there.exists() and each not in moved and each.name != "__pycache__":
            there.symlink_to(each)
