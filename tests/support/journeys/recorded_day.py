"""A data scientist's day with the client that is installed, and what came back of each call.

The arguments are the day's own name and the file to write to, a line of JSON for each call. Ids are written by the
order in which they come, times and addresses by a word, so that the days on two servers can be compared.
"""

from __future__ import annotations

import getpass
import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

Result = TypeVar("Result")
SINCE = tuple(int(part) for part in mlflow.__version__.split(".")[:2])
# What is another one on each server: ids, and the moments and lengths of time that entities hold.
IDS = re.compile(r"\b(?:tr-|m-|run-)?[0-9a-f]{32}\b|\b[0-9a-f]{40}\b|0x[0-9a-f]{16,}")
MOMENTS = re.compile(r"(?:time|timestamp|duration|latency|_ms|_ns)", re.IGNORECASE)


IDS_OF_TRACES = "trace_ids" if SINCE >= (3, 0) else "request_ids"
# Where an experiment's id, a mere number, stands in a text.
EXPERIMENT = re.compile(r"(?<=id=)\d+\b|(?<=experiment )\d+\b|(?<=artifacts:/)\d+\b|(?<=artifacts/)\d+(?=/)")
# What its own server calls the caller.
USERS = {getpass.getuser(), os.environ.get("MLFLOW_TRACKING_USERNAME")}


class Record:
    """Runs each call and writes down what came of it."""

    def __init__(self, name: str, target: Path) -> None:
        self._name = name
        self._target = target
        self._known: dict[str, str] = {}

    def call(self, step: str, work: Callable[..., Result], *arguments: Any, **named: Any) -> Result | None:
        """What it returns; None where it fails, which is written down as well."""
        result, told = None, None
        try:
            result = work(*arguments, **named)
            told = self._plain(result)
        except MlflowException as error:
            told = {"error": type(error).__name__, "code": error.error_code, "message": self._text(error.message)}
        except Exception as error:
            told = {"error": type(error).__name__, "message": self._text(str(error))}
        with self._target.open("a", encoding="utf-8") as target:
            target.write(json.dumps({"step": self._text(step), "told": told}, sort_keys=True) + "\n")
        return result

    def _plain(self, value: Any, field: str = "") -> Any:
        if value is None or isinstance(value, bool):
            return value
        if MOMENTS.search(field) and isinstance(value, (int, float, str)):
            return "<moment>"
        if field in {"experiment_id", "traceExperimentId"}:
            return "<experiment>"
        if isinstance(value, (int, float)):
            return value if math.isfinite(value) else str(value)  # no NaN is another one's equal
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, pd.DataFrame):
            return {"columns": sorted(map(str, value.columns)), "rows": len(value)}
        if isinstance(value, Mapping):
            return {str(key): self._plain(each, str(key)) for key, each in sorted(value.items())}
        fields = _fields(value)
        if fields:
            return {name: self._plain(getattr(value, name, None), name) for name in sorted(fields)}
        return [self._plain(each, field) for each in value] if hasattr(value, "__iter__") else self._text(str(value))

    def _text(self, text: str) -> str:
        if text in USERS:
            return "<user>"
        text = text.replace(os.environ["MLFLOW_TRACKING_URI"], "<server>").replace(self._name, "<day>")
        text = re.sub(r"port=\d+", "port=<port>", text.replace(os.getcwd(), "<here>"))
        text = re.sub(r'"mlflow.user": "[^"]+"', '"mlflow.user": "<user>"', text)
        text = re.sub(r"/tmp/[^\s'\"]+", "<folder>", text)
        text = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|\+00:00)?", "<moment>", EXPERIMENT.sub("<experiment>", text))
        return IDS.sub(lambda found: self._known.setdefault(found[0], f"<id {len(self._known)}>"), text)


def _fields(value: Any) -> list[str]:
    """Of an entity of MLflow's; none of anything else."""
    known = getattr(type(value), "__dataclass_fields__", None) or (
        value._properties() if hasattr(value, "_properties") else ()
    )
    return [name for name in known if not name.startswith("_")]


class Doubler(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # untyped there
    """The model of the day."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input * 2


def experiments(day: Record, client: MlflowClient, name: str) -> str:
    """Make one, look it up in every way, and ask for its name again."""
    day.call("a name that nobody has", lambda: client.get_experiment_by_name(f"{name}-first"))
    made = mlflow.set_experiment(f"{name}-first")
    own = made.experiment_id
    day.call("set_experiment", lambda: made)
    day.call("set_experiment again", lambda: mlflow.set_experiment(f"{name}-first"))
    day.call("set_experiment by id", lambda: mlflow.set_experiment(experiment_id=own))
    day.call("get_experiment", lambda: client.get_experiment(own))
    day.call("get_experiment_by_name", lambda: client.get_experiment_by_name(f"{name}-first"))
    day.call("create_experiment of a taken name", lambda: client.create_experiment(f"{name}-first"))
    day.call("create_experiment without a name", lambda: client.create_experiment(""))
    day.call("set_experiment_tag", lambda: client.set_experiment_tag(own, "team", "blue"))
    day.call("tag of it", lambda: client.get_experiment(own).tags.get("team"))
    return str(own)


def runs(day: Record, client: MlflowClient, own: str) -> str:
    """Log what a training logs, and a grid of nested runs."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "note.txt").write_text("hello")
        (Path(folder) / "more").mkdir()
        (Path(folder) / "more" / "ä b.csv").write_text("a,b\n1,2\n")
        with mlflow.start_run(run_name="training", description="of the day", tags={"kind": "parent"}) as run:
            run_id = run.info.run_id
            day.call("start_run", lambda: run.info)
            day.call("log_param", lambda: mlflow.log_param("alpha", 0.5))
            day.call("log_params", lambda: mlflow.log_params({"depth": 3, "name": "x" * 400}))
            day.call("log_param again", lambda: mlflow.log_param("alpha", 0.5))
            day.call("log_param with another value", lambda: mlflow.log_param("alpha", 0.6))
            day.call("log_metric", lambda: mlflow.log_metric("loss", 0.5, step=1))
            day.call("log_metrics", lambda: mlflow.log_metrics({"loss": 0.25, "accuracy": 0.75}, step=2))
            day.call("log_metric of no number", lambda: mlflow.log_metric("loss", float("nan"), step=3))
            day.call("log_metric of a bad name", lambda: mlflow.log_metric("lo\nss", 1))
            day.call("set_tags", lambda: mlflow.set_tags({"stage": "try", "gone": "soon"}))
            day.call("delete_tag", lambda: mlflow.delete_tag("gone"))
            day.call("delete_tag that is not there", lambda: mlflow.delete_tag("gone"))
            day.call("log_artifact", lambda: mlflow.log_artifact(f"{folder}/note.txt"))
            day.call("log_artifacts", lambda: mlflow.log_artifacts(f"{folder}/more", "more"))
            day.call("log_text", lambda: mlflow.log_text("text", "texts/a.txt"))
            day.call("log_dict", lambda: mlflow.log_dict({"a": [1]}, "config.json"))
            day.call("log_table", lambda: mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json"))
            data = mlflow.data.from_pandas(pd.DataFrame({"x": [1.0, 2.0]}), name="points")
            day.call("log_input", lambda: mlflow.log_input(data, context="training"))
            for depth in (1, 2):
                with mlflow.start_run(run_name=f"trial {depth}", nested=True):
                    mlflow.log_param("depth", depth)
                    mlflow.log_metric("loss", 1 / depth)
    automatic(day, client, run_id)
    day.call("get_run", lambda: client.get_run(run_id))
    day.call("its children", lambda: sorted(
        each.info.run_name
        for each in client.search_runs([own], f"tags.mlflow.parentRunId = '{run_id}'", max_results=10)
    ))  # fmt: skip
    day.call("get_metric_history", lambda: client.get_metric_history(run_id, "accuracy"))
    day.call("list_artifacts", lambda: client.list_artifacts(run_id))
    day.call("list_artifacts of a folder", lambda: client.list_artifacts(run_id, "more"))
    day.call("list_artifacts of no folder", lambda: client.list_artifacts(run_id, "none"))
    day.call("download_artifacts", lambda: _content(client.download_artifacts(run_id, "more/ä b.csv")))
    day.call("download_artifacts of a folder", lambda: sorted(os.listdir(client.download_artifacts(run_id, "more"))))
    day.call("load_dict", lambda: mlflow.artifacts.load_dict(f"runs:/{run_id}/config.json"))
    day.call("load_table", lambda: mlflow.load_table("table.json", run_ids=[run_id]))
    day.call("download_artifacts of no file", lambda: client.download_artifacts(run_id, "none.txt"))
    day.call("update_run", lambda: client.update_run(run_id, name="training, the second"))
    day.call("its new name", lambda: client.get_run(run_id).info.run_name)
    day.call("get_run that is not there", lambda: client.get_run("f" * 32))
    day.call("log_param of a run that is not there", lambda: client.log_param("f" * 32, "a", 1))
    return str(run_id)


def automatic(day: Record, client: MlflowClient, run_id: str) -> None:
    """What autologging sends: much at once, out of order, and once more."""
    now = int(time.time() * 1000)
    metrics = [Metric(f"epoch_{number % 10}", number / 10, now, number // 10) for number in range(500)]
    params = [Param(f"param_{number}", str(number)) for number in range(90)]
    tags = [RunTag("estimator_name", "Doubler"), RunTag("estimator_class", "of.the.Doubler")]
    day.call("log_batch", lambda: client.log_batch(run_id, metrics=metrics, params=params, tags=tags))
    day.call("log_batch again", lambda: client.log_batch(run_id, metrics=metrics, params=params, tags=tags))
    day.call("log_batch of another param", lambda: client.log_batch(run_id, params=[Param("param_1", "other")]))
    day.call("log_batch of nothing", lambda: client.log_batch(run_id))
    day.call("log_metrics without waiting", _log_late, run_id)


def searches(day: Record, client: MlflowClient, own: str, name: str) -> None:
    """Filters, orders and pages."""

    def names(found: Any) -> list[str]:
        return [each.info.run_name for each in found]

    day.call("search_runs", lambda: names(client.search_runs([own], order_by=["params.depth", "metrics.loss"])))
    day.call("search_runs by metric", lambda: names(client.search_runs([own], "metrics.loss > 0.9")))
    day.call("search_runs by param", lambda: names(client.search_runs([own], "params.depth = '2'")))
    day.call("search_runs by a wrong filter", lambda: names(client.search_runs([own], "colour = 'red'")))
    day.call("search_runs by frame", lambda: mlflow.search_runs(experiment_names=[f"{name}-first"]))
    day.call("search_runs of no experiment", lambda: names(client.search_runs(["987654321"])))

    def pages() -> list[list[str]]:
        first = client.search_runs([own], max_results=2, order_by=["attributes.run_name"])
        second = client.search_runs([own], max_results=2, order_by=["attributes.run_name"], page_token=first.token)
        return [names(first), names(second), [str(bool(first.token)), str(bool(second.token))]]

    day.call("search_runs by pages", pages)
    day.call("search_experiments", lambda: client.search_experiments(filter_string=f"name LIKE '{name}%'"))
    day.call("search_experiments by tag", lambda: [
        each.name for each in client.search_experiments(filter_string=f"tags.team = 'blue' AND name LIKE '{name}%'")
    ])  # fmt: skip


def models(day: Record, client: MlflowClient, own: str, name: str) -> None:
    """Log one, register it from its run, give it aliases, load it, rename and delete it."""
    model = f"{name}-model"
    with mlflow.start_run(run_name="with a model") as run:
        where = {"name": "doubler"} if SINCE >= (3, 0) else {"artifact_path": "doubler"}
        logged = day.call(
            "log_model",
            lambda: _uri(mlflow.pyfunc.log_model(python_model=Doubler(), pip_requirements=["mlflow"], **where)),
        )
    run_id = run.info.run_id
    uri = f"runs:/{run_id}/doubler"
    day.call("register_model", lambda: mlflow.register_model(uri, model))
    day.call("register_model again", lambda: mlflow.register_model(uri, model))
    if SINCE >= (3, 0) and logged:
        day.call("register_model by its own id", lambda: mlflow.register_model(logged, model))
        day.call("search_logged_models", lambda: [each.name for each in client.search_logged_models([own])])
        day.call("get_logged_model", lambda: client.get_logged_model(logged.partition("models:/")[2]))
    day.call("create_model_version by source", lambda: client.create_model_version(model, uri, run_id))
    day.call("register_model of no run", lambda: mlflow.register_model(f"runs:/{'e' * 32}/doubler", model))
    day.call("create_registered_model of a taken name", lambda: client.create_registered_model(model))
    day.call("create_registered_model without a name", lambda: client.create_registered_model(""))
    day.call("create_registered_model", lambda: client.create_registered_model(f"{model}-2", {"a": "b"}, "empty"))
    day.call("get_registered_model", lambda: client.get_registered_model(model))
    day.call("get_registered_model that is not there", lambda: client.get_registered_model(f"{model}-9"))
    day.call("get_model_version", lambda: client.get_model_version(model, "1"))
    day.call("get_model_version that is not there", lambda: client.get_model_version(model, "99"))
    day.call("get_latest_versions", lambda: [each.version for each in client.get_latest_versions(model)])
    day.call("set_registered_model_alias", lambda: client.set_registered_model_alias(model, "champion", "2"))
    day.call("get_model_version_by_alias", lambda: client.get_model_version_by_alias(model, "champion").version)
    day.call("an alias that is not there", lambda: client.get_model_version_by_alias(model, "nobody"))
    day.call("set_registered_model_tag", lambda: client.set_registered_model_tag(model, "task", "double"))
    day.call("set_model_version_tag", lambda: client.set_model_version_tag(model, "1", "checked", "yes"))
    day.call("update_model_version", lambda: client.update_model_version(model, "1", "the first").description)
    day.call("get_model_version_download_uri", lambda: client.get_model_version_download_uri(model, "1"))
    day.call("transition_model_version_stage", _stage, client, model, "Staging")
    for source in (f"models:/{model}/1", f"models:/{model}@champion", f"models:/{model}/Staging", uri):
        day.call(f"load_model {source}", _doubled, source)
    day.call("get_model_info", lambda: sorted(mlflow.models.get_model_info(f"models:/{model}/1").flavors))
    day.call("search_registered_models", lambda: client.search_registered_models(f"name LIKE '{name}%'"))
    day.call("search_model_versions", _versions, client, f"name = '{model}'")
    day.call("search_model_versions of the run", _versions, client, f"run_id = '{run_id}'")
    day.call("delete_registered_model_alias", lambda: client.delete_registered_model_alias(model, "champion"))
    day.call("delete_model_version", lambda: client.delete_model_version(model, "2"))
    day.call("rename_registered_model to a taken name", lambda: client.rename_registered_model(model, f"{model}-2"))
    day.call("rename_registered_model", lambda: client.rename_registered_model(model, f"{model}-new"))
    day.call("load_model by its new name", lambda: _doubled(f"models:/{model}-new/1"))
    day.call("load_model by its old name", lambda: _doubled(f"models:/{model}/1"))
    day.call("delete_registered_model", lambda: client.delete_registered_model(f"{model}-2"))
    day.call("delete_registered_model again", lambda: client.delete_registered_model(f"{model}-2"))
    day.call("the name of a deleted model", lambda: client.create_registered_model(f"{model}-2").name)


def prompts(day: Record, client: MlflowClient, name: str) -> None:
    """Register versions, give one an alias, load and find them."""
    if SINCE < (2, 21):
        return
    prompt: Any = mlflow.genai if SINCE >= (3, 0) else mlflow
    register = prompt.register_prompt
    day.call("register_prompt", register, name=f"{name}-prompt", template="Say {{word}}")
    day.call("register_prompt again", lambda: register(name=f"{name}-prompt", template="{{word}}!").version)
    day.call("set_prompt_alias", lambda: prompt.set_prompt_alias(f"{name}-prompt", alias="live", version=1))
    day.call("load_prompt by alias", lambda: prompt.load_prompt(f"prompts:/{name}-prompt@live").template)
    day.call("load_prompt", lambda: prompt.load_prompt(f"prompts:/{name}-prompt/2").format(word="hi"))
    day.call("load_prompt that is not there", lambda: prompt.load_prompt(f"prompts:/{name}-prompt/9"))
    day.call("load_prompt of no name", lambda: prompt.load_prompt(f"prompts:/{name}-nobody/1"))
    day.call("a model of a prompt's name", lambda: client.create_registered_model(f"{name}-prompt"))
    day.call("a prompt of a model's name", register, name=f"{name}-model-new", template="x")
    if SINCE >= (3, 0):
        missing = f"prompts:/{name}-nobody/1"
        day.call("load_prompt that may be missing", lambda: prompt.load_prompt(missing, allow_missing=True))
    day.call("delete_prompt_alias", lambda: prompt.delete_prompt_alias(f"{name}-prompt", "live"))
    if SINCE >= (3, 0):
        day.call("search_prompts", lambda: [each.name for each in prompt.search_prompts(f"name LIKE '{name}%'")])


def traces(day: Record, client: MlflowClient, own: str) -> None:
    """Log one of two spans, tag it, find and delete it."""

    @mlflow.trace(name="double")
    def double(number: int) -> int:
        return 2 * number

    @mlflow.trace(name="ask")
    def ask(question: str) -> int:
        return int(double(len(question)))

    day.call("trace", lambda: ask("how?"))
    flush = getattr(mlflow, "flush_trace_async_logging", None)
    if flush is not None:
        day.call("flush_trace_async_logging", flush)
    ids = day.call("search_traces", _traces, client, own) or []
    for request in ids:
        day.call("get_trace", _trace, client, request)
        day.call("set_trace_tag", client.set_trace_tag, request, "good", "yes")
    day.call("search_traces by tag", lambda: len(client.search_traces([own], "tags.good = 'yes'")))
    for request in ids:
        day.call("delete_trace_tag", client.delete_trace_tag, request, "good")
    if ids:
        day.call("delete_traces", lambda: client.delete_traces(own, **{IDS_OF_TRACES: ids}))
    day.call("search_traces after it", lambda: len(client.search_traces([own])))
    day.call("get_trace that is not there", lambda: client.get_trace("tr-" + "d" * 32))


def goodbyes(day: Record, client: MlflowClient, own: str, run_id: str, name: str) -> None:
    """Delete, restore and rename."""
    day.call("delete_run", lambda: client.delete_run(run_id))
    day.call("log_param of a deleted run", lambda: client.log_param(run_id, "late", 1))
    day.call("get_run of a deleted one", lambda: client.get_run(run_id).info.lifecycle_stage)
    day.call("restore_run", lambda: client.restore_run(run_id))
    day.call("delete_experiment", lambda: client.delete_experiment(own))
    day.call("delete_experiment again", lambda: client.delete_experiment(own))
    day.call("get_experiment of a deleted one", lambda: client.get_experiment(own).lifecycle_stage)
    day.call("by the name of a deleted one", lambda: client.get_experiment_by_name(f"{name}-first"))
    day.call("set_experiment of a deleted one", lambda: mlflow.set_experiment(f"{name}-first"))
    day.call("create_experiment of a deleted name", lambda: client.create_experiment(f"{name}-first"))
    day.call("create_run in a deleted experiment", lambda: client.create_run(own))
    day.call("rename_experiment of a deleted one", lambda: client.rename_experiment(own, f"{name}-no"))
    day.call("restore_experiment", lambda: client.restore_experiment(own))
    day.call("rename_experiment", lambda: client.rename_experiment(own, f"{name}-renamed"))
    day.call("by its old name", lambda: client.get_experiment_by_name(f"{name}-first"))
    day.call("by its new name", lambda: client.get_experiment_by_name(f"{name}-renamed"))
    if day.call("set_experiment of the old name", mlflow.set_experiment, f"{name}-first"):
        day.call("rename_experiment to a taken name", lambda: client.rename_experiment(own, f"{name}-first"))
    day.call("its runs", lambda: sorted(each.info.run_name for each in client.search_runs([own])))
    day.call("get_experiment that is not there", lambda: client.get_experiment("987654321"))
    day.call("delete_experiment that is not there", lambda: client.delete_experiment("987654321"))


def _traces(client: MlflowClient, own: str) -> list[str]:
    return [str(trace.info.request_id) for trace in client.search_traces([own])]


def _trace(client: MlflowClient, request: str) -> dict[str, Any]:
    found = client.get_trace(request)
    spans = {each.name: (str(each.status.status_code), each.inputs, each.outputs) for each in found.data.spans}
    return {"status": str(found.info.status), "tags": found.info.tags, "spans": spans}


def _content(path: str) -> str:
    return Path(path).read_text()


def _log_late(run_id: str) -> None:
    mlflow.log_metrics({"late": 1.0}, run_id=run_id, synchronous=False).wait()


def _stage(client: MlflowClient, model: str, stage: str) -> str:
    return str(client.transition_model_version_stage(model, "1", stage).current_stage)


def _versions(client: MlflowClient, query: str) -> list[str]:
    return sorted(str(each.version) for each in client.search_model_versions(query))


def _uri(logged: Any) -> str:
    return str(logged.model_uri)


def _doubled(uri: str) -> list[float]:
    frame = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"x": [1.0, 2.5]}))
    return [float(each) for each in frame["x"]]


def main(name: str, target: Path) -> None:
    day, client = Record(name, target), MlflowClient()
    own = experiments(day, client, name)
    run_id = runs(day, client, own)
    searches(day, client, own, name)
    models(day, client, own, name)
    prompts(day, client, name)
    traces(day, client, own)
    goodbyes(day, client, own, run_id, name)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
