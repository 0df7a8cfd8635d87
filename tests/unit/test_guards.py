"""The table of guards is what the documents and MLflow's routes say; bodies are read as MLflow reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.server import app as flask_app
from mlflow.version import VERSION

from mlflow_prokube_auth.errors import BadRequest, PermissionDenied
from mlflow_prokube_auth.mlflow_auth.native_guards import row_of
from mlflow_prokube_auth.mlflow_auth.protocol import find_alias_spelling, normalize_body
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.guards import schedules
from mlflow_prokube_auth.policy.guards.asked import GuardContext, pairs
from mlflow_prokube_auth.policy.guards.shape import check_spellings, reject_ambiguous_request
from mlflow_prokube_auth.policy.guards.table import FLASK, NATIVE, Guard, flask_guards
from mlflow_prokube_auth.policy.guards.traces import storage_tags

PAGE = Path(__file__).parents[2] / "docs" / "guards.md"
RULES = [(method, rule.rule) for rule in flask_app.url_map.iter_rules() for method in rule.methods or ()]


def test_the_page_has_the_table_of_the_code() -> None:
    section = PAGE.read_text().split("## The table")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    assert rows == [guard.row() for guard in FLASK + NATIVE]


@pytest.mark.parametrize("guard", FLASK, ids=lambda guard: f"{guard.methods} {guard.route} {guard.check.__name__}")
def test_a_guard_is_on_a_route_of_mlflows_for_each_of_its_methods(guard: Guard) -> None:
    for method in guard.methods.split():
        rules = [rule for each, rule in RULES if each == method and guard in flask_guards(each, rule, VERSION)]
        assert rules, method


def test_a_guard_holds_below_both_prefixes_and_in_all_versions_of_the_api() -> None:
    tags = {rule for method, rule in RULES if method == "PATCH" and flask_guards(method, rule, VERSION)}
    assert {rule for rule in tags if rule.endswith("/tags") and "/traces/" in rule} == {
        f"/{prefix}/{version}/mlflow/traces/<{name}>/tags"
        for prefix in ("api", "ajax-api")
        for version, name in (("2.0", "request_id"), ("3.0", "trace_id"))
    }


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/v1/traces", "/v1/traces"), ("POST", "/v1/traces/", "/v1/traces"), ("GET", "/v1/traces", None),
        ("POST", "/ajax-api/3.0/jobs", "/jobs"), ("POST", "/ajax-api/3.0/jobs/", "/jobs"),
        ("POST", "/ajax-api/3.0/jobs/search", "/jobs/search"),
        ("POST", "/ajax-api/3.0/jobs/search/", "/jobs/search"), ("GET", "/ajax-api/3.0/jobs/search", None),
        ("GET", "/ajax-api/3.0/jobs/1", None),
        ("PATCH", "/ajax-api/3.0/jobs/cancel/1", None), ("POST", "/ajax-api/3.0/jobs/searchx", "/jobs"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message", "/mlflow/assistant/{}"),
        ("HEAD", "/ajax-api/3.0/mlflow/assistant/config", "/mlflow/assistant/{}"), ("POST", "/gateway/x", None),
    ],
)  # fmt: skip
def test_a_native_route_has_its_guard(method: str, path: str, route: str | None) -> None:
    guard = row_of(path, method)
    if route is not None and not next(each for each in NATIVE if each.route == route).is_needed_by(VERSION):
        route = None
    assert (guard.route if guard is not None else None) == route


@pytest.mark.parametrize(
    ("releases", "release", "needed"),
    [("", "3.17.2", True), ("<3.18", "3.17.2", True), ("<3.18", "3.18.0", False), ("<3.18", "3.18.1", False)],
)
def test_a_guard_goes_with_the_release_that_closes_its_hole(releases: str, release: str, needed: bool) -> None:
    (row,) = (guard for guard in NATIVE if guard.route == "/jobs")
    assert row.releases == "<3.18"
    assert replace(row, releases=releases).is_needed_by(release) is needed


def test_a_body_is_read_by_the_names_of_the_protocol() -> None:
    info = {"traceId": "tr-1", "tags": {"mlflow.artifactLocation": "x", "aKey": "y"}, "traceMetadata": {"bKey": "z"}}
    read = normalize_body("POST", "/api/3.0/mlflow/traces", {"trace": {"traceInfo": info}})
    assert read["trace"]["trace_info"] == {
        "trace_id": "tr-1",
        "tags": {"mlflow.artifactLocation": "x", "aKey": "y"},
        "trace_metadata": {"bKey": "z"},
    }
    batch = {"runId": "r", "tags": [{"key": "a", "value": "b"}], "metrics": [{"modelId": "m"}, 7, None]}
    assert normalize_body("POST", "/ajax-api/2.0/mlflow/runs/log-batch", batch) == {
        "run_id": "r", "tags": [{"key": "a", "value": "b"}], "metrics": [{"model_id": "m"}, 7, None],
    }  # fmt: skip
    assert normalize_body("POST", "/ajax-api/3.0/mlflow/scorer/invoke", {"aB": 1}) == {"aB": 1}
    assert normalize_body("POST", "/api/3.0/mlflow/traces", ["x"]) == {}


@pytest.mark.parametrize(
    ("route", "body", "found"),
    [
        ("runs/log-batch", {"run_id": "r", "metrics": [{"key": "k"}, {"modelId": "m"}]}, ("modelId", "model_id")),
        ("runs/log-batch", {"run_id": "r", "tags": [{"key": "modelId", "value": "runId"}]}, None),
        ("experiments/create", {"name": "n", "artifactLocation": "x"}, None),  # names nothing; guards read it
        ("runs/create", {"experimentId": "1"}, ("experimentId", "experiment_id")),
        ("experiments/create", "x", None),
    ],
)
def test_ids_and_names_in_camel_case_are_found_at_any_depth(
    route: str, body: Any, found: tuple[str, str] | None
) -> None:
    assert find_alias_spelling("POST", f"/api/2.0/mlflow/{route}", body) == found


@pytest.mark.parametrize(
    ("places", "refused"),
    [
        ([{"run_id": "a", "run_uuid": "a"}], False), ([{"run_id": "a", "run_uuid": "b"}], True),
        ([{"run_id": "a"}, {"run_uuid": "b"}], True), ([{"run_id": ""}, {"run_uuid": "b"}], True),
        ([{"run_id": None, "run_uuid": "b"}], False), ([{"trace_id": "a"}, {"request_id": "b"}], True),
        ([{"run_id": 1}, {"run_uuid": "1"}], False), ([{}], False),
    ],
)  # fmt: skip
def test_two_names_of_one_thing_have_one_value(places: list[dict[str, Any]], refused: bool) -> None:
    if refused:
        with pytest.raises(BadRequest, match="have two values"):
            check_spellings(*places)
    else:
        check_spellings(*places)


@pytest.mark.parametrize(("method", "graphql", "refused"), [("GET", False, True), ("GET", True, False)])
def test_a_get_has_no_body(method: str, graphql: bool, refused: bool) -> None:
    arguments: tuple[Any, ...] = (method, {}, {}, True, {"name": "n"}, True, graphql)
    if refused:
        with pytest.raises(BadRequest, match="has a body"):
            reject_ambiguous_request(*arguments)
    else:
        reject_ambiguous_request(*arguments)


def test_tags_come_as_an_object_or_a_list_and_strange_ones_do_no_harm() -> None:
    assert list(pairs({"a": "1", "b": 2})) == [("a", "1"), ("b", None)]
    assert list(pairs([{"key": "a", "value": "1"}, {"key": 3}, "x", None, {"key": "b"}])) == [("a", "1"), ("b", None)]
    assert list(pairs("x")) == list(pairs(None)) == []


class NoTrace:
    """Answers where there is no trace."""

    def trace_tag(self, trace_id: str, key: str) -> None:
        return None


@pytest.mark.parametrize(
    ("tags", "refused"),
    [
        ({"mlflow.artifactLocation": "x"}, True), ({"mlflow.ARTIFACTlocation ": "x"}, True),
        ({"mlflow.trace.spansLocation": "TRACKING_STORE"}, False), ({"mlflow.trace.archiveLocation": 5}, True),
        ({"mlflow.trace.spansLocation": "ARCHIVE_REPO"}, True), ({"mlflow.source.name": "x"}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", [2, 3])
def test_a_tag_of_a_place_is_refused(version: int, tags: dict[str, Any], refused: bool) -> None:
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    params = {"tags": listed} if version == 2 else {"trace": {"trace_info": {"tags": tags}}}
    person = Person(user_id=1, username="bob@example.com", is_admin=False)
    asked = GuardContext("POST", params, {}, person, NoTrace(), None, (), "somebody")  # type: ignore[arg-type]  # what it asks
    if refused:
        with pytest.raises(PermissionDenied, match="the server sets it"):
            storage_tags(asked)
    else:
        storage_tags(asked)


@pytest.mark.parametrize("route", ["upload-url", "download-url"])
@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, False), ({"expiration": None}, False), ({"expiration": 3600}, False), ({"expiration": "60"}, False),
        ({"expiration": 3601}, True), ({"expiration": "604800"}, True), ({"expiration": "1e5"}, True),
        ({"expiration": 0}, True), ({"expiration": -5}, True), ({"expiration": True}, True),
        ({"expiration": 1e5}, True),
        ({"expiration": "9" * 5000}, True), ({"expiration": "٣"}, True), ({"expiration": [1]}, True),
    ],
)  # fmt: skip
def test_a_presigned_address_works_for_an_hour_at_most(route: str, body: dict[str, Any], refused: bool) -> None:
    person = Person(user_id=1, username="bob@example.com", is_admin=True)
    asked = GuardContext("POST", body, {}, person, None, None, (), "")  # type: ignore[arg-type]  # nothing is asked
    (guard,) = flask_guards("POST", f"/ajax-api/2.0/mlflow/artifacts/presigned-{route}", VERSION)
    assert guard.admins
    if refused:
        with pytest.raises(BadRequest, match="Expected 1 to 3600 seconds"):
            guard.check(asked)
    else:
        guard.check(asked)


SCHEDULE = "mlflow.issueDetection.schedule"
OPENAI = {"provider": "openai", "model": "gpt-5"}
BOB = Person(user_id=1, username="bob@example.com", is_admin=False)


def used_by(tags: Any, may_use: tuple[str, ...] = (), **more: Any) -> list[tuple[str, str, str]]:
    """What the caller was asked for, when these tags are set."""
    questions: list[tuple[str, str, str]] = []

    def may(kind: str, key: str, action: str) -> bool:
        questions.append((kind, key, action))
        return key in may_use

    answers = SimpleNamespace(
        may=may, detection_providers=lambda: frozenset({"openai", "bedrock"}), standing=lambda _: None
    )
    schedules.detection(GuardContext("POST", {"tags": tags, **more}, {}, BOB, answers, None, (), "us"))  # type: ignore[arg-type]
    return questions


def scheduled(model: Any, **more: Any) -> str:
    return json.dumps({"version": 1, "cadence": "daily", "timezone": "UTC", "paused": False, "model": model, **more})


def test_a_schedule_names_what_its_writer_may_use() -> None:
    endpoint, secret = scheduled({"endpointName": " e "}), scheduled({**OPENAI, "secretId": "s-1"})
    both = scheduled({**OPENAI, "endpointName": "e", "secretId": "s-1"})
    asked = [("gateway_endpoint", "e", "use"), ("gateway_secret", "s-1", "use")]
    mine = ("e", "s-1")
    assert used_by([{"key": SCHEDULE, "value": endpoint}], mine) == asked[:1]
    assert used_by([{"key": "x", "value": "y"}, {"key": SCHEDULE, "value": secret}], mine) == asked[1:]
    assert used_by([], mine, key=SCHEDULE, value=both) == asked
    for key in (SCHEDULE, "MLFLOW.issuedetection.SCHEDULE", f" {SCHEDULE} "):
        for value in (endpoint, secret, both):
            with pytest.raises(PermissionDenied, match="does not exist or you may not use it"):
                used_by([], key=key, value=value)


@pytest.mark.parametrize(
    "value", ["", scheduled(None), scheduled({}), scheduled(OPENAI), scheduled({"provider": " OpenAI "}), "{}"]
)
def test_a_schedule_that_names_neither_endpoint_nor_secret_needs_none(value: str) -> None:
    assert used_by([], key=SCHEDULE, value=value) == []


def test_other_tags_of_an_experiment_are_not_looked_at() -> None:
    for key in ("mlflow.issueDetection.priorities", "mlflow.issueDetection.scheduleTraceFilter", "schedule"):
        assert used_by([{"key": key, "value": scheduled({"endpointName": "e"})}]) == []


@pytest.mark.parametrize(
    "value",
    [
        "daily", "[]", "null", "1", '"x"', "{", "[" * 100_000, None, 5, {"version": 1},
        scheduled("gateway:/e"), scheduled([{"endpointName": "e"}]), scheduled({"endpointName": ["e"]}),
        scheduled({"endpointName": 5}), scheduled({**OPENAI, "secretId": {"a": 1}}),
        scheduled({"provider": "gateway", "model": "e"}), scheduled({"provider": " GATEWAY ", "model": "e"}),
        scheduled({"provider": "gateway:/e?", "model": "x"}), scheduled({"provider": "huggingface", "model": "x"}),
        scheduled({"provider": 5, "model": "x"}), scheduled({**OPENAI, "secretId": "S-1"}),
        scheduled({**OPENAI, "secretId": "s-1/../s-2"}),
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_read_or_asks_in_another_way_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match=r"schedule|secretId"):
        used_by([], ("e", "s-1"), key=SCHEDULE, value=value)
