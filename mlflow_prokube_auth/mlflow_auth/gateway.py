"""The gateway's calls to itself: a guardrail that rewrites what it found asks an endpoint of the same server."""

from __future__ import annotations

from collections.abc import Callable

from . import seams
from .auth_store import caller


def delegate_guardrails(make: Callable[[int], str]) -> None:
    """Have a guardrail's call carry what ``make`` writes for the caller's id, in place of their own credential."""

    def headers_for_guardrails(headers: dict[str, str]) -> dict[str, str]:
        person = caller()
        return {} if person is None else {"authorization": f"Bearer {make(person.user_id)}"}

    seams.replace("mlflow.server.gateway_api", "extract_auth_headers", headers_for_guardrails)
