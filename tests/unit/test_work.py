"""What is sent costs no more than its share: calls and questions are counted, never time."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import mlflow.server.auth as auth
import pytest
from mlflow.server.auth.permissions import GrantLoadKey
from mlflow.server.auth.requirements import fold_grants_for_key
from mlflow.version import VERSION

from mlflow_prokube_auth.errors import AddressTooLong, BadRequest, MethodUnknown, PermissionDenied
from mlflow_prokube_auth.identity.bounds import AsgiBounds, RequestLine, WsgiBounds
from mlflow_prokube_auth.identity.middleware import AsgiIdentity
from mlflow_prokube_auth.mlflow_auth import bypass, lookups
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.artifacts import ModelArtifacts, Owned, is_canonical, possible_roots
from mlflow_prokube_auth.policy.guards import locations, references, traces
from mlflow_prokube_auth.policy.guards.asked import GuardContext
from mlflow_prokube_auth.policy.guards.table import flask_guards
from mlflow_prokube_auth.store.role_grants import RoleGrants

RUN = "1/" + "a" * 32 + "/artifacts"
BOB = Person(user_id=1, username="bob@example.com", is_admin=False)


def calls(function: Callable[..., Any], *arguments: Any) -> int:
    """How many functions are called meanwhile, those of C included."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return counted


# Paths of artifacts


def test_a_long_path_has_no_root_that_anybody_would_look_for() -> None:
    path = RUN + "/a" * 31_000
    assert possible_roots(path) == []
    assert not is_canonical(path)
    assert calls(possible_roots, path) < 20


def test_a_path_costs_as_many_steps_as_it_has_possible_roots() -> None:
    path = RUN + "/a" * 2_000
    roots = possible_roots(path)
    assert len(roots) < 250
    assert roots[:2] == [RUN, f"{RUN}/a"]
    assert calls(possible_roots, path) < len(path)


class Rows:
    """Versions of models, of which there are none; what was asked is counted."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def served_path(self, path: str) -> str:
        return path

    def owned(self, served: str) -> Owned | None:
        return Owned("", served)

    def versions_at(self, asked: list[str]) -> list[Any]:
        self.asked.append(len(asked))
        return []

    def creators(self, _digests: list[str]) -> dict[str, tuple[Any, ...]]:
        return {}


@pytest.mark.parametrize(("segments", "asked"), [(31_000, []), (2_000, [1])])
def test_the_database_is_asked_once_for_few_roots(segments: int, asked: list[int]) -> None:
    rows = Rows()
    models = ModelArtifacts(rows, rows, *[lambda *_: False] * 3)  # type: ignore[arg-type]  # what it asks
    assert not models.may_read("bob", RUN + "/a" * segments)
    assert [min(each, 1) for each in rows.asked] == asked
    assert sum(rows.asked) < 250


# The first line


LINE = RequestLine("/mlflow")


@pytest.mark.parametrize(
    ("method", "path", "query", "refused"),
    [
        ("GET", "/" + "a" * 1023, b"", None),
        ("GET", "/" + "a" * 1023 + "/mlflow", b"", None),
        ("GET", "/" + "a" * 1031, b"", AddressTooLong),
        ("GET", "/api/3.0/mlflow/mcp-servers" + "/versions" * 6_000, b"", AddressTooLong),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/" + "a" * 4_000, b"", None),
        ("PUT", "/mlflow/ajax-api/2.0/mlflow-artifacts/artifacts/" + "a" * 4_000, b"", None),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/" + "a" * 4_100, b"", AddressTooLong),
        ("GET", "/x/api/2.0/mlflow-artifacts/artifacts/" + "a" * 2_000, b"", AddressTooLong),
        ("GET", "/", b"q" * 49_152, None),
        ("GET", "/", b"q" * 49_153, AddressTooLong),
        ("GET", "/", b"q&" * 1_999, None),
        ("GET", "/", b"q&" * 2_000, AddressTooLong),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/a\0b", b"", BadRequest),
        ("TRACE", "/", b"", MethodUnknown),
        ("get", "/", b"", MethodUnknown),
        ("X" * 60_000, "/", b"", MethodUnknown),
    ],
)
def test_a_request_line_is_short(method: str, path: str, query: bytes, refused: type[Exception] | None) -> None:
    found = LINE.refusal(method, path, query)
    assert type(found) is (refused or type(None))
    assert found is None or len(found.message) < 200


def served(app: Any, scope: dict[str, Any]) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as thread:  # a browser test before may have left a loop running in this one
        thread.submit(asyncio.run, app(scope, None, send)).result()
    return sent


def test_nothing_matches_a_route_before_the_line_is_known_to_be_short() -> None:
    matched: list[str] = []

    def is_native(scope: Any) -> bool:
        matched.append(scope["path"])
        return False

    async def inner(*_: Any) -> None:
        matched.append("served")

    app = AsgiBounds(AsgiIdentity(inner, lambda _: None, is_native, lambda *_: "", ""), RequestLine(""))
    scope: dict[str, Any] = {"type": "http", "method": "GET", "headers": [], "client": None, "query_string": b""}
    start, body = served(app, {**scope, "path": "/versions" * 6_000})
    assert (start["status"], matched) == (414, [])
    assert b'"error_code": "INVALID_PARAMETER_VALUE"' in body["body"]
    served(app, {**scope, "path": "/x"})
    assert matched == ["/x", "served"]


def test_gunicorns_requests_are_bounded_likewise() -> None:
    seen: list[Any] = []
    app = WsgiBounds(lambda environ, start: [b"served"], RequestLine(""))

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        seen.append((status.split()[0], dict(headers)["Content-Type"]))

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": ""}
    assert app(environ, start) == [b"served"]
    app({**environ, "PATH_INFO": "/" * 2_000}, start)
    app({**environ, "QUERY_STRING": "q" * 50_000}, start)
    app({**environ, "REQUEST_METHOD": "FOO"}, start)
    assert seen == [(status, "application/json") for status in ("414", "414", "501")]


def test_many_cookie_headers_are_one_in_their_order() -> None:
    facts: list[Any] = []

    async def inner(*_: Any) -> None:
        from mlflow_prokube_auth.identity.caller import CALLER

        facts.append(CALLER.get().facts.headers)  # type: ignore[union-attr]  # there is one

    app = AsgiIdentity(inner, lambda _: None, lambda _: False, lambda *_: "", "")
    headers = [(b"Cookie", f"c{number}=1".encode()) for number in range(3)] + [(b"accept", b"a"), (b"accept", b"b")]
    served(app, {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": None})
    assert facts == [{"cookie": "c0=1; c1=1; c2=1", "accept": "a,b"}]


# What is kept


def test_nothing_is_kept_by_a_method_or_a_rule_that_mlflow_does_not_have() -> None:
    from mlflow_prokube_auth.policy.guards import table

    before = table._guards_on.cache_info().currsize
    for number in range(2_000):
        assert flask_guards(f"{number}" * 100, "/api/2.0/mlflow/traces", VERSION) == ()
    assert table._guards_on.cache_info().currsize <= before + 1
    asked: list[str] = []

    def question(path: str, root_path: str, method: str) -> bool:
        asked.append(method)
        return False

    ask = bypass.on_scope(question)
    for method in ("GET", "GET", "FOO", "FOO"):
        ask({"path": "/", "method": method})
    assert asked == ["GET", "FOO", "FOO"]


# What guards ask


class Answers:
    """MLflow's tables, in which everything is there and is the caller's; what is asked is counted."""

    def __init__(self, there: tuple[str, ...] = ()) -> None:
        self.asked: Counter[str] = Counter()
        self._there = there

    def exists(self, kind: str, key: str) -> bool:
        self.asked["exists"] += 1
        return True

    def may(self, kind: str, key: str, action: str) -> bool:
        self.asked["may"] += 1
        return True

    def trace_tag(self, trace_id: str, key: str) -> str:
        self.asked["trace_tag"] += 1
        return "here"

    def assessment_traces(self, ids: list[str]) -> set[str]:
        self.asked["assessment_traces"] += 1
        return {"tr-1"}

    def traces_there(self, ids: list[str]) -> list[str]:
        self.asked["traces_there"] += 1
        return [each for each in ids if each in self._there]

    def experiments_at(self, location: str) -> list[str]:
        self.asked["experiments_at"] += 1
        return []

    def artifact_root(self) -> str:
        return "mlflow-artifacts:/"


def ask(check: Callable[[GuardContext], None], params: dict[str, Any], answers: Answers) -> None:
    path = {"trace_id": "tr-1"}
    check(GuardContext("POST", params, path, BOB, answers, None, ("s3://bucket",), ""))  # type: ignore[arg-type]  # what it asks


def parents(ids: list[str]) -> dict[str, Any]:
    return {"tags": [{"key": "mlflow.parentRunId", "value": each} for each in ids]}


def noted(ids: list[str]) -> dict[str, Any]:
    return {"request_metadata": [{"key": "mlflow.sourceRun", "value": each} for each in ids]}


def prompts(ids: list[str]) -> dict[str, Any]:
    return {"prompt_versions": [{"name": each, "version": "1"} for each in ids]}


@pytest.mark.parametrize(
    ("check", "params"),
    [(references.parent_run, parents), (traces.noted, noted), (traces.linked_prompts, prompts)],
    ids=["parents", "metadata", "prompts"],
)
def test_a_reference_is_asked_for_once_and_not_for_more_than_a_hundred(
    check: Callable[[GuardContext], None], params: Callable[[list[str]], dict[str, Any]]
) -> None:
    answers = Answers()
    ask(check, params(["same"] * 10_000), answers)
    assert answers.asked == {"exists": 1, "may": 1}
    ask(check, params([str(number) for number in range(100)]), answers)
    assert answers.asked == {"exists": 101, "may": 101}
    with pytest.raises(BadRequest, match="refers to 101 of the kind"):
        ask(check, params([str(number) for number in range(101)]), answers)
    assert answers.asked == {"exists": 101, "may": 101}


def test_a_tag_of_a_place_that_is_sent_many_times_is_asked_for_once() -> None:
    answers = Answers()
    tags = [{"key": "mlflow.artifactLocation", "value": "here"}] * 1_000
    ask(traces.storage_tags, {"tags": tags}, answers)
    assert answers.asked == {"trace_tag": 1}


def test_assessments_are_asked_for_together() -> None:
    answers = Answers()

    def with_assessments(number: int) -> dict[str, Any]:
        given = [{"assessment_id": str(each)} for each in range(number)]
        return {"trace": {"trace_info": {"trace_id": "tr-1", "assessments": given}}}

    ask(traces.own_assessments, with_assessments(1_000), answers)
    assert answers.asked == {"assessment_traces": 1}
    with pytest.raises(BadRequest, match="1001 of the kind 'assessment', 1000 are allowed"):
        ask(traces.own_assessments, with_assessments(1_001), answers)
    others = with_assessments(2)
    others["trace"]["trace_info"]["trace_id"] = "tr-2"
    with pytest.raises(PermissionDenied, match="One of the assessments does not exist on this trace"):
        ask(traces.own_assessments, others, answers)


def test_of_an_export_only_traces_that_are_there_are_asked_for() -> None:
    answers = Answers(there=("tr-7", "tr-8"))

    def export(number: int) -> dict[str, Any]:
        return {"trace_ids": [f"tr-{each}" for each in range(number)], "tags": [], "run_id": None}

    ask(traces.sent, export(2_000), answers)
    assert answers.asked == {"traces_there": 1, "may": 2}
    with pytest.raises(BadRequest, match="2001 of the kind 'trace', 2000 are allowed"):
        ask(traces.sent, export(2_001), answers)


def test_a_long_location_is_looked_for_in_no_table() -> None:
    answers = Answers()
    with pytest.raises(BadRequest, match="has 1011 characters, 1000 are allowed"):
        ask(locations.experiment_location, {"artifact_location": "s3://bucket" + "/a" * 500}, answers)
    assert answers.asked == {}


# What the engine asks of grants


def test_each_of_many_keys_is_decided_on_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    number = 1_000
    role = RoleGrants(1, "default", {"experiment": {str(each): "READ" for each in range(number)}})
    looked_at: list[int] = []

    def counting(rows: Any, key: Any) -> Any:
        looked_at.append(len(rows))
        return fold_grants_for_key(rows, key)

    class Store:
        def held(self, user_id: int, workspace: str) -> Any:
            return lookups.UserGrants([role])

        def get_user(self, username: str) -> Any:
            return SimpleNamespace(id=1)

    monkeypatch.setattr(lookups, "fold_grants_for_key", counting)
    for name in ("fold_grants_for_key", "resolve_permissions", "_role_grant_for_resource"):
        monkeypatch.setattr(auth, name, getattr(auth, name))
    lookups.install(Store())
    keys = [GrantLoadKey("experiment", str(each)) for each in range(number + 1)]
    found = auth.resolve_permissions("bob", "default", keys)
    assert [permission and permission.name for permission in found] == ["READ"] * number + [None]
    assert sum(looked_at) == number
