"""A real nginx that strips a prefix, as an ingress does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      proxy_pass http://127.0.0.1:{backend}/;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


@contextmanager
def stripping_nginx(directory: Path, port: int, prefix: str, backend: int) -> Iterator[None]:
    """Serve ``prefix`` on ``port`` from the root of the server on the port ``backend``."""
    program = shutil.which("nginx", path=SEARCHED)
    if program is None:
        reason = "no nginx was found: install your system's `nginx` package to run the tests behind a proxy"
        if os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    directory.mkdir()
    configuration, log = directory / "nginx.conf", directory / "error.log"
    configuration.write_text(
        CONFIGURATION.format(directory=directory, port=port, prefix=prefix, backend=backend), encoding="utf-8"
    )
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


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
