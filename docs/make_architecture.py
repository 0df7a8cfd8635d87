"""Prints the layers and arrows of docs/architecture.md out of the code: ``python docs/make_architecture.py``."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGE = "mlflow_prokube_auth"
# Everything takes from these; their arrows would hide the others.
GROUND = {"errors", "model", "plain", "prefix", "hosts", "trusted_issuers", "settings", "logs", "api_routes"}


def layers() -> list[list[str]]:
    """The layers that the linter holds, the uppermost first (``pyproject.toml``)."""
    text = (ROOT / "pyproject.toml").read_text()
    listed = text.split("[[tool.importlinter.contracts]]", 1)[1].split("layers = [", 1)[1].split("]", 1)[0]
    return [row.split(" | ") for row in re.findall(r'"([^"]+)"', listed)]


def arrows() -> dict[str, set[str]]:
    """Which part imports which, but for what is only there for types."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = (name.split(".")[1] if "." in name else "" for name in (module, imported))
            if one and other and one != other:
                found[one].add(other)
    return found


def diagram() -> str:
    """The arrows as a diagram (mermaid.js.org), in the order of the layers."""
    parts = [part for row in layers() for part in row]
    rank = {part: number for number, part in enumerate(parts)}
    lines = ["```mermaid", "flowchart TD"]
    for one, others in sorted(arrows().items(), key=lambda item: rank.get(item[0], -1)):
        lines += [f"  {one} --> {other}" for other in sorted(others - GROUND, key=lambda part: rank.get(part, -1))]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    print(diagram())
