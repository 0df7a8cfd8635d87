"""Programs in Go that tests need, built once and kept in the user's cache."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "mlflow-prokube-auth" / "go"
# What builds the programs where the machine's Go is older, as Debian's is. It comes as a module, as any other.
TOOLCHAIN_VERSION = (1, 25, 0)
KUSTOMIZE = ("sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1")
HELM = ("helm.sh/helm/v3/cmd/helm", "v3.22.0")
# The commit of its release 2.45.1: a module's path without /v2 has no such versions.
DEX = ("github.com/dexidp/dex/cmd/dex", "v0.0.0-20260303133905-11d2eeb52b42")


def _too_old(go: str) -> bool:
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=True, cwd="/").stdout
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    return found is not None and tuple(int(part or 0) for part in found.groups()) < TOOLCHAIN_VERSION


def _newer_go(go: str, folder: Path) -> str:
    """A Go of TOOLCHAIN_VERSION, fetched and checked by the machine's own."""
    system, machine = subprocess.run(
        [go, "env", "GOOS", "GOARCH"], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.split()
    wanted = f"v0.0.1-go{'.'.join(map(str, TOOLCHAIN_VERSION))}.{system}-{machine}"
    environment = {**os.environ, "GOPATH": str(folder), "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
    # In a folder of its own without a go.mod; its name with the version is what `go mod download` prints.
    (folder / "empty").mkdir()
    subprocess.run(
        [go, "mod", "download", f"golang.org/toolchain@{wanted}"], check=True, cwd=folder / "empty", env=environment
    )
    home = folder / "pkg" / "mod" / "golang.org" / f"toolchain@{wanted}"
    for tool in [*(home / "bin").iterdir(), *(home / "pkg" / "tool").glob("*/*")]:
        tool.chmod(0o755)  # Modules keep no mode.
    return str(home / "bin" / "go")


def _build(go: str, package: str, version: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="build-") as name:
        folder = Path(name)
        if _too_old(go):
            go = _newer_go(go, folder)
        environment = {**os.environ, "GOBIN": str(folder / "bin"), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        # Another Go's standard library is not for this one.
        environment.pop("GOROOT", None)
        # In a module of our own: `go install` takes no module whose go.mod replaces another, as Dex's does.
        module = folder / "module"
        module.mkdir()
        for arguments in (["mod", "init", "tools"], ["get", f"{package}@{version}"], ["install", package]):
            subprocess.run([go, *arguments], check=True, cwd=module, env=environment)
        built = [path for path in (folder / "bin").iterdir() if path.is_file()]
        # Only a whole program ever stands under this name.
        built[0].replace(target)


def go_program(package: str, version: str) -> Path:
    """The program of this package; skipped where there is no Go, failed where there must be one."""
    name = re.sub(r"/v\d+$", "", package).rsplit("/", 1)[-1]
    target = CACHE / f"{name}-{version}"
    if target.exists():
        return target
    go = shutil.which("go")
    if go is None:
        reason = f"no Go was found: install your system's `golang` package to build {name}"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("wb") as lock:
        # Of several processes that find the cache empty, one fills it and the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(go, package, version, target)
    return target
