"""GET requests of the server to identity providers and issuers: bounded in time and size, and never redirected."""

from __future__ import annotations

import contextlib
import time

import requests
import urllib3

# A directory of 10,000 groups, the largest answer that is asked for, is smaller.
LARGEST_ANSWER = 16 * 2**20
_PART = 65_536


def get(url: str, token: str | None, seconds: float, largest: int = LARGEST_ANSWER) -> requests.Response:
    """The answer with its body.

    Args:
        url: what is asked for.
        token: a Bearer token for it.
        seconds: for which the other side may be silent; the whole body may take twice as long.
        largest: bytes of the body.

    Raises:
        requests.RequestException: there is none within these bounds.
    """
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = requests.get(url, headers=headers, timeout=seconds, allow_redirects=False, stream=True)
    until, body = time.monotonic() + 2 * seconds, bytearray()
    with contextlib.closing(answer):
        try:
            # Not iter_content, which waits until a part is full, however slowly it comes.
            while part := answer.raw.read1(_PART, decode_content=True):
                body += part
                if len(body) > largest:
                    raise requests.RequestException(f"the answer has more than {largest} bytes")
                if time.monotonic() > until:
                    raise requests.Timeout("the answer takes too long")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(type(error).__name__) from None
    answer._content = bytes(body)  # as requests itself keeps what it has read
    return answer
