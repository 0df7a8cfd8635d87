"""The table of routes says who may call them; a route for which it says nothing is for administrators' sessions."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from flask import Flask, Response

from mlflow_prokube_auth.api_models import NewTeam, Page, Search, Team
from mlflow_prokube_auth.api_routes import ADMIN, ADMIN_SESSION, ANYBODY, ROUTES, SESSION, SIGNED_IN
from mlflow_prokube_auth.errors import Refusal
from mlflow_prokube_auth.identity.caller import CALLER, Caller, Identity, RequestFacts
from mlflow_prokube_auth.identity.middleware import answer
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy import kinds
from mlflow_prokube_auth.web.routes import PAGES, WebRoute, add

from ..support.processes import free_port
from ..support.routes import concrete
from ..support.world import ADMIN as ADA
from ..support.world import ALICE, World, running_world

# Who calls, and to which of the kinds of access that is open.
CALLERS = {
    "nobody": {ANYBODY},
    "a key": {ANYBODY, SIGNED_IN},
    "a session": {ANYBODY, SIGNED_IN, SESSION},
    "an administrator's key": {ANYBODY, SIGNED_IN, ADMIN},
    "an administrator's session": {ANYBODY, SIGNED_IN, SESSION, ADMIN, ADMIN_SESSION},
}
TABLE = [(route.method, route.path, route.who) for route in ROUTES]
TABLE += [(page.method, page.path, page.access) for page in PAGES]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """A client of each caller."""
    port = free_port()
    with running_world(tmp_path_factory.mktemp("routes"), f"http://127.0.0.1:{port}", port) as world:
        found = {"nobody": httpx.Client(base_url=world.url, timeout=60)}
        for email, whose in ((ALICE, "a"), (ADA, "an administrator's")):
            browser, key = logged_in(world, email)
            found[f"{whose} session"] = browser
            found[f"{whose} key"] = httpx.Client(base_url=world.url, auth=(email, key), timeout=60)
        yield found
        for client in found.values():
            client.close()


def logged_in(world: World, email: str) -> tuple[httpx.Client, str]:
    browser, _ = world.log_in(email)
    browser.headers.update({"Origin": world.origin, "Accept": "application/json", "Sec-Fetch-Mode": "cors"})
    return browser, str(world.make_key(browser).json()["access_key"])


@pytest.mark.parametrize(("method", "path", "access"), TABLE, ids=lambda value: str(value))
def test_a_route_is_open_to_whom_the_table_says_alone(
    clients: dict[str, httpx.Client], method: str, path: str, access: str
) -> None:
    for who, opened in CALLERS.items():
        if access in opened and method != "GET":
            continue  # they would change something; that is what the other tests are about
        said = clients[who].request(method, f"/prokube-auth/{concrete(path)}", json={} if method != "GET" else None)
        if access in opened:
            assert said.status_code != 401 or "login" in path or path == "metrics", (who, said.text)
            assert "Only administrators" not in said.text, who
        elif said.status_code == 302:  # a page, which nobody opens without login
            assert who == "nobody"
            assert said.headers["location"].startswith("/prokube-auth/login")
        elif access in (ADMIN, ADMIN_SESSION) and who in ("a key", "a session"):
            assert (said.status_code, said.json()["error_code"]) == (403, "PERMISSION_DENIED"), who
        else:
            assert (said.status_code, said.json()["error_code"]) == (401, "UNAUTHENTICATED"), who


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("access", [None, ANYBODY, SIGNED_IN, SESSION, ADMIN, ADMIN_SESSION])
def test_a_route_that_does_not_say_whom_it_is_open_to_is_open_to_administrators_with_a_session(
    who: str, access: str | None
) -> None:
    app, called = Flask("test"), []
    web: Any = SimpleNamespace(settings=SimpleNamespace(contact="x"), refuse=refuse)

    def view(_: Any) -> str:
        called.append(who)
        return "seen"

    row = WebRoute("GET", "new", view)
    add(app, web, row if access is None else WebRoute(row.method, row.path, row.view, access))
    held = CALLER.set(Caller(RequestFacts("GET", "/prokube-auth/new", {}, ""), lambda _: identity(who)))
    try:
        status = app.test_client().get("/prokube-auth/new").status_code
    finally:
        CALLER.reset(held)
    is_open = (access or ADMIN_SESSION) in CALLERS[who]
    assert (status == 200, called == [who]) == (is_open, is_open)


def test_a_view_gets_what_its_row_reads_and_no_row_differs_from_its_view() -> None:
    web: Any = SimpleNamespace(
        settings=SimpleNamespace(contact="x"), refuse=refuse, catalog=SimpleNamespace(named=kinds.NAMED)
    )

    def view(_: Any, query: Search, body: NewTeam) -> str:
        return f"{query.search} {query.size} {body.team}"

    app = Flask("test")
    for query, body in ((None, NewTeam), (Search, None), (Search, Team), (Page, NewTeam)):
        with pytest.raises(TypeError, match=r"POST new: the view's (query|body) is "):
            add(app, web, WebRoute("POST", "new", view, ANYBODY, query=query, body=body))
    add(app, web, WebRoute("POST", "new", view, ANYBODY, query=Search, body=NewTeam))
    client = app.test_client()
    said = client.post("/prokube-auth/new?search=a&size=1000", json={"team": " b "})
    assert said.text == "a 200 b"
    for sent, told in (
        ({"team": ""}, "'team' is '', expected 1 to 150 printable characters."),
        ({}, "'team' is missing, expected 1 to 150 printable characters."),
        ({"team": 5}, "'team' is 5, expected 1 to 150 printable characters."),
        ([], "Expected a JSON object with 'team'."),
        (None, "Expected a JSON object with 'team'."),
    ):
        said = client.post("/prokube-auth/new", json=sent)
        assert (said.status_code, said.get_json()["message"]) == (400, told)
    answer = client.post("/prokube-auth/new?first=x&size=1.5", json={"team": "b"}).get_json()
    assert answer["message"] == "'first' is 'x', expected a number from 0. 'size' is '1.5', expected a number from 0."


def refuse(refusal: Refusal) -> Response:
    return Response(*answer(refusal))


def identity(who: str) -> Identity | None:
    if who == "nobody":
        return None
    person = Person(1, "somebody", is_admin=who.startswith("an administrator"))
    return Identity(person, "session" if who.endswith("session") else "access key")
