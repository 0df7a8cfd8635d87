"""Logs in at the demo provider without a browser, for fast tests."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

import httpx

TIMEOUT_SECONDS = 10


def login_headless(authorize_url: str, email: str, client: httpx.Client | None = None) -> str:
    """Drive the login page as a browser would and return the callback URL, an error's callback included.

    With a ``client`` of the caller's, its cookies make the next login a silent one.

    Raises:
        RuntimeError: the provider shows an error page instead; the message quotes it.
        KeyError: the page has no button for this e-mail.
    """
    if client is None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as fresh:
            return login_headless(authorize_url, email, fresh)
    answer = client.get(authorize_url)
    if answer.status_code == httpx.codes.OK:
        answer = client.post(urljoin(authorize_url, _action(answer.text)), data={"user": _button(answer.text, email)})
    if answer.has_redirect_location:
        return answer.headers["location"]
    raise RuntimeError(f"the demo provider answered {answer.status_code}: {_error(answer.text)}")


def _action(page: str) -> str:
    found = re.search(r'<form method="post" action="([^"]*)"', page)
    return html.unescape(found.group(1)) if found else ""


def _button(page: str, email: str) -> str:
    found = re.search(rf'name="user" value="([^"]*)">{re.escape(html.escape(email))}<', page)
    if found is None:
        raise KeyError(f"the login page has no button for {email}")
    return html.unescape(found.group(1))


def _error(page: str) -> str:
    found = re.search(r'class="error"[^>]*>([^<]*)<', page)
    return html.unescape(found.group(1)) if found else page[:200]
