"""Prints docs/mlflow-seams.md out of the code: ``python docs/make_seams.py > docs/mlflow-seams.md``."""

from __future__ import annotations

from itertools import groupby

from mlflow_prokube_auth.mlflow_auth.releases import MLFLOW
from mlflow_prokube_auth.mlflow_auth.seams import SEAMS, Seam
from mlflow_prokube_auth.mlflow_auth.short_way import LAYERS, Layer

HEAD = f"""# What this plugin touches in MLflow

This page lists every name of MLflow that the server's side of the plugin uses. MLflow promises none of them. So the
server checks all of them when it starts, for the releases that were tested (`{MLFLOW}`), and refuses to start where one
is missing or has other parameters. `mlflow-prokube-auth doctor --mlflow-only` runs the same check.

The table is `mlflow_prokube_auth/mlflow_auth/seams.py`. What is replaced is replaced from there, and
[mlflow-releases.md](mlflow-releases.md) tells how to try another release against it.
"""
AROUND_FLASK = """\
The table is in `mlflow_prokube_auth/mlflow_auth/short_way.py`. Where the installed MLflow has other middlewares, or
has them in another order, the server starts, says so in one line of its log, and requests to Flask take MLflow's own
way. So they do with `PROKUBE_AUTH_SHORT_WAY=false`.
"""


def page() -> str:
    """The page."""
    parts = [HEAD]
    replaced = [seam for seam in SEAMS if seam.replaced]
    parts += [f"## Replaced ({len(replaced)})", ""]
    parts += ["| where | name | how MLflow has it | what stands there | releases |", "|---|---|---|---|---|"]
    parts += [
        f"| `{seam.owner}` | `{seam.name}` | {seam.why} | {seam.replaced} | {seam.releases or 'all'} |"
        for seam in replaced
    ]
    used = [seam for seam in SEAMS if not seam.replaced]
    parts += ["", f"## Used ({len(used)})"]
    for owner, rows in groupby(used, key=lambda seam: seam.owner):
        parts += ["", f"### `{owner}`", "", "| name | for | checked | releases |", "|---|---|---|---|"]
        parts += [f"| `{seam.name}` | {seam.why} | {_checked(seam)} | {seam.releases or 'all'} |" for seam in rows]
    parts += ["", f"## Middlewares around Flask ({len(LAYERS)})", "", AROUND_FLASK]
    parts += ["| middleware, outermost first | on the short way to Flask | releases |", "|---|---|---|"]
    parts += [f"| `{layer}` | {_on_the_short_way(layer)} | {layer.releases or 'all'} |" for layer in LAYERS]
    return "\n".join(parts) + "\n"


def _on_the_short_way(layer: Layer) -> str:
    if layer.kept:
        return "kept, where MLflow's settings have it" if layer.optional else "kept"
    acts_on = " and ".join(f"`{path}`" for path in layer.acts_on)
    return f"passed by; what begins with {acts_on} takes MLflow's way" if acts_on else "passed by"


def _checked(seam: Seam) -> str:
    if seam.parameters is not None:
        return f"parameters: {', '.join(f'`{each}`' for each in seam.parameters) or 'none'}"
    if seam.attributes or seam.fields:
        return f"has {', '.join(f'`{each}`' for each in seam.attributes or seam.fields)}"
    return f"is `{seam.equal}`" if seam.equal else "is there"


if __name__ == "__main__":
    print(page(), end="")
