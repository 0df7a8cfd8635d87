"""A browser that is a script: it follows redirects and sends the forms that a provider shows."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

# Login, consent and whatever redirects lie between them.
STEPS = 20


class _Form(HTMLParser):
    """The first form of a page: where it is sent, and what its fields hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = found.get("action", "")
        if tag in ("input", "button") and found.get("name"):
            self.fields.setdefault(found["name"], found.get("value", ""))


def walk(browser: httpx.Client, address: str, until: str, values: Mapping[str, str]) -> str:
    """Where the provider leads, from ``address`` to the first address that begins with ``until``.

    ``values`` are what is typed into the fields of that name.
    """
    answer = browser.get(address)
    for _ in range(STEPS):
        if answer.has_redirect_location:
            address = urljoin(str(answer.url), answer.headers["location"])
            if address.startswith(until):
                return address
            answer = browser.get(address)
            continue
        form = _Form(answer.text)
        assert answer.status_code == 200, f"{answer.url}: {answer.status_code}\n{answer.text[-2000:]}"
        assert form.action is not None, answer.text[-2000:]
        sent = {name: values.get(name, value) for name, value in form.fields.items()}
        answer = browser.post(urljoin(str(answer.url), form.action), data=sent)
    raise AssertionError(f"still at {answer.url} after {STEPS} steps")
