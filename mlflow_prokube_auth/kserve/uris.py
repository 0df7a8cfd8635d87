"""What a ``mlflow://`` address names. Pure: nothing is asked, nothing is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

SCHEME = "mlflow://"
FORMS = (
    "mlflow://models/<name>/<version>",
    "mlflow://models/<name>/latest",
    "mlflow://models/<name>/<alias or stage>",
    "mlflow://models/<name>@<alias>",
    "mlflow://runs/<run id>/artifacts/<path>",
    "mlflow://runs/<run id>/<path>",
)
LATEST = "latest"
STAGES = ("Staging", "Production", "Archived")
_DIGITS = re.compile(r"[0-9]+")
_RUN_ID = re.compile(r"[0-9A-Za-z_-]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadUri(ValueError):
    """An address that names nothing; the message says what was found and what is expected."""


@dataclass(frozen=True)
class ModelUri:
    """A version of a registered model: exactly one of ``version``, ``alias`` and ``label`` is set.

    ``label`` is what stands after the slash and is no number: ``latest``, an alias, or else a stage.
    """

    name: str
    version: int | None = None
    alias: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class RunUri:
    """A folder or a file among the artifacts of a run; ``path`` is never empty."""

    run_id: str
    path: tuple[str, ...]


def parse(uri: str) -> ModelUri | RunUri:
    """Read an address.

    Raises:
        BadUri: it is none of ``FORMS``.
    """
    if not uri.startswith(SCHEME):
        raise BadUri(f"'{uri}' is no address of MLflow's: expected one that begins with {SCHEME}")
    if "?" in uri or "#" in uri:
        raise BadUri(f"'{uri}' holds a ? or #: within a name, write them as %3F and %23")
    kind, _, rest = uri.removeprefix(SCHEME).partition("/")
    parts = rest.rstrip("/").split("/")
    if kind == "models":
        return _model(uri, parts)
    if kind == "runs":
        return _run(uri, parts)
    raise BadUri(f"'{uri}' names neither models nor runs: {_expected()}")


def is_safe_name(name: str) -> bool:
    """Whether a name can be that of one file or folder, and leads nowhere else.

    To Linux, where this runs, a backslash is a letter; to some stores it is a slash, which must lead nowhere else, too.
    """
    if ".." in name.split("\\") or name in ("", ".") or any(letter in "/\x7f" or letter < " " for letter in name):
        return False
    try:
        return len(name.encode()) <= 255
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry
        return False


def is_run_id(text: str) -> bool:
    """Whether a text can be the id of a run."""
    return _RUN_ID.fullmatch(text) is not None


def _model(uri: str, parts: list[str]) -> ModelUri:
    if len(parts) == 1:
        name, at, alias = parts[0].rpartition("@")
        if not at:
            raise BadUri(f"'{uri}' names a model without a version: {_expected()}")
        alias = _decoded(uri, alias)
        if _DIGITS.fullmatch(alias):
            raise BadUri(f"'{uri}': digits always mean a version; write {SCHEME}models/{name}/{alias} for it")
        return ModelUri(_decoded(uri, name), alias=alias)
    if len(parts) != 2:
        raise BadUri(f"'{uri}' has {len(parts)} parts after models/: {_expected()}; a / in a name is not possible")
    name, label = (_decoded(uri, part) for part in parts)
    if not _DIGITS.fullmatch(label):
        return ModelUri(name, label=label)
    if int(label) == 0:
        raise BadUri(f"'{uri}': versions begin with 1")
    return ModelUri(name, version=int(label))


def _run(uri: str, parts: list[str]) -> RunUri:
    run_id, path = _decoded(uri, parts[0]), [_decoded(uri, part) for part in parts[1:]]
    if not is_run_id(run_id):
        raise BadUri(f"'{uri}' names no run: {_expected()}")
    if path[:1] == ["artifacts"]:
        path = path[1:]
    if not path:
        raise BadUri(f"'{uri}' names a run without a path: {_expected()}")
    return RunUri(run_id, tuple(path))


def _decoded(uri: str, part: str) -> str:
    """Percent-decoding of one segment; + stays +."""
    if _BAD_ESCAPE.search(part):
        raise BadUri(f"'{uri}' holds a % that begins no escape: within a name, write it as %25")
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise BadUri(f"'{uri}' is not percent-encoded UTF-8") from None
    if not is_safe_name(text):
        raise BadUri(f"'{uri}' holds an empty, relative or unreadable part: {_expected()}")
    return text


def _expected() -> str:
    return "expected one of " + ", ".join(FORMS)
