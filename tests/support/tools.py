"""Build or fetch what tests need and no package manager brings: ``python -m tests.support.tools``.

All of it is kept in the user's cache, by version. A whole test run starts this in the background; a test that needs a
tool waits for the lock of its build, and builds it itself where nobody does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .clients import chosen_releases, client_python
from .environments import httptools_path, mlserver_python, pipelines_python
from .golang import DEX, HELM, KUSTOMIZE, go_program
from .keycloak.server import prepare
from .minio import MINIO
from .npm import AXE, OIDC_PROVIDER, npm_package
from .oidc_auth import RELEASES, oidc_auth_python

ROOT = Path(__file__).parents[2]
# In the order in which a whole test run needs them.
TOOLS: dict[str, Callable[[], Path]] = {
    "kustomize": lambda: go_program(*KUSTOMIZE),
    "Keycloak": prepare,
    "Helm": lambda: go_program(*HELM),
    "Kubeflow Pipelines": pipelines_python,
    "MLServer": mlserver_python,
    "MinIO": lambda: go_program(*MINIO),
    "oidc-provider": lambda: npm_package(*OIDC_PROVIDER),
    "axe-core": lambda: npm_package(*AXE),
    "Dex": lambda: go_program(*DEX),
    **{f"MLflow's client {release}": partial(client_python, release) for release in chosen_releases()},
    **{f"mlflow-oidc-auth {release}": partial(oidc_auth_python, release) for release in RELEASES},
    "httptools": httptools_path,
}


@contextmanager
def being_built() -> Iterator[None]:
    """Build them in the background meanwhile."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.tools"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def main() -> None:
    """Build each that is missing; a failure is told, and again by the test that needs the tool."""
    for name, build in TOOLS.items():
        start = time.monotonic()
        try:
            print(f"{name}: {build()} after {time.monotonic() - start:.0f} s", flush=True)
        except BaseException as error:  # pytest's own are no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
