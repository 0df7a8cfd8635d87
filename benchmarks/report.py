"""What a benchmark leaves: sections with a table and targets, as text, as JSON and as ``docs/performance.md``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

Cell = str | int | float | None
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Target:
    """What is promised and what was found; ``met`` is None where nothing could be measured."""

    what: str
    wanted: str
    found: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """In one word."""
        return "not measured" if self.met is None else "met" if self.met else "**missed**"


@dataclass
class Section:
    """One table with a title, what it says, and its targets."""

    name: str
    title: str
    text: str
    columns: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # When, where and under what load; empty where the whole run's facts say so.
    measured: str = ""

    def add(self, *cells: Cell) -> None:
        """One more row."""
        if len(cells) != len(self.columns):
            raise ValueError(f"expected {len(self.columns)} cells, found {len(cells)}")
        self.rows.append(list(cells))


def at_most(what: str, limit: float, found: float | None, unit: str = "x", bound: bool = False) -> Target:
    """A target that is met up to ``limit``; ``bound`` says that the true figure is above ``found``."""
    if found is None:
        return Target(what, f"<= {number(limit)}{unit}", "-", None)
    return Target(
        what, f"<= {number(limit)}{unit}", f"{'> ' if bound else ''}{number(found)}{unit}", found <= limit and not bound
    )


def at_least(what: str, limit: float, found: float | None, unit: str = "%") -> Target:
    """A target that is met from ``limit`` up."""
    if found is None:
        return Target(what, f">= {number(limit)}{unit}", "-", None)
    return Target(what, f">= {number(limit)}{unit}", f"{number(found)}{unit}", found >= limit)


def number(value: Cell) -> str:
    """Three figures that count, so that nobody reads more into them."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A Markdown table that reads well as plain text, too."""
    lines = [list(columns), *([number(cell) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    texts = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])


def render(section: Section, *, targets: bool = True) -> str:
    """A section as Markdown, with or without its targets."""
    parts = [f"## {section.title}", section.text, section.measured, table(section.columns, section.rows)]
    if section.targets and targets:
        rows = [[each.what, each.wanted, each.found, each.verdict] for each in section.targets]
        parts.append(table(["target", "wanted", "found", "verdict"], rows))
    parts += section.notes
    return "\n\n".join(part for part in parts if part)


def machine() -> dict[str, str]:
    """Where and with what it was measured."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} x {_line('/proc/cpuinfo', 'model name') or platform.machine()}",
        "memory": f"{int((_line('/proc/meminfo', 'MemTotal') or '0 kB').split()[0]) / 2**20:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "mlflow": version("mlflow"),
        "sqlalchemy": version("sqlalchemy"),
        "commit": _commit(),
    }


def measured(where: dict[str, str], effort: str, before: float, after: float) -> str:
    """A section's own facts; ``before`` and ``after`` are the load averages of a minute around its run."""
    how = "" if effort == "full" else f" `--{effort}`, with smaller sizes and fewer rounds;"
    return (
        f"Measured on {where['date']}:{how} {where['processor']}, {where['memory']}, MLflow {where['mlflow']}, commit "
        f"{where['commit']}; the machine's load was {before:.1f} before and {after:.1f} after."
    )


def _line(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _commit() -> str:
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return (head.stdout.strip() or "unknown") + (" with changes" if changed.stdout.strip() else "")


def save(path: Path, sections: Sequence[Section], about: dict[str, Any]) -> None:
    """Write all of it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, "sections": [asdict(section) for section in sections]}, indent=2) + "\n")


def load(path: Path) -> tuple[list[Section], dict[str, Any]]:
    """Read what :func:`save` has written."""
    about = json.loads(path.read_text())
    sections = [
        Section(**{**section, "targets": [Target(**target) for target in section["targets"]]})
        for section in about.pop("sections")
    ]
    return sections, about


def publish(results: Path, published: Path) -> None:
    """Put a run's sections among the published ones, in place of those of the same name."""
    sections, about = load(results)
    if published.exists():
        new, (standing, about) = {section.name: section for section in sections}, load(published)
        sections = [new.pop(section.name, section) for section in standing] + list(new.values())
    save(published, sections, about)


_PAGE = """# Performance

This page shows what login, access keys and permissions cost, measured beside plain MLflow (and MLflow's own basic-auth)
on the same machine. Missed targets are listed as missed.

"""
_UNMEASURED = "No figures are published for this version yet. `make bench` measures them on your machine.\n"
_REPRODUCE = """
## Measure it yourself

```console
$ make bench
```

It takes about 25 minutes (`make bench BENCH_ARGS=--quick` a few), speaks to loopback alone, leaves nothing behind but
`benchmarks/results/latest.json`. [benchmarks/README.md](../benchmarks/README.md) tells what each benchmark does. This
page is made out of `docs/performance.json` by `python docs/make_performance.py [benchmarks/results/latest.json]`.
"""


def page(published: Path) -> str:
    """``docs/performance.md``, out of the published figures."""
    if not published.exists():
        return _PAGE + _UNMEASURED + _REPRODUCE
    sections, about = load(published)
    where = about["machine"]
    words = (
        f"Where a section says nothing else: measured on {where['date']}: {where['processor']}, {where['memory']}, "
        f"{where['system']}; Python {where['python']}, MLflow {where['mlflow']}, SQLAlchemy {where['sqlalchemy']}; "
        f"commit {where['commit']}."
    )
    if about["effort"] != "full":
        words += f" They are figures of a `--{about['effort']}` run, with smaller sizes and fewer rounds."
    targets = [
        [section.title, each.what, each.wanted, each.found, each.verdict]
        for section in sections
        for each in section.targets
    ]
    missed = sum(each.met is False for section in sections for each in section.targets)
    summary = f"{len(targets)} targets, {missed} missed." if missed else f"{len(targets)} targets, none missed."
    parts = [words, f"## Targets\n\n{summary}", table(["benchmark", "target", "wanted", "found", "verdict"], targets)]
    parts += [render(section, targets=False) for section in sections]
    return _PAGE + "\n\n".join(parts) + "\n" + _REPRODUCE
