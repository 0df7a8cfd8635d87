"""``settings``: the page of all settings, out of the code."""

from __future__ import annotations

import click

from .common import needs_packages

HEAD = """# Settings

Environment variables, read once at start. Lists take commas or blanks. Where `_FILE` is marked, the value may come
from a file named by the variable with `_FILE` behind its name. An empty variable counts as one that is not set where
the default is "none". All mistakes are reported at once, before any worker starts.

| variable | default | `_FILE` | meaning |
|---|---|---|---|"""


@click.command(short_help="Print all settings of the server, with their defaults.")
def settings() -> None:
    """Print the page of all settings of the server, with their defaults, as Markdown."""
    needs_packages()
    click.echo(page(), nl=False)


def page() -> str:
    """The text of docs/settings.md."""
    from pydantic_core import PydanticUndefined

    from ..settings import PREFIX, SECRETS, Settings

    lines = [HEAD]
    for field, info in Settings.model_fields.items():
        default = "required" if info.default is PydanticUndefined else info.default
        if isinstance(default, tuple):
            default = f"`{' '.join(default)}`" if default else "none"
        elif default is None:
            default = "none"
        elif default != "required":
            default = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        file = "yes" if field.upper() in SECRETS else ""
        lines.append(f"| `{PREFIX}{field.upper()}` | {default} | {file} | {info.description} |")
    return "\n".join(lines) + "\n"
