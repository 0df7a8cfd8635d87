"""MLflow's ``index.html`` with our menu script right after ``<head>``."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any

from flask import Response, make_response, redirect

from ..identity.caller import CALLER
from ..policy import kinds
from .context import Web

INDEX_POLICY = "frame-ancestors 'self'; base-uri 'self'; object-src 'none'; form-action 'self'"


def home(web: Web) -> Any:
    """To MLflow's page, from the external URL as people type it; the browser keeps the hash."""
    return redirect(web.base)


def _is_admin() -> bool:
    """Whether an administrator opens the page; with a credential that does not hold, nobody does."""
    caller = CALLER.get()
    identity = caller.identity_or_none() if caller is not None else None
    return identity is not None and identity.person.is_admin


def wrap(web: Web, serve: Callable[[], Any]) -> Callable[[], Response]:
    """The view that replaces MLflow's ``serve``."""
    pages = [(each, kind.type, kind.word) for kind in kinds.ALL for each in kind.shared_on]
    shared = escape(json.dumps(pages), quote=True)
    source = escape(f"{web.assets}menu.js", quote=True)
    tag = f'<head><script type="module" src="{source}" data-shared="{shared}"'

    def index() -> Response:
        response = make_response(serve())
        response.direct_passthrough = False
        html = response.get_data(as_text=True)
        response.set_data(html.replace("<head>", f"{tag}{' data-admin' if _is_admin() else ''}></script>", 1))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = INDEX_POLICY
        response.headers.pop("ETag", None)
        response.headers.pop("Last-Modified", None)
        return response

    return index
