"""What our OpenAPI document promises holds for made-up requests: no crash, and answers of the promised shape alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mlflow_prokube_auth.api_document import document

from ..support.processes import free_port
from ..support.world import World, running_world

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("openapi"), f"http://127.0.0.1:{port}", port) as running:
        yield running


@pytest.fixture(scope="module")
def headers(world: World) -> dict[str, dict[str, str]]:
    """Of an administrator's session, of a user's, and of nobody."""
    found: dict[str, dict[str, str]] = {"nobody": {}}
    for who in ("admin", "bob"):
        browser, _ = world.log_in(f"{who}@example.com")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        found[who] = {"Cookie": cookie, "Origin": world.origin}
    return found


def without_credentials() -> tuple[dict[str, Any], set[str]]:
    """The document for requests whose credentials are chosen here, and the operations that need none."""
    found, public = document("http://mlflow.test"), set()
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            if not operation.pop("security"):
                public.add(f"{method.upper()} {path}")
    del found["components"]["securitySchemes"]
    return found, public


def operations(document: dict[str, Any]) -> dict[str, schemathesis.APIOperation[Any, Any, Any, Any]]:
    """All operations of the document by their labels."""
    found = {}
    for each in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(each, Ok), each.err()
        operation = each.ok()
        found[operation.label] = operation
    return found


DOCUMENT, PUBLIC = without_credentials()
OPERATIONS = operations(DOCUMENT)


@pytest.mark.parametrize("label", OPERATIONS)
def test_made_up_requests_get_what_the_document_promises(
    world: World, headers: dict[str, dict[str, str]], label: str
) -> None:
    operation = OPERATIONS[label]

    @settings(max_examples=8, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def ask(case: schemathesis.Case[Any]) -> None:
        for who in ("admin", "bob", "nobody"):
            answer = case.call(base_url=world.url, headers=headers[who])
            case.validate_response(answer, checks=CHECKS)
            if who == "bob" and "/api/admin/" in operation.path:
                assert answer.status_code in (400, 403), answer.text
            if who == "nobody" and label not in PUBLIC:
                assert answer.status_code in (400, 401), answer.text

    ask()


def test_the_document_is_what_the_server_shows(world: World, headers: dict[str, dict[str, str]]) -> None:
    shown = httpx.get(f"{world.url}/prokube-auth/api/openapi.json", headers=headers["bob"])
    assert shown.json() == document(world.url)
