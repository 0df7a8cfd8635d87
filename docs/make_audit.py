"""Prints the table of docs/audit.md out of the code: ``python docs/make_audit.py``."""

from __future__ import annotations

from mlflow_prokube_auth.store.audit_actions import ACTIONS


def table() -> str:
    """The lines of the table."""
    rows = [
        "| action | what happened |",
        "|---|---|",
        *(f"| `{action}` | {words} |" for action, words in ACTIONS.items()),
    ]
    return "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    print(table(), end="")
