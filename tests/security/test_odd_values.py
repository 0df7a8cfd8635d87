"""Values that databases cannot hold, in each place of each of our own routes: refused in words, never a crash.

PostgreSQL keeps no NUL character in a text, no driver encodes half a surrogate pair, SQLite binds no number beyond 64
bits, and columns of ids on PostgreSQL have 32.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

import mlflow_prokube_auth.web
from mlflow_prokube_auth.api_routes import ROUTES
from mlflow_prokube_auth.web.routes import PAGES

from ..support.long_forms import LONG_FORM
from ..support.personas import ok
from ..support.postgres import Postgres
from ..support.processes import free_port
from ..support.tenants import refused
from ..support.world import World, running_world

WEB = Path(mlflow_prokube_auth.web.__file__).parent
# psycopg 3 is the stricter of the two drivers: it binds a number as wide as its column.
DATABASES = (pytest.param("sqlite", marks=LONG_FORM), "postgresql+psycopg")
NUL, HALF_A_PAIR = "a\0b", "a\ud800b"
# Written as a number in JSON, and as digits elsewhere.
NUMBERS = (2**31, 10**19 - 1, 10**30)
# Parameters of pages that hold numbers.
NUMBERED = frozenset({"id", "port", "days", "first", "size", "since", "until"})
# As Python's JSON reads and writes them.
NO_NUMBERS = (float("inf"), float("nan"))
USUAL: dict[str, Any] = {
    "kind": "experiment", "id": "0", "user": "bob@example.com", "team": "odd", "level": "READ", "prefix": "p",
    "name": "robot", "days": 7, "successor": "bob@example.com", "resources": [{"kind": "experiment", "id": "0"}],
    "state": "s" * 20, "challenge": "c" * 43, "code": "c" * 43, "verifier": "v" * 43,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One value of a request: a part of the path, a parameter of the query, or a field of a form or of JSON."""

    method: str
    path: str
    where: str
    name: str
    others: tuple[str, ...] = ()

    def request(self, value: Any) -> dict[str, Any]:
        """With ``value`` there, and what is usual in the other places."""
        path = self.path.replace("{name}", quote(str(value)) if self.where == "path" else "robot")
        asked: dict[str, Any] = {"method": self.method, "url": f"/prokube-auth/{path}"}
        given = {name: USUAL[name] for name in self.others if name in USUAL and name != self.name}
        if self.where == "query":
            asked["url"] += "?" + urlencode({**given, self.name: value})
        elif self.where == "form":
            asked["data"] = {self.name: value}
        elif self.where == "json":
            asked |= {"content": json.dumps({**given, self.name: value})}
            asked["headers"] = {"Content-Type": "application/json"}
        return asked


def own_routes() -> list[tuple[str, str]]:
    """From the one place where all routes stand."""
    found = [(route.method, route.path) for route in ROUTES] + [(page.method, page.path) for page in PAGES]
    assert len(found) > 50
    return [(method, re.sub("<[^>]*>", "{name}", path)) for method, path in found]


def names_in_pages() -> set[str]:
    """What our views take out of queries and forms, by their source."""
    taken = r'(?:args|form|values|given|body|sent)(?:\(\))?(?:\.get\(|\[)"(\w+)"'
    found = {name for source in WEB.glob("*.py") for name in re.findall(taken, source.read_text())}
    assert found > {"next", "username"}
    found |= {name for row in PAGES if row.query is not None for name in row.query.model_fields}
    return found | {"code", "state", "error", "iss"}  # Keycloak's answer, which Authlib reads


def places() -> Iterator[Place]:
    documented = {(route.method, route.path): route for route in ROUTES}
    for method, path in own_routes():
        if "{name}" in path:
            yield Place(method, path, "path", "name")
        route = documented.get((method, path))
        query = tuple(route.query.model_fields if route.query else ()) if route else tuple(sorted(names_in_pages()))
        body = tuple(route.body.model_fields) if route and route.body else ()
        yield from (Place(method, path, "query", name, query if route else ()) for name in (*query, "unknown"))
        if method == "POST" and (route is None or route.form):
            yield from (Place(method, path, "form", name) for name in sorted(names_in_pages()))
        elif method != "GET":
            yield from (Place(method, path, "json", name, body) for name in (*body, "unknown"))


PLACES = list(places())
# Where what is not refused does not log out, so that all else would be 401.
STAYING = [place for place in PLACES if place.path != "logout"]


@pytest.fixture(scope="module", params=DATABASES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = None
    if request.param != "sqlite":
        server: Postgres = request.getfixturevalue("postgres")
        database = server.new_database().replace("postgresql", request.param, 1)
    port, folder = free_port(), tmp_path_factory.mktemp("odd")
    with running_world(folder, f"http://127.0.0.1:{port}", port, database=database) as running:
        yield running


@pytest.fixture(scope="module")
def admin(world: World) -> Iterator[httpx.Client]:
    """An administrator's session, which every route of ours takes."""
    browser, _ = world.log_in("admin@example.com")
    browser.headers.update({"Origin": world.origin, "Accept": "*/*"})
    ok(browser.post("/prokube-auth/api/admin/service-accounts", json={"name": "robot"}))
    ok(browser.post("/prokube-auth/api/admin/teams", json={"team": "odd"}))
    world.log_in("bob@example.com")[0].close()
    yield browser
    browser.close()


def test_no_place_of_our_routes_takes_a_nul(admin: httpx.Client) -> None:
    taken = []
    for place in PLACES:
        answer = admin.request(**place.request(NUL))
        if answer.status_code != 400 or "NUL" not in answer.text:
            taken.append((place.method, place.path, place.where, place.name, answer.status_code))
    assert taken == []


def test_no_place_of_our_routes_takes_half_a_character(admin: httpx.Client) -> None:
    for place in (each for each in PLACES if each.where == "json"):
        for value in (HALF_A_PAIR, [HALF_A_PAIR], {HALF_A_PAIR: 1}, {"id": HALF_A_PAIR}):
            assert "surrogate" in refused(admin.request(**place.request(value)), 400), place


def test_no_number_makes_one_of_our_routes_crash(admin: httpx.Client) -> None:
    taken = []
    asked = [each for each in STAYING if each.where in ("path", "json") or each.others or each.name in NUMBERED]
    for place in asked:
        for number in NUMBERS:
            answer = admin.request(**place.request(number))
            if answer.status_code == 401 or answer.status_code >= (401 if place.where == "json" else 500):
                taken.append((place.method, place.path, place.where, place.name, number, answer.status_code))
    assert taken == []


def test_what_is_no_number_in_json_is_none_here(admin: httpx.Client) -> None:
    for place in (each for each in PLACES if each.where == "json"):
        for value in NO_NUMBERS:
            refused(admin.request(**place.request(value)), 400)


@pytest.mark.parametrize(
    "kind", ["experiment", "scorer", "registered_model", "gateway_endpoint", "mcp_server", "skill"]
)
def test_no_id_of_any_kind_makes_one_of_our_routes_crash(admin: httpx.Client, kind: str) -> None:
    for place in (each for each in STAYING if each.name == "id"):
        for number in NUMBERS:
            asked = {"kind": kind, "id": f"{number}/x" if kind == "scorer" else str(number)}
            given = {name: USUAL[name] for name in place.others if name in USUAL} | asked
            if place.where == "query":
                answer = admin.request(place.method, f"/prokube-auth/{place.path}", params=given)
            else:
                answer = admin.request(place.method, f"/prokube-auth/{place.path}", json=given)
            assert answer.status_code not in (401, 500, 503), (place, asked, answer.text)


def test_no_credential_with_odd_characters_makes_a_route_crash(world: World, admin: httpx.Client) -> None:
    key = ok(admin.post("/prokube-auth/api/access-key", json={"days": 7}))["access_key"]
    for name, password in (("\0", key), ("admin@example.com\0", key), ("\0", "x"), ("admin@example.com", key + "\0")):
        header = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        for path in ("/prokube-auth/api/me", "/api/2.0/mlflow/experiments/get?experiment_id=0"):
            answer = httpx.get(world.url + path, headers={"Authorization": header}, timeout=30)
            assert answer.status_code == 401, (name, password == key, answer.text)


def test_no_name_of_mlflows_has_a_nul_and_no_id_of_mlflows_is_larger_than_it_can_be(admin: httpx.Client) -> None:
    api = "/api/2.0/mlflow"
    for answer in (
        admin.post(f"{api}/experiments/create", json={"name": NUL}),
        admin.post(f"{api}/registered-models/create", json={"name": NUL}),
        admin.get(f"{api}/experiments/get-by-name", params={"experiment_name": NUL}),
        admin.get(f"{api}/registered-models/get", params={"name": NUL}),
        admin.get(f"{api}/experiments/get", params={"experiment_id": str(2**63)}),
        admin.get(f"{api}/experiments/get", params={"experiment_id": str(10**19 - 1)}),
        admin.get(f"{api}-artifacts/artifacts/0/a%00b"),
    ):
        refused(answer, 400)
