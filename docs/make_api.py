"""Prints docs/api.md out of the code: ``python docs/make_api.py > docs/api.md``."""

from __future__ import annotations

from mlflow_prokube_auth.api_document import page

if __name__ == "__main__":
    print(page(), end="")
