"""Where the server sends what it knows: nobody but an administrator chooses a host for its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ...errors import BadRequest
from .asked import GuardContext

# Beside MLflow's own list (``GATEWAY_DESTINATION_KEYS`` in mlflow/utils/validation.py): options of the libraries that
# judges and optimizers call models with, which name a host, or headers for it.
MORE_KEYS = frozenset(
    {
        "api_base", "base_url", "model_list", "fallbacks", "custom_llm_provider", "api_host", "api_url", "endpoint_url",
        "azure_endpoint", "openai_api_base", "openai_base_url", "anthropic_api_url", "proxy", "proxies", "http_client",
        "extra_headers", "default_headers", "aws_bedrock_runtime_endpoint", "aws_sts_endpoint",
        "context_window_fallback_dict", "content_policy_fallbacks",
    }
)  # fmt: skip
# Parameters that hold JSON for a job, as text.
TEXTS = ("serialized_scorer", "serialized_scorers", "optimizer_config_json")
DEEPEST = 60


def chosen_host(asked: GuardContext) -> None:
    """A judge, or the configuration of an optimizer.

    Raises:
        BadRequest: it names a host, at any depth, or is nested too deeply to be looked at.
    """
    for key in _keys({name: asked.params.get(name) for name in (*TEXTS, "config")}, 0):
        folded = key.strip().casefold().replace("-", "_")
        if folded in MORE_KEYS or folded in asked.answers.destination_keys():
            raise BadRequest(
                f"The option '{key.strip()[:80]}' chooses where the server sends its own keys. Leave it out, and name "
                "a gateway endpoint as the model ('gateway:/<endpoint>')."
            )


def _keys(value: Any, depth: int) -> Iterator[str]:
    """The keys of all objects in a value, also in texts that hold JSON."""
    if depth > DEEPEST:
        raise BadRequest(f"The judge's or optimizer's JSON is nested more than {DEEPEST} levels deep.")
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _keys(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each, depth + 1)
    elif isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return
        yield from _keys(parsed, depth + 1)


def secrets_destination(asked: GuardContext) -> None:
    """Where a gateway secret is sent: whoever may change that without knowing the secret would receive it.

    Raises:
        PermissionDenied: the caller may not manage the secret and does not set its value anew.
    """
    if asked.params.get("auth_config") and not asked.params.get("secret_value"):
        asked.need("gateway_secret", asked.text("secret_id"), "manage")
