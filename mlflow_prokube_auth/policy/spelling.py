"""How ids of each sort are written: the one way in which MLflow makes them, and how that is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote


@dataclass(frozen=True)
class Spelling:
    """What ids of one sort are called, how they are written, and how that is told."""

    name: str
    is_canonical: Callable[[str], object]
    expected: str


_DIGITS = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch
# What a signed number of 64 bits holds: SQLite binds no larger one.
_LARGEST = 2**63 - 1
# MLflow makes them of uuid4 with or without a prefix (m-, s-, iss-, ...): lower-case letters, digits and "-".
_MADE = re.compile(r"[0-9a-z][0-9a-z_-]{0,254}").fullmatch
# Clients may choose those of traces and assessments. Version 4 names a trace's place, too (trace:/<place>/<id>).
_CHOSEN = re.compile(r"(?:trace:/[0-9A-Za-z][0-9A-Za-z._-]*/)?[0-9A-Za-z][0-9A-Za-z._:~-]{0,254}").fullmatch


def _is_number(text: str) -> bool:
    return _DIGITS(text) is not None and int(text) <= _LARGEST


def _is_plain_path(path: str) -> bool:
    """Whether the experiment that a served path begins with, if any, is written in its one way."""
    segments = [each for each in _decoded(path).split("/") if each]
    first = next(iter(segments[2:] if segments[:1] == ["workspaces"] else segments), "")
    return not first.isdecimal() or _is_number(first)


def _is_scorer(pattern: str) -> bool:
    experiment_id, _, name = pattern.partition("/")
    return _is_number(experiment_id) and bool(name) and quote(unquote(name), safe="") == name


# As MLflow has it (mlflow/utils/validation.py), 64 characters each.
_SKILL = re.compile(r"(?:@[a-z0-9]+(?:[-.][a-z0-9]+)*/)?[a-z0-9]+(?:-[a-z0-9]+)*").fullmatch


def _is_skill(pattern: str) -> bool:
    return len(pattern) <= 255 and _SKILL(pattern) is not None


def _decoded(path: str) -> str:
    """As MLflow decodes a path, again and again (mlflow/utils/uri.py, validate_path_is_safe)."""
    while (once := unquote(path)) != path:
        path = once
    return path


_NUMBERED = "a number of at most 64 bits in digits 0 to 9 without sign, blank or leading zero, such as 12"
_HEX = "<32 hexadecimal digits> in lower case"

EXPERIMENT = Spelling("experiment id", _is_number, _NUMBERED)
RUN = Spelling("run id", _MADE, _HEX)
LOGGED_MODEL = Spelling("logged model's id", _MADE, f"m-{_HEX}")
TRACE = Spelling("trace id", _CHOSEN, "an id such as tr-<32 hexadecimal digits>, of letters, digits and - . _ : ~")
ASSESSMENT = Spelling("assessment's id", _CHOSEN, "an id such as a-<32 hexadecimal digits>")
DATASET = Spelling("dataset's id", _MADE, f"d-{_HEX}")
RECORD = Spelling("record's id", _MADE, f"dr-{_HEX}")
ISSUE = Spelling("issue's id", _MADE, f"iss-{_HEX}")
JOB = Spelling("job's id", _MADE, "a UUID in lower case")
WEBHOOK = Spelling("webhook's id", _MADE, "a UUID in lower case")
SCORER = Spelling("scorer's id", _MADE, "a UUID in lower case")
SESSION = Spelling("session's id", _MADE, "a UUID in lower case")
SECRET = Spelling("gateway secret's id", _MADE, f"s-{_HEX}")
ENDPOINT = Spelling("gateway endpoint's id", _MADE, f"e-{_HEX}")
MODEL_DEFINITION = Spelling("gateway model definition's id", _MADE, f"d-{_HEX}")
BUDGET = Spelling("budget's id", _MADE, f"bp-{_HEX}")
GUARDRAIL = Spelling("guardrail's id", _MADE, f"gr-{_HEX}")
SCHEMA = Spelling("label schema's id", _MADE, f"ls-{_HEX}")
QUEUE = Spelling("review queue's id", _MADE, f"rq-{_HEX}")
ROLE = Spelling("role's id", _is_number, _NUMBERED)
GRANT = Spelling("grant's id", _is_number, _NUMBERED)
VERSION = Spelling("version", _is_number, _NUMBERED)
PATH = Spelling("artifact path", _is_plain_path, f"the id of its experiment as {_NUMBERED}")
SKILL = Spelling("skill", _is_skill, "<name> or @<organization>/<name>, in lower case")
SCORER_KEY = Spelling("scorer", _is_scorer, "<experiment id>/<percent-encoded name>")
