"""The destination: files are written beside it and renamed into it, and what was placed before is taken away.

The folder itself cannot be renamed into place: KServe mounts a volume there. Each file is renamed, ``MLmodel`` last,
under a lock on the folder, so that of two initializers one comes after the other. A record of what was placed says
what the next one may take away; nothing else in the folder is touched, such as another model in a folder below.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import Exit, Failure, in_units, unwritable
from .names import MLMODEL, OURS, RelativePath
from .uris import is_safe_name

STAGING = f"{OURS}-"
RECORD = f"{OURS}.json"


@dataclass(frozen=True)
class Staging:
    """A folder within the destination; ``lock`` is the descriptor that keeps it from being swept."""

    path: Path
    lock: int | None

    def files(self) -> list[RelativePath]:
        """All files in it."""
        found = (Path(folder, name) for folder, _, names in os.walk(self.path) for name in names)
        return sorted(path.relative_to(self.path).parts for path in found)

    def drop(self) -> None:
        """Remove it with what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)


class Destination:
    """A folder that gets a model; ``say`` gets the lines of the log."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say

    def stage(self) -> Staging:
        """A new folder in the same file system; those that crashed initializers left go.

        Raises:
            Failure: the destination cannot be written.
        """
        with self._in_words():
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked() as locked:
                if locked:
                    self._sweep()
                path = Path(tempfile.mkdtemp(prefix=STAGING, dir=self.folder))
                return Staging(path, _try_lock(path))

    def needs(self, size: int) -> None:
        """See that so much fits, where the file system says how much is free.

        Raises:
            Failure: it does not.
        """
        with self._in_words():
            free = shutil.disk_usage(self.folder).free
        if size > free:
            raise Failure(Exit.FOLDER, f"{self.folder} has {in_units(free)} free, and the files need {in_units(size)}")

    def place(self, staging: Path, files: Iterable[RelativePath], about: dict[str, Any]) -> None:
        """Rename all files from the staging folder to where they belong.

        Raises:
            Failure: the destination does not take them.
        """
        wanted = sorted(set(files), key=lambda path: (path == MLMODEL, path))
        with self._in_words(), self._locked():
            before = self._placed()
            # A crash from here on leaves a record of all that may be there.
            self._record({**about, "files": sorted("/".join(path) for path in before | set(wanted))})
            for path in sorted(before - set(wanted)):
                self._take_away(path)
            for path in wanted:
                source, target = staging.joinpath(*path), self.folder.joinpath(*path)
                if not stat.S_ISREG(source.lstat().st_mode):  # a link would lead the model server out of the folder
                    raise Failure(Exit.FOLDER, f"{source} is no file any more: something changed what was downloaded")
                self._make_parents(path)
                os.replace(source, target)
            self._record({**about, "files": sorted("/".join(path) for path in wanted)})

    def _make_parents(self, path: RelativePath) -> None:
        for count in range(1, len(path)):
            parent = self.folder.joinpath(*path[:count])
            if parent.is_symlink():  # would lead out of the destination
                raise Failure(Exit.FOLDER, f"{parent} is a link; expected a folder")
            parent.mkdir(exist_ok=True)

    def _take_away(self, path: RelativePath) -> None:
        target = self.folder.joinpath(*path)
        if any(self.folder.joinpath(*path[:count]).is_symlink() for count in range(1, len(path))):
            return
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            target.unlink()
        for count in range(len(path) - 1, 0, -1):
            with suppress(OSError):  # not empty, or gone
                self.folder.joinpath(*path[:count]).rmdir()

    def _placed(self) -> set[RelativePath]:
        """What the record says was placed before, as far as it is one of ours."""
        try:
            record = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
            paths = [tuple(str(file).split("/")) for file in record["files"]]
        except (OSError, ValueError, KeyError, TypeError):
            return set()
        return {path for path in paths if all(is_safe_name(part) for part in path)}

    def _record(self, about: dict[str, Any]) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f"{STAGING}record-", dir=self.folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(about, file, indent=1)
            os.chmod(name, 0o644)  # the model server is another user
            os.replace(name, self.folder / RECORD)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise

    def _sweep(self) -> None:
        """Remove the staging folders that no living process holds."""
        for left in self.folder.glob(f"{STAGING}*"):
            if left.is_symlink() or not left.is_dir():
                with suppress(OSError):
                    left.unlink()
                continue
            descriptor = _try_lock(left)
            if descriptor is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Hold the folder; yields whether its file system has locks."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                locked = True
            except OSError:
                self._say(
                    f"WARNING: the file system of {self.folder} has no locks; expected no other initializer in it"
                )
                locked = False
            yield locked
        finally:
            os.close(descriptor)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritable(Path(error.filename or self.folder), error) from None


def _try_lock(folder: Path) -> int | None:
    """A descriptor that holds the folder, or None where another holds it, or nothing can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
