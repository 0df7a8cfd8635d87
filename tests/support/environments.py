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

ROOT = Path(__file__).parents[2]
CACHE = Path.home() / ".cache" / "mlflow-prokube-auth"


# MLServer and its runtimes for MLflow and scikit-learn; the rest is as where the models are saved.
MLSERVER = ("mlserver==1.7.1", "mlserver-mlflow==1.7.1", "mlserver-sklearn==1.7.1")
# A data scientist's environment: the SDK of Kubeflow Pipelines and MLflow's client, no server.
PIPELINES = ("kfp>=2.7", "kfp-kubernetes>=1.2", "nbclient", "ipykernel", "httpx", "click", "pandas")


def mlserver_python() -> Path:
    """The Python of an environment with :data:`MLSERVER`."""
    return python_with("mlserver", [*MLSERVER, *_as_here("mlflow", "scikit-learn", "skops")])


def pipelines_python() -> Path:
    """The Python of an environment with :data:`PIPELINES`."""
    return python_with("pipelines", [*PIPELINES, *_as_here("mlflow-skinny", "scikit-learn", "skops")])


def httptools_path() -> Path:
    """A folder for ``PYTHONPATH`` with the parser that uvicorn prefers, which is not installed by default."""
    return next((python_with("httptools", ["httptools==0.9.0"]).parents[1] / "lib").glob("python*/site-packages"))


def _as_here(*names: str) -> list[str]:
    return [f"{name}=={version(name)}" for name in names]


def python_with(
    name: str, requirements: Sequence[str], over: Sequence[str] = (), python_release: tuple[int, int] | None = None
) -> Path:
    """The Python of an environment that holds these requirements; a change of them makes another one.

    Those in ``over`` are put over them without what they need. ``python_release`` is that of an older or newer Python
    that they need, and that is there; else it is this one.
    """
    base = _python_of(python_release)
    digest = hashlib.sha256("\n".join((base or sys.version, *requirements, *over)).encode()).hexdigest()[:12]
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
            if base is None:
                venv.create(home, with_pip=True)
            else:
                subprocess.run([base, "-m", "venv", str(home)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, *requirements], check=True)
            if over:
                subprocess.run([*install, "--no-deps", *over], check=True)
            ready.touch()
    return python


def _python_of(release: tuple[int, int] | None) -> str | None:
    """The Python of that release, by pyenv or on the path; None where it is the running one."""
    if release is None or release == sys.version_info[:2]:
        return None
    name = ".".join(map(str, release))
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{name}.*/bin/python"))
    on_path = shutil.which(f"python{name}")
    if not found and on_path is None:
        raise FileNotFoundError(f"there is no Python {name}, by pyenv or on the path")
    return str(found[-1]) if found else on_path


def install_package(folder: Path) -> Path:
    """This package as a folder for PYTHONPATH: built and installed alone, with the entry points of this checkout."""
    wheels, site = folder / "wheel", folder / "site"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-compile", "--target", str(site), str(wheel)], check=True)
    return site
