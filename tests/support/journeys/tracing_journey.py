"""What people do with traces, nested runs, datasets and prompts with the stock client, as a program of its own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, SpanType
from mlflow.genai import scorer


@mlflow.trace(span_type=SpanType.TOOL)
def double(number: int) -> int:
    mlflow.update_current_trace(tags={"kind": "doubling"}, metadata={"mlflow.trace.session": "s-1"})
    return 2 * number


@scorer
def is_even(outputs: int) -> bool:
    return outputs % 2 == 0


def traced(client: MlflowClient, experiment_id: str, prompt: str) -> dict[str, object]:
    """A trace alone, and what is said of it afterwards."""

    @mlflow.trace
    def ask(number: int) -> int:
        mlflow.genai.load_prompt(f"prompts:/{prompt}/1")
        mlflow.log_feedback(
            trace_id=mlflow.get_active_trace_id(), name="fine", value=True,
            source=AssessmentSource(source_type="HUMAN", source_id="me"),
        )  # fmt: skip
        doubled: int = double(number)
        return doubled

    ask(2)
    mlflow.flush_trace_async_logging()
    trace_id = mlflow.get_last_active_trace_id()
    client.set_trace_tag(trace_id, "seen", "yes")
    expected = mlflow.log_expectation(trace_id=trace_id, name="answer", value=4)
    mlflow.override_feedback(trace_id=trace_id, assessment_id=first_feedback(client, trace_id), value=False)
    mlflow.delete_assessment(trace_id=trace_id, assessment_id=expected.assessment_id)
    trace = client.get_trace(trace_id)
    tags = trace.info.tags
    return {"tags": [tags["kind"], tags["seen"]], "spans": [each.name for each in trace.data.spans]}


def first_feedback(client: MlflowClient, trace_id: str) -> str:
    assessments = client.get_trace(trace_id).info.assessments
    found: str = next(each.assessment_id for each in assessments if each.name == "fine")
    return found


def in_runs(client: MlflowClient, experiment_id: str) -> dict[str, object]:
    """Nested runs, batches with tags, an artifact by either way, and traces of a run."""
    with mlflow.start_run() as outer:
        with mlflow.start_run(nested=True) as inner:
            mlflow.set_tags({"a": "1", "mlflow.note.content": "x"})
            mlflow.log_metrics({"loss": 0.1, "acc": 0.9})
            double(3)
        mlflow.flush_trace_async_logging()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "note.txt").write_text("hello")
            mlflow.log_artifacts(folder)
    found = client.search_traces(locations=[experiment_id], run_id=inner.info.run_id)
    client.link_traces_to_run([found[0].info.trace_id], outer.info.run_id)
    parent = client.get_run(inner.info.run_id).data.tags["mlflow.parentRunId"]
    return {"parent": parent == outer.info.run_id, "of the run": len(found)}


def evaluated(experiment_id: str, name: str) -> dict[str, object]:
    """A dataset, an evaluation over it, and one over the traces that are there."""
    dataset = mlflow.genai.datasets.create_dataset(name=name, experiment_id=[experiment_id])
    dataset.merge_records([{"inputs": {"number": each}, "expectations": {"even": True}} for each in (1, 2)])
    mlflow.genai.evaluate(data=dataset, predict_fn=lambda number: double(number), scorers=[is_even])
    traces = mlflow.search_traces(locations=[experiment_id], max_results=2)
    by_traces = mlflow.genai.evaluate(data=traces, scorers=[is_even])
    frame = pd.DataFrame([{"inputs": {"number": 3}, "outputs": 6}])
    by_frame = mlflow.genai.evaluate(data=frame, scorers=[is_even])
    return {
        "records": len(dataset.to_df()),
        "by traces": len(by_traces.result_df),
        "by frame": by_frame.metrics["is_even/mean"],
    }


def exported(experiment_id: str) -> int:
    """Spans by OpenTelemetry's own exporter, in two batches of one trace."""
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    session = requests.Session()
    session.auth = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    uri = os.environ["MLFLOW_TRACKING_URI"]
    exporter = OTLPSpanExporter(
        endpoint=f"{uri}/v1/traces", headers={"x-mlflow-experiment-id": experiment_id}, session=session
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("here")
    with tracer.start_as_current_span("outer") as span, tracer.start_as_current_span("inner"):
        trace_id = f"tr-{span.get_span_context().trace_id:032x}"
    provider.shutdown()
    return len(MlflowClient().get_trace(trace_id).data.spans)


def main(prefix: str) -> None:
    experiment_id = mlflow.set_experiment(f"{prefix}-traces").experiment_id
    client = MlflowClient()
    mlflow.genai.register_prompt(name=f"{prefix}-asked", template="Double {{number}}")
    told = traced(client, experiment_id, f"{prefix}-asked")
    told |= in_runs(client, experiment_id)
    told |= evaluated(experiment_id, f"{prefix}-dataset")
    told["exported"] = exported(experiment_id)
    print(json.dumps(told))


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    main(sys.argv[1])
