"""Which files there are, by the server's own listing; no name in it is believed to be one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .failures import Exit, Failure
from .names import MLMODEL, OURS
from .resolve import Place
from .server import ARTIFACTS, Server
from .uris import is_safe_name

# How far a listing may lead.
DEEPEST, MOST = 64, 1_000_000


@dataclass(frozen=True)
class RemoteFile:
    """A file: where it goes below the destination, where the server has it, and its size where the listing says so.

    MLflow's listings name no size where it is 0.
    """

    path: tuple[str, ...]
    remote: str
    size: int | None

    @property
    def name(self) -> str:
        """For people."""
        return "/".join(self.path)


def files_of(server: Server, place: Place) -> list[RemoteFile]:
    """All files at a place.

    Raises:
        Failure: there are none, no model where one is expected, or a listing that cannot be trusted.
    """
    found: dict[tuple[str, ...], RemoteFile] = {}
    for root in place.roots:
        single = None if place.is_model else _single(server, root)
        for file in [single] if single else _walk(server, root):
            found[file.path] = file
            if len(found) > MOST:
                raise Failure(Exit.TRANSFER, f"{place.label} has more than {MOST} files")
    if not found:
        raise Failure(
            Exit.NOT_FOUND, f"{place.label} has no files on the server: its artifacts are gone, or the path is wrong"
        )
    if place.is_model and MLMODEL not in found:
        raise Failure(Exit.NOT_FOUND, f"{place.label} has no file MLmodel at its root: it is no model of MLflow's")
    for path in found:
        if any(path[:count] in found for count in range(1, len(path))):
            raise _untrusted(f"'{'/'.join(path)}' lies in a file")
    return [found[path] for path in sorted(found)]


def _walk(server: Server, root: str, below: tuple[str, ...] = ()) -> Iterator[RemoteFile]:
    for name, is_folder, size in _entries(server, "/".join((root, *below))):
        path = (*below, name)
        if is_folder:
            if len(path) > DEEPEST:
                raise _untrusted(f"folders are more than {DEEPEST} deep")
            yield from _walk(server, root, path)
        else:
            yield RemoteFile(path, "/".join((root, *path)), size)


def _single(server: Server, root: str) -> RemoteFile | None:
    """The file, where a path names one: the folder above knows, while its own listing is empty or names it again."""
    parent, _, name = root.rpartition("/")
    for found, is_folder, size in _entries(server, parent):
        if found == name and not is_folder:
            return RemoteFile((name,), root, size)
    return None


def _entries(server: Server, path: str) -> list[tuple[str, bool, int | None]]:
    answer = server.get(ARTIFACTS, path=path)
    files = answer.get("files") or []
    if not isinstance(files, list):
        raise _untrusted("it is no list")
    entries = [_entry(file) for file in files]
    if len({name for name, _, _ in entries}) != len(entries):
        raise _untrusted("it names something twice")
    return entries


def _entry(file: Any) -> tuple[str, bool, int | None]:
    name = file.get("path") if isinstance(file, dict) else None
    if not isinstance(name, str) or not is_safe_name(name) or name.startswith(OURS):
        raise _untrusted(f"it holds the name {name!r}")
    size = file.get("file_size")
    try:
        return name, bool(file.get("is_dir")), None if size is None else max(0, int(size))
    except (TypeError, ValueError):
        raise _untrusted(f"the size of '{name}' is no number") from None


def _untrusted(why: str) -> Failure:
    return Failure(Exit.TRANSFER, f"the server's listing of the files cannot be used: {why}")
