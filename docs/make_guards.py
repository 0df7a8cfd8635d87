"""Prints the table of docs/guards.md out of the code: ``python docs/make_guards.py``."""

from __future__ import annotations

from mlflow_prokube_auth.policy.guards.table import FLASK, NATIVE

HEAD = ("request", "refused", "since MLflow", "releases", "for")

if __name__ == "__main__":
    for row in (HEAD, ("---",) * len(HEAD), *(guard.row() for guard in FLASK + NATIVE)):
        print(f"| {' | '.join(row)} |")
