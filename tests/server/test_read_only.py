"""The server on the file system that the Deployment gives it: read-only, but for its volumes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..support.processes import free_port
from ..support.readers import Served, reads
from ..support.world import ADMIN, running_world, with_keys

ROOT = Path(__file__).parents[2]
DEPLOYMENT = yaml.safe_load((ROOT / "deploy/kubernetes/base/deployment.yaml").read_text())
POD = DEPLOYMENT["spec"]["template"]["spec"]
# A mount namespace of its own: $1 is the one folder that is writable, and empty; then it runs what follows.
SHUT_IN = """
set -e
mount -t tmpfs -o mode=1777 tmpfs "$1"
findmnt -rno TARGET | sort -r | while read -r place; do
  case "$place" in "$1"|/dev|/dev/*|/proc|/proc/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done
# No folder that programs like to write to may be.
for place in / /var/tmp /run /home "$HOME_BEFORE" "$REPOSITORY"; do
  if [ -w "$place" ]; then echo "$place can be written to"; exit 1; fi
done
cd "$1"
shift
exec "$@"
"""


def writable() -> list[str]:
    """Where the container has a volume of its own."""
    empty = {volume["name"] for volume in POD["volumes"] if "emptyDir" in volume}
    return [mount["mountPath"] for mount in POD["containers"][0]["volumeMounts"] if mount["name"] in empty]


def namespaces() -> None:
    """Skips where this machine gives nobody a mount namespace, or where the repository itself is in /tmp."""
    program = shutil.which("unshare")
    if program is None or subprocess.run([program, "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a mount namespace (unshare -m): the read-only file system is not tried")
    if ROOT.is_relative_to("/tmp"):  # the Deployment's own volume
        pytest.skip("the repository lies in /tmp, which the server would not see")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    namespaces()
    (folder,) = writable()
    container: dict[str, Any] = POD["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    # But for its secrets' files.
    values = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    given = {name: value for name, value in values.items() if not name.startswith("PROKUBE_")}
    before = {"HOME_BEFORE": os.path.expanduser("~"), "REPOSITORY": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_world(
        tmp_path_factory.mktemp("read-only"), url, port, "--artifacts-destination", f"{folder}/artifacts",
        database=f"sqlite:///{folder}/mlflow.db", workers=2,
        environment={**given, **before, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"},
        within=("unshare", "-m", "--propagation", "private", "sh", "-c", SHUT_IN, "sh", folder),
    ) as world:  # fmt: skip
        yield Served(with_keys(world), [f"{url}/api/2.0"])


def test_it_starts_and_serves_artifacts_and_pages(served: Served) -> None:
    model = served.model()
    served.grant(model.name)
    assert reads(served, model) == [200, 200]
    with served.client(ADMIN) as admin:
        for path in ("/", "/prokube-auth/health", "/prokube-auth/ready"):
            assert (path, admin.get(path).status_code) == (path, 200)
    log = served.place.world.log.read_text()
    assert [line for line in log.splitlines() if "Read-only" in line or "Traceback" in line] == []


def test_a_worker_that_stands_still_for_some_seconds_is_kept(served: Served) -> None:
    log = served.place.world.log
    first, *_ = workers = re.findall(r"Started server process \[(\d+)\]", log.read_text())
    assert len(workers) == 2
    os.kill(int(first), signal.SIGSTOP)
    try:
        time.sleep(7)  # uvicorn's own limit is 5
    finally:
        os.kill(int(first), signal.SIGCONT)
    model = served.model()
    assert reads(served, model)[0] != 200  # not shared with Bob, and answered
    assert "died" not in log.read_text()
    assert re.findall(r"Started server process \[(\d+)\]", log.read_text()) == workers
