"""Our JSON routes, described for programs."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from ..api_document import document
from .context import Web


def show(web: Web) -> Any:
    """The OpenAPI document."""
    return jsonify(document(web.settings.external_url))
