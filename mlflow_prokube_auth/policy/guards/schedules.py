"""Schedules that stand in an experiment's tags: a periodic job of MLflow's runs them with the server's rights.

Issue detection reads the tag :data:`DETECTION` every 15 minutes (mlflow/genai/discovery/scheduler.py) and decrypts the
secret, or calls the endpoint, that it names. MLflow does not keep who wrote it, so the writer's rights are checked at
the time of writing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest
from .. import ids, spelling
from .asked import GuardContext, folded, pairs

DETECTION = "mlflow.issuedetection.schedule"
EXPECTED = (
    'Expected JSON such as {"version": 1, "cadence": "daily", "model": {"endpointName": "<a gateway endpoint>"}}, or a '
    'model with "provider", "model" and "secretId".'
)


def detection(asked: GuardContext) -> None:
    """The schedule that an experiment gets with one of its tags.

    Raises:
        BadRequest: it cannot be read, or names its model in a way that issue detection does not offer.
        PermissionDenied: the caller may not use the endpoint or the secret.
    """
    one = {asked.text("key"): asked.params.get("value")} if "key" in asked.params else {}
    for key, value in (*pairs(asked.params.get("tags")), *pairs(one)):
        if folded(key) == DETECTION and value != "":
            _check(asked, _model(value))


def _model(value: str | None) -> Mapping[str, Any]:
    """What a schedule says of its model; empty where it leaves that to the server."""
    try:
        schedule = json.loads(value or "")
    except (ValueError, RecursionError):
        schedule = None
    if not isinstance(schedule, dict):
        raise BadRequest(f"The schedule of issue detection cannot be read. {EXPECTED}")
    model = schedule.get("model")
    if model is not None and not isinstance(model, dict):
        raise BadRequest(f"The model of the schedule is no JSON object. {EXPECTED}")
    return model or {}


def _check(asked: GuardContext, model: Mapping[str, Any]) -> None:
    endpoint, provider, secret_id = (_text(model, name) for name in ("endpointName", "provider", "secretId"))
    if endpoint:
        asked.need("gateway_endpoint", endpoint, "use")
    # MLflow makes "<provider>:/<model>" of it, so that "gateway" would be any endpoint.
    if provider and provider.lower() not in asked.answers.detection_providers():
        raise BadRequest(f"The schedule's provider '{provider[:80]}' is none of issue detection's. {EXPECTED}")
    if secret_id:
        ids.check("secretId", secret_id, spelling.SECRET)
        asked.need("gateway_secret", secret_id, "use")


def _text(model: Mapping[str, Any], name: str) -> str:
    value = model.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"'{name}' of the schedule's model is no text. {EXPECTED}")
    return (value or "").strip()
