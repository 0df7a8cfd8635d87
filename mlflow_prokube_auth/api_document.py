"""The table of JSON routes as an OpenAPI 3.1 document, and as docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from . import __version__
from .api_routes import ADMIN, ADMIN_SESSION, ANYBODY, ROUTES, SESSION, SHAPES, Field, Route

TIME = {"type": "string", "format": "date-time"}
PLAIN: dict[str, dict[str, Any]] = {
    **{name: {"type": name} for name in ("string", "integer", "boolean", "object")},
    "time": TIME,
    "date": {"type": "string", "format": "date"},
}
SECURITY = {
    "basic": {"type": "http", "scheme": "basic", "description": "User name, and access key as password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "Access key, or a JWT of Keycloak's."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "prokube_auth_session",
        "description": "Of a login; writes need an Origin of the server's. Over https at / it is prefixed __Host-.",
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
    parameters = [_parameter(each) for each in route.query]
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
    if route.body:
        media = "application/x-www-form-urlencoded" if route.form else "application/json"
        operation["requestBody"] = {"required": True, "content": {media: {"schema": _object(route.body)}}}
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


def _parameter(each: Field) -> dict[str, Any]:
    described = {"description": each.text} if each.text else {}
    return {"name": each.name, "in": "query", "required": each.needed, "schema": schema_of(each.type), **described}


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

Below `/prokube-auth/`. Credentials are those of MLflow's client: user name and access key as Basic, the access key (or
a JWT of Keycloak's) as Bearer, or a browser's session, whose writes need an `Origin` of the server's. What needs the
browser takes the session alone: no key mints a key. Refusals are MLflow's JSON, `error_code` and `message`; each route
may answer 503 while the database is away. Times are UTC, ISO 8601; `?` behind a type stands for "or null".

The same as OpenAPI 3.1: `GET /prokube-auth/api/openapi.json`, for anybody who is signed in."""


def page() -> str:
    """The text of docs/api.md."""
    lines = [HEAD]
    for route in ROUTES:
        lines += ["", f"## {route.method} {route.path}", "", f"{route.summary}. For {route.who}."]
        for title, fields in (("Query", route.query), ("Form" if route.form else "Body", route.body)):
            lines += _listed(title, fields)
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


def _listed(title: str, fields: Iterable[Field]) -> list[str]:
    lines = []
    for each in fields:
        optional, text = "" if each.needed else ", optional", f": {each.text}" if each.text else ""
        lines.append(f"- `{each.name}` {_shape(each.type)}{optional}{text}")
    return ["", *([f"{title}:", ""] if title else []), *lines] if lines else []


def _shape(name: str) -> str:
    core = name.rstrip("?[]")
    return f"[{name}](#{core.lower()})" if core in SHAPES else name
