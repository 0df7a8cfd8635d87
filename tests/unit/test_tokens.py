"""The access key's format."""

from __future__ import annotations

import re

import pytest

from mlflow_prokube_auth.identity.tokens import PATTERN, compose, parse


def test_a_composed_token_is_parsed_back() -> None:
    token = compose(bytes(range(41)))
    assert parse(token.text) == token
    assert re.fullmatch(PATTERN, token.text)


def test_the_largest_entropy_still_fits() -> None:
    assert re.fullmatch(PATTERN, compose(b"\xff" * 41).text)


@pytest.mark.parametrize("position", [4, 20, 40, -1])
def test_one_mistyped_character_is_found_by_the_checksum(position: int) -> None:
    text = list(compose(bytes(range(41))).text)
    text[position] = "a" if text[position] != "a" else "b"
    assert parse("".join(text)) is None


def test_the_secret_is_not_in_the_repr() -> None:
    token = compose(bytes(range(41)))
    assert token.text not in repr(token)


def test_too_little_entropy_is_refused() -> None:
    with pytest.raises(ValueError, match="41 random bytes"):
        compose(b"x" * 40)
