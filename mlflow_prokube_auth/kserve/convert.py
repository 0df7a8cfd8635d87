"""Loads a model that MLflow saved with skops and writes it with joblib: a process of its own, confined before it loads.

Its arguments are two open descriptors, the largest size of what it writes, and the types that the operator trusts. It
prints one line: why it did not work, and whether that lies in the operator's setting.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from . import trust
from .confine import confine

PATIENCE_SECONDS = 1800
LONGEST_ERROR = 600


def convert(model: int, output: int, trusted: Sequence[str]) -> None:
    """Load the model, within the trusted types, and write it again.

    Raises:
        NotTrustable: one of these types is never trusted.
        Exception: whatever skops, joblib or a type of the model raises.
    """
    import joblib
    import skops.io

    for name in trusted:
        trust.check_class(name)
    with os.fdopen(model, "rb") as source, os.fdopen(output, "wb") as target:
        joblib.dump(skops.io.load(source, trusted=list(trusted)), target)


def main(arguments: Sequence[str]) -> None:
    """Run in a process of its own: what is given up here does not come back."""
    model, output, largest = (int(argument) for argument in arguments[:3])
    reason, setting = "", False
    try:
        confine(largest, PATIENCE_SECONDS)
        convert(model, output, json.loads(arguments[3]))
    except trust.NotTrustable as error:
        reason, setting = str(error), True
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    print(json.dumps({"error": reason[:LONGEST_ERROR], "setting": setting}))
