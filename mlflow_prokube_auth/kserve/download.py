"""Files from the server into a folder: several at once, in parts, gone on with where a connection broke."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import requests

from .failures import Broken, Exit, Failure, in_units, unwritable
from .listing import RemoteFile
from .server import ARTIFACTS, Server, in_words, is_login_page, no_file

CHUNK = 1 << 20
PROGRESS_SECONDS = 5.0
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Transfer:
    """One file under way; ``best`` is how far it has ever come, ``tag`` what a broken transfer is gone on with by."""

    def __init__(self, file: RemoteFile, target: Path) -> None:
        self.file = file
        self.target = target
        self.size = 0
        self.best = 0
        self.tag: str | None = None

    def attempt(self, server: Server, output: BinaryIO, stop: threading.Event) -> None:
        """Bring the rest of the file, or all of it again where the server cannot go on.

        Raises:
            Broken: the file is not whole.
        """
        headers = {"Range": f"bytes={self.size}-", "If-Range": self.tag} if self.size and self.tag else {}
        path = f"{ARTIFACTS}/{quote(self.file.remote, safe='/')}"
        with server.open(path, headers) as answer:
            wanted = self._begin(answer, output)
            try:
                for part in answer.iter_content(CHUNK):
                    if stop.is_set():
                        raise Failure(Exit.STOPPED, "stopped")
                    output.write(part)
                    self.size += len(part)
                    self.best = max(self.best, self.size)
                    if wanted is not None and self.size > wanted:
                        self.tag = None
                        raise Broken(f"more than the {wanted} bytes of the listing arrive")
            except requests.exceptions.RequestException as error:
                raise Broken(f"{in_words(error)} after {self.size} of {_or_unknown(wanted)} bytes") from None
        if wanted is not None and self.size != wanted:
            raise Broken(f"only {self.size} of {wanted} bytes arrived")

    def _begin(self, answer: requests.Response, output: BinaryIO) -> int | None:
        """Put the file to where this answer goes on; the size that the whole file must have."""
        if is_login_page(answer):
            raise no_file(answer)
        if answer.status_code == 206:
            return self._go_on(answer)
        self.size, tag = 0, answer.headers.get("ETag", "")
        output.seek(0)
        output.truncate()
        if answer.status_code == 416:
            self.tag = None
            raise Broken("the server has no such part of the file any more")
        encoded = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
        self.tag = tag if tag.startswith('"') and not encoded else None
        length = answer.headers.get("Content-Length", "")
        announced = int(length) if length.isascii() and length.isdigit() and not encoded else None
        if self.file.size is None:
            if announced is None and "chunked" not in answer.headers.get("Transfer-Encoding", "").lower():
                raise Failure(
                    Exit.TRANSFER,
                    f"{self.file.name}: neither the listing nor the answer says how long it is, so nothing would tell "
                    "whether it is whole",
                )
            return announced
        if announced is not None and announced != self.file.size:
            raise Broken(f"the server sends {announced} bytes, its listing says {self.file.size}")
        return self.file.size

    def _go_on(self, answer: requests.Response) -> int | None:
        found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        whole = self.file.size
        start, total = (int(found[1]), found[3]) if found else (-1, "")
        if start != self.size or (whole is not None and total not in ("*", str(whole))):
            self.tag = None
            raise Broken("the server sends another part of the file than it was asked for")
        return whole if whole is not None else int(total) if total.isdigit() else None


class Download:
    """All files of a model; ``say`` gets the lines of the log."""

    def __init__(self, server: Server, parallel: int, say: Callable[[str], None], stop: threading.Event) -> None:
        self._server = server
        self._parallel = parallel
        self._say = say
        self._stop = stop

    def run(self, files: Sequence[RemoteFile], folder: Path) -> None:
        """Bring all files, or fail with the first reason.

        Raises:
            Failure: one of them could not be downloaded completely.
        """
        transfers = [Transfer(file, folder.joinpath(*file.path)) for file in files]
        pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="download")
        futures = [pool.submit(self._bring, transfer) for transfer in transfers]
        try:
            pending: set[Future[None]] = set(futures)
            while pending:
                done, pending = wait(pending, timeout=PROGRESS_SECONDS, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if pending:
                    self._say(_progress(transfers, futures))
        except BaseException:
            self._stop.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _bring(self, transfer: Transfer) -> None:
        try:
            transfer.target.parent.mkdir(parents=True, exist_ok=True)
            with transfer.target.open("xb") as output:
                self._server.persist(transfer.file.name, lambda: self._attempt(transfer, output), lambda: transfer.best)
        except OSError as error:
            raise unwritable(transfer.target.parent, error) from None

    def _attempt(self, transfer: Transfer, output: BinaryIO) -> None:
        if self._stop.is_set():
            raise Failure(Exit.STOPPED, "stopped")
        transfer.attempt(self._server, output, self._stop)


def _progress(transfers: Sequence[Transfer], futures: Sequence[Future[None]]) -> str:
    done, arrived = sum(future.done() for future in futures), sum(transfer.size for transfer in transfers)
    total = sum(transfer.file.size or 0 for transfer in transfers)
    return f"{done} of {len(transfers)} files, {in_units(arrived)} of {in_units(total)}"


def _or_unknown(size: int | None) -> str:
    return "an unknown number of" if size is None else str(size)
