"""Prints docs/settings.md out of the code: ``python docs/make_settings.py > docs/settings.md``."""

from __future__ import annotations

from mlflow_prokube_auth.cli.settings import page

if __name__ == "__main__":
    print(page(), end="")
