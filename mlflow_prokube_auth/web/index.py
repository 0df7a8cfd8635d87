"""MLflow's ``index.html`` with our menu script right after ``<head>``."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from flask import Response, make_response, redirect

from .context import Web

INDEX_POLICY = "frame-ancestors 'self'; base-uri 'self'; object-src 'none'; form-action 'self'"


def home(web: Web) -> Any:
    """To MLflow's page, from the external URL as people type it; the browser keeps the hash."""
    return redirect(web.base)


def wrap(web: Web, serve: Callable[[], Any]) -> Callable[[], Response]:
    """The view that replaces MLflow's ``serve``."""
    base = escape(web.base, quote=True)
    tag = f'<head><script src="{base}prokube-auth/assets/menu.js" data-base="{base}"></script>'

    def index() -> Response:
        response = make_response(serve())
        response.direct_passthrough = False
        html = response.get_data(as_text=True)
        response.set_data(html.replace("<head>", tag, 1))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = INDEX_POLICY
        response.headers.pop("ETag", None)
        response.headers.pop("Last-Modified", None)
        return response

    return index
