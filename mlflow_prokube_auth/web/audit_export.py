"""The audit trail as a file: CSV or JSON lines, of the events that the page's filters let through."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from flask import Response

from .. import api_models as takes
from .admin_resources import with_names
from .administration import administration
from .context import Web

COLUMNS = ("at", "actor", "action", "target", "name", "client", "detail")
# Spreadsheets take a cell that begins so for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(web: Web, query: takes.AuditFilter) -> Any:
    """One line for each event, the newest first; the detail is a JSON object."""
    return _file(_csv(_events(web, query)), "text/csv", "csv")


def as_json_lines(web: Web, query: takes.AuditFilter) -> Any:
    """One JSON object a line, as ``GET api/admin/audit`` has them."""
    lines = (json.dumps(event, sort_keys=True, ensure_ascii=False) + "\n" for event in _events(web, query))
    return _file(lines, "application/x-ndjson", "jsonl")


def _events(web: Web, query: takes.AuditFilter) -> Iterator[dict[str, Any]]:
    """All of them, portion by portion, so that no request holds them all."""
    for portion in administration(web).all_events(**query.model_dump()):
        yield from with_names(web, portion)


def _csv(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield _line(COLUMNS)
    for event in events:
        detail = json.dumps(event["detail"], sort_keys=True, ensure_ascii=False)
        yield _line([_cell(event[name] or "") for name in COLUMNS[:-1]] + [detail])


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _file(lines: Iterator[str], kind: str, ending: str) -> Response:
    first = next(lines, "")  # what cannot be read is an answer of its own, rather than half a file

    def body() -> Iterator[bytes]:
        yield first.encode()
        for line in lines:
            yield line.encode()

    day = datetime.fromtimestamp(time.time(), timezone.utc).strftime("%Y-%m-%d")
    response = Response(body(), content_type=f"{kind}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="mlflow-audit-{day}.{ending}"'
    return response
