"""Names of people, teams and accounts look like what they are, and two that look alike by a trick are none. Pure.

A name stands in pages, in log lines and in the audit trail, and other programs fold it: MLflow lower-cases it,
databases fold it in their own ways. So it has no invisible and no directional character (Unicode TR36, section 2.5), is
written in normal form KC already (Unicode TR15), and no letter of it becomes another one by lower-casing, but for A to
Z. Any other name is refused and never corrected: two people must not become one. Letters of different scripts that
look alike are not told apart.
"""

from __future__ import annotations

import string
import unicodedata

LONGEST = 255
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# Control and format characters (the directional ones among them), halves of pairs, what is private or not assigned, and
# all that separates but the blank.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing by themselves (Default_Ignorable_Code_Point of DerivedCoreProperties.txt).
_INVISIBLE = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10),
     *range(0xE0100, 0xE01F0)]
)  # fmt: skip


class NotPlain(ValueError):
    """A text that can be no name; the message says why, without quoting it."""


def lowered(name: str) -> str:
    """Without blanks around it, and A to Z in lower case; nothing else is folded.

    ``str.lower`` makes ASCII letters of others, such as the Kelvin sign.
    """
    return name.strip().translate(_LOWER)


def user_name(text: object, longest: int = LONGEST) -> str:
    """A user name as it is kept.

    Raises:
        NotPlain: it can be none.
    """
    if not isinstance(text, str):
        raise NotPlain("it is no text")
    name = lowered(text)
    check(name, longest)
    if ":" in name:  # which ends the user name in an Authorization header (RFC 7617)
        raise NotPlain("it holds a ':'")
    if name.lower() != name:
        raise NotPlain("it holds a capital letter beyond A to Z")
    return name


def check(name: str, longest: int = LONGEST) -> None:
    """See that a text can be a name of a person or a team.

    Raises:
        NotPlain: it cannot.
    """
    if not name.strip():
        raise NotPlain("it is empty")
    if len(name) > longest:
        raise NotPlain(f"it has {len(name)} characters, expected at most {longest}")
    for character in name:
        if not _is_visible(character):
            raise NotPlain(f"it holds the invisible character U+{ord(character):04X}")
    if unicodedata.category(name[0]).startswith("M"):
        raise NotPlain("it begins with a mark that belongs to a letter")
    if unicodedata.normalize("NFKC", name) != name:
        raise NotPlain("it holds a character that is another way to write one (it is not in Unicode's normal form KC)")


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Zs":
        return character == " "
    return category not in _REFUSED_CATEGORIES and ord(character) not in _INVISIBLE


def is_name(name: str, longest: int = LONGEST) -> bool:
    """Whether :func:`check` lets it pass."""
    try:
        check(name, longest)
    except NotPlain:
        return False
    return True


def shown(text: str, instead: str) -> str:
    """A display name: without unusable characters, since it identifies nobody; ``instead`` if nothing is left."""
    cleaned = "".join(each if _is_visible(each) else " " for each in unicodedata.normalize("NFKC", text))
    name = " ".join(cleaned.split())[:LONGEST].strip()
    return name if is_name(name) else instead


def escaped(text: str, longest: int = LONGEST) -> str:
    """Any text for a log line or a message: what is not plain stands as an escape."""
    short = text if len(text) <= longest else text[:longest] + "..."
    return "".join(each if _is_visible(each) else ascii(each)[1:-1] for each in short)
