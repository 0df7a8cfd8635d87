"""Which MLflow this version works with, and the refusal of any other, in one line.

Nothing of MLflow is imported before it is asked for: where a module or a name of MLflow's is gone, our own modules
that import it cannot be imported either.
"""

from __future__ import annotations

from collections.abc import Sequence

# The releases that were tested; a test holds the extra `server` of pyproject.toml against it.
MLFLOW = ">=3.17,<3.18"


class EngineChanged(Exception):
    """What is installed is not what this version works with; the message says what to install."""


def unfit(problems: Sequence[str]) -> EngineChanged:
    """The refusal of the installed MLflow, with all that does not fit."""
    from mlflow.version import VERSION

    return EngineChanged(
        f"MLflow {VERSION} does not fit this version of prokube-auth ({'; '.join(problems)}). "
        f"Install one that does: pip install 'mlflow[auth]{MLFLOW}'"
    )


def check_mlflow() -> None:
    """Refuse an MLflow that was not tested, or that lacks anything of what this version uses of it.

    Raises:
        EngineChanged: naming the MLflow version, all that does not fit, and what to install; or a package that is
            missing.
    """
    problems = [*_outside(), *_missing()]
    if problems:
        raise unfit(problems)


def _outside() -> list[str]:
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        from mlflow.version import VERSION
    except ImportError:
        raise _without("mlflow") from None
    try:
        tested = SpecifierSet(MLFLOW).contains(VERSION, prereleases=True)
    except InvalidVersion:
        tested = False
    return [] if tested else [f"expected {MLFLOW}"]


def _missing() -> list[str]:
    try:
        # Between them they import every module of ours that imports MLflow's.
        from . import app, searches  # noqa: F401 - only asked whether they can be imported
        from .engine import seams_missing

        return seams_missing()
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mlflow."):
            raise _without(error.name) from None
        return [f"no module {error.name}"]
    except (ImportError, AttributeError) as error:
        return [" ".join(str(error).split())]


def _without(package: str | None) -> EngineChanged:
    return EngineChanged(f"the package {package} is missing: pip install 'mlflow-prokube-auth[server]'")
