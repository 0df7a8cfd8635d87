"""The personal access token: format, checksum and digest. Pure.

``pkt_<key id>_<secret><checksum>``: the key id is public and names the row; the secret has 43 base-62
characters (256 random bits); the checksum is the CRC-32 of all before it, so that a typing error and a
leaked key in a repository are told without a database (the scheme of GitHub's tokens).
"""

from __future__ import annotations

import re
import zlib

from ..model import AccessKeySecret

PATTERN = r"pkt_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}"
KEY_ID_CHARACTERS = 12
SECRET_CHARACTERS = 43
QUOTES = tuple("'\"`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(r"pkt_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


def _base62(number: int, width: int) -> str:
    characters = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        characters.append(_ALPHABET[rest])
    return "".join(reversed(characters))


def compose(entropy: bytes) -> AccessKeySecret:
    """Make a token out of at least 41 random bytes.

    Raises:
        ValueError: fewer than 41 bytes (9 for the key id, 32 for the secret).
    """
    if len(entropy) < 41:
        raise ValueError(f"expected at least 41 random bytes, found {len(entropy)}")
    key_id = _base62(int.from_bytes(entropy[:9], "big") % 62**KEY_ID_CHARACTERS, KEY_ID_CHARACTERS)
    secret = _base62(int.from_bytes(entropy[9:41], "big"), SECRET_CHARACTERS)
    body = f"pkt_{key_id}_{secret}"
    return AccessKeySecret(key_id, body + _base62(zlib.crc32(body.encode("ascii")), 6))


def parse(text: str) -> AccessKeySecret | None:
    """The token in ``text``, or None where it is not one or its checksum is wrong."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    body, checksum = text[:-6], match.group(3)
    if _base62(zlib.crc32(body.encode("ascii")), 6) != checksum:
        return None
    return AccessKeySecret(match.group(1), text)


def wrapping(text: str) -> str | None:
    """In what a whole access key is wrapped, in words that hold nothing of it; None where ``text`` holds no whole key.

    For people who have pasted more than the key. It is told without a look into the database.
    """
    found = _SHAPE.search(text)
    if found is None or found.group() == text or parse(found.group()) is None:
        return None
    before, after = text[: found.start()].strip(), text[found.end() :].strip()
    if before[-1:] in QUOTES and after[:1] in QUOTES:
        return "is wrapped in quotes"
    if before.lower() in ("bearer", "basic", "token") and not after:
        return f"has the word '{before}' in front of it"
    if before.endswith("="):
        return "has the name of a variable in front of it"
    return "has other characters around it"
