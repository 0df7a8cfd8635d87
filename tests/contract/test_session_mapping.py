"""Flask's session over our table is a mutable mapping, whatever looks into it first."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from mlflow_prokube_auth.identity.sessions import StoredSession
from mlflow_prokube_auth.services import Services

KEPT = {"state": "s1", "nonce": "n1"}
COOKIE = ("session", "secret")
# On a session, or on a dict.
Operation = Callable[[Any], Any]

# What an operation answers and leaves, by a dict that holds the same: it is the first to look into the session.
READS: dict[str, Operation] = {
    "get": lambda mapping: mapping.get("state"),
    "get of nothing": lambda mapping: mapping.get("other", 1),
    "item": lambda mapping: mapping["state"],
    "in": lambda mapping: ("state" in mapping, "other" in mapping),
    "len": len,
    "bool": bool,
    "iter": list,
    "keys": lambda mapping: list(mapping.keys()),
    "values": lambda mapping: list(mapping.values()),
    "items": lambda mapping: list(mapping.items()),
    "dict": dict,
    "equal": lambda mapping: mapping == KEPT,
    "setdefault of what is there": lambda mapping: mapping.setdefault("state", "s2"),
    "pop of nothing": lambda mapping: mapping.pop("other", None),
    "update with nothing": lambda mapping: mapping.update({}),
}
WRITES: dict[str, Operation] = {
    "set item": lambda mapping: mapping.__setitem__("state", "s2"),
    "set what is new": lambda mapping: mapping.__setitem__("other", 1),
    "setdefault of what is new": lambda mapping: mapping.setdefault("other", 1),
    "update": lambda mapping: mapping.update({"state": "s2"}, other=1),
    "del": lambda mapping: mapping.__delitem__("state"),
    "pop": lambda mapping: mapping.pop("state"),
    "clear": lambda mapping: mapping.clear(),
}


@pytest.fixture
def session(services: Services) -> StoredSession:
    """One that has read nothing yet."""
    now = int(time.time())
    services.sessions.create(*COOKIE, None, json.dumps(KEPT), now, now + 600)
    return StoredSession(services.sessions, COOKIE)


@pytest.mark.parametrize("operation", READS.values(), ids=READS)
def test_a_read_finds_what_the_row_has_and_writes_nothing(session: StoredSession, operation: Operation) -> None:
    assert operation(session) == operation(dict(KEPT))
    assert (dict(session), session.modified) == (KEPT, False)


@pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
def test_a_write_changes_what_the_row_has_and_is_saved(session: StoredSession, operation: Operation) -> None:
    expected = dict(KEPT)
    assert operation(session) == operation(expected)
    assert (dict(session), session.modified) == (expected, True)


def test_popitem_takes_what_the_row_has(session: StoredSession) -> None:
    name, value = session.popitem()
    assert KEPT[name] == value
    assert (len(session), session.modified) == (1, True)


@pytest.mark.parametrize("take", [lambda each: each.pop("other"), lambda each: each.__delitem__("other")])
def test_what_is_not_there_is_not_taken(session: StoredSession, take: Operation) -> None:
    with pytest.raises(KeyError):
        take(session)
    assert (dict(session), session.modified) == (KEPT, False)


def test_nothing_is_read_before_something_looks_into_it_and_its_repr_holds_nothing(session: StoredSession) -> None:
    assert "s1" not in repr(session)
    assert session.row_id is None
    assert session.get("state") == "s1"
    assert session.row_id == COOKIE[0]
    assert "s1" not in repr(session)
