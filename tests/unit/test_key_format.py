"""The access key's format."""

from __future__ import annotations

import re

import pytest

from mlflow_prokube_auth.identity.key_format import PATTERN, compose, parse, wrapping


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


KEY = compose(bytes(range(41))).text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'"{KEY}"', "is wrapped in quotes"),
        (f"'{KEY}'", "is wrapped in quotes"),
        (f"\u201c{KEY}\u201d", "is wrapped in quotes"),
        (f"Bearer {KEY}", "has the word 'Bearer' in front of it"),
        (f"MLFLOW_TRACKING_TOKEN={KEY}", "has the name of a variable in front of it"),
        (f"<{KEY}>", "has other characters around it"),
        (KEY, None),
        (f'"{KEY[:-1]}"', None),
        (f'"{KEY[:-6]}000000"', None),
        ("", None),
    ],
)
def test_what_is_wrapped_around_a_key_is_told_without_the_key(text: str, told: str | None) -> None:
    assert wrapping(text) == told


def test_the_secret_is_not_in_the_repr() -> None:
    token = compose(bytes(range(41)))
    assert token.text not in repr(token)


def test_too_little_entropy_is_refused() -> None:
    with pytest.raises(ValueError, match="41 random bytes"):
        compose(b"x" * 40)
