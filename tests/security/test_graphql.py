"""What one request to GraphQL may cost: costly and unreadable queries are refused in words; MLflow's pages go on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import mlflow.server
import pytest
from graphql import parse

from mlflow_prokube_auth.policy.guards import queries

from ..support.tenants import Tenant, refused

SCRIPTS = Path(mlflow.server.__file__).parent / "js" / "build" / "static" / "js"
RUN = 'mlflowGetRun(input: {runId: "r"})'
COSTLY = {
    "deep fields": "{ a " * 3_000 + "}" * 3_000,
    "deep inline fragments": "{ ... " * 2_000 + "{ a }" + "}" * 2_000,
    "a deep list": f"{{ a(b: {'[' * 5_000}{']' * 5_000}) }}",
    "a deep object": f"{{ a(b: {'{c:' * 4_000}1{'}' * 4_000}) }}",
    "a deep type": f"query Q($a: {'[' * 5_000}Int{']' * 5_000}) {{ a }}",
    "a wide fragment that nothing uses": f"{{ __typename }} fragment F on Query {{ {'a ' * 9_000} }}",
    "many fields": f"{{ {'__typename ' * 501} }}",
    "many aliases": f"{{ {' '.join(f'a{each}: __typename' for each in range(31))} }}",
    "many aliases in fragments": "{ ...A ...B } "
    + " ".join(
        f"fragment {name} on Query {{ {' '.join(f'{name}{each}: __typename' for each in range(16))} }}"
        for name in ("A", "B")
    ),
    "many directives": f"{{ __typename {'@skip(if: false) ' * 200} }}",
    "many operations": " ".join(f"query Q{each} {{ __typename }}" for each in range(150)),
    "fragments of fragments": "{ ...F0 } "
    + " ".join(f"fragment F{each} on Query {{ ...F{each + 1} ...F{each + 1} }}" for each in range(150)),
}
UNREADABLE: dict[str, Any] = {
    "no query": {},
    "no text": {"query": 7},
    "nothing": {"query": ""},
    "half a query": {"query": "{ a"},
    "a sign too many": {"query": "{ __typename } }"},
    "a character that no query has": {"query": "{ a\u0000 }"},
    "half a character": {"query": '{ a(b: "\\ud800") }'},
    "a list of variables": {"query": "query Q($a: Int) { __typename }", "variables": ["a"]},
    "a text of variables": {"query": "query Q($a: Int) { __typename }", "variables": "a"},
    "an operation without a name": {"query": "{ __typename }", "operationName": {"a": 1}},
}


@pytest.mark.parametrize("what", COSTLY)
def test_a_query_that_costs_too_much_is_refused(alice: Tenant, admin: Tenant, what: str) -> None:
    for client in (alice, admin):
        answer = client.post("/graphql", json={"query": COSTLY[what]})
        assert re.search("nested too deeply|words and signs|aliases", refused(answer, 400)), answer.text


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_query_that_cannot_be_read_is_refused(alice: Tenant, what: str) -> None:
    assert re.search("Expected|cannot be read", refused(alice.post("/graphql", json=UNREADABLE[what]), 400))


def test_a_query_in_the_body_of_a_get_is_bounded_as_well(alice: Tenant) -> None:
    """MLflow reads it, whatever it is declared as."""
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
        body = f'{{"query": "{COSTLY["deep fields"]}"}}'
        refused(alice.request("GET", "/graphql", content=body, headers=headers), 400)
    refused(alice.get("/graphql"), 400)


def test_a_query_within_the_bounds_is_answered(alice: Tenant) -> None:
    aliases = " ".join(f"a{each}: __typename" for each in range(8))
    answer = alice.post("/graphql", json={"query": f"{{ {aliases} b: __typename }}", "operationName": None})
    assert answer.json() == {"data": {**{f"a{each}": "Query" for each in range(8)}, "b": "Query"}, "errors": None}


def queries_of_pages() -> list[str]:
    """The queries in the scripts of MLflow's pages."""
    written = re.compile(r"`((?:\\n|\s)*(?:query|mutation|fragment) [A-Z]\w*[\s(][^`]*)`")
    quoted = re.compile(r'"((?:\\n|\s)*(?:query|mutation|fragment) [A-Z]\w*[\s(](?:[^"\\]|\\.)*)"')
    texts = [source.read_text(errors="replace") for source in SCRIPTS.glob("*.js")]
    found = {each for text in texts for form in (written, quoted) for each in form.findall(text) if "mlflow" in each}
    return sorted(each.replace("\\n", "\n").replace('\\"', '"') for each in found)


@pytest.mark.parametrize("query", queries_of_pages(), ids=lambda query: str(re.findall(r"\w+", query)[1]))
def test_a_query_of_mlflows_pages_is_far_within_the_bounds(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_WORDS", queries.MOST_WORDS // 3)
    monkeypatch.setattr(queries, "MOST_LEVELS", queries.MOST_LEVELS // 3)
    queries.check({"query": query, "variables": {}})


def test_mlflows_pages_get_a_run_and_an_experiment_as_before(alice: Tenant) -> None:
    by_name = {str(re.findall(r"\w+", query)[1]): query for query in queries_of_pages()}
    assert by_name.keys() >= {"GetRun", "SearchRuns", "MlflowGetExperimentQuery", "GetMetricHistoryBulkInterval"}
    experiment = alice.experiment()
    run = alice.run(experiment)

    def asked(name: str, **given: Any) -> Any:
        variable = re.search(r"\$(\w+)", by_name[name])
        assert variable is not None
        body = {"operationName": name, "query": by_name[name], "variables": {variable[1]: given}}
        answer: httpx.Response = alice.post("/graphql", json=body)
        assert (answer.status_code, answer.json()["errors"]) == (200, None), answer.text
        return answer.json()["data"]

    assert asked("GetRun", runId=run)["mlflowGetRun"]["run"]["info"]["runUuid"] == run
    found = asked("MlflowGetExperimentQuery", experimentId=experiment)["mlflowGetExperiment"]["experiment"]
    assert found["experimentId"] == experiment
    runs = asked("SearchRuns", experimentIds=[experiment])["mlflowSearchRuns"]["runs"]
    assert [each["info"]["runUuid"] for each in runs] == [run]
    asked("GetMetricHistoryBulkInterval", runIds=[run], metricKey="m", maxResults=10)


def test_each_query_of_the_pages_was_found_whole() -> None:
    assert len(queries_of_pages()) >= 4
    for query in queries_of_pages():
        parse(query)
