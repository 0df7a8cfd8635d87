"""The table of JSON routes is that of the server, and all that is made of it is sound."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlflow_prokube_auth.api_document import document, operation_id, page, schema_of
from mlflow_prokube_auth.api_routes import ROUTES, SHAPES, Field
from mlflow_prokube_auth.web.routes import PAGES, VIEWS

ROOT = Path(__file__).parents[2]
# JSON without being below api/.
FURTHER = ("health", "ready", "backchannel-logout")


def test_every_json_route_is_described_and_nothing_else() -> None:
    described = [(route.method, route.path) for route in ROUTES]
    assert set(described) == VIEWS.keys()
    assert len(described) == len(set(described))
    assert not [page.path for page in PAGES if page.path.startswith("api")]


def test_no_route_has_a_name_that_people_choose_in_its_path() -> None:
    """A slash, a dot or a percent sign in it would make it another path, here or in a proxy."""
    text = (ROOT / "mlflow_prokube_auth" / "web" / "routes.py").read_text()
    # The last one is of addresses that mlflow-oidc-auth chose; they only lead elsewhere.
    assert re.findall(r'"([^"\s]*<[^"]*)"', text) == ["admin/<section>", "assets/<given>/<name>", "<path:rest>"]
    assert not [route.path for route in ROUTES if set(route.path) & set("{<")]


def test_the_page_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "api.md").read_text() == page(), "run: python docs/make_api.py > docs/api.md"


def fields() -> list[Field]:
    found = [each for shape in SHAPES.values() for each in shape]
    for route in ROUTES:
        found += [*(route.answer if not isinstance(route.answer, str) else ())]
    return found


def test_every_shape_that_is_named_is_there_and_used() -> None:
    text = json.dumps(document("https://mlflow.test"))
    named = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert named == set(SHAPES)
    for each in fields():
        schema_of(each.type)


def test_operations_have_names_of_their_own() -> None:
    names = [operation_id(route) for route in ROUTES]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


@pytest.mark.parametrize("route", ROUTES, ids=operation_id)
def test_what_is_public_says_so(route: Any) -> None:
    operation = document("https://mlflow.test")["paths"][f"/prokube-auth/{route.path}"][route.method.lower()]
    assert (operation["security"] == []) == (route.who == "everyone")
    assert ("403" in operation["responses"]) or not route.path.startswith("api/admin/")
    assert ({"session": []} in operation["security"]) or route.who == "everyone"
