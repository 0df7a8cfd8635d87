"""What administrators' pages and JSON share: who may, which page, which account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from ..administration import Administration
from ..errors import BadRequest
from ..model import Actor
from ..policy.checks import printable
from ..store.accounts import Account
from .context import Web, caller, client_address

LARGEST_PAGE = 200


def slice_of(given: Mapping[str, str]) -> tuple[int, int]:
    """``first`` and ``size`` of a page.

    Raises:
        BadRequest: they are no numbers.
    """
    numbers = {name: given.get(name, default) for name, default in (("first", "0"), ("size", "50"))}
    for name, text in numbers.items():
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise BadRequest(f"'{name}' is '{text[:40]}', expected a number from 0.")
    return int(numbers["first"]), max(1, min(int(numbers["size"]), LARGEST_PAGE))


def body() -> Mapping[str, Any]:
    """The JSON object that was sent.

    Raises:
        BadRequest: there is none.
    """
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise BadRequest("Expected a JSON object.")
    return sent


def text(given: Mapping[str, Any], name: str, longest: int = 255) -> str:
    """A parameter that must be there.

    Raises:
        BadRequest: it is missing, empty, too long or no text.
    """
    return printable(given.get(name), name, longest)


def acting() -> Actor:
    """The caller as the one who acts.

    Raises:
        Unauthenticated: nobody is calling.
    """
    person = caller()
    return Actor(person.username, client_address(), person.user_id)


def administration(web: Web) -> Administration:
    """What administrators do, on the server's stores."""
    return Administration(web.services)


def account(web: Web, name: str) -> Account:
    """The account of that name.

    Raises:
        NotFound: there is none.
    """
    return administration(web).account(name)
