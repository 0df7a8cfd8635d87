"""What our own routes take at all: values that every database can hold, in whatever place of a request they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import request

from ..errors import BadRequest

# Columns of ids are INTEGER: 32 bits on PostgreSQL. No number in JSON of ours means anything larger.
LARGEST = 2**31 - 1


def check(path: Mapping[str, Any]) -> None:
    """Look at every value of the running request: of its path, its query, its form and its JSON.

    Raises:
        BadRequest: a text has a NUL character, which PostgreSQL does not keep, or half of a surrogate pair, which is no
            character; or a number is out of range. The words name where.
        RecursionError: the JSON is nested too deeply.
    """
    for name, text in (*path.items(), *request.args.items(multi=True), *request.form.items(multi=True)):
        _check("a parameter's name", name)
        _check(f"'{name[:80]}'", text)
    for name, value in _values("the body", request.get_json(silent=True)):
        _check(name, value)


def _values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """All texts and numbers in JSON, the names of fields too, each with the name of the field that it stands in."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield "a field's name", key
            yield from _values(f"'{key[:80]}'", below)
    elif isinstance(value, list):
        for below in value:
            yield from _values(name, below)
    else:
        yield name, value


def _check(name: str, value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise BadRequest(f"There is a NUL character in {name}. Expected text without it.")
        if any("\ud800" <= each <= "\udfff" for each in value):
            raise BadRequest(f"There is half of a surrogate pair in {name}. Expected whole characters.")
    elif isinstance(value, (int, float)) and not -LARGEST <= value <= LARGEST:
        raise BadRequest(f"The number in {name} is out of range. Expected one from {-LARGEST} to {LARGEST}.")
