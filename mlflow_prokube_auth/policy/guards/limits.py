"""What one request may ask for: comparisons, terms of an order, entries of a list, numbers, characters in a name.

MLflow makes the database join a table for each comparison and each term, and the plan of a join costs more than each
table alone: 150 comparisons on empty tables take PostgreSQL 10 seconds and 750 MB, 400 more than 9 minutes, and it
goes on when the client has left. Of lists, MLflow and its engine look at each entry by itself. All is counted before
anything is parsed, asked or sent to the database, for whoever asks.

The tables name the parameters, whatever route takes them: a new route of MLflow's is bounded as the old ones are. A
test finds every such parameter in MLflow's own tables of routes and fails on one that stands in none of these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from sqlparse import lexer
from sqlparse import tokens as sql

from ...errors import BadRequest
from .. import ids

# On PostgreSQL a search with so many takes about a second where nothing is to be found.
MOST_COMPARISONS, MOST_TERMS = 30, 10
# Enough for 1,000 ids of runs. sqlparse needs more time for each character, the longer the text is.
LONGEST_FILTER, LONGEST_TERM = 40_000, 1_000
# Words and signs of a filter: 1,000 values with commas and blanks, and the comparisons.
MOST_WORDS = 4_000
# Of any list or map at the top of a request, but where the table below says something else.
MOST_ENTRIES = 1_000
# Of names, ids, paths and addresses: what the longest column of MLflow's for one holds, and more.
LONGEST_TEXT = 4_096
# GraphQL compares the fields of a query with one another; those of MLflow's pages have 3,000 characters.
LONGEST_QUERY = 20_000
DEEPEST_JSON = 100

FILTERS = ids.FILTERS | {"base_filter"}
ORDERS = frozenset({"order_by"})
# Lists of MLflow's requests, and how many entries one may have.
LISTS: dict[str, int] = {
    # mlflow.search_runs(search_all_experiments=True) names all of them.
    "experiment_ids": 10_000,
    # MLflow's own bound, which it looks at after its engine has read each run.
    "run_ids": 100,
    "trace_ids": 500,
    "request_ids": MOST_ENTRIES,
    "locations": MOST_ENTRIES,
    "dataset_record_ids": MOST_ENTRIES,
    "item_ids": MOST_ENTRIES,
    "schema_ids": MOST_ENTRIES,
    "scorer_ids": MOST_ENTRIES,
    "serialized_scorers": 100,
    "scorer_versions": 100,
    "aggregations": 20,
    "dimensions": 20,
    "stages": 20,
    "metrics": MOST_ENTRIES,
    "params": MOST_ENTRIES,
    "tags": MOST_ENTRIES,
    "request_metadata": MOST_ENTRIES,
    "datasets": MOST_ENTRIES,
    "models": MOST_ENTRIES,
    "prompt_versions": 100,
    "model_configs": 100,
    "users": MOST_ENTRIES,
    "root_causes": MOST_ENTRIES,
    "categories": MOST_ENTRIES,
    "metadata": MOST_ENTRIES,
    "delete_metadata_keys": MOST_ENTRIES,
    "statuses": MOST_ENTRIES,
    "severities": MOST_ENTRIES,
    "events": 100,
    "include_skill_identities": 500,
    "secret_value": 100,
    "auth_config": 100,
    # The parts of an upload, of which S3 allows so many.
    "parts": 10_000,
}
# Of these, MLflow's datasets take a map as one text of JSON.
PACKED = frozenset({"tags"})
# Numbers that MLflow works off one by one: an address is signed for each part, also for a thousand million of them.
NUMBERS: dict[str, int] = {"num_parts": 10_000, "max_results": 200_000}
# Parameters that are repeated in a query and single in a body.
REPEATED: dict[str, int] = {"run_id": 100}

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONGEST_NAME = 100
_SHORT = re.compile(
    r"(?:.*_)?(?:ids?|uuids?|names?|keys?|paths?|uris?|urls?|source|location|root|alias|stages?|version|link)"
)
_COUNTED = frozenset({"IN", "IS"})


class Asking:
    """What a request has asked for so far. A request to GraphQL asks several times, and all of it counts together."""

    def __init__(self) -> None:
        self._comparisons = self._terms = 0

    def take(self, parameters: Iterable[tuple[str, Any]]) -> None:
        """Count parameters in.

        Raises:
            BadRequest: it is too much; the words say what was found, what is allowed and what to do.
        """
        for name, value in parameters:
            known = _CAMEL.sub("_", str(name)[:_LONGEST_NAME]).lower()
            if known in FILTERS:
                _check_characters(known, value)
                self._filter(value)
            elif known in ORDERS:
                self._order(value)
            _check_entries(known, value)
            if known in NUMBERS:
                _check_number(known, value)
            if known == "query" or _SHORT.fullmatch(known):
                _check_characters(known, value)
                _check_lengths(known, value, LONGEST_QUERY if known == "query" else LONGEST_TEXT)

    def _filter(self, value: Any) -> None:
        for text in _texts(value):
            self._comparisons += comparisons(text)
        if self._comparisons > MOST_COMPARISONS:
            raise BadRequest(
                f"The filter has {self._comparisons} comparisons, {MOST_COMPARISONS} are allowed: the database joins a "
                "table for each. Compare less and pick from what comes back, or search in several steps. To look for "
                "one of many values, use IN ('a', 'b')."
            )

    def _order(self, value: Any) -> None:
        terms = value if isinstance(value, list) else [value]
        self._terms += len(terms)
        if self._terms > MOST_TERMS:
            raise BadRequest(
                f"order_by has {self._terms} terms, {MOST_TERMS} are allowed: the database joins a table for each. "
                "Order by the first of them, and sort what comes back."
            )
        for text in _texts(terms):
            if len(text) > LONGEST_TERM:
                raise BadRequest(f"A term of order_by has {len(text)} characters, {LONGEST_TERM} are allowed.")


def comparisons(text: str) -> int:
    """How many comparisons MLflow may find in a filter (mlflow/utils/search_utils.py), by the words alone.

    The words are those that MLflow's parser sees, so that nothing hides in quotes, comments or odd blanks.

    Raises:
        BadRequest: it is too long to be looked at.
    """
    if len(text) > LONGEST_FILTER:
        raise BadRequest(
            f"The filter has {len(text)} characters, {LONGEST_FILTER} are allowed. Search in several steps."
        )
    found = 0
    for position, (kind, word) in enumerate(lexer.tokenize(text)):
        if position == MOST_WORDS:
            raise BadRequest(f"The filter has more than {MOST_WORDS} words and signs. Search in several steps.")
        found += kind is sql.Comparison or (kind is sql.Keyword and word.upper() in _COUNTED)
    return found


def check_depth(text: bytes, parsed: Any) -> None:
    """Refuse JSON that is nested more deeply than anything of MLflow's: what walks it would run out of stack.

    Raises:
        BadRequest: saying how deep it may be.
    """
    if text.count(b"[") + text.count(b"{") <= DEEPEST_JSON:
        return
    level = [parsed]
    for _ in range(DEEPEST_JSON):
        level = [
            below
            for each in level
            if isinstance(each, (dict, list))
            for below in (each.values() if isinstance(each, dict) else each)
            if isinstance(below, (dict, list))
        ]
        if not level:
            return
    raise BadRequest(f"The body is nested too deeply. Expected at most {DEEPEST_JSON} levels.")


def _texts(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _check_entries(name: str, value: Any) -> None:
    if name in PACKED and isinstance(value, str):
        value = _unpacked(value)
    elif name in LISTS and isinstance(value, str):  # MLflow's engine would look at each character
        raise BadRequest(f"'{name}' is a text. Expected a list.")
    if not isinstance(value, (list, dict)):
        return
    most = LISTS.get(name, REPEATED.get(name, MOST_ENTRIES))
    if len(value) > most:
        raise BadRequest(f"'{name}' has {len(value)} entries, {most} are allowed at once. Ask in several requests.")


def _unpacked(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # MLflow says what is wrong with it


def _check_characters(name: str, value: Any) -> None:
    """PostgreSQL keeps and compares no text with a NUL; what people write, such as a tag's value, may have one."""
    if any("\0" in text for text in _texts(value)):
        raise BadRequest(f"There is a NUL character in '{name}'. Expected text without it.")


def _check_lengths(name: str, value: Any, most: int) -> None:
    longest = max(map(len, _texts(value)), default=0)
    if longest > most:
        raise BadRequest(f"'{name}' has {longest} characters, {most} are allowed.")


def _check_number(name: str, value: Any) -> None:
    for each in value if isinstance(value, list) else [value]:
        try:
            too_many = float(each) > NUMBERS[name]  # as protobuf takes it: a number or its digits, 1e9 too
        except (TypeError, ValueError, OverflowError):
            too_many = isinstance(each, int)
        if too_many:
            raise BadRequest(f"'{name}' is {str(each)[:20]}, at most {NUMBERS[name]} are allowed.")
