"""Why the initializer ends: a reason of one line, and an exit code that says of which kind it is."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from urllib.parse import quote

# Kubernetes keeps the last 2048 bytes of the log for the pod's status; a reason must fit in with room to spare.
LONGEST_REASON = 1200
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_ACCESS_KEY = re.compile(r"\bpkt_[0-9A-Za-z_]+")


class Exit(enum.IntEnum):
    """The exit codes; ``docs/kserve.md`` lists them."""

    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    TRANSFER = 5
    FOLDER = 6
    STOPPED = 143


class Failure(Exception):
    """The initializer cannot do what it was asked for."""

    def __init__(self, code: Exit, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Broken(Exception):
    """Something that may be over in a moment: it is tried again, for a while."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


class OneLine:
    """Makes of any text one line that may stand in a log: without secrets, control characters and undue length."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        found = {secret for secret in secrets if secret}
        self._secrets = sorted({*found, *(quote(secret, safe="") for secret in found)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _ACCESS_KEY.sub("***", _USERINFO.sub("", text))
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."
