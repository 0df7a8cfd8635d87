"""What a request refers to by id or name, beside what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from .asked import GuardContext, folded, pairs

PARENT_RUN = "mlflow.parentrunid"


def parent_run(asked: GuardContext) -> None:
    """The parent that a run's tags name.

    Raises:
        PermissionDenied: it is there, and the caller may not read it.
    """
    one = {asked.text("key"): asked.params.get("value")} if "key" in asked.params else {}
    tags = (*pairs(asked.params.get("tags")), *pairs(one))
    asked.need_each_if_there("run", (value for key, value in tags if folded(key) == PARENT_RUN and value), "read")


SOURCE_RUN_OF_ASSESSMENT = "mlflow.assessment.sourcerunid"


def assessed(asked: GuardContext) -> None:
    """The run that an assessment says to come from, and the issue that it is about, which its value names by id.

    Raises:
        PermissionDenied: one is there, and the caller may not read it.
    """
    assessment = asked.params.get("assessment")
    if not isinstance(assessment, Mapping):
        return
    for key, value in pairs(assessment.get("metadata")):
        if folded(key) == SOURCE_RUN_OF_ASSESSMENT and value:
            asked.need_if_there("run", value, "read")
    if assessment.get("issue") is not None and (name := assessment.get("assessment_name")):
        asked.need_if_there("issue", str(name), "read")


def source_run(asked: GuardContext) -> None:
    """The run that an issue comes from.

    Raises:
        PermissionDenied: the caller may not read it.
    """
    if run_id := asked.text("source_run_id"):
        asked.need("run", run_id, "read")


def usage_experiment(asked: GuardContext) -> None:
    """The experiment that a gateway endpoint writes the traces of its calls to.

    Raises:
        PermissionDenied: the caller may not change it.
    """
    if experiment_id := asked.text("experiment_id"):
        asked.need("experiment", experiment_id, "update")


def called_endpoint(asked: GuardContext) -> None:
    """The gateway endpoint that a job calls.

    Raises:
        PermissionDenied: the caller may not use it.
    """
    if name := asked.text("endpoint_name"):
        asked.need("gateway_endpoint", name, "use")


def asked_endpoint(asked: GuardContext) -> None:
    """The gateway endpoint that a scorer asks, whenever it is run.

    Raises:
        PermissionDenied: the caller may not use it.
    """
    if name := asked.answers.endpoint_of_scorer(asked.text("serialized_scorer")):
        asked.need("gateway_endpoint", name, "use")


# What MLflow calls the job of an optimization (mlflow/genai/optimize/job.py).
OPTIMIZATION = "optimize_prompts"


def optimization(asked: GuardContext) -> None:
    """The job that is looked at, cancelled or deleted as an optimization.

    Raises:
        PermissionDenied: it is a job of another kind, which belongs to whoever started it.
    """
    job_id = str(asked.path["job_id"])
    if asked.answers.job_name(job_id) != OPTIMIZATION:
        raise asked.denied("job", job_id, "read" if asked.method == "GET" else "update")


def optimized(asked: GuardContext) -> None:
    """The prompt, the dataset and the endpoint that an optimization reads and calls with the server's own rights.

    The job registers what it finds as a new version of the prompt.

    Raises:
        PermissionDenied: the caller may not change, read, or use, one.
    """
    for name in asked.answers.prompts_of(asked.text("source_prompt_uri")):
        asked.need_if_there("registered_model", name, "update")
    config = asked.params.get("config")
    if not isinstance(config, Mapping):
        return
    if dataset_id := config.get("dataset_id"):
        asked.need("dataset", str(dataset_id), "read")
    if endpoint := asked.answers.endpoint_of(str(config.get("optimizer_config_json") or "")):
        asked.need("gateway_endpoint", endpoint, "use")
