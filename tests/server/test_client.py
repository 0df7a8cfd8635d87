"""The stock client against a real server: private by default, seen by administrators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ..support.demo import Demo, running_demo_command
from ..support.journeys import journey
from ..support.long_forms import LONG_FORM

API = "/api/2.0/mlflow"


def check_private(demo: Demo, prefix: str, found: dict[str, Any]) -> None:
    """Bob sees none of it, the administrator all."""
    assert found["prediction"] == 8.0
    assert found["prompt"] == "Say {{word}}"
    assert found["traces"] == 1
    assert found["datasets"] == 1
    assert "note.txt" in found["artifacts"]
    gets = [
        ("/experiments/get", {"experiment_id": found["experiment_id"]}),
        ("/experiments/get-by-name", {"experiment_name": f"{prefix}-experiment"}),
        ("/runs/get", {"run_id": found["run_id"]}),
        ("/artifacts/list", {"run_id": found["run_id"]}),
        ("/registered-models/get", {"name": f"{prefix}-model"}),
        ("/registered-models/get", {"name": f"{prefix}-prompt"}),
        ("/model-versions/get", {"name": f"{prefix}-model", "version": "1"}),
    ]
    for who, expected in (("bob", 403), ("alice", 200), ("admin", 200)):
        with httpx.Client(base_url=demo.url + API, auth=demo.auth(who), timeout=30) as client:
            for path, params in gets:
                answer = client.get(path, params=params)
                assert (who, path, answer.status_code) == (who, path, expected), answer.text
                if expected == 403:
                    assert answer.json()["error_code"] == "PERMISSION_DENIED"
            experiments = client.post("/experiments/search", json={"max_results": 1000}).json()
            names = [item["name"] for item in experiments.get("experiments", [])]
            assert (f"{prefix}-experiment" in names) is (expected == 200)
            models = client.get("/registered-models/search", params={"max_results": 1000}).json()
            names = [item["name"] for item in models.get("registered_models", [])]
            assert (f"{prefix}-model" in names) is (expected == 200)


def test_a_day_with_user_name_and_access_key(demo: Demo) -> None:
    name, key = demo.auth("alice")
    prefix, found = journey(demo.url, {"MLFLOW_TRACKING_USERNAME": name.upper(), "MLFLOW_TRACKING_PASSWORD": key})
    check_private(demo, prefix, found)


def test_the_same_with_the_access_key_as_tracking_token(demo: Demo) -> None:
    prefix, found = journey(demo.url, {"MLFLOW_TRACKING_TOKEN": demo.auth("alice")[1]})
    check_private(demo, prefix, found)


def test_traces_prompts_datasets_and_evaluations_are_logged_as_without_this_plugin(demo: Demo) -> None:
    name, key = demo.auth("alice")
    credentials = {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": key}
    _, found = journey(demo.url, credentials, "tracing_journey.py")
    assert found == {
        "tags": ["doubling", "yes"],
        "spans": ["ask", "double"],
        "parent": True,
        "of the run": 1,
        "records": 2,
        "by traces": 2,
        "by frame": 1.0,
        "exported": 2,
    }


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--gunicorn",), id="gunicorn"),
        pytest.param(("--workers", "4"), id="four workers", marks=LONG_FORM),
    ],
)
def test_the_same_under_other_servers(options: tuple[str, ...], tmp_path: Path) -> None:
    with running_demo_command(tmp_path, *options) as other:
        name, key = other.auth("alice")
        prefix, found = journey(other.url, {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": key})
        check_private(other, prefix, found)
