"""``settings``: the page of all settings, out of the code."""

from __future__ import annotations

import click

from .common import needs_packages

HEAD = """# Settings

This page lists the settings of the server. They are environment variables, which the server reads once when it starts.
Separate the items of a list by commas or blanks. Where the column `_FILE` says yes, the value may also be in a file:
append `_FILE` to the variable's name and set it to the file's path. Where the default is "none", an empty variable
counts as unset. The server reports all mistakes at once, before any worker starts.

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
