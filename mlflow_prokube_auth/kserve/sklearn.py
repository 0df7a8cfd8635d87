"""A ``model.joblib`` beside MLflow's ``model.skops``, without which ``modelFormat: sklearn`` finds no model.

Loading a model runs what it is made of. So only types are loaded that skops trusts by itself or that the operator names
(:mod:`.trust`), in a process of its own that can do little else (:mod:`.confine`), at a time when no process of the
initializer's holds the access key any more (:mod:`.handover`). A model too large for the memory ends that process and
not the initializer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from . import confine
from .convert import PATIENCE_SECONDS
from .failures import Exit, Failure
from .handover import Say, clean, command
from .names import OURS, RelativePath
from .options import TRUSTED
from .uris import is_safe_name

SUFFIXES = (".joblib", ".pkl", ".pickle")
JOBLIB = "model.joblib"
NEEDED = ("skops", "sklearn", "joblib")
# More than MLflow writes, whose list of inputs and outputs can be long.
LONGEST_MLMODEL = 8 << 20
LONGEST_ANSWER = 1 << 14
TRAP = (
    "modelFormat: sklearn finds no model here, since MLflow saved it as {name}; serve it with modelFormat: mlflow, or "
    'log it with serialization_format="cloudpickle"'
)
UNTRUSTED = "UntrustedTypesFoundException"


def add_joblib(
    folder: Path, mode: str, trusted: Sequence[str], say: Say, token_file: str | None = None
) -> list[RelativePath]:
    """Write the file where one is missing; the paths that were added.

    ``mode`` is that of ``STORAGE_INITIALIZER_JOBLIB``, ``trusted`` that of ``STORAGE_INITIALIZER_SKOPS_TRUSTED``.
    Where what a model runs could read ``token_file``, no model is loaded.

    Raises:
        Failure: ``mode`` is ``require``, and there is no file for ``modelFormat: sklearn``; or ``trusted`` holds what
            is never trusted.
    """
    if any(file.suffix in SUFFIXES for file in folder.iterdir()):
        return []
    flavor = _flavor(folder)
    name = str(flavor.get("pickled_model", "")) if flavor is not None else ""
    why = "it is not a scikit-learn model that MLflow saved as *.skops"
    if flavor is not None and name.endswith(".skops") and is_safe_name(name) and (folder / name).is_file():
        why = _why_not(mode, token_file) or _converted(folder, name, trusted)
        if not why:
            say(f"wrote {JOBLIB} for modelFormat: sklearn, {_versions(flavor)}")
            return [(JOBLIB,)]
        say(f"WARNING: {TRAP.format(name=name)} ({why})")
    if mode == "require":
        raise Failure(Exit.NOT_FOUND, f"there is no file for modelFormat: sklearn, and none could be made: {why}")
    return []


def _why_not(mode: str, token_file: str | None) -> str:
    """Why no model is loaded here; empty where one may be."""
    if mode == "off":
        return f"STORAGE_INITIALIZER_JOBLIB=off, so no {JOBLIB} is written beside it"
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        names = ", ".join(missing)
        return f"no {JOBLIB} is written beside it without {names}: install mlflow-prokube-auth[kserve-sklearn]"
    return confine.reason_against() or (confine.reason_against_beside(token_file) if token_file else "")


def _converted(folder: Path, name: str, trusted: Sequence[str]) -> str:
    """Why there is no ``model.joblib``; empty where there is one now."""
    part, said = folder / f"{OURS}.part", folder / f"{OURS}.answer"
    try:
        with (folder / name).open("rb") as model, part.open("xb") as output, said.open("xb+") as answer:
            why = _run(model, output, answer, shutil.disk_usage(folder).free, trusted)
        if not why:
            os.replace(part, folder / JOBLIB)
        return why
    finally:
        for file in (part, said):
            with suppress(FileNotFoundError):
                file.unlink()


def _run(model: BinaryIO, output: BinaryIO, answer: BinaryIO, largest: int, trusted: Sequence[str]) -> str:
    """Run the process that loads the model; it gets open files alone. What it says is read, and not believed."""
    descriptors = (model.fileno(), output.fileno())
    arguments = (*map(str, descriptors), str(largest), json.dumps(list(trusted)))
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command("convert", *arguments), env=clean(os.environ), pass_fds=descriptors, stdin=subprocess.DEVNULL,
            stdout=answer, stderr=subprocess.DEVNULL, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        answer.seek(0)
        said = json.loads(answer.read(LONGEST_ANSWER).strip().splitlines()[-1])
        reason, setting = str(said["error"]), bool(said["setting"])
    except subprocess.TimeoutExpired:
        return f"loading it took more than {PATIENCE_SECONDS} s"
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        return f"loading it ended with {done.returncode}, perhaps for want of memory"
    if setting:
        raise Failure(Exit.USAGE, f"{TRUSTED}: {reason}")
    if reason.startswith(UNTRUSTED):
        return f"{reason} Only skops and the operator say what is trusted ({TRUSTED}), never the model"
    return reason


def _flavor(folder: Path) -> dict[str, Any] | None:
    try:
        with (folder / "MLmodel").open(encoding="utf-8") as file:
            found = yaml.safe_load(file.read(LONGEST_MLMODEL))["flavors"]["sklearn"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError):
        return None
    return dict(found) if isinstance(found, dict) else None


def _versions(flavor: Mapping[str, Any]) -> str:
    from importlib.metadata import version

    here, there = version("scikit-learn"), str(flavor.get("sklearn_version", "an unknown version"))
    words = f"with scikit-learn {here}; the model was saved with {there}"
    return words if here == there else f"{words}. WARNING: they differ, and so may what is predicted"
