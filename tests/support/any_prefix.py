"""``mlflow server`` with this app under any static prefix: ``python -m tests.support.any_prefix server ...``.

The refusal of a prefix at start is replaced in the parent process and in each worker, so that tests see what the
routes themselves do under a prefix that nobody is allowed to choose. No setting of the product does this.
"""

from __future__ import annotations

from mlflow_prokube_auth import startup

vars(startup)["misplaced"] = lambda environ, options: []

if __name__ == "__main__":
    import mlflow.server
    from mlflow.cli import cli

    mlflow.server._find_app = lambda name: "tests.support.any_prefix:create_app"
    cli()
else:  # as MLflow imports an app: once in the parent, and in each worker
    from mlflow_prokube_auth.entry import create_app as create_app
