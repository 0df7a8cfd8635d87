"""Virtual environments that take long to make, made once per machine and kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

CACHE = Path.home() / ".cache" / "mlflow-prokube-auth"


# MLServer and its runtimes for MLflow and scikit-learn; the rest is as where the models are saved.
MLSERVER = ("mlserver==1.7.1", "mlserver-mlflow==1.7.1", "mlserver-sklearn==1.7.1")
# A data scientist's environment: the SDK of Kubeflow Pipelines and MLflow's client, no server.
PIPELINES = ("kfp>=2.7", "kfp-kubernetes>=1.2", "nbclient", "ipykernel", "httpx", "click", "pandas")


def mlserver_python() -> Path:
    """The Python of an environment with :data:`MLSERVER`."""
    return _python_with("mlserver", [*MLSERVER, *_as_here("mlflow", "scikit-learn", "skops")])


def pipelines_python() -> Path:
    """The Python of an environment with :data:`PIPELINES`."""
    return _python_with("pipelines", [*PIPELINES, *_as_here("mlflow-skinny", "scikit-learn", "skops")])


def _as_here(*names: str) -> list[str]:
    return [f"{name}=={version(name)}" for name in names]


def _python_with(name: str, requirements: Sequence[str]) -> Path:
    """The Python of an environment that holds these requirements; a change of them makes another one."""
    digest = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()[:12]
    home = CACHE / f"{name}-{digest}"
    python, ready = home / "bin" / "python", home / "ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("wb") as lock:
        # Of several processes that find none, one makes it and the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            for old in CACHE.glob(f"{name}-*"):
                shutil.rmtree(old, ignore_errors=True)
            venv.create(home, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
            subprocess.run(install, check=True)
            ready.touch()
    return python
