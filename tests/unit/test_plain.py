"""What can be a name, and what may stand in a log line."""

from __future__ import annotations

import ast
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from mlflow_prokube_auth import logs, plain
from mlflow_prokube_auth.api_fields import read
from mlflow_prokube_auth.api_models import NewServiceAccount, NewTeam
from mlflow_prokube_auth.errors import BadRequest
from mlflow_prokube_auth.identity.claims import Denial, admit
from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.local_admins import Unusable, usable_name

from ..support.settings import GOOD as GOOD_SETTINGS


def person(**changes: Any) -> dict[str, Any]:
    return {"sub": "s-1", "email": "Alice@Example.com", "email_verified": True, "groups": ["/prokube-users"], **changes}


def verdict(source: dict[str, Any], **settings: str) -> Admission | Denial:
    given = {f"PROKUBE_AUTH_{name}": value for name, value in settings.items()}
    return admit([source], load({**GOOD_SETTINGS, **given}))


PACKAGE = Path(logs.__file__).parent
TRICKS = {
    "a line break": "eve\nadmin",
    "a carriage return": "eve\radmin",
    "a tab": "eve\tadmin",
    "NUL": "eve\0",
    "an escape sequence": "\x1b[2Keve",
    "next line": "eve\x85admin",
    "a line separator": "eve\u2028admin",
    "a right-to-left override": "eve\u202enimda",
    "a right-to-left isolate": "eve\u2067nimda\u2069",
    "a zero-width space": "ad\u200bmin",
    "a zero-width joiner": "ad\u200dmin",
    "a word joiner": "ad\u2060min",
    "a byte order mark": "\ufeffadmin",
    "a soft hyphen": "ad\u00admin",
    "a Hangul filler": "ad\u3164min",
    "a variation selector": "admin\ufe0f",
    "a tag character": "admin\U000e0041",
    "a no-break space": "ad\u00a0min",
    "the Kelvin sign": "\u212aate",
    "full-width letters": "\uff41dmin",
    "a ligature": "\ufb01re",
    "a superscript": "admin\u00b2",
    "a letter and its accent apart": "e\u0301ve",
    "an accent without a letter": "\u0301eve",
    "half of a pair": "eve\ud800",
    "a private character": "eve\ue000",
    "nothing": "",
    "blanks": "   ",
}
GOOD = ["alice@example.com", "b.o'b+x/y@example.com", "müller@example.com", "山田@x", "иван", "a b", "a%2fb?#;"]


@pytest.mark.parametrize("name", TRICKS.values(), ids=list(TRICKS))
def test_no_account_gets_a_name_that_looks_like_another(name: str) -> None:
    with pytest.raises(plain.NotPlain):
        plain.user_name(name)
    for claim in ("email", "preferred_username"):
        denied = verdict(person(**{claim: name}), USERNAME_CLAIM=claim)
        assert isinstance(denied, Denial), claim
        assert denied.reason.startswith(f"The claim '{claim}' of this account is "), claim
        assert all(each.isprintable() for each in denied.account + denied.reason)
    with pytest.raises(Unusable):
        usable_name(name)
    with pytest.raises(BadRequest):
        read(NewServiceAccount, {"name": name})


@pytest.mark.parametrize("name", TRICKS.values(), ids=list(TRICKS))
def test_no_team_gets_a_name_that_looks_like_another(name: str) -> None:
    with pytest.raises(BadRequest):
        read(NewTeam, {"team": name})
    admitted = verdict(person(groups=["/prokube-users", f"/{name}", "/team-a"]))
    assert isinstance(admitted, Admission)
    assert admitted.teams == ("team-a",)


@pytest.mark.parametrize("name", GOOD)
def test_names_of_people_in_any_script_are_names(name: str) -> None:
    assert plain.user_name(name) == name
    admitted = verdict(person(email=name))
    assert isinstance(admitted, Admission)
    assert admitted.username == name
    assert read(NewTeam, {"team": name}).team == name


def test_capitals_of_ascii_are_folded_and_others_are_refused() -> None:
    assert plain.user_name(" Alice@Example.COM ") == "alice@example.com"
    for name in ("Öz@example.com", "\u0130stanbul", "\u1e9ea"):  # lower() would make other names of them
        with pytest.raises(plain.NotPlain, match="capital letter beyond A to Z"):
            plain.user_name(name)


def test_what_is_folded_elsewhere_stays_what_it_is() -> None:
    """MLflow lower-cases names where it compares them; none of ours becomes another one's by that."""
    accepted = []
    for number in range(sys.maxunicode + 1):
        try:
            accepted.append(plain.user_name(f"x{chr(number)}"))
        except plain.NotPlain:
            continue
    assert len(accepted) > 100_000
    assert all(name.strip().lower() == name for name in accepted)


def test_a_display_name_is_mended_and_empty_it_is_the_user_name() -> None:
    for name, shown in (("Eve\n2026 INFO", "Eve 2026 INFO"), ("\u202eeve", "eve"), ("\u200b", "alice@example.com")):
        admitted = verdict(person(name=name))
        assert isinstance(admitted, Admission)
        assert admitted.display_name == shown


@pytest.mark.parametrize("text", ["a\nb", "\u202eb", "x" * 256])
def test_a_description_of_a_service_account_is_one_plain_line(text: str) -> None:
    with pytest.raises(BadRequest):
        read(NewServiceAccount, {"name": "svc", "description": text})


class Heard(logging.Handler):
    """What a logger's handlers get, whatever level and handlers other tests have left above it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._logger, self._level = logging.getLogger(name), logging.getLogger(name).level

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def __enter__(self) -> list[str]:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        return self.messages

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)


@pytest.mark.parametrize("name", [each for each in TRICKS.values() if not plain.is_name(f"x{each}x")])
def test_a_record_of_ours_is_one_line_whatever_stands_in_it(name: str) -> None:
    logger = logs.logger("mlflow_prokube_auth.test")
    with Heard(logger.name) as messages:
        logger.info("the group '%s' is no team", name)
    assert len(messages) == 1
    assert messages[0].startswith("the group '")
    assert messages[0].endswith("' is no team")
    assert not set(messages[0]) & set("\n\r\0\x1b\x85\u2028\u202e\u2067\u200b")


def test_a_group_that_becomes_no_team_is_told_in_the_log() -> None:
    with Heard("mlflow_prokube_auth.identity.claims") as messages:
        verdict(person(groups=["/prokube-users", "/told\nin the log"]))
    assert messages == ["the group 'told\\nin the log' does not become a team: it holds the invisible character U+000A"]


def test_every_module_logs_by_a_logger_whose_records_are_one_line() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "getLogger":
                assert path.name == "logs.py" or path.parts[-2:] == ("cli", "doctor.py"), path
            # A traceback has lines of its own, with the words of whatever failed.
            assert not (isinstance(node, ast.keyword) and node.arg == "exc_info"), path
            assert not (isinstance(node, ast.Attribute) and node.attr == "exception" and
                        isinstance(node.value, ast.Name) and "logger" in node.value.id.lower()), path  # fmt: skip
