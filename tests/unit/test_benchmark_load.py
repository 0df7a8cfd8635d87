"""What benchmarks count with: sizes, the client that stands in for wrk, and CPU time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import Load, percentile, put_load
from benchmarks.processes import cpu_seconds, tree
from benchmarks.seed import Size


class Handler(BaseHTTPRequestHandler):
    """Answers 200, in pieces under /pieces, and 404 under /missing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        if self.path == "/pieces":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        else:
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def from_elsewhere(url: str, seconds: float) -> Load:
    """In a thread of its own: a browser test before may have left a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(put_load, url, {}, seconds, 2, wrk=False).result()


@pytest.mark.parametrize("path", ["/", "/pieces"])
def test_our_own_client_reads_answers_of_either_form(url: str, path: str) -> None:
    load = from_elsewhere(url + path, 0.2)
    assert load.requests > 2
    assert load.errors == 0


def test_our_own_client_counts_other_answers_as_errors(url: str) -> None:
    load = from_elsewhere(url + "/missing", 0.1)
    assert load.requests == load.errors > 0


def test_the_largest_size_is_a_million_grants() -> None:
    size = Size(100_000)
    assert (size.users, size.teams, size.team_grants, size.grants) == (10_000, 35, 10_000, 1_000_000)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (50.0, 99.0, 7.0)


def test_a_process_belongs_to_its_own_tree_and_its_cpu_time_grows() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) - before < 0.02:
        sum(range(100_000))
    assert os.getpid() in tree(os.getpid())
