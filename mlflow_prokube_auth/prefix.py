"""The path that the server lies under (``mlflow server --static-prefix``): read, taken off and judged here alone."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

# How MLflow hands the prefix to its workers (mlflow.server.handlers STATIC_PREFIX_ENV_VAR).
VARIABLE = "_MLFLOW_STATIC_PREFIX"
# MLflow 3.17 takes whatever begins like these, prefix included, for public (mlflow.server.auth is_unprotected_route).
PUBLIC_STARTS = ("/static", "/health", "/favicon.ico")
# Where MLflow serves artifacts beside the prefixed address, too (mlflow.server.fastapi_app artifact_router).
BARE_ROUTES = ("/api/", "/ajax-api/")
# Unreserved characters of RFC 3986 in segments that begin with no dot. Flask reads "<" as a parameter, MLflow's engine
# reads the prefix as a part of a regular expression, and proxies decode, merge and walk up the rest.
_CANONICAL = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
EXPECTED = "a path such as /mlflow: letters, digits and '-', '.', '_', '~' between single slashes, no slash at its end"


def static_prefix(environ: Mapping[str, str] = os.environ) -> str:
    """The prefix as MLflow's routes have it; empty without."""
    return environ.get(VARIABLE, "").rstrip("/")


def without(path: str, prefix: str) -> str:
    """A path or rule without the prefix, by whole segments."""
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def misplaced(environ: Mapping[str, str], options: Mapping[str, Any]) -> list[str]:
    """What is wrong with where the server is to lie, one line each; ``options`` are those of ``mlflow server``."""
    found = [
        prefix_problem(options.get("static_prefix") or environ.get(VARIABLE)),
        root_path_problem(environ, options.get("uvicorn_opts")),
    ]
    return [problem for problem in found if problem is not None]


def prefix_problem(prefix: str | None) -> str | None:
    """Why a prefix is refused; None for a good one and for none."""
    if not prefix:
        return None
    told = f"--static-prefix (MLFLOW_STATIC_PREFIX): found {prefix[:200]!r}, expected "
    if not _CANONICAL.fullmatch(prefix):
        return told + EXPECTED
    if prefix.startswith(PUBLIC_STARTS):
        return f"{told}a path that does not begin with {', '.join(PUBLIC_STARTS)}: MLflow serves those without a login"
    if f"{prefix}/".startswith(BARE_ROUTES):
        return f"{told}a path outside {' and '.join(BARE_ROUTES)}: MLflow serves artifacts there beside the prefix"
    return None


def root_path_problem(environ: Mapping[str, str], uvicorn_opts: str | None) -> str | None:
    """Why uvicorn's root path is refused; None where it has none.

    MLflow's checks of routes and origins look at the path with it, its routes match without.
    """
    given = environ.get("UVICORN_ROOT_PATH")
    for word, following in pairwise([*shlex.split(uvicorn_opts or ""), ""]):
        name, _, value = word.partition("=")
        if name == "--root-path":
            given = value or following
    if not given:
        return None
    return (
        f"--root-path of uvicorn (UVICORN_ROOT_PATH): found {given[:200]!r}, expected none. Use --static-prefix, or "
        "a proxy that takes the prefix off"
    )
