"""The parameters of the installed MLflow's routes: what exists, from its own tables and its own source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.server
from fastapi.routing import APIRoute
from mlflow.server import app as flask_app
from mlflow.server.graphql.graphql_schema_extensions import schema
from mlflow.server.handlers import get_endpoints
from pydantic import BaseModel

from .routes import METHODS, native_routes

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def view_parameters() -> Iterator[tuple[str, str, str]]:
    """Method, rule and name of what stands in the paths of Flask's routes."""
    for rule in flask_app.url_map.iter_rules():
        for method in METHODS:
            if method in (rule.methods or ()):
                yield from ((method, rule.rule, name) for name in rule.arguments)


def message_parameters() -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Method, rule and way to each field of the protocol's messages, as descriptors from the top down."""
    for rule, message, methods in get_endpoints(lambda message: message):
        if hasattr(message, "DESCRIPTOR"):
            for way in _ways(message.DESCRIPTOR, ()):
                yield from ((method, rule, way) for method in methods)


def _ways(descriptor: Any, above: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for field in descriptor.fields:
        way = (*above, field)
        yield way
        inner = field.message_type
        if inner is None or inner.full_name.startswith("google.") or inner.GetOptions().map_entry:
            continue
        if inner.full_name not in {each.message_type.full_name for each in above}:
            yield from _ways(inner, way)


def native_parameters() -> Iterator[tuple[str, str, str]]:
    """Path, place and name of what FastAPI's own routes take: in the path, the query, headers and bodies."""
    for prefix, route in native_routes():
        if not isinstance(route, APIRoute):
            continue
        taken, path = route.dependant, prefix + route.path
        for place, fields in (("path", taken.path_params), ("query", taken.query_params)):
            yield from ((path, place, each.name) for each in fields)
        yield from ((path, "header", each.alias.lower()) for each in taken.header_params)
        for body in taken.body_params:
            yield from ((path, "body", name) for name in _model_fields(body.field_info.annotation))


def _model_fields(model: Any) -> Iterator[str]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            yield name
            yield from _model_fields(field.annotation)


def graphql_parameters() -> Iterator[tuple[str, str, str]]:
    """An operation with a variable ``i``, the variable's type, and a field of it."""
    root = schema.graphql_schema
    for word, type_ in (("query", root.query_type), ("mutation", root.mutation_type)):
        for name, field in type_.fields.items():
            for given, argument in field.args.items():
                text = f"{word} Q($i: {argument.type}) {{ {name}({given}: $i) {{ __typename }} }}"
                yield from ((text, given, each) for each in getattr(argument.type, "fields", None) or (given,))


def names_in_source() -> set[str]:
    """Every text in the source that could be the name of a parameter."""
    folder, found = Path(str(mlflow.server.__file__)).parent, set()
    for source in (*folder.glob("*.py"), folder / "auth" / "__init__.py", folder / "assistant" / "api.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return {name for name in found if re.fullmatch(r"[a-z][a-z0-9_-]*", name)}
