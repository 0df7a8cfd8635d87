"""No search asks the database for more than it can plan, on whatever route of MLflow's: each was a way to stop it.

The routes and their parameters are found in MLflow's own tables. `tests/unit/test_limits.py` holds the counting.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from mlflow.server.handlers import get_endpoints

from mlflow_prokube_auth.policy.guards.limits import FILTERS, LISTS, ORDERS

from ..support.routes import concrete, fastapi_routes
from ..support.tenants import API, API3, Tenant, refused

JOINS = "the database joins a table for each"


def of(number: int) -> str:
    return " and ".join(f"tags.x{each} = '1'" for each in range(number))


def parameters(tables: Any) -> list[tuple[str, str, str, bool]]:
    """Method, path and parameter of MLflow's protocol, and whether the parameter is a list."""
    return sorted(
        (method, concrete(path), field.name, field.is_repeated)
        for path, message, methods in get_endpoints(lambda message: message)
        if hasattr(message, "DESCRIPTOR")
        for method in methods
        for field in message.DESCRIPTOR.fields
        if field.name in tables
    )


def sent(client: httpx.Client, method: str, path: str, name: str, value: Any) -> httpx.Response:
    asked = {name: value}
    return client.get(path, params=asked) if method == "GET" else client.request(method, path, json=asked)


def test_no_search_of_mlflows_protocol_makes_more_than_thirty_comparisons(alice: Tenant) -> None:
    found = parameters(FILTERS)
    assert len(found) > 30
    for method, path, name, several in found:
        answer = sent(alice, method, path, name, [of(16), of(15)] if several else of(31))
        assert "31 comparisons" in refused(answer, 400), (method, path, name)
        assert JOINS in answer.json()["message"]


def test_no_search_of_mlflows_protocol_orders_by_more_than_ten_terms(alice: Tenant) -> None:
    found = parameters(ORDERS)
    assert len(found) > 15
    for method, path, name, _ in found:
        terms = [{"field_name": f"metrics.m{each}"} for each in range(11)] if "logged-models" in path else ["name"] * 11
        answer = sent(alice, method, path, name, terms)
        assert "order_by has 11 terms, 10 are allowed" in refused(answer, 400), (method, path)


def test_no_list_of_mlflows_protocol_is_longer_than_the_table_says(alice: Tenant) -> None:
    for method, path, name, _ in parameters(LISTS):
        number = 10_001 if method != "GET" else 1_500
        if number > LISTS[name]:
            answer = sent(alice, method, path, name, ["1"] * number)
            assert f"'{name}' has {number} entries" in answer.text, (method, path, answer.text)
            refused(answer, 400)


def test_no_search_of_mlflows_native_routes_asks_for_more(alice: Tenant, admin: Tenant) -> None:
    searches = [
        path for method, path in fastapi_routes() if method == "GET" and re.search("/(mcp-servers|skills)", path)
    ]
    assert len(searches) > 10
    for path in searches:
        for client in (alice, admin):
            asked = sent(client, "GET", concrete(path), "filter_string", of(31))
            assert "31 comparisons" in refused(asked, 400), path
            asked = sent(client, "GET", concrete(path), "order_by", ["name"] * 11)
            assert "11 terms" in refused(asked, 400), path


@pytest.mark.parametrize("operation", ["query", "mutation"])
def test_no_search_of_graphql_asks_for_more(alice: Tenant, operation: str) -> None:
    run = "mlflowSearchRuns(input: {%s}) { nextPageToken }"
    filter_31, terms_11 = f'filter: "{of(31)}"', f"orderBy: {['name'] * 11}".replace("'", '"')
    ids = 'runIds: ["' + '", "'.join(["r"] * 101) + '"]'
    for words, text in (("31 comparisons", run % filter_31), ("11 terms", run % terms_11)):
        answer = alice.post("/graphql", json={"query": f"{operation} {{ {text} }}"})
        assert words in refused(answer, 400)
    twice = "a: " + run % f'filter: "{of(16)}"' + " b: " + run % f'filter: "{of(15)}"'
    answer = alice.post("/graphql", json={"query": f"{operation} {{ {twice} }}"})
    assert "31 comparisons" in refused(answer, 400)
    variables = {"i": {"filter": of(31)}}
    asked = f"{operation} S($i: MlflowSearchRunsInput) {{ mlflowSearchRuns(input: $i) {{ nextPageToken }} }}"
    answer = alice.post("/graphql", json={"query": asked, "variables": variables})
    assert "31 comparisons" in refused(answer, 400)
    if operation == "query":
        text = f'mlflowSearchModelVersions(input: {{filter: "{of(31)}"}}) {{ nextPageToken }}'
        assert "31 comparisons" in refused(alice.post("/graphql", json={"query": f"{{ {text} }}"}), 400)
        text = f"mlflowGetMetricHistoryBulkInterval(input: {{{ids}}}) {{ metrics {{ key }} }}"
        assert "101 entries" in refused(alice.post("/graphql", json={"query": f"{{ {text} }}"}), 400)


def test_a_history_of_too_many_runs_is_refused_before_the_engine_reads_each(alice: Tenant) -> None:
    asked = {"run_id": ["r"] * 101, "metric_key": "m"}
    answer = alice.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", params=asked)
    assert "101 entries, 100 are allowed" in refused(answer, 400)


def test_a_filter_that_a_job_would_run_later_is_no_other(alice: Tenant) -> None:
    body = {"experiment_id": "1", "name": "s", "sample_rate": 1, "filter_string": of(31)}
    assert "31 comparisons" in refused(alice.put(f"{API3}/scorers/online-config", json=body), 400)


def test_searches_of_thirty_comparisons_and_ten_terms_are_answered(alice: Tenant) -> None:
    mine = alice.experiment()
    alice.run(mine)
    terms = [f"metrics.m{each} DESC" for each in range(10)]
    body = {"experiment_ids": [mine], "filter": of(30), "order_by": terms}
    assert alice.post(f"{API}/runs/search", json=body).status_code == 200
    assert alice.post(f"{API}/experiments/search", json={"filter": of(30), "max_results": 5}).status_code == 200
    many = ", ".join(f"'{each:032x}'" for each in range(1_000))
    body = {"experiment_ids": [mine], "filter": f"attributes.run_id IN ({many})"}
    assert alice.post(f"{API}/runs/search", json=body).status_code == 200


def test_whoever_has_ten_thousand_experiments_searches_all_of_them_at_once(admin: Tenant) -> None:
    ids = [str(each) for each in range(10_000)]
    assert admin.post(f"{API}/runs/search", json={"experiment_ids": ids}).status_code == 200


def test_no_upload_has_more_parts_than_a_store_takes(alice: Tenant) -> None:
    """MLflow signs an address for each of them, before the store hears of the upload."""
    mine = alice.experiment()
    path = f"{mine}/{alice.run(mine)}/artifacts/file"
    for name, number in (("num_parts", 10_001), ("numParts", 10**9), ("num_parts", "1e9")):
        body = {"path": "file", name: number}
        answer = alice.post(f"/api/2.0/mlflow-artifacts/mpu/create/{path}", json=body)
        assert "at most 10000 are allowed" in refused(answer, 400)


def test_no_search_for_jobs_has_more_states_than_there_may_be(alice: Tenant) -> None:
    path = "/ajax-api/3.0/jobs/search"
    assert "1001 entries" in refused(alice.post(path, json={"statuses": ["PENDING"] * 1_001}), 400)
    assert alice.post(path, json={"statuses": ["PENDING"]}).json() == {"jobs": []}
