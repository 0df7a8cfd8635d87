"""Which releases of MLflow this version works with, and the refusal of any other, in one line.

Nothing of MLflow is imported before it is asked for: where a module or a name of MLflow's is gone, our own modules
that import it cannot be imported either.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from . import seams

# The releases that were tested; a test holds the extra `server` of pyproject.toml against it.
MLFLOW = ">=3.17,<3.19"
# An operator's word for a patch release that was not tested, by its number: it is taken if it has every seam.
UNTESTED = "PROKUBE_AUTH_UNTESTED_MLFLOW"


class EngineChanged(Exception):
    """What is installed is not what this version works with; the message says what to install."""


def unfit(problems: Sequence[str]) -> EngineChanged:
    """The refusal of the installed MLflow, with all that does not fit."""
    from mlflow.version import VERSION

    return EngineChanged(
        f"MLflow {VERSION} does not fit this version of prokube-auth ({'; '.join(problems)}). "
        f"Install one that does: pip install 'mlflow[auth]{MLFLOW}'"
    )


def check_mlflow() -> str:
    """The installed release; one that was not tested is refused, and one that lacks what this version uses of it.

    Raises:
        EngineChanged: naming the MLflow version, all that does not fit, and what to install; or a package that is
            missing.
    """
    try:
        from mlflow.version import VERSION
    except ImportError:
        raise _without("mlflow") from None
    outside = _outside(VERSION)
    if outside and os.environ.get(UNTESTED) != VERSION:
        raise unfit([*outside, *_missing(VERSION)])
    if problems := _missing(VERSION):
        raise unfit(problems)
    return str(VERSION)


def _outside(version: str) -> list[str]:
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        tested = SpecifierSet(MLFLOW).contains(version, prereleases=True)
    except InvalidVersion:
        tested = False
    return [] if tested else [f"expected {MLFLOW}"]


def _missing(version: str) -> list[str]:
    try:
        return seams.problems(version)
    except ModuleNotFoundError as error:
        raise _without(error.name) from None


def _without(package: str | None) -> EngineChanged:
    return EngineChanged(f"the package {package} is missing: pip install 'mlflow-prokube-auth[server]'")
