"""The table of JSON routes as an OpenAPI 3.1 document, and as docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from . import __version__
from .api_fields import Input
from .api_routes import ADMIN, ADMIN_SESSION, ANYBODY, ROUTES, SESSION, SHAPES, Field, Route

TIME = {"type": "string", "format": "date-time"}
PLAIN: dict[str, dict[str, Any]] = {
    **{name: {"type": name} for name in ("string", "integer", "boolean", "object")},
    "time": TIME,
    "date": {"type": "string", "format": "date"},
}
SECURITY = {
    "basic": {"type": "http", "scheme": "basic", "description": "User name, with the access key as the password."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Access key, or a JWT of the identity provider or of a trusted issuer.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "prokube_auth_session",
        "description": "Set by a login. Writes need an Origin of this server. With https at /, its prefix is __Host-.",
    },
}


def document(external_url: str) -> dict[str, Any]:
    """The OpenAPI document of the server at that URL."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(f"/prokube-auth/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mlflow-prokube-auth", "version": __version__},
        "servers": [{"url": external_url}],
        "paths": paths,
        "components": {
            "schemas": {name: _object(fields) for name, fields in SHAPES.items()},
            "securitySchemes": SECURITY,
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters = _parameters(route.query) if route.query is not None else []
    sorts = ("session",) if route.who in (SESSION, ADMIN_SESSION) else tuple(SECURITY)
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": f"For {route.who}.",
        "operationId": operation_id(route),
        "security": [] if route.who == ANYBODY else [{sort: []} for sort in sorts],
        "responses": {
            str(route.status): _success(route),
            **{str(status): _refusal(status) for status in refusals(route)},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        media = "application/x-www-form-urlencoded" if route.form else "application/json"
        operation["requestBody"] = {"required": True, "content": {media: {"schema": _body(route.body)}}}
    return operation


def operation_id(route: Route) -> str:
    """A name that no other route has."""
    words = route.path.removeprefix("api/").replace(".json", "").replace("/", "-").split("-")
    return "_".join([route.method.lower(), *(word for word in words if word)])


def refusals(route: Route) -> list[int]:
    """The statuses with which a route may refuse."""
    found = {400, 503, *route.refusals}
    if route.who != ANYBODY:
        found.add(401)
    if route.who in (ADMIN, ADMIN_SESSION):
        found.add(403)
    return sorted(found)


def _success(route: Route) -> dict[str, Any]:
    words = HTTPStatus(route.status).phrase
    if route.status == HTTPStatus.NO_CONTENT or not route.answer:
        return {"description": words}
    schema = schema_of(route.answer) if isinstance(route.answer, str) else _object(route.answer)
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}


def _parameters(query: type[Input]) -> list[dict[str, Any]]:
    found = []
    for name, needed, schema in _fields(query):
        text = {"description": schema.pop("description")} if "description" in schema else {}
        found.append({"name": name, "in": "query", "required": needed, "schema": schema, **text})
    return found


def _body(body: type[Input]) -> dict[str, Any]:
    properties = {name: schema for name, _, schema in _fields(body)}
    needed = [name for name, is_needed, _ in _fields(body) if is_needed]
    return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def _fields(model: type[Input]) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Name, whether it is needed, and JSON schema of each field; what may be absent need not be null."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, found in schema["properties"].items():
        given = {**found, **next((each for each in found.get("anyOf", ()) if each != {"type": "null"}), {})}
        kept = {key: value for key, value in given.items() if key not in ("title", "default", "anyOf")}
        yield name, name in schema.get("required", ()), kept


def _object(fields: Iterable[Field]) -> dict[str, Any]:
    properties = {}
    for each in fields:
        schema = schema_of(each.type)
        properties[each.name] = {**schema, "description": each.text} if each.text else schema
    needed = [each.name for each in fields if each.needed]
    return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def schema_of(name: str) -> dict[str, Any]:
    """The JSON schema of one of the table's types."""
    if name.endswith("?"):
        return {"anyOf": [schema_of(name[:-1]), {"type": "null"}]}
    if name.endswith("[]"):
        return {"type": "array", "items": schema_of(name[:-2])}
    return dict(PLAIN[name]) if name in PLAIN else {"$ref": f"#/components/schemas/{name}"}


HEAD = """# JSON routes

This page lists the plugin's JSON routes. Paths are relative to `/prokube-auth/`. A request is authenticated by user
name and access key as Basic, by the access key (or a JWT of the identity provider or a trusted issuer) as Bearer, or by
a browser session. Writes with a session need an `Origin` of this server. Routes that need the browser accept a session
only: an access key cannot create an access key. Errors are JSON as in MLflow, with `error_code` and `message`. Every
route may answer 503 while the database is unavailable. Times are UTC in ISO 8601; `?` after a type means "or null".

`GET /prokube-auth/api/openapi.json` returns the same as OpenAPI 3.1, to everyone who is logged in."""


def page() -> str:
    """The text of docs/api.md."""
    lines = [HEAD]
    for route in ROUTES:
        lines += ["", f"## {route.method} {route.path}", "", f"{route.summary}. For {route.who}."]
        for title, model in (("Query", route.query), ("Form" if route.form else "Body", route.body)):
            lines += _listed(title, _taken(model) if model is not None else ())
        if isinstance(route.answer, str):
            lines += ["", f"Answer {route.status}: {_shape(route.answer)}."]
        else:
            lines += _listed(f"Answer {route.status}", route.answer) or ["", f"Answer {route.status}, without a body."]
        refused = [str(status) for status in refusals(route) if status != HTTPStatus.SERVICE_UNAVAILABLE]
        if refused:
            lines += ["", f"Refusals: {', '.join(refused)}."]
    lines += ["", "## Shapes"]
    for name, fields in SHAPES.items():
        lines += ["", f"### {name}", *_listed("", fields)]
    return "\n".join(lines) + "\n"


def _taken(model: type[Input]) -> list[Field]:
    """What a model takes, as the page lists it."""
    return [
        Field(name, _type(schema), schema.get("description", ""), needed) for name, needed, schema in _fields(model)
    ]


def _type(schema: Mapping[str, Any]) -> str:
    """The table's word for a JSON schema."""
    if schema.get("type") == "array":
        return f"{_type(schema['items'])}[]"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    return str(schema.get("format", schema["type"]))


def _listed(title: str, fields: Iterable[Field]) -> list[str]:
    lines = []
    for each in fields:
        optional, text = "" if each.needed else ", optional", f": {each.text}" if each.text else ""
        lines.append(f"- `{each.name}` {_shape(each.type)}{optional}{text}")
    return ["", *([f"{title}:", ""] if title else []), *lines] if lines else []


def _shape(name: str) -> str:
    core = name.rstrip("?[]")
    return f"[{name}](#{core.lower()})" if core in SHAPES else name
