"""Whoever may read a registered model may read the files of its versions, and nothing beside them.

MLflow keeps the files of a model's version among those of a run or of a logged model, and its engine asks for the
experiment alone. This is the one allowance on top of the engine, asked for where the engine has refused to list or
download: the path lies at or below the root of a version, the caller may read that version, and the version counts.

A version counts if whoever created it could read its root themselves in that moment, by the engine's own answer for
the very path that its row holds. That is asked right after the creation and kept in a table of ours, by a digest of
what never changes in the row: a rename takes it along, a deletion ends it. So nobody gains by a version what its
creator did not have, whatever its ``source`` says. Of a version that was created before this table was there, or by
another server, nobody knows who created it: it does not count. A copy of a version counts if its creator could read
the original; it is a version of its own, as what is downloaded and logged again would be.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from ..errors import PermissionDenied
from ..store.people import Person
from ..store.versions import CountedVersions

_logger = logging.getLogger(__name__)
SERVED = "mlflow-artifacts:/"
# The length of the column that holds a version's root.
LONGEST_ROOT = 500
# What file systems allow; object stores allow less. Nothing longer is looked at.
LONGEST_PATH = 4096
# Where the files of one run or of one logged model begin.
_ONE_TIER = re.compile(
    r"(?:workspaces/[^/]+/)?[0-9]+/(?:[0-9a-f]{32}|models/[^/]+)/artifacts(?=/|\Z)",
)
CREATE = "model-versions/create"
# The logged model that a location names.
_MODEL = re.compile(r"/models/([^/]+)/artifacts(?=/|\Z)")
# MLflow itself ties sources of these schemes to the run or logged model that the request names.
TIED_BY_MLFLOW = frozenset({"runs", "models", "mlflow-artifacts"})
IS_PROMPT = "mlflow.prompt.is_prompt"


@dataclass(frozen=True)
class Version:
    """A row of MLflow's: the model's name, where its files are, what never changes in the row, digested, and its run.

    A file store has no rows, hence no digest.
    """

    name: str
    location: str
    digest: str
    run_id: str = ""


class Versions(Protocol):
    """Versions of models in the running request's workspace, without deleted ones."""

    def version(self, name: str, number: str) -> Version | None:
        """One of them."""

    def versions_at(self, locations: list[str]) -> list[Version]:
        """Those whose files are at one of the locations."""

    def served_path(self, path: str) -> str:
        """The path that MLflow serves for what was asked for, which depends on the workspace."""

    def is_local(self, source: str) -> bool:
        """Whether MLflow takes a source for a path on the server."""

    def artifact_roots(self, run_id: str, model_id: str) -> list[tuple[str, str, str]]:
        """Where the files of a run and of a logged model are: kind and id of each, and the place."""

    def is_prompt(self, name: str) -> bool:
        """Whether a name is a prompt's."""


def is_canonical(path: str) -> bool:
    """Whether a path can be read in one way only: nothing in it is decoded, dropped or walked up."""
    return (
        len(path) <= LONGEST_PATH
        and path.isprintable()
        and unquote(path) == path
        and not any(character in path for character in "\\#?;")
        and not any(segment in ("", ".", "..") for segment in path.split("/"))
    )


def possible_roots(path: str) -> list[str]:
    """``path`` and what is above it, within one run or logged model: where the root of a version may be."""
    match = _ONE_TIER.match(path) if is_canonical(path) else None
    if match is None:
        return []
    roots, end, longest = [], match.end(), LONGEST_ROOT - len(SERVED)
    while 0 <= end <= longest:
        roots.append(path[:end])
        if end == len(path):
            break
        end = path.find("/", end + 1, longest + 1)
        if end < 0 and len(path) <= longest:
            end = len(path)
    return roots


def root_of(location: str) -> str | None:
    """The served path of a version's files; None where this server does not serve them, or not from one place."""
    path = location.removeprefix(SERVED)
    return path if location.startswith(SERVED) and possible_roots(path) else None


def lies_within(source: str, root: str) -> bool:
    """Whether one location is at or below another, by whole segments."""
    source, root = source.rstrip("/"), root.rstrip("/")
    return source == root or (source.startswith(f"{root}/") and is_canonical(source[len(root) + 1 :]))


def model_in(location: str) -> str:
    """The id of the logged model whose files a location is among; empty where it is no such place."""
    found = _MODEL.findall(location)
    return str(found[-1]) if found else ""


class ModelArtifacts:
    """Decides on the files of versions; see the module's docstring."""

    def __init__(
        self,
        versions: Versions,
        counted: CountedVersions,
        readable: Callable[[str, str], bool],
        path_readable: Callable[[str, str], bool],
        source_readable: Callable[[str, str], bool],
    ) -> None:
        """The engine's answers: for a model's versions, for a served path, and for the caller and a run or model."""
        self._versions = versions
        self._counted = counted
        self._readable = readable
        self._path_readable = path_readable
        self._source_readable = source_readable

    def may_read(self, username: str, path: str | None) -> bool:
        """Whether a path that the engine has refused comes with a version that the user may read."""
        if not path or not is_canonical(path):
            return False
        roots = possible_roots(self._versions.served_path(path))
        versions = self._versions.versions_at([SERVED + root for root in roots]) if roots else []
        counted = self._counted.among([version.digest for version in versions])
        names = sorted({version.name for version in versions if version.digest in counted})
        return any(self._readable(name, username) for name in names)

    def created(self, name: str, number: str, person: Person) -> None:
        """Note whether the version that was just created counts."""
        version = self._versions.version(name, number)
        if version is None or not version.digest:
            return
        if person.is_admin or self._root_readable(version, person.username):
            self._counted.add(version.digest)

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
        if version is None or self._counted.among([version.digest]) or self._root_readable(version, username):
            return
        raise PermissionDenied(
            f"Nobody knows who registered version {number[:20]} of '{name[:200]}', and you may not read where its "
            f"files are. Ask {contact}, or who may read the experiment that it comes from, to register it again "
            "(MlflowClient.copy_model_version)."
        )

    def _root_readable(self, version: Version, username: str) -> bool:
        root = root_of(version.location)
        if root is not None:
            return self._path_readable(username, root)
        roots = self._versions.artifact_roots(version.run_id, model_in(version.location))
        if any(lies_within(version.location, each) and self._source_readable(kind, key) for kind, key, each in roots):
            return True
        # A copy of a version that they may read.
        others = [each for each in self._versions.versions_at([version.location]) if each.name != version.name]
        counted = self._counted.among([each.digest for each in others])
        return any(each.digest in counted and self._readable(each.name, username) for each in others)

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
        if not any(lies_within(source, root) for _, _, root in roots):
            raise PermissionDenied(
                f"The source '{source[:200]}' is not among the artifacts of the run or logged model that the request "
                "names. Expected a source of the form runs:/<run id>/<path> or models:/<model id>, or one below the "
                "artifact location of the run_id or model_id given with it."
            )
