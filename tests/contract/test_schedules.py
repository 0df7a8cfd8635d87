"""Schedules that MLflow runs from an experiment's tags: what the guard lets through is what MLflow reads."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.server.handlers import get_endpoints
from mlflow.utils.providers import _CORE_PROVIDER_ENV_VARS
from mlflow.version import VERSION
from packaging.version import Version

from mlflow_prokube_auth.errors import Refusal
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.guards import schedules
from mlflow_prokube_auth.policy.guards.asked import GuardContext, folded
from mlflow_prokube_auth.policy.guards.table import flask_guards

ROOT = Path(mlflow.__file__).parent
BOB = Person(user_id=1, username="bob@example.com", is_admin=False)
since_3_18 = pytest.mark.skipif(Version(VERSION) < Version("3.18.dev0"), reason="MLflow 3.18 has schedules first")


def ways_of_tags(descriptor: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The messages in which an experiment's tag stands, at any depth."""
    for field in descriptor.fields:
        inner = field.message_type
        if inner is not None and inner.full_name == "mlflow.ExperimentTag":
            yield str(descriptor.full_name)
        elif inner is not None and inner.full_name not in seen:
            yield from ways_of_tags(inner, seen | {inner.full_name})


def test_every_route_that_sets_a_tag_of_an_experiment_is_guarded() -> None:
    setting = {
        (method, rule)
        for rule, message, methods in get_endpoints(lambda message: message)
        for method in methods
        if hasattr(message, "DESCRIPTOR")
        if message.__name__ == "SetExperimentTag" or list(ways_of_tags(message.DESCRIPTOR))
    }
    assert {rule.rpartition("/")[2] for _, rule in setting} == {"create", "set-experiment-tag"}
    for method, rule in setting:
        assert schedules.detection in [guard.check for guard in flask_guards(method, rule, VERSION)], rule


def test_nothing_else_in_mlflows_server_sets_one_of_a_callers_choice() -> None:
    """By any other name than the handler's, which is on the guarded route."""
    found = set()
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = [each.func.attr for each in ast.walk(node) if isinstance(each, ast.Call)
                         and isinstance(each.func, ast.Attribute)]  # fmt: skip
                if "set_experiment_tag" in calls:
                    found.add(node.name)
    assert found == {"_set_experiment_tag"}


# Experiments' tags that a job of the server reads without a request, and why none but the schedule needs a guard.
READ = {
    "MLFLOW_EXPERIMENT_SESSION_HIERARCHY": "how traces are grouped",
    "MLFLOW_ISSUE_DETECTION_CHECKPOINT": "from when on traces of that experiment are looked at; at most eight days",
    "MLFLOW_ISSUE_DETECTION_PRIORITIES": "words for the model, and categories; so does whoever starts it by hand",
    "MLFLOW_ISSUE_DETECTION_SCHEDULE": "guarded",
    "MLFLOW_ISSUE_DETECTION_SCHEDULE_STATE": "when it ran last: at most once in 15 minutes",
    "MLFLOW_ISSUE_DETECTION_SCHEDULE_TRACE_FILTER": "20 equalities at most, within the experiment; quotes are refused",
    "MLFLOW_LATEST_ONLINE_SCORING_SESSION_CHECKPOINT": "from when on sessions of that experiment are scored",
    "MLFLOW_LATEST_ONLINE_SCORING_TRACE_CHECKPOINT": "likewise, traces",
}


@since_3_18
def test_each_tag_of_an_experiment_that_a_job_reads_is_known() -> None:
    folders = ("genai/discovery", "genai/scorers", "genai/evaluation", "server", "tracing")
    found = set()
    for path in (each for folder in folders for each in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "get":
                continue
            of, name = ast.unparse(node.func.value), node.args[0] if node.args else None
            if of in ("experiment.tags", "tags") and isinstance(name, ast.Name) and name.id.startswith("MLFLOW_"):
                found.add(name.id)
    assert {each for each in found if "SCHEDULE" in each or "CHECKPOINT" in each} <= READ.keys()
    assert READ.keys() <= found


@since_3_18
def test_the_guards_tag_is_mlflows() -> None:
    from mlflow.utils.mlflow_tags import MLFLOW_ISSUE_DETECTION_SCHEDULE

    assert folded(MLFLOW_ISSUE_DETECTION_SCHEDULE) == schedules.DETECTION


WORDS = st.sampled_from(["", " ", "e", " e ", "s-1", "openai", "OpenAI ", "gateway", "gateway:/e", "x y", "e\n", "*"])
VALUES = st.one_of(WORDS, st.none(), st.integers(), st.lists(WORDS, max_size=1), st.dictionaries(WORDS, WORDS))
MODELS = st.dictionaries(st.sampled_from(["endpointName", "provider", "model", "secretId", "endpoint_name"]), VALUES)
SCHEDULES = st.fixed_dictionaries(
    {"version": st.just(1), "cadence": st.just("daily"), "timezone": st.just("UTC")},
    optional={"model": st.one_of(MODELS, VALUES)},
)


@since_3_18
@given(schedule=SCHEDULES)
def test_whatever_mlflow_would_use_its_writer_was_asked_for(schedule: dict[str, Any]) -> None:
    from mlflow.genai.discovery.schedule import parse_detection_schedule
    from mlflow.genai.scorers.scorer_utils import is_gateway_model

    value, used = json.dumps(schedule), set()

    def may(kind: str, key: str, action: str) -> bool:
        used.add((kind, key, action))
        return True

    answers = SimpleNamespace(may=may, detection_providers=lambda: frozenset(_CORE_PROVIDER_ENV_VARS))
    params = {"experiment_id": "1", "key": "mlflow.issueDetection.schedule", "value": value}
    try:
        schedules.detection(GuardContext("POST", params, {}, BOB, answers, None, (), "us"))  # type: ignore[arg-type]
    except Refusal:
        return
    read = parse_detection_schedule(value, None)
    if read is None or read.model is None:
        return
    if is_gateway_model(read.model.to_model_uri()):
        assert ("gateway_endpoint", read.model.endpoint_name, "use") in used
    elif read.model.secret_id:
        assert ("gateway_secret", read.model.secret_id.strip(), "use") in used
