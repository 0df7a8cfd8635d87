"""What a request may ask for is counted as MLflow counts it, and every parameter that asks for much is in a table."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.server.handlers as handlers
import pytest
from google.protobuf.descriptor import Descriptor
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull
from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import create_fastapi_app
from mlflow.server.graphql.graphql_schema_extensions import schema
from mlflow.utils.search_utils import SearchTraceUtils, SearchUtils
from sqlparse import lexer

from mlflow_prokube_auth.errors import BadRequest
from mlflow_prokube_auth.policy.guards import limits, queries
from mlflow_prokube_auth.policy.guards.limits import (
    FILTERS,
    LISTS,
    NUMBERS,
    ORDERS,
    PACKED,
    REPEATED,
    Asking,
    check_depth,
    comparisons,
)

KNOWN = FILTERS | ORDERS | LISTS.keys()
ASKS = re.compile(r"\w*(?:filter|order_by|orderby)\w*")
# Lists within what a request writes: they are as long as the body may be, and nobody asks for each of them. What guards
# ask of them, they bound themselves.
WITHIN = {
    "aliases", "arguments", "assessments", "attributes", "events", "fields", "links", "metadata", "options", "paths",
    "scorers", "spans", "tags", "trace_metadata", "values",
}  # fmt: skip


def fields(message: Descriptor, seen: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for field in message.fields:
        yield (field.name,), field
        below = field.message_type
        if below is not None and below.full_name not in seen and not below.GetOptions().map_entry:
            for path, inner in fields(below, (*seen, below.full_name)):
                yield (field.name, *path), inner


def test_every_parameter_of_mlflows_protocol_that_asks_for_many_is_in_a_table() -> None:
    messages = {
        (path, message.DESCRIPTOR.full_name): message.DESCRIPTOR
        for path, message, _ in handlers.get_endpoints(lambda message: message)
        if hasattr(message, "DESCRIPTOR")
    }
    assert len(messages) > 300
    unknown = {
        (path, ".".join(names))
        for (path, _), message in messages.items()
        for names, field in fields(message)
        if field.is_repeated or ASKS.fullmatch(field.name)
        if (names[0] if len(names) == 1 else names[-1]) not in (KNOWN if len(names) == 1 else WITHIN)
    }
    assert unknown == set()


def top_fields() -> Iterator[Any]:
    """The fields at the top of all requests of MLflow's protocol."""
    for _, message, _ in handlers.get_endpoints(lambda message: message):
        if hasattr(message, "DESCRIPTOR"):
            yield from message.DESCRIPTOR.fields


def test_no_list_of_the_table_is_a_text_elsewhere_but_those_that_are_unpacked() -> None:
    texts = {field.name for field in top_fields() if not field.is_repeated and field.type == field.TYPE_STRING}
    assert texts & LISTS.keys() == PACKED


def test_every_parameter_of_mlflows_graphql_that_asks_for_many_is_in_a_table() -> None:
    inputs = [each for each in schema.graphql_schema.type_map.values() if isinstance(each, GraphQLInputObjectType)]
    asking = set()
    for each in inputs:
        for name, field in each.fields.items():
            inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
            if isinstance(inner, GraphQLList) or ASKS.fullmatch(name.lower()):
                asking.add(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    assert {"filter", "order_by", "experiment_ids", "run_ids"} <= asking <= KNOWN


def test_every_number_of_things_that_mlflow_is_asked_for_is_in_the_table() -> None:
    """Other numbers are times, steps, versions and orders; ``max_traces`` counts what is there."""
    numbers = {
        field.name
        for field in top_fields()
        if field.type in (field.TYPE_INT32, field.TYPE_INT64, field.TYPE_UINT32, field.TYPE_UINT64)
    }
    others = {
        "end_step", "end_time", "end_time_ms", "execution_order", "expiration", "last_seen_timestamp",
        "max_timestamp_millis", "max_traces",
        "scorer_version", "start_step", "start_time", "start_time_ms", "step", "time_interval_seconds", "timestamp",
        "timestamp_ms", "version",
    }  # fmt: skip
    assert numbers | {"last_seen_timestamp"} == others | NUMBERS.keys()  # of 3.18 alone


def native_parameters() -> set[tuple[str, bool]]:
    """Parameters of queries of FastAPI's own routes: name, and whether there may be several."""
    found: set[tuple[str, bool]] = set()
    waiting = list(create_fastapi_app(flask_app).routes)
    while waiting:
        route: Any = waiting.pop()
        if hasattr(route, "original_router"):
            waiting.extend(route.original_router.routes)
        elif hasattr(route, "dependant"):
            for field in route.dependant.query_params:
                found.add((field.alias, "list[" in str(field.field_info.annotation)))
    return found


def test_every_parameter_of_mlflows_native_routes_that_asks_for_many_is_in_a_table() -> None:
    asking = {name for name, several in native_parameters() if several or ASKS.fullmatch(name)}
    assert {"filter_string", "order_by"} <= asking <= KNOWN


def test_every_parameter_that_mlflows_handlers_read_by_hand_is_in_a_table() -> None:
    """Routes without a message of the protocol check lists by a schema, or read them from the query."""
    tree = ast.parse(Path(handlers.__file__).read_text())
    lists, repeated, texts = set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                named = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
                if isinstance(key, ast.Constant) and isinstance(value, ast.List) and "_assert_array" in named:
                    lists.add(key.value)
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(value, ast.List):
                    texts.add(key.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                if node.func.attr == "getlist" or "flat=False" in ast.unparse(node.func):
                    repeated.add(first.value)
                elif node.func.attr == "get":
                    texts.add(first.value)
    assert {"experiment_ids", "trace_ids", "scorer_ids"} <= lists
    assert lists <= KNOWN
    assert {"run_id"} <= repeated <= REPEATED.keys() | KNOWN
    assert {"filter_string"} <= {text for text in texts if ASKS.fullmatch(text)} <= KNOWN


FILTERS_AND_COMPARISONS = [
    ("", 0),
    ("tags.x = '1'", 1),
    ("tags.x = '1' and params.y != '2' AND metrics.z >= 3", 3),
    ("tags.x = 'a = b and c = d'", 1),
    ("tags.`a = b` = 'x' and tags.\"p < q\" LIKE '%='", 2),
    ("attributes.run_id IN ('a', 'b', 'c')", 1),
    ("attributes.run_id NOT IN ('a') and tags.x ILIKE 'y'", 2),
    ("tags.x IS NULL and tags.y is not null and params.z = 'q'", 3),
    ("tags.x='1' params.y='2' metrics.z>3", 3),
    ("tags.x = 'it''s = 1' and tags.y = '\\' = '", 2),
    ("tags.x = 'open and tags.y = '1'", 1),
]


@pytest.mark.parametrize(("text", "expected"), FILTERS_AND_COMPARISONS)
def test_comparisons_are_those_that_mlflow_finds(text: str, expected: int) -> None:
    assert comparisons(text) == expected
    try:
        found = len(SearchUtils.parse_search_filter(text))
    except Exception:
        return  # MLflow refuses it
    assert found == expected


def test_comparisons_of_traces_are_those_that_mlflow_finds() -> None:
    text = "timestamp > 1 and status = 'OK' and trace.name LIKE 'a%' and metadata.`x` = 'y' and feedback.f = 'no'"
    assert comparisons(text) == len(SearchTraceUtils.parse_search_filter_for_search_traces(text)) == 5


@pytest.mark.parametrize(
    "hidden",
    [
        "tags.x /* c */ = '1' and ", "tags.x\t=\n'1' AND ", "tags.x='1'and ", "`tags`.x = '1' and ",
        "TAGS.x <> '1' and ", "tags.x not\nlike '1' and ", "tags.x in('1')and ", "tags.x is null and ",
        "tags.x = '1' -- c\n and ",
    ],
)  # fmt: skip
def test_no_spelling_hides_a_comparison(hidden: str) -> None:
    text = (hidden * 31).removesuffix("and ")
    with pytest.raises(BadRequest) as caught:
        Asking().take([("filter", text)])
    assert caught.value.message.startswith("The filter has 31 comparisons, 30 are allowed: ")
    Asking().take([("filter", (hidden * 30).removesuffix("and "))])


def of(number: int) -> str:
    return " and ".join(f"tags.x{each} = '1'" for each in range(number))


@pytest.mark.parametrize("name", sorted(FILTERS | {"filterString", "baseFilter"}))
def test_thirty_comparisons_are_allowed_and_one_more_is_not(name: str) -> None:
    Asking().take([(name, of(30))])
    with pytest.raises(BadRequest, match="31 comparisons, 30 are allowed"):
        Asking().take([(name, of(31))])
    with pytest.raises(BadRequest, match="32 comparisons, 30 are allowed"):
        Asking().take([(name, [of(16), of(16)])])


def test_what_one_request_asks_in_several_places_counts_together() -> None:
    asking = Asking()
    asking.take([("filter_string1", of(15)), ("filter_string2", of(15))])
    with pytest.raises(BadRequest, match="31 comparisons"):
        asking.take([("base_filter", of(1))])
    terms = Asking()
    terms.take([("order_by", ["a"] * 6)])
    with pytest.raises(BadRequest, match="order_by has 12 terms, 10 are allowed"):
        terms.take([("orderBy", ["a"] * 6)])


@pytest.mark.parametrize(
    ("name", "most"), [*LISTS.items(), ("experimentIds", 10_000), ("whatever", 1000), ("run_id", 100)]
)
def test_a_list_has_as_many_entries_as_the_table_says(name: str, most: int) -> None:
    for kind in (lambda number: ["x"] * number, lambda number: dict.fromkeys(range(number))):
        Asking().take([(name, kind(most))])
        with pytest.raises(BadRequest, match=f"has {most + 1} entries, {most} are allowed at once"):
            Asking().take([(name, kind(most + 1))])


def test_a_text_where_a_list_belongs_is_refused_since_the_engine_asks_for_each_character() -> None:
    with pytest.raises(BadRequest, match="'experiment_ids' is a text"):
        Asking().take([("experiment_ids", "1" * 20)])


def test_a_list_that_mlflow_takes_as_a_text_is_counted_in_it() -> None:
    for fine in (json.dumps(dict.fromkeys(range(1000))), "[" * 100_000, "no JSON", ""):
        Asking().take([("tags", fine)])
    with pytest.raises(BadRequest, match="'tags' has 1001 entries, 1000 are allowed at once"):
        Asking().take([("tags", json.dumps(dict.fromkeys(range(1001))))])


@pytest.mark.parametrize("name", ["run_id", "name", "artifactLocation", "source", "path", "key", "experiment_ids"])
def test_names_ids_and_paths_are_as_long_as_those_of_mlflow(name: str) -> None:
    Asking().take([(name, ["x" * 4096])])
    with pytest.raises(BadRequest, match="has 4097 characters, 4096 are allowed"):
        Asking().take([(name, ["x" * 4097])])


@pytest.mark.parametrize(("name", "most"), [("num_parts", 10_000), ("numParts", 10_000), ("max_results", 200_000)])
def test_a_number_of_things_is_no_larger_than_the_table_says(name: str, most: int) -> None:
    for fine in (most, str(most), [str(most)], -1, None, "x", True):
        Asking().take([(name, fine)])
    for more in (most + 1, str(most + 1), [str(most + 1)], 1e9, "1e9", 10**400, "9" * 400):
        with pytest.raises(BadRequest, match=f"at most {most} are allowed"):
            Asking().take([(name, more)])


def test_a_query_of_graphql_is_as_long_as_one_of_mlflows_pages_and_more() -> None:
    Asking().take([("query", "x" * 20_000)])
    with pytest.raises(BadRequest, match="has 20001 characters, 20000 are allowed"):
        Asking().take([("query", "x" * 20_001)])


@pytest.mark.parametrize("name", ["name", "experiment_name", "path", "key", "run_id", "filter", "filter_string"])
def test_no_name_and_no_filter_has_a_nul(name: str) -> None:
    for value in ("a\0", ["a", "\0"]):
        with pytest.raises(BadRequest, match=f"NUL character in '{name}'"):
            Asking().take([(name, value)])
    Asking().take([("value", "a\0"), ("description", "\0")])


def query_of(fields: int = 0, levels: int = 0, aliases: int = 0) -> str:
    """A query with so many fields, levels and aliases, beside its own braces and one field."""
    inner = "a " + "b " * fields + " ".join(f"c{each}: d" for each in range(aliases))
    return "{" + "e {" * levels + inner + "}" * levels + "}"


@pytest.mark.parametrize(
    ("fine", "more", "words"),
    [
        (query_of(fields=497), query_of(fields=498), "more than 500 words and signs"),
        (query_of(levels=19), query_of(levels=20), "at most 20 levels"),
        (query_of(aliases=30), query_of(aliases=31), "more than 30 aliases"),
        ("{ a } fragment F on T {" + "b " * 487 + "}", "{ a } fragment F on T {" + "b " * 500 + "}", "words and signs"),
    ],
)
def test_a_query_of_graphql_is_within_its_bounds(fine: str, more: str, words: str) -> None:
    queries.check({"query": fine})
    with pytest.raises(BadRequest, match=words):
        queries.check({"query": more})


def test_arguments_are_no_aliases() -> None:
    given = ", ".join(f"a{each}: {{b: [{{c: 1}}]}}" for each in range(20))
    queries.check({"query": f"query Q($v: T = {{d: 1}}) {{ f({given}) }}", "variables": {"v": None}})


def test_what_people_write_is_as_long_as_they_like() -> None:
    Asking().take([(name, "x" * 10**6) for name in ("value", "description", "model_json", "records", "spans")])


@pytest.fixture
def words_seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of filters that were looked at."""
    seen: list[str] = []
    tokenize = lexer.tokenize

    def watched(text: str) -> Iterator[Any]:
        for kind, word in tokenize(text):
            seen.append(word)
            yield kind, word

    monkeypatch.setattr(lexer, "tokenize", watched)
    return seen


def test_a_filter_that_is_too_long_is_not_looked_at(words_seen: list[str]) -> None:
    with pytest.raises(BadRequest, match="The filter has 40001 characters, 40000 are allowed"):
        Asking().take([("filter", "x" * 40_001)])
    assert words_seen == []


@pytest.mark.parametrize("shape", ["a=", "((", ";", "a ", "a,", "'", "/*", "case "])
def test_no_more_words_of_a_filter_are_looked_at_than_a_filter_may_have(words_seen: list[str], shape: str) -> None:
    with pytest.raises(BadRequest):
        Asking().take([("filter", (shape * 20_000)[:40_000]), ("filter", of(31))])
    assert len(words_seen) <= 4_001 + 31 * 10


def test_terms_of_an_order_are_short() -> None:
    Asking().take([("order_by", ["x" * 1000])])
    with pytest.raises(BadRequest, match="has 1001 characters, 1000 are allowed"):
        Asking().take([("order_by", ["x" * 1001])])


@pytest.mark.parametrize("kind", ["lists", "objects"])
def test_json_is_nested_a_hundred_levels_deep_and_no_deeper(kind: str) -> None:
    def nested(levels: int) -> tuple[bytes, Any]:
        body: Any = "x"
        for _ in range(levels):
            body = [body] if kind == "lists" else {"a": body}
        return (b"[" if kind == "lists" else b"{") * levels, body

    check_depth(*nested(100))
    with pytest.raises(BadRequest, match="Expected at most 100 levels"):
        check_depth(*nested(101))


def test_a_wide_body_is_not_a_deep_one() -> None:
    body = {"metrics": [{"key": "a"} for _ in range(1000)]}
    check_depth(b"{" * 1001, body)


def test_the_page_has_the_bounds_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guards.md").read_text().split("## What one request may ask for")[1]
    rows = dict(line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| "))
    told = {name.split(",")[0]: [int(each.replace(",", "")) for each in re.findall(r"[0-9][0-9,]*[0-9]|[0-9]+", text)]
            for name, text in rows.items()}  # fmt: skip
    assert told["comparisons"] == [limits.MOST_COMPARISONS]
    assert told["terms of `order_by`"] == [limits.MOST_TERMS, limits.LONGEST_TERM]
    assert told["a filter"] == [limits.LONGEST_FILTER, limits.MOST_WORDS, 1_000]
    assert told["`experiment_ids`"] == [LISTS["experiment_ids"]]
    assert told["`trace_ids`"] == [LISTS["trace_ids"]]
    assert told["`run_ids`"] == [LISTS["run_ids"]] == [REPEATED["run_id"]]
    assert told["any other list"] == [limits.MOST_ENTRIES]
    assert told["a name"] == [limits.LONGEST_TEXT]
    assert told["`max_results`"] == [NUMBERS["max_results"]]
    assert told["parts of an upload"] == [NUMBERS["num_parts"]]
    words = [queries.MOST_WORDS, queries.MOST_LEVELS, queries.MOST_ALIASES]
    assert told["a query to GraphQL"] == [limits.LONGEST_QUERY, *words]
    assert told["JSON"] == [limits.DEEPEST_JSON]
