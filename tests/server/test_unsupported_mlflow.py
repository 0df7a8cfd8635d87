"""An MLflow that this version does not work with: one line says what to install, and no table of ours is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_prokube_auth.mlflow_auth.releases import MLFLOW

from ..support.foreign import foreign_mlflow
from ..support.long_forms import LONG_FORM
from ..support.processes import QUIET, free_port, plugin_settings

ROOT = Path(__file__).parents[2]
GONE = ("_authorize_run_id", "_find_fastapi_validator")
INSTALL = f"Install one that does: pip install 'mlflow[auth]{MLFLOW}'"


def refused(folder: Path, foreign: dict[str, str], *command: str) -> str:
    """The one line by which a command of Python's ends, in an environment with that MLflow and complete settings."""
    port = free_port()
    settings = plugin_settings("http://127.0.0.1:9/realms/r", "secret", f"http://127.0.0.1:{port}")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False, timeout=180,
        env={
            **os.environ, **QUIET, **settings, **foreign,
            "PROKUBE_AUTH_DATABASE_URI": f"sqlite:///{folder}/auth.db",
            "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/tracking.db", "MLFLOW_PORT": str(port),
        },
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert not (folder / "auth.db").exists()
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "MLflow 3.19.0" in line]
    return line


def test_the_server_names_all_that_is_missing_and_what_to_install_and_makes_no_auth_table(tmp_path: Path) -> None:
    foreign = foreign_mlflow(tmp_path / "foreign", "3.19.0", names=GONE)
    line = refused(tmp_path, foreign, "mlflow", "server", "--app-name", "prokube-auth")
    refusal = "Error: prokube-auth cannot start: MLflow 3.19.0 does not fit this version of prokube-auth"
    assert line.startswith(f"{refusal} (expected {MLFLOW}; ")
    assert line.endswith(f"). {INSTALL}")
    for name in GONE:
        assert f"; no mlflow.server.auth {name}" in line


@pytest.mark.parametrize(
    ("command", "gone", "told"),
    [
        (
            ("doctor", "--mlflow-only"),
            {"modules": ["mlflow.server.auth.requirements"]},
            "no module mlflow.server.auth.requirements",
        ),
        (
            ("db", "upgrade"),
            {"names": ["_otel_proto_bytes_to_id"]},
            "no mlflow.tracing.utils.otlp _otel_proto_bytes_to_id",
        ),
        (("users", "list"), {"names": ["_find_fastapi_validator"]}, "no mlflow.server.auth _find_fastapi_validator"),
    ],
)
def test_commands_refuse_it_too_also_where_a_module_or_an_imported_name_is_gone(
    tmp_path: Path, command: tuple[str, ...], gone: dict[str, list[str]], told: str
) -> None:
    foreign = foreign_mlflow(tmp_path / "foreign", "3.19.0", **gone)
    line = refused(tmp_path, foreign, "mlflow_prokube_auth.cli.main", *command)
    assert told in line
    assert line.endswith(INSTALL)


@LONG_FORM
def test_no_image_is_built_on_an_mlflow_that_its_server_would_not_start_with(tmp_path: Path) -> None:
    # What pip would install is here already: the foreign MLflow.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$2" = pip ] || exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    build: list[str | Path] = [ROOT / "deploy" / "install.sh", "the.whl", python]
    for environment, code in ((foreign_mlflow(tmp_path / "foreign", "3.19.0"), 1), ({}, 0)):
        done = subprocess.run(
            build, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
