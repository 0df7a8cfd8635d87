"""A real nginx that strips a prefix, as an ingress does; its location is the one that docs/proxies.md gives."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "proxies.md"
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
# One process in the foreground, with every file of its own below {directory}.
CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port};
{location}
  }}
}}
"""


@contextmanager
def stripping_nginx(directory: Path, port: int, prefix: str, backend: int, without: str = "") -> Iterator[None]:
    """Serve ``prefix`` on ``port`` from the root of the server on the port ``backend``.

    Lines that name ``without`` are left out.
    """
    program = shutil.which("nginx", path=SEARCHED)
    if program is None:
        reason = "no nginx was found: install your system's `nginx` package to run the tests behind a proxy"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    directory.mkdir()
    configuration, log = directory / "nginx.conf", directory / "error.log"
    location = "\n".join(line for line in documented(prefix, backend) if not without or without not in line)
    configuration.write_text(CONFIGURATION.format(directory=directory, port=port, location=location), encoding="utf-8")
    process = subprocess.Popen([program, "-p", str(directory), "-c", str(configuration), "-e", str(log)])
    try:
        deadline = time.monotonic() + 30
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"nginx did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


def documented(prefix: str, backend: int) -> list[str]:
    """The location of docs/proxies.md, for this prefix and this server."""
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    text = found[1].replace("/mlflow/", f"{prefix}/").replace("127.0.0.1:5000", f"127.0.0.1:{backend}")
    return text.splitlines()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
