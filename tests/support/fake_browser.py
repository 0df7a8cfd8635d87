"""A browser that is a script: logs in at the demo provider, reads the consent page, answers it, goes where it leads.

As the BROWSER of the command: ``python fake_browser.py <e-mail> <allow|cancel> <address>``.
"""

from __future__ import annotations

import html
import re
import sys
from urllib.parse import urljoin, urlsplit

import httpx

from mlflow_prokube_auth.demo.headless import login_headless
from mlflow_prokube_auth.identity.pkce import challenge_of

ALICE, BOB = "alice@example.com", "bob@example.com"
VERIFIER = "verifier-of-the-test-0123456789-0123456789-0123456789"
STATE = "state-of-the-test"
ASKED = {"port": "49152", "state": STATE, "challenge": challenge_of(VERIFIER), "days": "7", "name": "laptop"}
HEADERS = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


def open_consent(address: str, email: str) -> tuple[httpx.Client, httpx.Response]:
    """Through login to the consent page, as the redirects lead."""
    browser = httpx.Client(timeout=30, headers=HEADERS)
    sent = browser.get(address)
    assert sent.status_code == 302, sent.text
    login = browser.get(urljoin(address, sent.headers["location"]))
    start = html.unescape(re.findall(r'id="login-button" href="([^"]*)"', login.text)[0])
    provider = browser.get(urljoin(address, start)).headers["location"]
    back = browser.get(login_headless(provider, email))
    page = browser.get(urljoin(address, back.headers["location"]))
    assert page.status_code == 200, page.text
    return browser, page


def allow(browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """What the page's script sends when Allow is pressed."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(str(page.url)))
    return browser.post(
        urljoin(str(page.url), "api/cli/consent"),
        json=dict(page.url.params),
        headers={"Origin": origin, "Accept": "application/json", "Sec-Fetch-Mode": "cors"},
    )


def main(email: str, choice: str, address: str) -> None:
    browser, page = open_consent(address, email)
    if choice == "cancel":
        target = html.unescape(re.findall(r'id="cancel" href="([^"]*)"', page.text)[0])
    else:
        target = allow(browser, page).json()["redirect"]
    browser.get(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
