"""Requests whose parts MLflow's engine and MLflow's handlers would read differently are refused.

The engine decides on what it reads; the handler acts on what *it* reads. On MLflow 3.17 the two differ for a body
that is not declared as JSON (the handler takes it all the same), for JSON within a JSON string, for a DELETE with a
query and a body, for a GET with a body, and for names in camelCase (which protobuf takes for the same field; those are
found by ``mlflow_auth/protocol.py``). Where two names stand for one thing (``run_id`` and ``run_uuid``), each may read
another of them first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest

# Names of one thing; MLflow's engine takes the first that is there, its handlers now the one and now the other.
SAME: tuple[tuple[str, str], ...] = (("run_id", "run_uuid"), ("trace_id", "request_id"))


def reject_ambiguous_request(
    method: str,
    query: Mapping[str, str],
    path: Mapping[str, Any],
    declared_json: bool,
    body: Any,
    has_body: bool,
    graphql: bool,
) -> None:
    """Refuse what can be read in two ways. ``body`` is the parsed JSON, None where it is none.

    GraphQL's own parameters are in camelCase, and none of them names a resource.

    Raises:
        BadRequest: saying what was found and what is expected.
    """
    if not has_body:
        return
    if method in ("GET", "HEAD", "OPTIONS"):
        if graphql:
            return
        raise BadRequest(f"The {method} has a body. Expected all parameters in the query.")
    if not declared_json:
        raise BadRequest("The body is not declared as JSON. Expected the header Content-Type: application/json.")
    if not isinstance(body, dict):
        raise BadRequest(f'The body is {_kind(body)}. Expected one JSON object, such as {{"name": "..."}}.')
    if method == "DELETE" and query and body:
        raise BadRequest("Parameters stand in the query and in the body. Expected all of them in one place.")
    for name, value in () if graphql else body.items():
        for place, given in (("query", query.get(name)), ("path", path.get(name))):
            if given is not None and str(given) != str(value):
                raise BadRequest(f"The parameter '{name[:80]}' has one value in the {place} and another in the body.")


def check_spellings(*places: Mapping[str, Any]) -> None:
    """Refuse two names of one thing with two values, in one place or in two.

    Raises:
        BadRequest: naming both.
    """
    for one, other in SAME:
        values = {str(place[name]) for place in places for name in (one, other) if place.get(name) is not None}
        if len(values) > 1:
            raise BadRequest(f"'{one}' and '{other}' stand for one thing and have two values. Expected one of them.")


def check_file_name(value: Any) -> None:
    """Refuse what names no file of an upload in parts: MLflow joins it to the path of the folder.

    Raises:
        BadRequest: saying what was found.
    """
    if value is not None and (not isinstance(value, str) or {".", ".."} & set(value.split("/"))):
        raise BadRequest(f"'path' is {value!r:.80}, which is no file's name.")


def misspelt(found: str, expected: str) -> BadRequest:
    """The refusal of a name in another spelling than the engine reads."""
    return BadRequest(f"Unknown parameter '{found[:80]}'. Expected the spelling '{expected[:80]}'.")


def _kind(body: Any) -> str:
    if body is None:
        return "no JSON, or null"
    return {list: "a list", str: "a string", bool: "a boolean"}.get(type(body), "a number")
