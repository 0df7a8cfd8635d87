"""What MLflow's handlers answer as a page, or with nothing, told in JSON; what they trip over, as what it is.

MLflow's handlers convert many values before they check them (``int(value)``, ``value.get(...)``): a value of another
kind ends in an error that nobody catches, and in Flask's page.
"""

from __future__ import annotations

import html
import re
from http import HTTPStatus

from flask import Response, g, request

from ..errors import BadRequest, Failed, Refusal
from .context import OWN, TOLD

# Raised by values of another kind, size or form than expected: with those of a request, the request is at fault.
BY_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
_LONGEST = 1_000


def of_error(error: BaseException | None) -> Refusal:
    """What is told of an error that nobody caught; its words, which may hold anything, stay in the log."""
    if (request.endpoint or "").startswith(OWN):
        return Failed("The server failed to answer this request. See its log for details.", 500)
    kind = type(error).__name__
    said = bool(request.args or request.view_args or request.content_length)
    by_values = isinstance(error, BY_VALUES) or type(error).__module__.startswith("google.protobuf")
    if by_values and said:
        return BadRequest(
            f"MLflow could not read a value of this request ({kind}). Check types, sizes and spelling; see the "
            "server's log for details."
        )
    return Failed(f"MLflow failed to answer this request ({kind}). See the server's log for details.", 500)


def of_page(response: Response) -> Refusal | None:
    """What MLflow's page, or empty answer, says; None where it is JSON, a file or a page of ours."""
    own = (request.endpoint or "").startswith(OWN) or g.get(TOLD, False)
    is_page = response.mimetype in ("text/html", "text/plain") and not response.direct_passthrough
    if own or response.status_code < 400 or not is_page:
        return None
    text = response.get_data(as_text=True)[:_LONGEST].strip()
    if text.startswith("<"):
        found = _PARAGRAPH.search(text)
        text = html.unescape(found.group(1)) if found else ""
    if not text:
        text = f"{HTTPStatus(response.status_code).phrase}."
    return Failed(text, response.status_code)
