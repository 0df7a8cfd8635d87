"""The entry point ``mlflow.app: prokube-auth``.

``mlflow server`` imports this module once in its parent process, the only code of ours that runs there: it
checks the settings, migrates the database and hands to the workers what they share. In a worker the import
does nothing.
"""

from __future__ import annotations

import os
from typing import Any


def create_app() -> Any:
    """Make the application, in a worker (``mlflow server`` wants a plain function)."""
    from .logs import hide_starlettes_warning

    hide_starlettes_warning()  # before anything imports MLflow's server
    from .app import create

    return create()


def _in_parent() -> bool:
    import click

    context = click.get_current_context(silent=True)
    return context is not None and "backend_store_uri" in context.params and "_MLFLOW_SGI_NAME" not in os.environ


if _in_parent():
    from .startup import prepare

    prepare()
