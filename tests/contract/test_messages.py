"""The engine's filters on answers: with MLflow's messages kept beside their JSON, they find what they find without."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import mlflow.server.auth as auth
import pytest
from flask import Response
from mlflow.protos.service_pb2 import SearchRuns
from mlflow.server import app as flask_app
from mlflow.server import handlers
from werkzeug.datastructures import Authorization

from mlflow_prokube_auth.mlflow_auth import messages, seams

ROUTE = ("/api/2.0/mlflow/runs/search", "POST")


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A request of somebody for whom the engine looks at what was found."""
    monkeypatch.setattr(auth, "sender_is_admin", lambda: False)
    monkeypatch.setattr(auth, "authenticate_request", lambda: Authorization("basic", {"username": "a", "password": ""}))
    with flask_app.test_request_context(ROUTE[0], method=ROUTE[1], json={"max_results": 3}):
        yield


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, member: None) -> Iterator[None]:
    monkeypatch.setattr(seams, "_originals", {})
    messages.install()
    yield
    seams.undo()


def page(*names: str) -> Any:
    """A message with whatever JSON writes in its own way: large integers, numbers that are none, other scripts."""
    message = SearchRuns.Response(next_page_token="t")
    for name in names:
        run = message.runs.add()
        run.info.run_id, run.info.start_time, run.info.run_name = name, 2**60 + 1, f"\u0416 {name}"
        for value in (0.1, float("nan"), float("-inf")):
            run.data.metrics.add(key="m", value=value, timestamp=1700000000000, model_id="m-1")
    return message


def answer(text: str) -> Response:
    return Response(text, content_type="application/json")


def denies(monkeypatch: pytest.MonkeyPatch, *denied: str) -> None:
    """The engine's own way with an answer: read it, take something out, write it."""

    def filtered(resp: Response) -> None:
        message = SearchRuns.Response()
        auth.parse_dict(resp.json, message)
        for run in list(message.runs):
            if run.info.run_id in denied:
                message.runs.remove(run)
        resp.data = auth.message_to_json(message)

    monkeypatch.setitem(auth.AFTER_REQUEST_HANDLERS, ROUTE, filtered)


@pytest.mark.parametrize("denied", [(), ("b",), ("a", "b", "c")])
def test_what_is_denied_leaves_as_without_kept_messages(
    monkeypatch: pytest.MonkeyPatch, member: None, denied: tuple[str, ...]
) -> None:
    denies(monkeypatch, *denied)
    expected = auth._after_request(answer(handlers.message_to_json(page("a", "b", "c")))).get_data()
    monkeypatch.setattr(seams, "_originals", {})
    messages.install()
    try:
        found = auth._after_request(answer(handlers.message_to_json(page("a", "b", "c"))))
    finally:
        seams.undo()
    assert found.get_data() == expected
    assert [run["info"]["run_id"] for run in found.get_json().get("runs", ())] == sorted({*"abc"} - {*denied})


def test_where_nothing_is_denied_no_json_is_read_or_written_again(
    monkeypatch: pytest.MonkeyPatch, member: None
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was asked")

    text = handlers.message_to_json(SearchRuns.Response(next_page_token="t"))
    denies(monkeypatch)
    for name in ("parse_dict", "message_to_json"):
        monkeypatch.setattr(auth, name, never)
    monkeypatch.setattr(seams, "_originals", {})
    messages.install()
    try:
        written = handlers.message_to_json(SearchRuns.Response(next_page_token="t"))
        assert auth._after_request(answer(written)).get_data(as_text=True) == text
    finally:
        seams.undo()


def test_an_answer_that_another_hook_has_changed_is_read_as_it_is(
    monkeypatch: pytest.MonkeyPatch, installed: None
) -> None:
    denies(monkeypatch, "b")
    handlers.message_to_json(page("a"))
    found = auth._after_request(answer(json.dumps({"runs": [{"info": {"run_id": "b"}}, {"info": {"run_id": "c"}}]})))
    assert [run["info"]["run_id"] for run in found.get_json()["runs"]] == ["c"]


def test_what_the_engine_has_put_into_an_answer_is_read_as_it_is(
    monkeypatch: pytest.MonkeyPatch, installed: None
) -> None:
    read: list[Any] = []

    def twice(resp: Response) -> None:
        resp.data = auth.message_to_json(page("c"))
        message = SearchRuns.Response()
        auth.parse_dict(resp.json, message)
        read.extend(run.info.run_id for run in message.runs)

    monkeypatch.setitem(auth.AFTER_REQUEST_HANDLERS, ROUTE, twice)
    found = auth._after_request(answer(handlers.message_to_json(page("a", "b"))))
    assert read == ["c"]
    assert [run["info"]["run_id"] for run in found.get_json()["runs"]] == ["c"]


def test_what_was_written_otherwise_is_not_kept(monkeypatch: pytest.MonkeyPatch, installed: None) -> None:
    denies(monkeypatch)
    text = handlers.message_to_json(page("a"), pretty=False)
    assert auth._after_request(answer(text)).get_data(as_text=True) != text  # the engine writes it in its own way


def test_a_message_counts_for_one_answer(monkeypatch: pytest.MonkeyPatch, installed: None) -> None:
    denies(monkeypatch, "b")
    text = handlers.message_to_json(page("a", "b"))
    for _ in range(2):
        found = auth._after_request(answer(text))
        assert [run["info"]["run_id"] for run in found.get_json()["runs"]] == ["a"]


def test_the_engine_reads_answers_as_they_came(installed: None) -> None:
    """It would not see a change that it makes in what it has read, before it makes a message of it."""
    original: Callable[..., Any] = seams.original(seams.AUTH, "_after_request")
    tree = ast.parse(inspect.getsource(inspect.getmodule(original)))  # type: ignore[arg-type]  # it is a module's
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "parse_dict"]
    assert len(calls) > 30
    assert {ast.unparse(call.args[0]) for call in calls} == {"resp.json", "body if isinstance(body, dict) else {}"}
