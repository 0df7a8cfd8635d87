"""Prints docs/settings.md out of the code: ``python docs/make_settings.py > docs/settings.md``."""

from __future__ import annotations

from pydantic_core import PydanticUndefined

from mlflow_prokube_auth.settings import PREFIX, SECRETS, Settings

HEAD = """# Settings

Environment variables, read once at start. Lists take commas or blanks. Where `_FILE` is marked, the value may come
from a file named by the variable with `_FILE` behind its name. All mistakes are reported at once, before any worker
starts.

| variable | default | `_FILE` | meaning |
|---|---|---|---|"""


def page() -> str:
    """The page's text."""
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


if __name__ == "__main__":
    print(page(), end="")
