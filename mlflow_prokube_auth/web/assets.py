"""Our few static files, from an allow-list.

Their addresses hold a version, so that browsers keep them for good; what one of our modules imports by a relative
address is of the same version.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from flask import Response

from ..errors import BadRequest

if TYPE_CHECKING:
    from .context import Web

TYPES = {".css": "text/css", ".js": "text/javascript"}
FOR_GOOD = "public, max-age=31536000, immutable"


@functools.cache
def _load() -> dict[str, tuple[bytes, str]]:
    found = {}
    for file in (files("mlflow_prokube_auth") / "web" / "assets").iterdir():
        kind = TYPES.get("." + file.name.rsplit(".", 1)[-1])
        if kind is not None:
            found[file.name] = (file.read_bytes(), kind)
    return found


@functools.cache
def version() -> str:
    """Changes with any of the files."""
    digest = hashlib.sha256()
    for name, (body, _) in sorted(_load().items()):
        digest.update(f"{name} {len(body)}\n".encode() + body)
    return digest.hexdigest()[:16]


def asset(web: Web, given: str, name: str) -> Response:
    """One of our files; public, since the login page needs it.

    A page of another version, from a server that is being replaced, gets what is here, and does not keep it.
    """
    known = _load()
    if name not in known:
        raise BadRequest(f"There is no file '{name[:80]}'; found are {', '.join(sorted(known))}.")
    body, kind = known[name]
    response = Response(body, mimetype=kind)
    response.headers["Cache-Control"] = FOR_GOOD if given == version() else "no-store"
    return response
