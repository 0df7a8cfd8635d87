"""A ``model.joblib`` beside MLflow's ``model.skops``, without which ``modelFormat: sklearn`` finds no model.

Loading a model runs what it is made of. So only types are loaded that skops trusts by itself or that the model's own
``MLmodel`` lists, as MLflow's client does, and in a process of its own: without the credentials in its environment,
and such that a model too large for the memory ends that process and not the initializer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .failures import Exit, Failure
from .uris import is_safe_name

SUFFIXES = (".joblib", ".pkl", ".pickle")
JOBLIB = "model.joblib"
PATIENCE_SECONDS = 1800
NEEDED = ("skops", "sklearn", "joblib")
TRAP = (
    "modelFormat: sklearn finds no model here, since MLflow saved it as {name}; serve it with modelFormat: mlflow, or "
    'log it with serialization_format="cloudpickle"'
)


def add_joblib(folder: Path, mode: str, say: Callable[[str], None]) -> list[tuple[str, ...]]:
    """Write the file where one is missing; the paths that were added.

    ``mode`` is that of ``STORAGE_INITIALIZER_JOBLIB``.

    Raises:
        Failure: ``mode`` is ``require``, and there is no file for ``modelFormat: sklearn``.
    """
    if any(file.is_file() and file.suffix in SUFFIXES for file in folder.iterdir()):
        return []
    flavor = _flavor(folder)
    name = str(flavor.get("pickled_model", "")) if flavor is not None else ""
    why = "it is not a scikit-learn model that MLflow saved as *.skops"
    if flavor is not None and name.endswith(".skops") and is_safe_name(name) and (folder / name).is_file():
        why = _converted(folder, name, mode)
        if not why:
            say(f"wrote {JOBLIB} for modelFormat: sklearn, {_versions(flavor)}")
            return [(JOBLIB,)]
        say(f"WARNING: {TRAP.format(name=name)} ({why})")
    if mode == "require":
        raise Failure(Exit.NOT_FOUND, f"there is no file for modelFormat: sklearn, and none could be made: {why}")
    return []


def _converted(folder: Path, name: str, mode: str) -> str:
    """Why there is no ``model.joblib``; nothing where there is one now."""
    if mode == "off":
        return f"STORAGE_INITIALIZER_JOBLIB=off, so no {JOBLIB} is written beside it"
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        names = ", ".join(missing)
        return f"no {JOBLIB} is written beside it without {names}: install mlflow-prokube-auth[kserve-sklearn]"
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "STORAGE_"))}
    # Isolated: no file of the model's, and none of the working folder's, is taken for a module.
    command = [sys.executable, "-I", "-m", __name__, str(folder), name]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command, env=environ, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return f"loading it took more than {PATIENCE_SECONDS} s"
    except (IndexError, ValueError):
        return f"loading it ended with {done.returncode}, perhaps for want of memory"
    return str(answer["error"])


def _flavor(folder: Path) -> dict[str, Any] | None:
    try:
        found = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]["sklearn"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    return dict(found) if isinstance(found, dict) else None


def _versions(flavor: Mapping[str, Any]) -> str:
    from importlib.metadata import version

    here, there = version("scikit-learn"), str(flavor.get("sklearn_version", "an unknown version"))
    words = f"with scikit-learn {here}; the model was saved with {there}"
    return words if here == there else f"{words}. WARNING: they differ, and so may what is predicted"


def convert(folder: Path, name: str) -> None:
    """Load the model, within the trusted types, and write it again.

    Raises:
        Exception: whatever skops, joblib or a type of the model raises.
    """
    import joblib
    import skops.io

    trusted = (_flavor(folder) or {}).get("skops_trusted_types") or []
    if not isinstance(trusted, list) or not all(isinstance(kind, str) for kind in trusted):
        raise TypeError("skops_trusted_types in MLmodel is no list of names")
    joblib.dump(skops.io.load(folder / name, trusted=trusted), folder / f"{JOBLIB}.part")
    os.replace(folder / f"{JOBLIB}.part", folder / JOBLIB)


if __name__ == "__main__":
    reason = ""
    try:
        convert(Path(sys.argv[1]), sys.argv[2])
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:600]
    print(json.dumps({"error": reason}))
