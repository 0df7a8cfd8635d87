"""An administrator's JSON and a user's key, as tests of administration use them."""

from __future__ import annotations

from typing import Any

import httpx

from .sharing import ADMIN, OWN
from .world import World


class Admin:
    """An administrator's browser."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.browser, _ = world.log_in(ADMIN)
        self.browser.headers.update({"Origin": world.origin, "Accept": "application/json"})

    def call(self, method: str, path: str, expected: int = 200, **body: Any) -> Any:
        url, browser = f"{OWN}/admin/{path}", self.browser
        answer = browser.get(url, params=body) if method == "GET" else browser.request(method, url, json=body)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None


def key_of(world: World, email: str) -> httpx.Client:
    browser, _ = world.log_in(email)
    key = world.make_key(browser).json()["access_key"]
    return httpx.Client(base_url=world.url, auth=(email, key), timeout=60)
