"""What another release of MLflow would need of us, without starting anything: ``make mlflow-report MLFLOW=3.19.0``.

Two environments are asked, this one and that of the other release: which seams are missing or changed there, which
routes are new or gone, and what the engine of each says about its routes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# What the engine says about a route, the most worrying first.
OPEN = "nothing: any login may"
CLOSED = "nothing: it refuses all but administrators"
PUBLIC = "nothing: anybody may, without a login"
FILTERED = "a filter of its answers, or the handler itself"
VALIDATED = "a validator"
UNKNOWN = "unknown: this engine cannot be asked"


@dataclass(frozen=True)
class Release:
    """What one environment says of its MLflow. ``routes`` are ``METHOD rule``, with what the engine has for each."""

    version: str
    problems: list[str]
    routes: dict[str, str]


def collect() -> dict[str, Any]:
    """What this environment's MLflow has, to be read as :class:`Release`."""
    from mlflow.version import VERSION

    from mlflow_prokube_auth.mlflow_auth import seams

    return {"version": VERSION, "problems": seams.problems(VERSION), "routes": dict(_routes())}


def _routes() -> Iterator[tuple[str, str]]:
    import mlflow.server.auth as auth
    from mlflow.server import app as flask_app

    from .routes import concrete, fastapi_routes, flask_routes

    for method, rule in flask_routes():
        if method not in ("HEAD", "OPTIONS"):
            with flask_app.test_request_context(concrete(rule), method=method):
                yield f"{method} {rule}", _flask(auth, concrete(rule))
    for method, rule in fastapi_routes():
        if method not in ("HEAD", "OPTIONS"):
            yield f"{method} {rule}", _fastapi(auth, concrete(rule), method)


def _flask(auth: Any, path: str) -> str:
    from flask import request

    try:
        if auth.is_unprotected_route(path):
            return PUBLIC
        if auth._find_validator(request) is not None or auth._is_proxy_artifact_path(path):
            return VALIDATED
        if request.url_rule is not None and (request.url_rule.rule, request.method) in auth.BEFORE_REQUEST_VALIDATORS:
            return VALIDATED  # by mlflow_auth/validators.py
        if auth._authorized_outside_before_request(request):
            return FILTERED
        return OPEN if auth._is_known_ungated_route(path) else CLOSED
    except AttributeError:
        return UNKNOWN


def _fastapi(auth: Any, path: str, method: str) -> str:
    try:
        if auth.is_unprotected_route(path):
            return PUBLIC
        return VALIDATED if auth._find_fastapi_validator(path, method) is not None else CLOSED
    except AttributeError:
        return UNKNOWN


def guarded(route: str, release: str) -> bool:
    """Whether a guard of ours looks at it on that release."""
    from mlflow_prokube_auth.policy.guards.table import NATIVE, flask_guards

    method, rule = route.split(" ", 1)
    plain = re.sub(r"^/(ajax-)?api/\d\.\d", "", rule)
    return bool(flask_guards(method, rule, release)) or any(
        each.is_needed_by(release) and each.holds_for(method) and plain.startswith(each.route.replace("/{}", ""))
        for each in NATIVE
    )


def report(ours: Release, theirs: Release) -> str:
    """The page of work for that release."""
    new = sorted(theirs.routes.keys() - ours.routes.keys(), key=_by_rule)
    gone = sorted(ours.routes.keys() - theirs.routes.keys(), key=_by_rule)
    other = sorted((each for each in ours.routes.keys() & theirs.routes.keys()
                    if ours.routes[each] != theirs.routes[each]), key=_by_rule)  # fmt: skip
    lines = [f"# MLflow {theirs.version}, compared with {ours.version}", ""]
    lines += [f"## Seams that are missing or changed: {len(theirs.problems)}", ""]
    lines += [f"- {each}" for each in theirs.problems]
    unguarded = [
        each for each in theirs.routes if theirs.routes[each] in (OPEN, UNKNOWN) and not guarded(each, theirs.version)
    ]
    lines += ["", f"## Routes that no check of the engine's or ours covers: {len(unguarded)}", ""]
    lines += [f"- {each}: {theirs.routes[each]}" for each in sorted(unguarded, key=_by_rule)]
    for title, routes, has in (("New", new, theirs.routes), ("Gone", gone, ours.routes)):
        lines += ["", f"## {title} routes: {len(routes)}", ""]
        lines += [
            f"- {each}: {has[each]}{', and a guard of ours' if guarded(each, theirs.version) else ''}"
            for each in routes
        ]
    lines += ["", f"## Routes of which the engine says something else: {len(other)}", ""]
    lines += [f"- {each}: {ours.routes[each]} -> {theirs.routes[each]}" for each in other]
    return "\n".join(lines) + "\n"


def _by_rule(route: str) -> tuple[str, str]:
    method, rule = route.split(" ", 1)
    return rule, method


def of(python: str | Path) -> Release:
    """Ask the environment of that interpreter.

    Raises:
        subprocess.CalledProcessError: its MLflow cannot be imported at all; the output says why.
    """
    done = subprocess.run(
        [python, "-m", "tests.support.mlflow_report", "--collect"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    return Release(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    if sys.argv[1:] == ["--collect"]:
        print(json.dumps(collect()))
    else:
        print(report(of(sys.executable), of(sys.argv[1])), end="")
