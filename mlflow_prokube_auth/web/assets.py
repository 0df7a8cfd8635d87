"""Our few static files, from an allow-list."""

from __future__ import annotations

from importlib.resources import files

from flask import Response

from ..errors import BadRequest
from .context import Web

TYPES = {".css": "text/css", ".js": "text/javascript"}


def _load() -> dict[str, tuple[bytes, str]]:
    found = {}
    for file in (files("mlflow_prokube_auth") / "web" / "assets").iterdir():
        kind = TYPES.get("." + file.name.rsplit(".", 1)[-1])
        if kind is not None:
            found[file.name] = (file.read_bytes(), kind)
    return found


_files: dict[str, tuple[bytes, str]] = {}


def asset(web: Web, name: str) -> Response:
    """One of our files; public, since the login page needs it."""
    if not _files:
        _files.update(_load())
    if name not in _files:
        raise BadRequest(f"There is no file '{name[:80]}'; found are {', '.join(sorted(_files))}.")
    body, kind = _files[name]
    response = Response(body, mimetype=kind)
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
