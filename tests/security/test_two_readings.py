"""Requests that MLflow's engine reads one way and its handlers another: each was a way into other people's things."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ..support.demo import Demo

API, API3 = "/api/2.0/mlflow", "/api/3.0/mlflow"


@pytest.fixture
def alice(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url, auth=demo.auth("alice"), timeout=60) as client:
        yield client


@pytest.fixture
def bob(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url, auth=demo.auth("bob"), timeout=60) as client:
        yield client


def model_of(client: httpx.Client, name: str | None = None) -> str:
    name = name or f"model-{uuid.uuid4().hex[:8]}"
    answer = client.post(f"{API}/registered-models/create", json={"name": name})
    assert answer.status_code == 200, answer.text
    return name


def read(client: httpx.Client, name: str) -> int:
    return client.get(f"{API}/registered-models/get", params={"name": name}).status_code


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {}, JSON], ids=["text", "none", "json"])
@pytest.mark.parametrize("route", ["registered-models/delete", "registered-models/delete-tag", "model-versions/delete"])
def test_a_delete_acts_on_what_was_authorized(
    alice: httpx.Client, bob: httpx.Client, route: str, headers: dict[str, str]
) -> None:
    mine, his = model_of(alice), model_of(bob)
    tag = {"name": his, "key": "k", "value": "v"}
    assert bob.post(f"{API}/registered-models/set-tag", json=tag).status_code == 200
    query = {"name": mine, "key": "k", "version": "1"}
    body = json.dumps({"name": his, "key": "k", "version": "1"})
    answer = alice.request("DELETE", f"{API}/{route}", params=query, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    model = bob.get(f"{API}/registered-models/get", params={"name": his})
    assert model.json()["registered_model"]["tags"] == [{"key": "k", "value": "v"}]


@pytest.mark.parametrize(
    "body",
    ['"{\\"name\\": \\"NAME\\"}"', '[{"name": "NAME"}]', "null", "17", '{"name": "NAME"', "[" * 100_000],
    ids=["json in json", "list", "null", "number", "cut", "deep"],
)
def test_a_body_that_is_no_object_is_refused_before_anything_happens(alice: httpx.Client, body: str) -> None:
    name = model_of(alice)
    content = body.replace("NAME", name)
    answer = alice.request("DELETE", f"{API}/registered-models/delete", content=content, headers=JSON)
    assert answer.status_code == 400
    assert read(alice, name) == 200
    answer = alice.post(f"{API}/experiments/create?name={name}", content=content, headers=JSON)
    assert answer.status_code == 400


def test_whoever_deletes_a_model_keeps_nothing_on_the_next_owners(alice: httpx.Client, bob: httpx.Client) -> None:
    name = model_of(alice)
    double = json.dumps(json.dumps({"name": name}))
    alice.request("DELETE", f"{API}/registered-models/delete", params={"name": name}, content=double)
    assert alice.request("DELETE", f"{API}/registered-models/delete", json={"name": name}).status_code == 200
    model_of(bob, name)
    assert read(alice, name) == 403


def test_a_rename_in_camel_case_is_refused_since_the_engine_would_leave_the_grants_behind(
    alice: httpx.Client, bob: httpx.Client
) -> None:
    name = model_of(alice)
    answer = alice.post(f"{API}/registered-models/rename", json={"name": name, "newName": f"{name}-2"})
    assert answer.status_code == 400
    assert "'new_name'" in answer.json()["message"]
    renamed = alice.post(f"{API}/registered-models/rename", json={"name": name, "new_name": f"{name}-2"})
    assert renamed.status_code == 200
    model_of(bob, name)
    assert (read(alice, name), read(bob, f"{name}-2")) == (403, 403)


@pytest.mark.parametrize("route", ["create", "rename"])
def test_a_model_named_like_the_wildcard_is_refused(alice: httpx.Client, bob: httpx.Client, route: str) -> None:
    his = model_of(bob)
    body = {"name": "*"} if route == "create" else {"name": model_of(alice), "new_name": "*"}
    answer = alice.post(f"{API}/registered-models/{route}", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert read(alice, his) == 403


def test_a_name_that_changes_hands_gives_nobody_rights_on_the_other(alice: httpx.Client, bob: httpx.Client) -> None:
    for _ in range(10):
        name = model_of(alice)
        new = f"{name}-b"

        def rename(name: str = name, new: str = new) -> httpx.Response:
            return alice.post(f"{API}/registered-models/rename", json={"name": name, "new_name": new})

        def take(name: str = name) -> int:
            codes = [bob.post(f"{API}/registered-models/create", json={"name": name}).status_code for _ in range(8)]
            return 200 if 200 in codes else codes[-1]

        with ThreadPoolExecutor(3) as pool:
            taken = [pool.submit(take), pool.submit(take)]
            assert pool.submit(rename).result().status_code == 200
            took = any(each.result() == 200 for each in taken)
        assert read(bob, new) == 403
        assert read(alice, name) == 403
        if took:
            assert read(bob, name) == 200


def test_a_name_that_is_deleted_and_taken_at_once_belongs_to_the_taker(alice: httpx.Client, bob: httpx.Client) -> None:
    for _ in range(10):
        name = model_of(alice)

        def delete(name: str = name) -> int:
            return alice.request("DELETE", f"{API}/registered-models/delete", json={"name": name}).status_code

        def take(name: str = name) -> bool:
            return any(
                bob.post(f"{API}/registered-models/create", json={"name": name}).status_code == 200 for _ in range(10)
            )

        with ThreadPoolExecutor(3) as pool:
            taken = [pool.submit(take), pool.submit(take)]
            deleted = pool.submit(delete).result()
            took = any(each.result() for each in taken)
        assert deleted == 200
        assert read(alice, name) == 403
        if took:
            assert read(bob, name) == 200


def roles(client: httpx.Client, path: str) -> Any:
    return client.get(f"{API3}/{path}")


def test_nobody_reads_what_others_hold_from_their_roles(demo: Demo, alice: httpx.Client, bob: httpx.Client) -> None:
    model_of(alice)
    secret = model_of(bob)
    with httpx.Client(base_url=demo.url, auth=demo.auth("admin"), timeout=60) as admin:
        everybodys = roles(admin, "roles/list?workspace=default").json()["roles"]
    bobs = next(role for role in everybodys if secret in json.dumps(role))
    seen = roles(alice, "roles/list?workspace=default")
    assert seen.status_code == 200
    assert seen.json()["roles"]
    assert secret not in seen.text
    own = seen.json()["roles"][0]["id"]
    for path in ("roles/get", "roles/permissions/list"):
        assert roles(alice, f"{path}?role_id={own}").status_code == 200
        for role_id in (bobs["id"], 10**6):
            refused = roles(alice, f"{path}?role_id={role_id}")
            assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
            assert secret not in refused.text
    assert secret in roles(bob, f"roles/get?role_id={bobs['id']}").text


@pytest.mark.parametrize("path", ["/prokube-auth/api/cli/token", f"{API}/users/current"])
def test_what_is_nested_too_deeply_is_refused_and_no_crash(demo: Demo, path: str) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9." + ("W" * 16_000) + ".x"
    answer = httpx.post(demo.url + path, content="[" * 60_000, headers={**JSON, "Authorization": f"Bearer {token}"})
    assert answer.status_code in (400, 401)
    answer = httpx.get(demo.url + path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in (401, 405)


def test_a_message_of_the_protocol_that_holds_itself_too_often_is_refused_and_no_crash(alice: httpx.Client) -> None:
    value = '{"array_value":{"values":[' * 400 + "{}" + "]}}" * 400
    body = f'{{"trace": {{"spans": [{{"attributes": [{{"key": "k", "value": {value}}}]}}]}}}}'
    answer = alice.post(f"{API3}/traces", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("cookie", ['"a\\000.x"', 'a"b.c', "x" * 5000 + ".y", "..", "é.x", "a['].b"])
def test_a_cookie_that_is_none_of_ours_is_nobody(demo: Demo, cookie: str) -> None:
    header = f"prokube_auth_session={cookie}".encode()
    answer = httpx.get(f"{demo.url}{API}/users/current", headers={b"Cookie": header})
    assert answer.status_code in (400, 401)


def test_an_odd_cookie_of_somebody_else_does_not_hide_ours() -> None:
    from mlflow_prokube_auth.identity.presented import session_cookie

    assert session_cookie('a["b]=1; prokube_auth_session=id.secret; z', "prokube_auth_session") == ("id", "secret")


def test_beginning_many_logins_fills_no_database(demo: Demo) -> None:
    import sqlite3
    from contextlib import closing

    with httpx.Client(base_url=demo.url, timeout=30) as browser:
        for _ in range(12):
            answer = browser.get("/prokube-auth/login/start", params={"next": "#/" + "x" * 20_000})
            assert answer.status_code == 302
        session_id = browser.cookies["prokube_auth_session"].split(".")[0]
    with closing(sqlite3.connect(demo.directory / "data" / "mlflow.db", timeout=20)) as connection:
        (data,) = connection.execute("SELECT data FROM prokube_sessions WHERE id = ?", (session_id,)).fetchone()
    assert len([key for key in json.loads(data) if key.startswith("_state_")]) == 5
    assert len(data) < 5_000


def test_a_callback_writes_no_line_of_its_own_into_the_log(demo: Demo) -> None:
    with httpx.Client(base_url=demo.url, timeout=30) as browser:
        browser.get("/prokube-auth/login/start")
        browser.get("/prokube-auth/callback", params={"error": "foo\nFAKE line " + "x" * 2000, "state": "s"})
    assert not [line for line in demo.log.read_text().splitlines() if line.startswith("FAKE")]


def test_every_route_of_mlflows_that_takes_a_body_is_looked_at_for_two_readings() -> None:
    """But uploads and forms, and what has no body. Of FastAPI's own, one parser reads for all."""
    from mlflow.server import app as flask_app

    from mlflow_prokube_auth.mlflow_auth.pipeline import NOT_JSON, takes_json

    left = {
        rule.rule
        for rule in flask_app.url_map.iter_rules()
        if {"POST", "PUT", "PATCH", "DELETE"} & set(rule.methods or ())
        if rule.endpoint not in NOT_JSON and not takes_json(rule.rule)
    }
    files = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
    assert {rule for rule in left if not rule.startswith(files)} == {"/graphql"}
