"""Models as MLflow saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import skops.io
import yaml

X = np.arange(6.0).reshape(-1, 1)


def saved(folder: Path, model: Any, trusted: Any = None) -> Path:
    """As MLflow saves a model by skops."""
    folder.mkdir()
    skops.io.dump(model, folder / "model.skops")
    flavor = {"pickled_model": "model.skops", "serialization_format": "skops", "sklearn_version": "0.1"}
    (folder / "MLmodel").write_text(
        yaml.safe_dump({"flavors": {"sklearn": {**flavor, "skops_trusted_types": trusted}}})
    )
    return folder
