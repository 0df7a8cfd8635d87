"""What is tried with keys: guessed, replaced, of somebody else, in places where they do not belong."""

from __future__ import annotations

import base64
import secrets
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from mlflow_prokube_auth.identity.caller import CALLER, Caller, Identity, RequestFacts, current_identity
from mlflow_prokube_auth.identity.key_format import _base62, compose, parse
from mlflow_prokube_auth.model import Person

from ..support.processes import free_port
from ..support.world import World, running_world

ME = "/api/2.0/mlflow/users/current"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("credentials"), f"http://127.0.0.1:{port}", port) as running:
        yield running


def key_of(world: World, who: str) -> str:
    answer = world.make_key(world.log_in(f"{who}@example.com")[0])
    assert answer.status_code == 201, answer.text
    return str(answer.json()["access_key"])


def forged(key: str) -> str:
    """A key with the public id of another and a right checksum: only the secret is wrong."""
    body = key[:17] + compose(secrets.token_bytes(41)).text[17:60]
    made = body + _base62(zlib.crc32(body.encode()), 6)
    parsed = parse(made)
    assert parsed is not None
    assert parsed.key_id == key[4:16]
    return made


def test_a_refusal_tells_neither_users_nor_keys(world: World) -> None:
    alices, bobs = key_of(world, "alice"), key_of(world, "bob")
    tried = [
        ("bob@example.com", "wrong"),
        ("nobody@example.com", "wrong"),
        ("nobody@example.com", bobs),
        ("alice@example.com", bobs),
        ("", bobs),
        ("bob@example.com", ""),
        ("bob@example.com", alices[:-1] + "~"),
        ("bob@example.com", forged(bobs)),
        ("bob@example.com", compose(secrets.token_bytes(41)).text),
        ("bob@example.com", bobs.upper()),
    ]
    answers = {httpx.get(world.url + ME, auth=pair).text for pair in tried}
    answers |= {
        httpx.get(world.url + ME, headers={"Authorization": f"Bearer {key}"}).text
        for key in (forged(bobs), compose(secrets.token_bytes(41)).text, "pkt_", "pkt_x_y")
    }
    assert len(answers) == 1, answers
    refused = httpx.get(world.url + ME, auth=("bob@example.com", forged(bobs)))
    assert (refused.status_code, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert "bob" not in refused.text
    assert httpx.get(world.url + ME, auth=("BOB@Example.com", bobs)).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "password", "Authorization"])
def test_a_key_in_an_address_is_no_credential(world: World, name: str) -> None:
    key = key_of(world, "bob")
    assert httpx.get(world.url + ME, params={name: key}).status_code == 401
    assert httpx.post(f"{world.url}/graphql?{name}={key}", json={"query": "{ __typename }"}).status_code == 401


@pytest.mark.parametrize("mark", ["\n", "\r\n", " ", "\t"])
def test_white_space_around_user_name_and_key_does_no_harm(world: World, mark: str) -> None:
    key = key_of(world, "alice")
    for auth in ((f"alice@example.com{mark}", key), ("alice@example.com", f"{key}{mark}"), (mark, key)):
        expected = 200 if auth[0].strip() else 401
        assert httpx.get(f"{world.url}{ME}", auth=auth).status_code == expected, auth


@pytest.mark.parametrize(
    ("around", "told"), [('"{}"', "is wrapped in quotes"), ("Bearer {}", "has the word 'Bearer' in front of it")]
)
def test_a_key_that_is_wrapped_in_something_is_told_so(world: World, around: str, told: str) -> None:
    key = key_of(world, "alice")
    text = around.format(key)
    answers = [
        httpx.get(f"{world.url}{ME}", auth=("alice@example.com", text)),
        httpx.get(f"{world.url}{ME}", headers={"Authorization": f"Bearer {text}"}),
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert told in answer.json()["message"]
        assert key[4:] not in answer.text


def test_what_is_half_a_credential_is_refused_and_no_crash(world: World) -> None:
    for value in ("Basic", "Basic  x", "Basic !!!", "Basic Og==", "Basic " + base64.b64encode(b"no colon").decode()):
        assert httpx.get(world.url + ME, headers={"Authorization": value}).status_code == 401
    odd = b"Basic " + base64.b64encode(b"\xff:\xff")
    for raw in (b"Basic \xff\xfe", odd, b"Bearer \xe9.\xe9.\xe9", b"Basic a" * 900):
        assert httpx.get(world.url + ME, headers={b"Authorization": raw}).status_code == 401


def test_a_replaced_key_is_over_in_the_moment_in_which_the_new_one_is_there(world: World) -> None:
    browser, _ = world.log_in("bob@example.com")
    old = str(world.make_key(browser).json()["access_key"])
    stop = threading.Event()

    def replay() -> list[int]:
        seen = []
        while not stop.is_set():
            seen.append(httpx.get(world.url + ME, auth=("bob@example.com", old)).status_code)
        return seen

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(replay) for _ in range(2)]
        new = str(world.make_key(browser).json()["access_key"])
        # Asked for after the answer that held the new key: not one process may still take the old.
        after = [httpx.get(world.url + ME, auth=("bob@example.com", old)) for _ in range(10)]
        stop.set()
        replayed = [each.result() for each in running]
    assert {answer.status_code for answer in after} == {401}
    assert "was replaced on" in after[0].json()["message"]
    for seen in replayed:  # once refused, refused for good
        assert set(seen) <= {200, 401}
        assert seen == sorted(seen)
    assert httpx.get(world.url + ME, auth=("bob@example.com", new)).status_code == 200
    assert world.rows("SELECT count(*) FROM prokube_access_keys WHERE active_user_id IS NOT NULL AND user_id = "
                      "(SELECT id FROM users WHERE username = 'bob@example.com')") == [(1,)]  # fmt: skip


def test_a_key_mints_no_key_and_consents_to_none(world: World) -> None:
    key = key_of(world, "bob")
    for method, path in (
        ("POST", "access-key"),
        ("DELETE", "access-key"),
        ("POST", "cli/consent"),
        ("POST", "admin/accounts/key?user=bob@example.com"),
    ):
        answer = httpx.request(
            method, f"{world.url}/prokube-auth/api/{path}", json={"days": 1}, auth=("bob@example.com", key)
        )
        assert answer.status_code in (400, 401, 403), (path, answer.text)
        assert "pkt_" not in answer.text
    assert httpx.get(world.url + ME, auth=("bob@example.com", key)).status_code == 200


def test_a_flood_of_wrong_keys_locks_nobody_out_and_opens_nothing(world: World) -> None:
    key = key_of(world, "bob")
    stop, wrong = threading.Event(), list[int]()

    def flood() -> None:
        with httpx.Client(base_url=world.url, timeout=60) as client:
            while not stop.is_set() and len(wrong) < 1000:
                made_up = forged(key) if len(wrong) % 2 else compose(secrets.token_bytes(41)).text
                wrong.append(client.get(ME, auth=("bob@example.com", made_up)).status_code)

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(flood) for _ in range(8)]
        mine = [httpx.get(world.url + ME, auth=("bob@example.com", key), timeout=60).status_code for _ in range(20)]
        stop.set()
        for each in running:
            each.result()
    assert mine == [200] * 20
    assert set(wrong) == {401}


def test_no_key_no_cookie_and_no_secret_of_the_server_stands_in_its_log_or_its_audit_trail(world: World) -> None:
    browser, _ = world.log_in("alice@example.com")
    key = str(world.make_key(browser).json()["access_key"])
    cookie = browser.cookies["prokube_auth_session"]
    httpx.get(world.url + ME, auth=("alice@example.com", key))
    httpx.get(world.url + ME, auth=("alice@example.com", forged(key)))
    httpx.post(f"{world.url}/api/2.0/mlflow/experiments/create", content=b"{", auth=("alice@example.com", key))
    everything = world.log.read_text() + str(world.rows("SELECT * FROM prokube_audit_events"))
    assert ME in everything
    for secret in (key, key[17:], "pkt_" + key[4:16] + "_", cookie.split(".")[1], "secret-of-the-client"):
        assert secret not in everything
    stored = str(world.rows("SELECT * FROM prokube_access_keys")) + str(world.rows("SELECT * FROM prokube_sessions"))
    for secret in (key[17:60], cookie.split(".")[1]):
        assert secret not in stored


def test_the_first_answer_to_who_is_calling_is_final_for_a_request() -> None:
    people = iter([Identity(Person(1, "bob@example.com", False), "session"), Identity(Person(2, "eve", True), "job")])
    asked: list[RequestFacts] = []

    def authenticate(facts: RequestFacts) -> Identity:
        asked.append(facts)
        return next(people)

    held = CALLER.set(Caller(RequestFacts("GET", "/", {}, ""), authenticate))
    try:
        with ThreadPoolExecutor(4) as pool:
            caller: Any = CALLER.get()
            names = {each.result().person.username for each in [pool.submit(caller.identity) for _ in range(16)]}
        identity = current_identity()
    finally:
        CALLER.reset(held)
    assert names == {"bob@example.com"}
    assert identity is not None
    assert identity.person.is_admin is False
    assert len(asked) == 1


def test_a_refusal_is_final_for_a_request_too() -> None:
    from mlflow_prokube_auth.errors import Unauthenticated

    answers: Iterator[Any] = iter([Unauthenticated("no"), Identity(Person(2, "eve", True), "job")])

    def authenticate(_: RequestFacts) -> Identity:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # an Identity

    caller = Caller(RequestFacts("GET", "/", {}, ""), authenticate)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            caller.identity()
