"""Which patterns say "what begins with this", so that a rule on names says the same. Pure."""

from __future__ import annotations

import re

_SPECIAL = set("\\.^$*+?{}[]|()")
# What may follow the beginning: the old server looked for a match at the beginning of a name (``re.match``), so that
# whatever follows it does not matter.
_TAILS = ("", ".*", ".*$", ".*\\Z", ".*?")
_ANCHORS = ("^", "\\A")


def prefix_of(regex: str) -> str | None:
    """The beginning of all names that match, empty for any name; None where no beginning says the same."""
    rest = regex
    for anchor in _ANCHORS:
        rest = rest.removeprefix(anchor)
    prefix = ""
    while rest not in _TAILS:
        letter, rest = rest[0], rest[1:]
        if letter == "\\":
            if not rest or rest[0].isalnum():  # a class such as \d, or a reference
                return None
            letter, rest = rest[0], rest[1:]
        elif letter in _SPECIAL:
            return None
        if rest[:1] in ("*", "+", "?", "{"):  # the letter may be there, or not, or more than once
            return None
        prefix += letter
    return prefix


def problem_of(regex: str) -> str | None:
    """Why it can match nothing; None for a regular expression."""
    try:
        re.compile(regex)
    except re.error as error:
        return f"it is no regular expression: {error}"
    return None
