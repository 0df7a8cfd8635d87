"""How MLflow's handlers read a JSON body: by protobuf, which takes a field by two names."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from mlflow.server.handlers import get_endpoints

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Parameters that name something; others may be spelled as anybody likes.
NAMES_SOMETHING = re.compile(r"(?:.*_)?(?:ids?|uuids?|names?)")


@dataclass(frozen=True)
class Fields:
    """What a message of MLflow's protocol has: second spellings with the first ones, and fields that hold messages."""

    aliases: dict[str, str]
    nested: dict[str, Any]


@functools.lru_cache(maxsize=1)
def _messages() -> dict[tuple[str, str], Any]:
    """The protobuf message of each of MLflow's routes, by method and rule."""
    return {
        (method, path): message.DESCRIPTOR
        for path, message, methods in get_endpoints(lambda message: message)
        for method in methods
        if hasattr(message, "DESCRIPTOR")
    }


@functools.lru_cache(maxsize=512)
def _fields(descriptor: Any) -> Fields:
    aliases = {field.json_name: field.name for field in descriptor.fields if field.json_name != field.name}
    nested = {field.name: field.message_type for field in descriptor.fields if _holds_fields(field.message_type)}
    return Fields(aliases, nested)


def _holds_fields(message: Any) -> bool:
    """Whether its keys are the protocol's: those of maps and of well-known types are the caller's own."""
    own = message is None or message.GetOptions().map_entry or message.full_name.startswith("google.")
    return not own


def normalize_body(method: str, rule: str, body: Any) -> dict[str, Any]:
    """A body as the route's handler reads it: its fields by the names that MLflow's protocol gives them."""
    if not isinstance(body, dict):
        return {}
    descriptor = _messages().get((method, rule))
    return body if descriptor is None else _renamed(descriptor, body)


def _renamed(descriptor: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(descriptor, item) for item in value]
    fields = _fields(descriptor)
    if not isinstance(value, dict) or (not fields.nested and fields.aliases.keys().isdisjoint(value)):
        return value
    # MLflow refuses both spellings at once.
    renamed = {fields.aliases.get(name, name): below for name, below in value.items()}
    return {name: _renamed(fields.nested[name], below) if name in fields.nested else below
            for name, below in renamed.items()}  # fmt: skip


def find_alias_spelling(method: str, rule: str, body: Any) -> tuple[str, str] | None:
    """A second spelling of what names something, and its first one.

    At the top of a body it is known by its form, whatever the route takes; below, by the protocol of the route.
    """
    for name in body if isinstance(body, dict) else ():
        snake = _CAMEL.sub("_", name).lower()
        if snake != name and NAMES_SOMETHING.fullmatch(snake):
            return name, snake
    descriptor = _messages().get((method, rule))
    return None if descriptor is None else _find_alias(descriptor, body)


def named_values(method: str, rule: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a body holds by name: at its top, and below it what the route's message has; maps are the caller's own."""
    yield from body.items()
    descriptor = _messages().get((method, rule))
    if descriptor is not None:
        yield from _nested_values(descriptor, body)


def _nested_values(descriptor: Any, value: Any) -> Iterator[tuple[str, Any]]:
    fields = _fields(descriptor)
    for name, below in value.items():
        inner = fields.nested.get(fields.aliases.get(str(name), str(name)))
        for each in below if isinstance(below, list) else [below]:
            if inner is not None and isinstance(each, dict):
                own = {field.name for field in inner.fields if field.type != field.TYPE_BYTES}
                yield from ((key, item) for key, item in each.items() if key in own)
                yield from _nested_values(inner, each)


def _find_alias(descriptor: Any, value: Any) -> tuple[str, str] | None:
    if isinstance(value, list):
        return next((found for item in value if (found := _find_alias(descriptor, item))), None)
    if not isinstance(value, dict):
        return None
    fields = _fields(descriptor)
    for alias in fields.aliases.keys() & value.keys():
        if NAMES_SOMETHING.fullmatch(fields.aliases[alias]):
            return alias, fields.aliases[alias]
    for key, below in value.items():
        inner = fields.nested.get(fields.aliases.get(str(key), str(key)))
        if inner is not None and (found := _find_alias(inner, below)) is not None:
            return found
    return None


def request_params() -> dict[str, Any]:
    """Query, JSON body and path parameters of the running Flask request."""
    params: dict[str, Any] = dict(request.args)
    body = request.get_json(silent=True) if request.is_json or request.method != "GET" else None
    if isinstance(body, dict):
        params.update(body)
    params.update(request.view_args or {})
    return params
