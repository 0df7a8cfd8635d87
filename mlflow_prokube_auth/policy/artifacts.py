"""Readers of a registered model may read the files of its versions, and nothing beside them.

MLflow keeps the files of a model's version among those of a run or of a logged model, and its engine asks for the
experiment alone. This is the one allowance on top of the engine, asked for where the engine has refused to list or
download: the path lies at or below the root of a version, the caller may read that version, and the version counts.

A version counts while whoever created it may read its root themselves: by the engine's own answer for the very path
that its row holds, asked right after the creation and again with each request that the version would open. So nobody
gains by a version what its creator does not have, whatever its ``source`` says, and nobody keeps by one what was
withdrawn from them. Who created it is kept in a table of ours, by a digest of what never changes in MLflow's row: a
rename takes it along, a deletion ends it. Its root is a model, a folder that held a file ``MLmodel`` when the version
was created; never all of a run's artifacts. Of a version that was created before this table was there, or by another
server, nobody knows who created it: it does not count.

A reader's copy of a version counts in the same way while they may read the original, and so on to somebody who may read
the files without any version. Two copies do not prove each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlparse, urlunparse

from .. import logs
from ..errors import PermissionDenied
from ..model import Person
from ..store.versions import TrustedVersions

_logger = logs.logger(__name__)
SERVED, RUNS = "mlflow-artifacts:/", "runs:/"
# The length of the column that holds a version's root.
LONGEST_ROOT = 500
# What file systems allow; object stores allow less. Nothing longer is looked at.
LONGEST_PATH = 4096
# Control characters, which MLflow's handlers escape, what they refuse, and halves of surrogate pairs.
_UNREADABLE = re.compile("[\x00-\x1f\x7f#\ud800-\udfff]")
# Where the files of one run or of one logged model begin.
_TIER = r"(?:[0-9a-f]{32}|models/[^/]+)/artifacts(?=/|\Z)"
_ONE_TIER, _ITS_TIER = re.compile(rf"(?:workspaces/[^/]+/)?[0-9]+/{_TIER}"), re.compile(f"/{_TIER}")
# Where all of a run's files are, in whatever store.
_ALL_OF_A_RUN = re.compile(r"(?:.*/)?[0-9a-f]{32}/artifacts/*", re.DOTALL)
CREATE = "model-versions/create"
# The logged model that a location names.
_MODEL = re.compile(r"/models/([^/]+)/artifacts(?=/|\Z)")
# MLflow itself ties sources of these schemes to the run or logged model that the request names.
TIED_BY_MLFLOW = frozenset({"runs", "models", "mlflow-artifacts"})
IS_PROMPT = "mlflow.prompt.is_prompt"
# What readers of a version are told of its logged model (mlflow/entities/logged_model.py, to_proto).
RECORD = frozenset(
    {
        "experiment_id", "model_id", "name", "artifact_uri", "creation_timestamp_ms", "last_updated_timestamp_ms",
        "model_type", "status", "status_message",
    }
)  # fmt: skip
# How many readers of copies of copies are asked about for one request.
MOST_READERS = 50


@dataclass(frozen=True)
class Version:
    """A row of MLflow's: the model's name, where its files are, what never changes in the row, digested, and its run.

    A file store has no rows, hence no digest.
    """

    name: str
    location: str
    digest: str
    run_id: str = ""


@dataclass(frozen=True)
class Root:
    """Where the files of a run or of a logged model are, and under which path MLflow's proxy would serve them."""

    kind: str
    location: str
    path: str


@dataclass(frozen=True)
class Owned:
    """Whose a served path is: where the artifacts of its experiment begin, and the path by which the engine is asked.

    ``root`` is empty where the path itself says so, by the experiment's id.
    """

    root: str
    judged: str


class Versions(Protocol):
    """Versions of models in the running request's workspace, without deleted ones."""

    def version(self, name: str, number: str) -> Version | None:
        """One of them."""

    def versions_at(self, locations: list[str]) -> list[Version]:
        """Those whose files are at one of the locations."""

    def served_path(self, path: str) -> str:
        """The path that MLflow serves for what was asked for, which depends on the workspace."""

    def owned(self, served: str) -> Owned | None:
        """Whose a served path is; None where not exactly one experiment's recorded location is at or above it."""

    def is_local(self, source: str) -> bool:
        """Whether MLflow takes a source for a path on the server."""

    def artifact_roots(self, run_id: str, model_id: str) -> list[Root]:
        """Where the files of a run and of a logged model are, of those that are there."""

    def holds_model(self, location: str) -> bool:
        """Whether a file ``MLmodel`` lies there now."""

    def is_prompt(self, name: str) -> bool:
        """Whether a name is a prompt's."""


def is_canonical(path: str) -> bool:
    """Whether MLflow's handlers read a path as it is written, and nothing in it is dropped or walked up.

    They decode it once more than the server has, and parse it as a URL (mlflow/utils/uri.py, validate_path_is_safe);
    what that leaves as it is has one meaning, whatever letters, spaces or signs it holds. A backslash is a letter of a
    name, but some stores take it for a slash: in both readings the path stays where it is.
    """
    if len(path) > LONGEST_PATH or _UNREADABLE.search(path) or ".." in path.replace("\\", "/").split("/"):
        return False
    if any(segment in ("", ".") for segment in path.split("/")):
        return False
    try:
        return urlunparse(urlparse(unquote(path))) == path
    except ValueError:
        return False


def possible_roots(path: str, place: str = "") -> list[str]:
    """``path`` and what is above it, within one run or logged model: where the root of a version may be.

    ``place`` is where the experiment's artifacts begin; empty where that is by its id.

    A location is a URL: what follows a ``?`` is no part of its path, while a file may have one in its name.
    """
    match = None
    if is_canonical(path) and path.startswith(place):
        match = _ITS_TIER.match(path, len(place)) if place else _ONE_TIER.match(path)
    if match is None:
        return []
    roots, end, longest = [], match.end(), min(LONGEST_ROOT - len(SERVED), len(path.partition("?")[0]))
    while 0 <= end <= longest:
        roots.append(path[:end])
        if end == len(path):
            break
        end = path.find("/", end + 1, longest + 1)
        if end < 0 and len(path) <= longest:
            end = len(path)
    return roots


def root_of(location: str, place: str = "") -> str | None:
    """The served path of a version's files; None where this server does not serve them, or not from one place.

    ``place`` is that of :func:`possible_roots`.
    """
    path = location.removeprefix(SERVED)
    return path if location.startswith(SERVED) and "?" not in path and possible_roots(path, place) else None


def lies_within(source: str, root: str) -> bool:
    """Whether one location is at or below another, by whole segments."""
    return "?" not in source and holds(root, source)


def holds(root: str, place: str) -> bool:
    """Whether a file or folder is at or below a location, by whole segments."""
    place, root = place.rstrip("/"), root.rstrip("/")
    # Not at the beginning of a path, where a colon would end a scheme and a space be dropped.
    return place == root or (place.startswith(f"{root}/") and is_canonical(f"_/{place[len(root) + 1 :]}"))


def record_for_readers(model: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a logged model, as far as it tells of the version that it became.

    Metrics name runs and datasets, and tags other models; the run is the experiment's.
    """
    info, data = (dict(model.get(part) or {}) for part in ("info", "data"))
    kept = {name: value for name, value in info.items() if name in RECORD}
    return {"info": kept, "data": {"params": data["params"]} if "params" in data else {}}


def model_in(location: str) -> str:
    """The id of the logged model whose files a location is among; empty where it is no such place."""
    found = _MODEL.findall(location)
    return str(found[-1]) if found else ""


class ModelArtifacts:
    """Decides on the files of versions; see the module's docstring."""

    def __init__(
        self,
        versions: Versions,
        counted: TrustedVersions,
        readable: Callable[[str, str], bool],
        path_readable: Callable[[str, str], bool],
        path_denied: Callable[[str, str], bool],
    ) -> None:
        """The engine's answers on a model's versions and a user, and on a user and a served path: allowed; DENY."""
        self._versions = versions
        self._counted = counted
        self._readable = readable
        self._path_readable = path_readable
        self._path_denied = path_denied

    def may_read(self, username: str, path: str | None) -> bool:
        """Whether a path that the engine has refused comes with a version that the user may read."""
        if not path or not is_canonical(path):
            return False
        served = self._versions.served_path(path)
        owned = self._versions.owned(served)
        roots = [] if owned is None else [SERVED + root for root in possible_roots(served, owned.root)]
        return bool(roots) and self._comes_with_a_version(username, SERVED + served, roots)

    def may_read_logged_model(self, username: str, model_id: str, path: str | None) -> bool:
        """Whether a logged model that the engine has refused, or what it has at a path, belongs to such a version.

        Its record belongs to a version that consists of the whole model: ``path`` is None.
        """
        root = next(iter(self._versions.artifact_roots("", model_id)), None)
        if root is None or path == "" or not (path is None or is_canonical(f"_/{path}")):
            return False
        places = [root.location]
        for segment in () if path is None else path.split("/"):
            places.append(f"{places[-1].rstrip('/')}/{segment}")
        return self._comes_with_a_version(username, places[-1], [place for place in places if "?" not in place])

    def created(self, name: str, number: str, person: Person) -> None:
        """Note whether the version that was just created counts. Prompts have no files."""
        version = None if self._versions.is_prompt(name) else self._versions.version(name, number)
        if version is None or not version.digest or not self._is_part(version):
            return
        allowed = person.is_admin or self._may_read_root(person.username, version)
        if allowed and self._versions.holds_model(version.location):
            self._counted.add(version.digest, person.user_id)

    def check_tag(self, params: Mapping[str, Any], deletes: bool) -> None:
        """Refuse to change what is a prompt: grants on a prompt are none on a model.

        Raises:
            PermissionDenied: saying who may.
        """
        if str(params.get("key", "")).strip().lower() != IS_PROMPT:
            return
        stays = not deletes and str(params.get("value", "")).lower() == "true"
        if not (stays and self._versions.is_prompt(str(params.get("name", "")))):
            raise PermissionDenied(
                f"The tag '{IS_PROMPT}' decides whose grants count: only administrators turn a model into a "
                "prompt or back."
            )

    def check_files(self, name: str, number: str, username: str, contact: str) -> None:
        """Refuse the files of a version that does not count, but to who may read its root by themselves.

        MLflow's server reads a version's files with its own rights, wherever its row says that they are.

        Raises:
            PermissionDenied: saying what to do.
        """
        version = self._versions.version(name, number)
        if version is None or self._may_read_root(username, version):
            return
        raise PermissionDenied(
            f"Version {number[:20]} of '{name[:200]}' does not open its files: nobody knows who registered it, or they "
            f"may not read where its files are any more, or that is no model's folder. Ask {contact}, or who may read "
            "the experiment that it comes from, to register it again (MlflowClient.copy_model_version)."
        )

    def _is_part(self, version: Version) -> bool:
        """Whether a version has a place of its own: not all of a run's artifacts, and nothing above them."""
        if version.location.startswith(SERVED) and self._served(version.location) is None:
            return False
        if version.location.startswith("runs:"):  # it names a whole run, or nothing that is there
            return False
        location = version.location.rstrip("/")
        whole = (root.location.rstrip("/") for root in self._roots(version) if root.kind == "run")
        return bool(location) and not _ALL_OF_A_RUN.fullmatch(location) and location not in whole

    def _may_read_root(self, username: str, version: Version) -> bool:
        """Whether a user may read all that a version consists of, themselves or by a version that counts."""
        if self._reads_alone(username, version):
            return True
        served, places = self._served(version.location), [version.location]
        if served is not None:
            path, owned = served
            places = [SERVED + each for each in possible_roots(path, owned.root)]
        return self._comes_with_a_version(username, version.location, places)

    def _reads_alone(self, username: str, version: Version) -> bool:
        """Whether the engine lets a user read a version's root, no version asked."""
        return any(self._path_readable(username, path) for path in self._paths(version))

    def _opens(self, version: Version, username: str) -> bool:
        """Whether a user may read a version; DENY on the experiment or its runs or logged models holds all the same."""
        return self._readable(version.name, username) and not any(
            self._path_denied(username, path) for path in self._paths(version)
        )

    def _paths(self, version: Version) -> list[str]:
        """The served paths by which the engine is asked about a version's root."""
        served = self._served(version.location)
        if served is not None:
            return [served[1].judged]
        return [each.path for each in self._roots(version) if lies_within(version.location, each.location)]

    def _served(self, location: str) -> tuple[str, Owned] | None:
        """The path by which the server serves a version's root, and whose it is; None where that is not one place."""
        path = location.removeprefix(SERVED)
        owned = self._versions.owned(path) if location.startswith(SERVED) and is_canonical(path) else None
        return None if owned is None or root_of(location, owned.root) is None else (path, owned)

    def _roots(self, version: Version) -> list[Root]:
        return self._versions.artifact_roots(version.run_id, model_in(version.location))

    def _comes_with_a_version(self, username: str, place: str, roots: list[str]) -> bool:
        """Whether a user may read a place by a version at one of these roots, whose creator may read the root.

        Who may read it by a version only, as the creator of a copy does, is asked about in the same way: the last of
        them reads without any.
        """
        versions = self._versions.versions_at(roots)
        creators = self._counted.creators([version.digest for version in versions])
        asked, waiting = {(username, place)}, [(username, place)]
        while waiting and len(asked) <= MOST_READERS:
            reader, wanted = waiting.pop()
            for version in versions:
                steps = {(each.username, version.location): each for each in creators.get(version.digest, ())}
                new = {step: each for step, each in steps.items() if step not in asked}
                if not new or not holds(version.location, wanted) or not self._opens(version, reader):
                    continue
                if any(each.is_admin or self._reads_alone(each.username, version) for each in new.values()):
                    return True
                asked.update(new)
                waiting += new
        return False

    def check_source(self, params: Mapping[str, Any]) -> None:
        """Refuse a source that MLflow ties to nothing.

        Raises:
            PermissionDenied: saying what is expected.
        """
        source = str(params.get("source") or "")
        scheme = source.partition(":")[0].lower() if ":" in source else ""
        if scheme in TIED_BY_MLFLOW or self._versions.is_local(source):
            return
        roots = self._versions.artifact_roots(str(params.get("run_id") or ""), str(params.get("model_id") or ""))
        if not any(lies_within(source, root.location) for root in roots):
            raise PermissionDenied(
                f"The source '{source[:200]}' is not among the artifacts of the run or logged model that the request "
                "names. Expected a source of the form runs:/<run id>/<path> or models:/<model id>, or one below the "
                "artifact location of the run_id or model_id given with it."
            )
