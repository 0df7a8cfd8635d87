"""Who may show the server's pages in a frame: pages of its own origin, as Chromium sees it, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ..support.chromium import MENU_BUTTON, open_page
from ..support.processes import free_port
from ..support.world import World

PAGES = ("/", "/prokube-auth/login", "/prokube-auth/permissions", "/prokube-auth/logged-out")


@contextmanager
def outside(server: str) -> Iterator[int]:
    """The port of another site, a real one: its page frames whatever of the server its own path names.

    Chromium keeps a page that a test makes up from framing loopback at all.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html(server + self.path.removeprefix("/outside")).encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) as site:
        thread = Thread(target=site.serve_forever, daemon=True)
        thread.start()
        try:
            yield site.server_port
        finally:
            site.shutdown()
            thread.join()


def html(target: str) -> str:
    return f'<!doctype html><title>Outside</title><iframe id="framed" src="{target}" width=1200 height=800></iframe>'


def logged_in(chromium: Browser, world: World) -> Page:
    page = open_page(chromium)
    page.goto(world.url + "/")
    page.click("#login-button")
    page.get_by_role("button", name="alice@example.com").click()
    page.wait_for_selector(MENU_BUTTON)
    return page


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_foreign_page_that_frames_the_server_sees_nothing(world: World, chromium: Browser, host: str) -> None:
    """Another port of the same host is of the same site: there the session's cookie goes with the frame's request."""
    page = logged_in(chromium, world)
    answers: list[tuple[str, int]] = []
    page.on("response", lambda got: answers.append((got.url, got.status)))
    with outside(world.url) as port:
        for path in PAGES:
            answers.clear()
            with page.expect_console_message(lambda said: "frame-ancestors" in said.text, timeout=20_000) as refusal:
                page.goto(f"http://{host}:{port}/outside{path}")
            assert "The request has been blocked" in refusal.value.text
            frame = page.locator("#framed").element_handle().content_frame()
            assert frame is not None
            # The server has answered, some with a redirect first; what the frame shows is a page of Chromium's own.
            assert [url for url, status in answers if url.startswith(world.url) and status == 200], (path, answers)
            assert not frame.url.startswith(world.origin), frame.url
            assert frame.locator("#login-button, #create-key, #root, main").count() == 0
    page.context.close()


def test_a_page_of_the_same_origin_shows_it_in_a_frame(world: World, chromium: Browser) -> None:
    page = logged_in(chromium, world)
    for number, (path, shown) in enumerate((("/", MENU_BUTTON), ("/prokube-auth/permissions", "#create-key"))):
        address = f"{world.origin}/dashboard{number}"
        body = html(world.url + path)
        page.route(address, partial(Route.fulfill, content_type="text/html", body=body))
        page.goto(address)
        expect(page.frame_locator("#framed").locator(shown)).to_be_visible()
    page.context.close()
