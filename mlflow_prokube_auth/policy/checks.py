"""What may be named how, and given at which level. Pure: JSON routes and commands refuse in the same words."""

from __future__ import annotations

import re
from typing import Any

from .. import plain
from ..errors import BadRequest
from ..model import LONGEST_TEAM
from .rules import KINDS

SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
LONGEST_DESCRIPTION = 255
# The levels of each kind, from the least; gateway resources are called, not read.
LEVELS = ("READ", "EDIT", "MANAGE")
GATEWAY_LEVELS = ("READ", "USE", "EDIT", "MANAGE")


def levels_of(resource_type: str) -> tuple[str, ...]:
    """The levels that may be given on a kind of resource."""
    return GATEWAY_LEVELS if resource_type.startswith("gateway_") else LEVELS


def printable(value: Any, name: str, longest: int = 255) -> str:
    """A text that must be there.

    Raises:
        BadRequest: it is missing, empty, too long or no text.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
        raise BadRequest(f"'{name}' is {value!r:.60}, expected 1 to {longest} printable characters.")
    return value.strip()


def service_name(value: Any) -> str:
    """The name of a service account.

    Raises:
        BadRequest: it can be none.
    """
    name = plain.lowered(printable(value, "name", 100))
    if not SERVICE_NAME.fullmatch(name):
        raise BadRequest(
            f"'name' is '{name}', expected a letter or digit, then those or . _ - and no '@': addresses are for people."
        )
    return name


def description(value: Any) -> str:
    """What is said of a service account.

    Raises:
        BadRequest: it is no text, or too long.
    """
    value = value or ""
    if value and not (isinstance(value, str) and plain.is_name(value, LONGEST_DESCRIPTION)):
        raise BadRequest(f"'description' is no plain text of at most {LONGEST_DESCRIPTION} characters.")
    return str(value)


def team_name(value: Any) -> str:
    """The name of a team.

    Raises:
        BadRequest: it can be none.
    """
    name = printable(value, "team", LONGEST_TEAM)
    try:
        plain.check(name, LONGEST_TEAM)
    except plain.NotPlain as error:
        raise BadRequest(f"'team' is '{plain.escaped(name)}', which can be no name: {error}.") from None
    if name.startswith("__user_"):
        raise BadRequest("Names that begin with '__user_' are MLflow's own. Choose another.")
    return name


def rule(kind: Any, prefix: Any, level: Any) -> tuple[str, str, str]:
    """Kind, prefix and level of a team's rule.

    Raises:
        BadRequest: one of them can be none.
    """
    kind, prefix, level = printable(kind, "kind"), printable(prefix, "prefix", 200), printable(level, "level")
    if kind not in KINDS:
        raise BadRequest(f"'kind' is '{kind}', expected one of {', '.join(KINDS)}.")
    if level not in levels_of(kind):
        raise BadRequest(f"'level' is '{level}', expected one of {', '.join(levels_of(kind))}.")
    if "*" in prefix:
        raise BadRequest(f"'prefix' is '{prefix}', expected the beginning of names, without a '*'.")
    return kind, prefix, level
