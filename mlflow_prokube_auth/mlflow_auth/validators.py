"""The engine's validators that it does not find: those of rules with a parameter in the path.

MLflow's engine looks a validator up by the path of a request, and by patterns for some families of routes only. Its
table has validators for prompt optimization jobs, too, under ``.../jobs/<job_id>``, which no path ever equals: it
refuses these routes to all but administrators, and before 3.18 those of workspaces. Flask has matched the rule by then,
so the validator is found by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlflow.server.auth as auth

from . import seams


def install() -> None:
    """Have the engine find each validator of its table. Where it finds one by itself, that one decides."""
    find = seams.original(seams.AUTH, "_find_validator")

    def found(req: Any) -> Callable[[], bool] | None:
        validator = find(req)
        if validator is None and req.url_rule is not None:
            validator = auth.BEFORE_REQUEST_VALIDATORS.get((req.url_rule.rule, req.method))
        return validator  # type: ignore[no-any-return]  # MLflow is untyped

    seams.replace(seams.AUTH, "_find_validator", found)
