"""Steps of a Kubeflow pipeline that talk to MLflow: with the key in the namespace's secret, or as themselves.

The secret holds what MLflow's client reads, under the same names; the permissions page has the command that makes it.
Without a secret, a step is the service account that its projected token is bound to (docs/workloads.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .token_file import AUTH_VARIABLE, DEFAULT_PATH, PROVIDER, VARIABLE, origin

if TYPE_CHECKING:
    from kfp.dsl import PipelineTask

SECRET_NAME = "mlflow-credentials"  # noqa: S105 - the name of one
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
# The pods that the PodDefault of deploy/kubernetes/workload-identity selects.
IDENTITY_LABEL = ("mlflow-workload-identity", "true")


def add_mlflow_env_vars_to_tasks(tasks: PipelineTask | Iterable[PipelineTask], secret_name: str = SECRET_NAME) -> None:
    """Give tasks of a pipeline the three variables from a secret in the namespace where the pipeline runs.

    The compiled pipeline names the secret and its keys, never what is in them. A pod whose secret, or key of it, is
    missing does not start and says so.

    Raises:
        ImportError: the extra ``kfp`` is not installed.
        TypeError: something is no task; to be called inside the pipeline's function.
    """
    with _saying_what_to_install():
        chosen = _tasks(tasks)
        from kfp.kubernetes import use_secret_as_env
    for task in chosen:
        use_secret_as_env(task, secret_name=secret_name, secret_key_to_env={name: name for name in VARIABLES})


def add_mlflow_workload_identity_to_tasks(tasks: PipelineTask | Iterable[PipelineTask], tracking_uri: str) -> None:
    """Let tasks of a pipeline log in without a secret, by the projected token of their Kubernetes service account.

    Sets the variables with which MLflow's client reads the token, and a label on the pod. The volume itself cannot be
    compiled: kfp-kubernetes (seen in 2.17.3) has no projected volumes. So the namespace needs the PodDefault of
    ``deploy/kubernetes/workload-identity``, with which Kubeflow's admission webhook mounts the token into pods with
    the label. Where it is missing, the step starts, and its first request fails and names the missing file.

    ``tracking_uri`` is the server's external URL. The image, or ``packages_to_install``, needs
    ``mlflow-prokube-auth[client]``.

    Raises:
        ImportError: the extra ``kfp`` is not installed.
        TypeError: something is no task; to be called inside the pipeline's function.
        ValueError: ``tracking_uri`` is no http(s) address, or holds credentials.
    """
    if origin(tracking_uri) is None:
        raise ValueError(
            "tracking_uri: expected the http(s) address of the MLflow server, such as https://mlflow.example.com"
        )
    if "@" in urlsplit(tracking_uri).netloc:
        raise ValueError("tracking_uri: found credentials in it, which the compiled pipeline would show; expected none")
    with _saying_what_to_install():
        chosen = _tasks(tasks)
        from kfp.kubernetes import add_pod_label
    for task in chosen:
        add_pod_label(task, *IDENTITY_LABEL)
        task.set_env_variable("MLFLOW_TRACKING_URI", tracking_uri)
        task.set_env_variable(AUTH_VARIABLE, PROVIDER)
        task.set_env_variable(VARIABLE, DEFAULT_PATH)


@contextmanager
def _saying_what_to_install() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        missing = "kfp-kubernetes" if error.name == "kfp.kubernetes" else "kfp"
        raise ImportError(f"{missing} is missing: pip install 'mlflow-prokube-auth[kfp]'", name=error.name) from error


def _tasks(given: PipelineTask | Iterable[PipelineTask]) -> list[PipelineTask]:
    """All of them, before anything is done to the first one."""
    from kfp.dsl import PipelineTask

    chosen = [given] if isinstance(given, PipelineTask) else list(given)
    for task in chosen:
        if not isinstance(task, PipelineTask):
            raise TypeError(
                f"expected tasks of a pipeline, as calling a component returns, found {type(task).__name__}"
            )
    return chosen
