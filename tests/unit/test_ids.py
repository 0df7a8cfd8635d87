"""Which parameters hold ids is a table, held against all that MLflow takes; ids of each kind have one spelling."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import pytest
from mlflow.version import VERSION
from packaging.version import Version

from mlflow_prokube_auth.errors import BadRequest
from mlflow_prokube_auth.policy import ids

from ..support import parameters
from ..support.releases import HAS_SKILLS

LOOKS_LIKE_AN_ID = re.compile(r"(?:.*[_-])?(?:ids?|uuids?|versions?)")
# What looks like an id and is judged as none, and why.
EXCEPTIONS = {
    "client_request_id": "free text: a number of the client's own",
    "user_id": "free text: who a client says to be; in the engine a column of its tables",
    "source_id": "free text: who or what assessed",
    "deployment_job_id": "free text: Databricks' own",
    "source_databricks_request_id": "Databricks' own, not served here",
    "sql_warehouse_id": "Databricks' own, not used here",
    "upload_id": "the artifact store's own, of an upload in parts",
    "span_id": "within a trace, chosen by clients; no right is on one",
    "parent_span_id": "likewise",
    "installation_id": "telemetry of MLflow's UI",
    "aws_access_key_id": "a field of a gateway secret",
    "client_id": "a field of a gateway secret",
    "api_version": "a field of a gateway's configuration",
    "anthropic_version": "likewise",
    "openai_api_version": "likewise",
    "mlflow_version": "a tag's value",
    "server_version": "of an MCP server: people choose it, such as 1.0.0",
    "latest_version": "of an MCP server, in an answer",
    "resolved_version": "of an MCP server, in an answer",
    "archive_existing_versions": "a switch",
    "update_schema_ids": "a switch",
    "prompt_versions": "a list of messages, whose fields are looked at",
    "model_versions": "a list in an answer",
    "versions": "a word in paths of MCP servers",
    "id": "a field of answers",
}
if Version(VERSION) >= Version("3.18.dev0"):
    # See tests/security/test_ids.py, which sends it.
    EXCEPTIONS["mlflow_scoped_experiment_ids"] = "set by the engine on Flask's g; nothing reads it from a request"
KNOWN = ids.PARAMETERS.keys() | ids.HEADERS.keys() | {name for _, name, _ in ids.ELSEWHERE} | set(ids.GRANTED)


def taken_by_mlflow() -> set[str]:
    """The names of all parameters that look like an id."""
    found = {name for _, _, name in parameters.view_parameters()}
    found |= {way[-1].name for _, _, way in parameters.message_parameters()}
    found |= {name for _, _, name in parameters.native_parameters()}
    found |= {parameters.snake(name) for _, _, name in parameters.graphql_parameters()}
    found |= parameters.names_in_source()
    return {name for name in found if LOOKS_LIKE_AN_ID.fullmatch(name)}


def test_whatever_mlflow_takes_for_an_id_is_in_the_table_or_an_exception_with_a_reason() -> None:
    found = taken_by_mlflow()
    assert {"experiment_id", "run_uuid", "role_permission_id", "x-mlflow-experiment-id", "scorer_ids"} < found
    assert found - KNOWN == EXCEPTIONS.keys()


def test_the_table_holds_nothing_that_mlflow_does_not_take() -> None:
    everything = taken_by_mlflow() | {"artifact_path", "path", "overrides", *ids.GRANTED}
    assert everything >= KNOWN


def test_each_id_in_the_path_of_a_route_of_fastapis_is_looked_at() -> None:
    held = {(path, name) for path, place, name in parameters.native_parameters() if place == "path"}
    looked_at = {(path, name) for path, name in held if ids.parameters_on(path).get(name) is not None}
    of_skills = {"version"} if HAS_SKILLS else set()
    assert {name for _, name in looked_at} == {"job_id", "endpoint_id", "session_id", "artifact_path"} | of_skills
    for path, name in looked_at:
        concrete = re.sub(r"\{[^}]*\}", "01/x" if name == "artifact_path" else "0 1", path)
        with pytest.raises(BadRequest, match=f"'{name}' is '0"):
            ids.check_native(concrete, [], [])


GOOD: dict[str, tuple[Any, ...]] = {
    "experiment_id": ("0", "1", "10", "904353465342354", str(2**63 - 1), 0, 12, None, "", ["1", "2"], [], [3]),
    "run_id": ("0123456789abcdef0123456789abcdef", "a1_b-2", "", None),
    "model_id": ("m-0123456789abcdef0123456789abcdef", ""),
    "trace_id": ("tr-0123456789abcdef", "0123", "tr-Mine_1.2:3~x", "trace:/main.default/0123", "trace:/x/tr-1"),
    "item_ids": (["tr-1", "tr-2"],),
    "assessment_id": ("a-0123", "A-1"),
    "job_id": ("01234567-89ab-cdef-0123-456789abcdef",),
    "version": ("0", "1", "17", 3),
    "scorer_versions": ([1, None, 2],),
    "role_id": (1, "12"),
    "artifact_path": (
        "1/r/artifacts/f", "0", "", "shared/01/x", "01x/y", "2024-01/x", "workspaces/w/1/r", "1/01", "/1/x",
    ),
}  # fmt: skip
BAD: dict[str, tuple[Any, ...]] = {
    "experiment_id": (
        "01", "00", "+1", "-1", " 1", "1 ", "1\n", "1_0", "1.0", "1e1", "0x1", "\uff11", "\u0661", "\u00b9", "one", "*",
        "1" * 20, str(2**63), 2**63, 1.0, 1e0, True, False, -1, {}, {"a": 1}, [["1"]], ["1", "01"],
    ),
    "run_id": ("0123ABCD", "a b", "a\u00e4", "a/b", "../a", "a%20", " a", "a\t", "-a", "_", "a" * 256, "\u017f"),
    "model_id": ("M-0123", "m-0123 ", "m.0"),
    "trace_id": (
        "tr-1 ", " tr-1", "tr/1", "trace:/a/b/c", "trace://b", "trace:/", "tr-\u00e9", "..", "tr-1\n", "a" * 256,
    ),
    "assessment_id": ("a 1", "a/1"),
    "job_id": ("01234567-89AB-cdef-0123-456789abcdef", "{01234567-89ab-cdef-0123-456789abcdef}"),
    "version": ("01", "+1", "1.0", "v1", "latest", "\uff11", 1.5, True),
    "role_id": ("01", " 1", 1.0),
    "artifact_path": (
        "01/r", "\uff11/r", "%30%31/r", "%2530%2531/r", "workspaces/w/01/r", "//01/r", "00", "1" * 20 + "/x",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_what_mlflow_and_its_clients_write_is_taken(name: str, value: Any) -> None:
    ids.check(name, value, ids.PARAMETERS[name])


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_any_other_spelling_is_refused(name: str, value: Any) -> None:
    with pytest.raises(BadRequest, match=rf"^'{name}' is .+: no .+ as the server writes it\. Expected .+\.$"):
        ids.check(name, value, ids.PARAMETERS[name])


@pytest.mark.parametrize(
    ("kind", "pattern", "canonical"),
    [
        ("experiment", "1", True), ("experiment", "*", True), ("experiment", "01", False), ("scorer", "1/a%20b", True),
        ("scorer", "1/a b", False), ("scorer", "01/a", False), ("scorer", "1/", False), ("scorer", "1", False),
        ("gateway_secret", "s-1", True), ("gateway_secret", "S-1", False), ("registered_model", "Any Name 01", True),
        ("mcp_server", "A/b", True), ("workspace", "*", True), ("skill", "a-1", True), ("skill", "@a.b-c/d", True),
        ("skill", "*", True), ("skill", "A", False), ("skill", "@/a", False), ("skill", "a/b", False),
        ("skill", "@a/b/c", False), ("skill", "a ", False), ("skill", "a--b", False), ("skill", "@a", False),
    ],
)  # fmt: skip
def test_grants_are_on_the_one_spelling(kind: str, pattern: str, canonical: bool) -> None:
    assert ids.is_canonical(kind, pattern) is canonical


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/skills/a/versions/1", False), ("/skills/@o/a/versions/1/tags/k/01", False), ("/skills/a/versions/01", True),
        ("/skills/@o/a/versions/+1", True), ("/skills/@o/a/versions/ 1/tags/k", True),
        ("/skills/versions/tags/x", False), ("/skills/@o/versions/tags/x", False),
        ("/skills/@o/versions/versions/01", True),
    ],
)  # fmt: skip
def test_the_version_of_a_skill_is_found_in_the_path_of_one_alone(path: str, refused: bool) -> None:
    with pytest.raises(BadRequest, match="'version' is") if refused else nullcontext():
        ids.check_native(f"/ajax-api/3.0/mlflow{path}", [], [])


@pytest.mark.parametrize(
    ("kind", "id", "judged"),
    [
        ("experiment", "01", "1"), ("experiment", " +1\n", "1"), ("experiment", "1_0", "10"), ("experiment", 7, "7"),
        ("experiment", True, "1"), ("experiment", "\uff11", "1"), ("experiment", "x", "x"), ("experiment", "*", "*"),
        ("scorer", "01/a%20b", "1/a%20b"), ("scorer", "x/01", "x/01"), ("registered_model", "01", "01"),
        ("registered_model", 5, "5"), ("experiment", float("inf"), "inf"), ("experiment", "9" * 5000, "9" * 5000),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_grants_are_looked_up_by_what_the_store_would_read(kind: str, id: Any, judged: str) -> None:
    assert ids.judged_as(kind, id) == judged


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("experiment_id = '01'", [("experiment_id", "01")]),
        ("attributes.run_id != \"A b\"", [("run_id", "A b")]),
        ("attribute.`run_id` IN ('a', 'B')", [("run_id", "a"), ("run_id", "B")]),
        ("name = 'x' AND Attr . run_id not  in (\"A\")and run_id='b'", [("run_id", "A"), ("run_id", "b")]),
        ("trace.request_id='tr-1' and \"trace_id\" = 'tr-2'", [("request_id", "tr-1"), ("trace_id", "tr-2")]),
        ("version_number = 01 AND version_number >= 02", [("version_number", "01")]),
        ("tags.run_id = 'A' AND params.`experiment_id` = '01' AND metadata.run_id = 'B'", []),
        ("tags.note = \"run_id = 'A'\" AND name = 'experiment_id = 01'", []),
        ("name LIKE '%run_id = 01%' AND run_id LIKE 'A%' AND client_request_id = 'A'", []),
        ("metrics.m > 1", []), ("", []), ("run_id = 'never closed", []), ("run_id IN ('a'", []),
    ],
)  # fmt: skip
def test_conditions_are_read_for_the_ids_of_what_is_searched_alone(text: str, found: list[tuple[str, str]]) -> None:
    assert list(ids.conditions(text)) == found
    assert list(ids.conditions([text, None, 7])) == found


@pytest.mark.parametrize(
    ("rule", "given", "refused"),
    [
        ("/mlflow/gateway/endpoints/bindings/create", {"resource_type": "scorer", "resource_id": "0a-b"}, False),
        ("/mlflow/gateway/endpoints/bindings/create", {"resource_type": "scorer", "resource_id": "0A"}, True),
        ("/api/3.0/mlflow/users/permissions/grant", {"resource_type": "scorer", "resource_id": "1/s"}, False),
        ("/api/3.0/mlflow/users/permissions/grant", {"resource_type": "scorer", "resource_id": "0a-b"}, True),
        ("/api/3.0/mlflow/roles/permissions/add", {"resource_type": "experiment", "resource_pattern": "*"}, False),
        ("/api/3.0/mlflow/roles/permissions/add", {"resource_type": "experiment", "resource_pattern": "01"}, True),
        ("/api/3.0/mlflow/roles/permissions/add", {"resource_type": ["experiment"], "resource_pattern": "01"}, False),
        ("/api/2.0/mlflow-artifacts/artifacts", {"path": "01/x"}, True),
        ("/get-artifact", {"path": "01/x"}, False),
        ("/mcp-servers/{name}/versions/{version}", {"version": "1.0.0"}, False),
        ("/api/2.0/mlflow/model-versions/get", {"version": "1.0.0"}, True),
    ],
)
def test_a_parameter_may_hold_something_else_on_some_routes(rule: str, given: dict[str, Any], refused: bool) -> None:
    if refused:
        with pytest.raises(BadRequest):
            ids.check_parameters(rule, given.items())
    else:
        ids.check_parameters(rule, given.items())
