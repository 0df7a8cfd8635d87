"""Packages of npm that tests need, installed once and kept in the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "mlflow-prokube-auth" / "npm"
OIDC_PROVIDER = ("oidc-provider", "9.13.3")
AXE = ("axe-core", "4.14.1")


def node() -> str:
    """The program; skipped where there is none, failed where there must be one."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        reason = "no Node.js with npm was found: install your system's `nodejs` and `npm` packages"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def npm_package(name: str, version: str) -> Path:
    """A folder in whose ``node_modules`` the package is, with all that it needs; skipped as :func:`node`."""
    target = CACHE / f"{name}-{version}"
    if target.exists():
        return target
    node()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("wb") as lock:
        # Of several processes that find the cache empty, one fills it and the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=CACHE, prefix="install-") as folder:
                made = Path(folder) / "made"
                made.mkdir()
                (made / "package.json").write_text('{"private": true}')
                subprocess.run(
                    ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", f"{name}@{version}"],
                    check=True, cwd=made, stdout=subprocess.DEVNULL,
                )  # fmt: skip
                # Only a whole folder ever stands under this name.
                made.rename(target)
    return target
