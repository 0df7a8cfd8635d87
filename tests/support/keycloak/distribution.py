"""Keycloak's distribution: downloaded once, prepared once, copied for every run.

The first start of a fresh Keycloak takes its time: it builds itself for the chosen options, and makes its schema and
its master realm. That is done once for all runs, in the cache. A run copies the result, its database included,
and only has to import our realm.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

VERSION = "26.7.3"
ARTIFACT = "keycloak-quarkus-dist"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
CACHE = Path.home() / ".cache" / "mlflow-prokube-auth"
DOWNLOAD_URL = f"https://repo1.maven.org/maven2/org/keycloak/{ARTIFACT}/{VERSION}/{ARTIFACT}-{VERSION}.zip"


@contextmanager
def _locked() -> Iterator[None]:
    """Of several processes that find the cache empty, one fills it and the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "keycloak.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _with_maven(folder: Path) -> Path:
    subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "dependency:copy", f"-Dartifact=org.keycloak:{ARTIFACT}:{VERSION}:zip",
         f"-DoutputDirectory={folder}"],
        check=True, stdout=sys.stderr, cwd=folder,
    )  # fmt: skip
    return folder / f"{ARTIFACT}-{VERSION}.zip"


def _with_https(folder: Path) -> Path:
    target = folder / "keycloak.zip"
    with httpx.stream("GET", DOWNLOAD_URL, follow_redirects=True, timeout=60) as answer, target.open("wb") as output:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            output.write(chunk)
    return target


def _download() -> Path:
    """The distribution's archive, checked against the digest that this file pins."""
    archive = CACHE / f"{ARTIFACT}-{VERSION}.zip"
    if archive.exists():
        return archive
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="download-") as name:
        # Maven knows its user's mirrors and proxies.
        found = _with_maven(Path(name)) if shutil.which("mvn") else _with_https(Path(name))
        with found.open("rb") as content:
            digest = hashlib.sha256()
            while chunk := content.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest() != SHA256:
            raise RuntimeError(f"Keycloak's archive: expected SHA-256 {SHA256}, found {digest.hexdigest()}")
        found.replace(archive)
    return archive


def _unzip(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    home = folder / f"keycloak-{VERSION}"
    for script in (home / "bin").glob("*.sh"):
        script.chmod(0o755)  # Python's zipfile drops the mode.
    return home


def prepared(first_start: Callable[[Path], None]) -> Path:
    """A Keycloak to be copied.

    ``first_start`` is called with a fresh Keycloak, once for all runs of all processes: it starts and stops it.
    """
    target = CACHE / f"keycloak-{VERSION}-prepared"
    if not target.exists():
        with _locked():
            if not target.exists():
                archive = _download()
                with tempfile.TemporaryDirectory(dir=CACHE, prefix="prepare-") as name:
                    fresh = _unzip(archive, Path(name))
                    first_start(fresh)
                    # Only a whole copy ever stands under this name.
                    os.rename(fresh, target)
    return target
