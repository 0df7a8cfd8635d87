"""The audit trail: one row and one JSON log line for each event; never a secret."""

from __future__ import annotations

import json
import logging
import time

from sqlalchemy import Connection

from .schema import audit_events

_logger = logging.getLogger("mlflow_prokube_auth.audit")


def record(
    connection: Connection, action: str, actor: str, target: str = "", client: str = "", **detail: str | int | None
) -> None:
    """Write down who did ``action`` to ``target`` from ``client``, in the caller's transaction."""
    event = {
        "at": int(time.time()),
        "actor": actor[:255],
        "action": action,
        "target": target[:512],
        "client": client[:64],
        "detail": json.dumps(detail, sort_keys=True),
    }
    connection.execute(audit_events.insert(), event)
    _logger.info(json.dumps({**event, "detail": detail}, sort_keys=True))
