"""How queries, forms and bodies are read: types of fields, and the words in which what is wrong is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)

from . import plain
from .errors import BadRequest
from .model import LONGEST_NOTE, LONGEST_TEAM
from .policy import kinds

LARGEST_PAGE = 200
LONGEST_DESCRIPTION = 255
# As ``policy.kinds`` has it for names; ids are shorter.
LONGEST_ID = kinds.LONGEST_NAME
SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
Sent = TypeVar("Sent", bound="Input")
Row = TypeVar("Row")


class Input(BaseModel):
    """A query, a form or a body. Fields that it does not name are ignored, as on MLflow's own routes."""

    # The one answer to all that does not fit, where more words would help whoever guesses.
    one_refusal: ClassVar[str | None] = None
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


@dataclass(frozen=True)
class Expected:
    """What a field takes, in words that stand behind "expected". ``secret``: what was found is not told."""

    words: str
    secret: bool = False


def read(model: type[Sent], given: Any, **context: Any) -> Sent:
    """What was sent, as the model has it; ``context`` is for validators that need to know more.

    Raises:
        BadRequest: with every mistake: what was found, and what is expected.
    """
    if not isinstance(given, Mapping):
        if model.one_refusal is not None:
            raise BadRequest(model.one_refusal)
        names = ", ".join(f"'{name}'" for name in model.model_fields)
        raise BadRequest(f"Expected a JSON object with {names}.")
    try:
        return model.model_validate(dict(given), context=context)
    except ValidationError as error:
        if model.one_refusal is not None:
            raise BadRequest(model.one_refusal) from None
        mistakes = (_told(model, each) for each in error.errors(include_url=False))
        raise BadRequest(" ".join(dict.fromkeys(mistakes))) from None


def _told(model: type[Input], mistake: Any) -> str:
    reason = mistake.get("ctx", {}).get("error")
    if isinstance(reason, ValueError) and str(reason):  # a validator of ours, whose words are whole
        return str(reason)
    name, *inner = mistake["loc"]
    expected = _expected(model, str(name))
    missing = mistake["type"] == "missing" and not inner
    found = "is missing" if missing else "does not fit" if expected.secret else f"is {mistake['input']!r:.60}"
    return f"'{name}' {found}, expected {expected.words}."


def _expected(model: type[Input], name: str) -> Expected:
    told = [each for each in model.model_fields[name].metadata if isinstance(each, Expected)]
    return told[0] if told else Expected("another value")


def _printable(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError
    return value.strip()


def _as_sent(value: str, info: ValidationInfo) -> str:
    """A name that could not be given today may be there from before."""
    if not value.strip():
        raise ValueError(f"'{info.field_name}' is missing. Expected a name in the query: ?{info.field_name}=...")
    return value


def digits(value: Any) -> int:
    """Numbers of a query are text: digits alone, none of the other forms that ``int`` reads."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    raise ValueError


def page_size(value: int) -> int:
    return max(1, min(value, LARGEST_PAGE))


def seconds(value: Any) -> int | None:
    """A form sends an empty text for a field that nobody filled in."""
    if value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 13:
        return int(value)
    raise ValueError


def flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise ValueError
    return bool(value == "true")


def _service_name(value: str) -> str:
    name = plain.lowered(value)
    if not SERVICE_NAME.fullmatch(name):
        raise ValueError(
            f"'name' is '{name}', expected a letter or digit, then those or . _ - and no '@': addresses are for people."
        )
    return name


def _description(value: str | None) -> str:
    value = value or ""
    if value and not plain.is_name(value, LONGEST_DESCRIPTION):
        raise ValueError(f"'description' is no plain text of at most {LONGEST_DESCRIPTION} characters.")
    return value


def _note(value: str | None) -> str:
    value = (value or "").strip()
    if value and not plain.is_name(value, LONGEST_NOTE):
        raise ValueError(
            f"'note' is '{plain.escaped(value)}', expected plain text of at most {LONGEST_NOTE} characters."
        )
    return value


def _team_name(value: str) -> str:
    try:
        plain.check(value, LONGEST_TEAM)
    except plain.NotPlain as error:
        raise ValueError(f"'team' is '{plain.escaped(value)}', which can be no name: {error}.") from None
    if value.startswith("__user_"):
        raise ValueError("Names that begin with '__user_' are MLflow's own. Choose another.")
    return value


def _prefix(value: str) -> str:
    if "*" in value:
        raise ValueError(f"'prefix' is '{value}', expected the beginning of names, without a '*'.")
    return value


Text = Annotated[
    StrictStr,
    Field(min_length=1, max_length=255),
    AfterValidator(_printable),
    Expected("1 to 255 printable characters"),
]
# The claim `sub` has at most 255 ASCII characters (OpenID Connect Core 1.0, section 2).
Subject = Annotated[
    StrictStr,
    Field(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$"),
    Expected("the claim 'sub' of an identity: 1 to 255 printable ASCII characters"),
]
NameAsSent = Annotated[StrictStr, AfterValidator(_as_sent), Expected("a name in the query")]
ServiceName = Annotated[
    StrictStr,
    Field(min_length=1, max_length=100),
    AfterValidator(_printable),
    AfterValidator(_service_name),
    Expected("1 to 100 printable characters"),
]
Description = Annotated[
    StrictStr | None, AfterValidator(_description), Expected(f"text of at most {LONGEST_DESCRIPTION} characters")
]
Note = Annotated[StrictStr | None, AfterValidator(_note), Expected(f"text of at most {LONGEST_NOTE} characters")]
TeamName = Annotated[
    StrictStr,
    Field(min_length=1, max_length=LONGEST_TEAM),
    AfterValidator(_printable),
    AfterValidator(_team_name),
    Expected(f"1 to {LONGEST_TEAM} printable characters"),
]
Prefix = Annotated[
    StrictStr,
    Field(min_length=1, max_length=200),
    AfterValidator(_printable),
    AfterValidator(_prefix),
    Expected("1 to 200 printable characters"),
]
# Not printable alone: MLflow takes any character in names.
Id = Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_ID), Expected(f"1 to {LONGEST_ID} characters")]
Words = Annotated[StrictStr, Expected("text")]
Seconds = Annotated[int | None, BeforeValidator(seconds), Expected("UTC seconds since 1970")]
Secret = Annotated[StrictStr, Expected("text", secret=True)]
Raw = Annotated[Any, WithJsonSchema({"type": "string"})]
