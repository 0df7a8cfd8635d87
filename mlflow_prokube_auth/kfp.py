"""Steps of a Kubeflow pipeline that talk to MLflow as the person whose key is in the namespace's secret.

The secret holds what MLflow's client reads, under the same names; the permissions page has the command that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kfp.dsl import PipelineTask

SECRET_NAME = "mlflow-credentials"  # noqa: S105 - the name of one
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


def add_mlflow_env_vars_to_tasks(tasks: PipelineTask | Iterable[PipelineTask], secret_name: str = SECRET_NAME) -> None:
    """Give tasks of a pipeline the three variables from a secret in the namespace where the pipeline runs.

    The compiled pipeline names the secret and its keys, never what is in them. A pod whose secret, or key of it, is
    missing does not start and says so.

    Raises:
        ImportError: the extra ``kfp`` is not installed.
        TypeError: something is no task; to be called inside the pipeline's function.
    """
    try:
        from kfp.dsl import PipelineTask
        from kfp.kubernetes import use_secret_as_env
    except ImportError as error:
        missing = "kfp-kubernetes" if error.name == "kfp.kubernetes" else "kfp"
        raise ImportError(f"{missing} is missing: pip install 'mlflow-prokube-auth[kfp]'", name=error.name) from error
    chosen = [tasks] if isinstance(tasks, PipelineTask) else list(tasks)
    for task in chosen:
        if not isinstance(task, PipelineTask):
            raise TypeError(
                f"expected tasks of a pipeline, as calling a component returns, found {type(task).__name__}"
            )
    for task in chosen:
        use_secret_as_env(task, secret_name=secret_name, secret_key_to_env={name: name for name in VARIABLES})
