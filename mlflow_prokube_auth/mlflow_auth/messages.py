"""Answers that the engine looks through, without reading back the JSON that MLflow has just written.

After a search the engine parses the answer into a message, takes out what the caller may not read, and writes all of
it as JSON again, also where nothing was taken out. For a page of a hundred, that costs more than the search. Here the
message that MLflow's handler wrote stays with its text until the engine has looked at it: the engine gets a copy of
the message, and the text where it has changed nothing. Each row is decided by the engine as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Response, g, has_request_context

from . import seams

# How the engine writes (message_to_json in mlflow/utils/proto_json_utils.py); what is written otherwise is not kept.
_OPTIONS = {"pretty": True, "convert_int64_to_number": True}


@dataclass(frozen=True)
class Written:
    """A message, which nobody else changes, and the JSON that a handler of MLflow's wrote of it."""

    message: Any
    text: str

    def is_all_of(self, response: Response) -> bool:
        """Whether an answer is this text and nothing else: another hook may have put something in its place."""
        whole = response.is_sequence and not response.direct_passthrough and response.is_json
        return whole and response.get_data() == self.text.encode()


@dataclass(frozen=True)
class Looked:
    """The answer that the engine looks at now."""

    written: Written

    @cached_property
    def content(self) -> Any:
        """What its JSON reads as."""
        return json.loads(self.written.text)


def install() -> None:
    """Put this between MLflow's handlers and the engine's filters."""
    write: Callable[..., str] = seams.original(seams.HANDLERS, "message_to_json")
    parse: Callable[[Any, Any], None] = seams.original(seams.AUTH, "parse_dict")
    write_again: Callable[..., str] = seams.original(seams.AUTH, "message_to_json")
    look: Callable[[Response], Response] = seams.original(seams.AUTH, "_after_request")

    def write_and_keep(message: Any, **options: Any) -> str:
        text = write(message, **options)
        if has_request_context() and {**_OPTIONS, **options} == _OPTIONS:
            g.prokube_written = Written(_copy(message), text)
        return text

    def after_request(response: Response) -> Response:
        written: Written | None = g.pop("prokube_written", None)
        if written is None or not written.is_all_of(response):
            return look(response)
        looked = g.prokube_looked = Looked(written)
        read = response.get_json

        def read_once(*args: Any, **options: Any) -> Any:
            return looked.content if written.is_all_of(response) else read(*args, **options)

        response.get_json = read_once  # type: ignore[method-assign]
        try:
            return look(response)
        finally:
            del response.get_json
            g.pop("prokube_looked", None)

    def parse_answer(js_dict: Any, message: Any) -> None:
        looked = _looked()
        if looked is not None and js_dict is looked.content and type(message) is type(looked.written.message):
            message.MergeFrom(looked.written.message)
        else:
            parse(js_dict, message)

    def write_answer(message: Any, **options: Any) -> str:
        looked = _looked()
        if looked is not None and not options and message == looked.written.message:
            return looked.written.text
        return write_again(message, **options)

    seams.replace(seams.HANDLERS, "message_to_json", write_and_keep)
    seams.replace(seams.AUTH, "_after_request", after_request)
    seams.replace(seams.AUTH, "parse_dict", parse_answer)
    seams.replace(seams.AUTH, "message_to_json", write_answer)


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _looked() -> Looked | None:
    found: Looked | None = g.get("prokube_looked") if has_request_context() else None
    return found
