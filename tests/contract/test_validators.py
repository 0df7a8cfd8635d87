"""The engine finds each validator of its table by the rule that Flask matched, and keeps what it finds by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import mlflow.server.auth as auth
import pytest
from flask import request
from mlflow.server import app as flask_app
from mlflow.version import VERSION
from packaging.version import Version
from werkzeug.exceptions import HTTPException

from mlflow_prokube_auth.mlflow_auth import validators

Find = Callable[[Any], Any]
# Rules of the engine's table that have a parameter in their path, with their methods.
TABLE = sorted(
    (rule, method) for (rule, method), validator in auth.BEFORE_REQUEST_VALIDATORS.items() if "<" in rule and validator
)


@pytest.fixture
def mlflows(monkeypatch: pytest.MonkeyPatch) -> Find:
    """MLflow's own function; ours is in its place."""
    own: Find = auth._find_validator
    monkeypatch.setattr(auth, "_find_validator", own)  # put back at the end
    validators.install()
    return own


@pytest.mark.parametrize(("rule", "method"), TABLE)
def test_each_validator_of_the_engines_table_is_found(mlflows: Find, rule: str, method: str) -> None:
    with flask_app.test_request_context(re.sub(r"<[^>]*>", "1", rule), method=method):
        assert getattr(request.url_rule, "rule", None) == rule
        assert auth._find_validator(request) is auth.BEFORE_REQUEST_VALIDATORS[rule, method]


def test_the_engine_itself_does_not_find_those_of_prompt_optimizations_and_of_workspaces_before_3_18(
    mlflows: Find,
) -> None:
    missed = set()
    for rule, method in TABLE:
        with flask_app.test_request_context(re.sub(r"<[^>]*>", "1", rule), method=method):
            if mlflows(request) is None:
                missed.add((method, re.sub(r"^/(ajax-)?api/\d\.\d", "", rule)))
    jobs, workspace = "/mlflow/prompt-optimization/jobs/<job_id>", "/mlflow/workspaces/<workspace_name>"
    of_workspaces = {("GET", workspace), ("PATCH", workspace), ("DELETE", workspace)}
    if Version(VERSION) >= Version("3.18.dev0"):
        of_workspaces = set()
    assert missed == {("GET", jobs), ("DELETE", jobs), ("POST", f"{jobs}/cancel")} | of_workspaces


def test_what_the_engine_finds_or_refuses_by_itself_stays(mlflows: Find) -> None:
    """So does a path that matches no route, for which there is no rule."""
    for rule in flask_app.url_map.iter_rules():
        for method in rule.methods or ():
            with flask_app.test_request_context(re.sub(r"<[^>]*>", "1", rule.rule), method=method):
                own, ours = mlflows(request), auth._find_validator(request)
                same = ours is own or getattr(ours, "__code__", ours) is getattr(own, "__code__", own)
                assert same or own is None, (method, rule.rule)
    with flask_app.test_request_context("/api/3.0/mlflow/prompt-optimization/jobs/1/2", method="GET"):
        assert isinstance(request.routing_exception, HTTPException)
        assert auth._find_validator(request) is None
